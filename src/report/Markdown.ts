/** Text as Markdown: escaped, in tables, in blocks of code. */
import { pathText } from "../declaration/Errors.ts"

/** Text escaped for Markdown, on one line. */
export const escaped = (text: string): string => pathText(text).replace(/[\\`*[\]<>|~&]/g, "\\$&")

/** A row of a table; its cells are Markdown already. */
export const markdownRow = (cells: ReadonlyArray<string>): string => `| ${cells.join(" | ")} |`

/** A table; its cells are Markdown already. */
export const markdownTable = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
): ReadonlyArray<string> => [
  markdownRow(head),
  markdownRow(head.map(() => "---")),
  ...rows.map(markdownRow),
]

/** A block of code, whatever is in it. */
export const codeBlock = (code: string): ReadonlyArray<string> => {
  const longest = Math.max(2, ...(code.match(/`+/g) ?? []).map((run) => run.length))
  const fence = "`".repeat(longest + 1)
  return [`${fence}sh`, code, fence]
}
