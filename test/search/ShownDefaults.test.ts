/** The defaults that editors show of a search are those that a run uses. */
import { assert, describe, it } from "@effect/vitest"
import { type JsonSchema, resolve } from "../../scripts/editor-schema.ts"
import { schemaFiles } from "../../scripts/generate-schemas.ts"
import { resolved, searches, type SearchSpec } from "../../src/search/Searches.ts"

const { definitions = {} } = JSON.parse(schemaFiles()["experiment.schema.json"]!) as JsonSchema
const members = definitions["Search"]!["allOf"] as ReadonlyArray<{ readonly else: JsonSchema }>

/** Where knobs left out are said with their value: `optimizer.beta1` -> 0.9. */
const shownIn = (schema: JsonSchema, path = ""): ReadonlyArray<readonly [string, unknown]> =>
  Object.entries(schema.properties ?? {}).flatMap(([key, property]) => {
    const here = resolve(property, definitions)
    const at = `${path}${key}`
    if (here.properties !== undefined) return shownIn(here, `${at}.`)
    return here.default === undefined ? [] : [[at, here.default] as const]
  })

const valueAt = (value: unknown, path: string): unknown =>
  path.split(".").reduce<any>((here, key) => here?.[key], value)

/** Left out of a resolved search where they say what was done before there was such a key. */
const unwritten: Readonly<Record<string, unknown>> = {
  measureEvery: 1,
  measureShare: 1,
  norms: "batch",
  prior: "none",
  priorEntropy: 0.7,
  trainArchitecture: "drawn",
  widest: 0,
}

describe("what editors show as the default of a search", () => {
  searches.kinds.forEach((kind, i) =>
    it(`${kind}: is what a run uses`, () => {
      const spec = (kind === "fixed" ? { kind, uniform: "INT8" } : { kind }) as SearchSpec
      const used = resolved(spec, 4000)
      const shown = shownIn(resolve(members[i]!.else, definitions))
      assert.isAbove(shown.length, 0)
      for (const [path, value] of shown)
        assert.deepStrictEqual(valueAt(used, path) ?? unwritten[path], value, path)
    }),
  )
})
