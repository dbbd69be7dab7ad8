/**
 * Rows for other programs: CSV with every digit, Markdown as a person reads it, JSON in which numbers are numbers.
 *
 * Left out: tables on the terminal (`Fitted.ts`).
 */
import { plainDecimal } from "../../experiment/Parameters.ts"
import { pathText } from "../../declaration/Errors.ts"
import type { Cell } from "./Columns.ts"

/** A parameter as JSON has it: a number or a truth value where its text is exactly that. */
export const typed = (text: string): string | number | boolean => {
  if (text === "true" || text === "false") return text === "true"
  const value = Number(text)
  return text !== "" && Number.isFinite(value) && plainDecimal(value) === text ? value : text
}

/** A parameter as a cell. */
export const cellValue = (text: string): string | number => {
  const value = typed(text)
  return typeof value === "number" ? value : text
}

/** Parameters or a cell of the matrix for JSON. */
export const typedAll = (
  values: Readonly<Record<string, string>>,
): Readonly<Record<string, string | number | boolean>> =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, typed(value)]))

const csvCell = (value: Cell): string => {
  const text = value === undefined ? "" : String(value)
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** CSV as RFC 4180 has it, with the titles as its first line. */
export const csv = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<Cell>>,
): string => [head, ...rows].map((row) => row.map(csvCell).join(",")).join("\n")

/** A table of Markdown. */
export const markdown = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
): string => {
  const text = (cell: string) => pathText(cell).replaceAll(/[\\`*_[\]<>|~&]/g, "\\$&")
  const line = (cells: ReadonlyArray<string>) => `| ${cells.map(text).join(" | ")} |`
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n")
}

/** A seed for JSON; null where a trial's is not known. */
export const seedJson = (seed: string): number | null => (seed === "" ? null : Number(seed))
