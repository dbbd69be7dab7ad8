/**
 * What an editor shows while a person writes: `yaml-language-server` hovers, completes and checks every key and every kind
 * of every schema.
 */
import { readFileSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { isMap, isScalar, parseDocument, stringify } from "yaml"
import type { JsonSchema } from "../../scripts/editor-schema.ts"
import { type Case, casesOf, sample } from "./cases.ts"
import { type Completion, startServer } from "./languageServer.ts"

let server: Awaited<ReturnType<typeof startServer>>
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.stop())

/** A document in block style, as people write it. */
const textOf = (document: unknown): string => stringify(document, { aliasDuplicateObjects: false })

/** The text with `|` inside a key. */
const atKey = (text: string, path: Case["path"]): string => {
  const parent = parseDocument(text).getIn(path.slice(0, -1), true)
  const item = isMap(parent)
    ? parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1))
    : undefined
  const start = isScalar(item?.key) ? item.key.range![0] : -1
  return `${text.slice(0, start + 1)}|${text.slice(start + 1)}`
}

type Parent = Record<string | number, unknown>

/** A copy with something changed where the path leads. */
const changed = (
  { document, path }: Pick<Case, "document" | "path">,
  change: (parent: Parent, key: string | number) => void,
): unknown => {
  const copy = structuredClone(document) as Parent
  const parent = path.slice(0, -1).reduce((here, key) => here[key] as Parent, copy)
  change(parent, path.at(-1)!)
  return copy
}

const placeholder = "zzz"

/** The text without the key, and the cursor where it could be typed. */
const whereTyped = (one: Case): string =>
  textOf(
    changed(one, (parent, key) => {
      delete parent[key]
      parent[placeholder] = 1
    }),
  ).replace(`${placeholder}: 1`, "|")

/** What a hover says without the backslashes of Markdown. */
const plain = (markdown: string): string =>
  markdown.replaceAll(/\\(?=[\\`*_{}[\]#+!])/g, "").replaceAll(/\n+/g, "\n")

const wordsOf = ({ documentation = "" }: Completion): string =>
  plain(typeof documentation === "string" ? documentation : documentation.value)

/** All that is shown of one key. The server waits before it checks: cases are looked at side by side. */
const look = async (file: string, one: Case) => {
  const text = textOf(one.document)
  const misspelt = changed(one, (parent, key) => {
    parent[`${key}x`] = parent[key]
    delete parent[key]
  })
  const [right, wrong, hover, offered] = await Promise.all([
    server.diagnose(file, text),
    server.diagnose(file, textOf(misspelt)),
    server.hover(file, atKey(text, one.path)),
    server.complete(file, whereTyped(one)),
  ])
  const key = String(one.path.at(-1))
  return { right, wrong, hover: plain(hover), offered: offered.find(({ label }) => label === key) }
}

for (const name of ["experiment", "space", "latency"]) {
  const file = `schemas/${name}.schema.json`
  const schema: JsonSchema = JSON.parse(readFileSync(file, "utf8"))
  const definitions = schema.definitions!
  const cases = casesOf(schema)

  describe(`keys of ${file}`, () => {
    const seen = new Map<Case, Awaited<ReturnType<typeof look>>>()
    beforeAll(async () => {
      await Promise.all(cases.map(async (one) => void seen.set(one, await look(file, one))))
    })

    it.each(cases.map((one) => [one.path.join("."), one] as const))("%s", (_, one) => {
      const { hover, offered, right, wrong } = seen.get(one)!
      const { default: value, description = "" } = one.property
      const key = String(one.path.at(-1))
      expect(right).toEqual([])
      expect(hover).toContain(plain(description))
      // offered where it may stand, in the words of the hover
      expect(offered).toBeDefined()
      expect(wordsOf(offered!)).toContain(plain(description))
      const inserted = offered!.insertText ?? ""
      expect(inserted.startsWith(key === "$schema" ? "\\$schema:" : `${key}:`)).toBe(true)
      // with its default, an example, or a place to type: never with a number that is made up
      expect(inserted).not.toContain("[object")
      expect(value === 0 ? "its default" : inserted).not.toMatch(/^\w+: (?:0|\$\{1:0\})$/)
      // a slip of the hand is found
      expect(wrong.map(({ message }) => message).join("\n")).toMatch(
        new RegExp(
          `Property ${key.replace("$", "\\$")}x is not allowed|Missing property "${key}"|Incorrect type`,
        ),
      )
    })
  })

  /** Members of unions, by where the union stands. */
  const unions = new Map<string, Array<Case>>()
  for (const one of cases.filter(({ path }) => path.at(-1) === "kind")) {
    const at = one.path.slice(0, -1).join(".")
    if (one.property.enum?.length === 1) unions.set(at, [...(unions.get(at) ?? []), one])
  }

  describe.skipIf(unions.size === 0)(`kinds of ${file}`, () => {
    it.each([...unions])("%s", async (_, members) => {
      const words = members.map(({ property }) => String(property.enum![0]))
      const [first] = members as [Case]
      const wrong = changed(first, (parent, key) => (parent[key] = "wrong"))
      const open = changed(first, (parent, key) => (parent[key] = placeholder))
      const block = { document: first.document, path: first.path.slice(0, -1) }
      const empty = changed(block, (parent, key) => (parent[key] = { [placeholder]: 1 }))
      const [diagnostics, values, keys, ...each] = await Promise.all([
        server.diagnose(file, textOf(wrong)),
        server.complete(file, textOf(open).replace(placeholder, "|")),
        server.complete(file, textOf(empty).replace(`${placeholder}: 1`, "|")),
        ...members.map((one) => look(file, one)),
      ] as const)
      // a wrong kind is told with all right ones, and with nothing else
      expect(diagnostics.map(({ message }) => message)).toEqual([
        `Value is not accepted. Valid values: ${words.map((word) => `"${word}"`).join(", ")}.`,
      ])
      expect(values.map(({ label }) => label)).toEqual(words)
      // in a new block the key leaves the choice
      const kind = keys.find(({ label }) => label === "kind")!
      expect(kind.insertText?.trim()).toBe("kind:")
      for (const word of words) {
        const line = new RegExp(`^- ${word}: [A-Za-z0-9].+\\.$`, "m")
        expect(wordsOf(kind)).toMatch(line)
        for (const { hover } of each) expect(hover).toMatch(line)
      }
    })
  })

  describe.skipIf(name !== "space")("blocks of a network", () => {
    it("all are offered for an item, and each is right", async () => {
      const { properties = {} } = definitions["Item"] ?? {}
      const base = { name: "a", input: { height: 8, width: 8, channels: 3 }, classes: 2 }
      const offered = await server.complete(file, `${textOf(base)}network:\n  - |\n`)
      expect(offered.map(({ label }) => label)).toEqual(Object.keys(properties))
      const found = await Promise.all(
        Object.entries(properties).map(([key, property]) => {
          const network = [{ [key]: sample(property, definitions) }]
          return server.diagnose(file, textOf({ ...base, network }))
        }),
      )
      expect(found.flat()).toEqual([])
    })
  })
}
