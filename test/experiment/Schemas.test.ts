/**
 * The committed JSON Schemas are those the program would write, and ajv by them judges as the decoder does: every shipped
 * file, every wrong file, and every shipped file with something in it changed.
 */
import { readdirSync, readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Ajv } from "ajv"
import { Effect, Exit } from "effect"
import { inspect } from "../../src/declaration/Decode.ts"
import { type Document, parse } from "../../src/declaration/Document.ts"
import { Experiment } from "../../src/experiment/Experiment.ts"
import { Space } from "../../src/network/SpaceFile.ts"
import { type JsonSchema, resolve, type Schemas } from "../../scripts/editor-schema.ts"
import { keysFile, schemaFiles, withMetrics } from "../../scripts/generate-schemas.ts"
import { casesOf } from "../editor/cases.ts"

const ajv = new Ajv({ strict: true })
const kinds = {
  space: { schema: Space, validate: ajv.compile(JSON.parse(schemaFiles()["space.schema.json"]!)) },
  experiment: {
    schema: Experiment,
    validate: ajv.compile(JSON.parse(schemaFiles()["experiment.schema.json"]!)),
  },
}
type KindName = keyof typeof kinds

const verdicts = (kind: KindName, document: Document) => ({
  decoder: inspect<unknown>(kinds[kind].schema, document).errors.length === 0,
  ajv: kinds[kind].validate(document.value),
})

const yamlFiles = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".yaml"))
    .sort()
    .map((name) => `${folder}/${name}`)

const documentOf = (file: string): Document | undefined => {
  const exit = Effect.runSyncExit(parse(file, readFileSync(file, "utf8")))
  return Exit.isSuccess(exit) && exit.value.errors.length === 0 ? exit.value : undefined
}

const shipped: ReadonlyArray<readonly [KindName, string]> = [
  ...yamlFiles("spaces").map((file) => ["space", file] as const),
  ...yamlFiles("experiments").map((file) => ["experiment", file] as const),
]

describe("schemas/", () => {
  it("docs/keys.md is what `npm run schemas` writes", () => {
    assert.strictEqual(readFileSync("docs/keys.md", "utf8"), keysFile())
  })
  it("the metrics of docs/method.md are those of the table", () => {
    const page = readFileSync("docs/method.md", "utf8")
    assert.strictEqual(page, withMetrics(page))
  })
  for (const [name, text] of Object.entries(schemaFiles()))
    it(`${name} is what \`npm run schemas\` writes`, () => {
      assert.strictEqual(readFileSync(`schemas/${name}`, "utf8"), text)
    })
})

/** Not: forms of which nobody guesses what to write: of several, lists, free keys, patterns, numbers without a default. */
const isPlain = (property: JsonSchema, definitions: Schemas): boolean => {
  const here = resolve(property, definitions)
  if (here.anyOf !== undefined || here["pattern"] !== undefined) return false
  // without either an editor makes up a 0
  if (/^(number|integer)$/.test(String(here["type"])) && here.default === undefined) return false
  if (here["type"] === "array" || here["patternProperties"] !== undefined) return false
  return !(typeof here["additionalProperties"] === "object")
}

