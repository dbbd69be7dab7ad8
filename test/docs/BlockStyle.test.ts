/**
 * Files and examples that people go on writing are in block style: inside `{ ... }` language servers complete nothing.
 * Lists of plain values may stand in brackets, and a block without keys is `{}`.
 */
import { readdirSync, readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { isMap, isSeq, parseDocument, visit } from "yaml"

const filesIn = (folder: string, ending: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name}`)

const files = ["spaces", "experiments", "templates", "bench"].flatMap((folder) =>
  filesIn(folder, ".yaml"),
)
const pages = ["README.md", ...filesIn("docs", ".md")]

/** What is written in braces, or in brackets around blocks. */
const inFlow = (text: string): ReadonlyArray<string> => {
  const found: Array<string> = []
  visit(parseDocument(text), {
    Collection: (_, node) => {
      const isBlock =
        node.flow !== true ||
        node.items.length === 0 ||
        (isSeq(node) &&
          !node.items.some((item) => isMap(item) || (isSeq(item) && item.items.some(isMap))))
      if (!isBlock) found.push(String(node))
    },
  })
  return found
}

describe("block style", () => {
  it.each(files)("%s", (file) => {
    expect(inFlow(readFileSync(file, "utf8"))).toEqual([])
  })

  const examples = pages.flatMap((page) =>
    [...readFileSync(page, "utf8").matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(
      ([, text = ""], i) => [`${page}, example ${i + 1}`, text] as const,
    ),
  )
  it("finds the examples", () => expect(examples.length).toBeGreaterThan(10))
  it.each(examples)("%s", (_, text) => {
    expect(inFlow(text)).toEqual([])
  })

  it("tells braces apart from what may be", () => {
    expect(inFlow("a: { b: 1 }\n")).toHaveLength(1)
    expect(inFlow("a: [{ b: 1 }]\n")).toHaveLength(2)
    expect(inFlow("a: [1, [2, 3]]\nb: {}\nc: []\n")).toEqual([])
  })
})
