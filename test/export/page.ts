/** The examples of docs/export.md, so that tests can run them. */
import { readFileSync } from "node:fs"

/** The code block of a language in the section of that title. */
export const exampleOf = (title: string, language: string): string => {
  const page = readFileSync("docs/export.md", "utf8")
  const section = page.split(/^## /m).find((text) => text.startsWith(`${title}\n`))
  const block = section?.match(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "m"))?.[1]
  if (block === undefined) throw new Error(`docs/export.md has no ${language} in ${title}`)
  return block
}