for (const [name, text] of Object.entries(schemaFiles())) {
  const schema: JsonSchema = JSON.parse(text)
  const definitions = schema.definitions!
  const validate = ajv.compile(schema)
  const cases = casesOf(schema)

  describe(`every key of schemas/${name}`, () => {
    it("is found", () => {
      const keys = new Set(text.match(/"properties": \{/g))
      assert.isAbove(cases.length, keys.size)
    })
    for (const { document, isRequired, path, property, title } of cases)
      it(`${title} has a description, a default or none, an example where it is not plain`, () => {
        assert.isTrue(validate(document), JSON.stringify([document, validate.errors]))
        const { description = "" } = property
        assert.match(description, /^[[A-Za-z1-9].{10,}\.$/s, path.join("."))
        if (!isRequired) assert.match(description, /\bDefault: ./, path.join("."))
        if (!isPlain(property, definitions))
          assert.isTrue(
            (property.examples ?? []).length > 0 || /\bExample: ./.test(description),
            `${path.join(".")} has no example`,
          )
      })
  })
}

describe("every shipped file", () => {
  it("there are some of each kind", () => {
    for (const kind of ["space", "experiment"]) assert.isTrue(shipped.some(([k]) => k === kind))
  })
  for (const [kind, file] of shipped)
    it(`${file} is right, says ajv and says the decoder`, () => {
      assert.deepStrictEqual(verdicts(kind, documentOf(file)!), { decoder: true, ajv: true })
    })
})

describe("every wrong file that YAML itself allows", () => {
  for (const file of yamlFiles("test/invalid")) {
    const document = documentOf(file)
    if (document === undefined) continue
    it(`${file}: one verdict`, () => {
      const { decoder, ajv } = verdicts(file.includes("/space-") ? "space" : "experiment", document)
      assert.strictEqual(ajv, decoder)
    })
  }
})

/** A small generator of numbers, so that a failure can be repeated: the multiplier of MINSTD. */
const random = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (state * 48271) % 2147483647
    return state % below
  }
}

const strange: ReadonlyArray<unknown> = [
  null,
  true,
  false,
  0,
  -1,
  1,
  0.5,
  3,
  1e9,
  9007199254740991,
  "",
  "INT4",
  "INT99",
  "same",
  "classes",
  "absolute",
  "fixed",
  [],
  [1],
  [1, 1],
  ["INT4", "INT8"],
  [3, 3],
  [
    [3, 3],
    [5, 5],
  ],
  {},
  { oneOf: [1, 2] },
  { oneOf: [] },
  { use: "width" },
  { kind: "sgd" },
  { kind: "gbops" },
  { oneOf: [1], shared: true },
  { times: 1, uniform: "INT4" },
]
const names = [
  "kind",
  "name",
  "kernel",
  "filters",
  "oneOf",
  "use",
  "seed",
  "beta",
  "target",
  "$schema",
  "formats",
  "zzz",
]

/** A copy with one thing changed: a value replaced, a key removed, renamed or added, an item removed or repeated. */
const mutate = (value: unknown, next: (below: number) => number): unknown => {
  const copy = structuredClone(value)
  const places: Array<
    readonly [parent: Record<string, unknown> | Array<unknown>, key: string | number]
  > = []
  const walk = (part: unknown) => {
    if (typeof part !== "object" || part === null) return
    for (const key of Object.keys(part)) {
      places.push([part as Record<string, unknown>, Array.isArray(part) ? Number(key) : key])
      walk((part as Record<string, unknown>)[key])
    }
  }
  walk(copy)
  const [parent, key] = places[next(places.length)]!
  const choose = <T>(list: ReadonlyArray<T>): T => list[next(list.length)]!
  if (Array.isArray(parent)) {
    const action = next(4)
    if (action === 0) parent.splice(Number(key), 1)
    else if (action === 1) parent.push(structuredClone(parent[Number(key)]))
    else parent[Number(key)] = structuredClone(choose(strange))
    return copy
  }
  const action = next(6)
  const item = parent[key]
  if (action === 0) delete parent[key]
  else if (action === 1) {
    delete parent[key]
    parent[choose(names)] = item
  } else if (action === 2) parent[choose(names)] = structuredClone(choose(strange))
  else parent[key] = structuredClone(choose(strange))
  return copy
}

describe("shipped files with one to three random changes", () => {
  const rounds = 40
  for (const [kind, file] of shipped)
    it(`${file}: ajv and the decoder agree on ${rounds} of them`, () => {
      const document = documentOf(file)!
      const next = random(file.length + 1)
      let wrong = 0
      for (let round = 0; round < rounds; round++) {
        let value = document.value
        for (let changes = next(3); changes >= 0; changes--) value = mutate(value, next)
        const { decoder, ajv } = verdicts(kind, { ...document, value })
        assert.strictEqual(ajv, decoder, JSON.stringify(value))
        if (!decoder) wrong++
      }
      // The changes must be of both sorts, or nothing was tried.
      assert.isAbove(wrong, rounds / 10)
      assert.isBelow(wrong, rounds)
    })
})
