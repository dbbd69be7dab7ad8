import { assert, describe, it } from "@effect/vitest"
import { readFileSync, readdirSync } from "node:fs"
import { parse } from "yaml"
import { kindOfFile } from "../../src/experiment/FileKind.ts"

const shipped = (folder: string) =>
  readdirSync(folder).flatMap((name) =>
    /\.(?:yaml|json)$/.test(name)
      ? [[name, parse(readFileSync(`${folder}/${name}`, "utf8")) as unknown] as const]
      : [],
  )

describe("what a file is", () => {
  it("is seen of every shipped space, experiment and schema", () => {
    for (const [folder, kind] of [
      ["spaces", "space"],
      ["experiments", "experiment"],
      ["experiments/study", "experiment"],
      ["schemas", "JSON Schema"],
    ] as const)
      for (const [name, value] of shipped(folder)) assert.strictEqual(kindOfFile(value), kind, name)
  })
  it.each<readonly [expected: ReturnType<typeof kindOfFile>, value: unknown]>([
    ["space", { input: {}, classes: 3 }],
    ["experiment", { data: {}, train: {}, spcae: "x" }],
    ["latency table", { machine: "x", layers: [] }],
    ["result", { id: "a", metrics: {}, assignment: {}, state: "finished" }],
    ["trial", { id: "a", declaration: {}, execution: {} }],
    ["trial", { data: {}, search: {}, space: { network: [] } }],
    ["grid", { gridId: "a", trials: [] }],
    ["assignment", { "stem.format": "INT4", "stage1.kernel": 3, "a.b": [3, 5] }],
    ["assignment", { "stem.format": { weights: "INT4", activations: "INT8" } }],
    [undefined, { name: "x" }],
    [undefined, {}],
    [undefined, []],
    [undefined, { a: 1, "b.c": 2 }],
    [undefined, { "a.b": { c: 1 } }],
  ])("%s", (expected, value) => {
    assert.strictEqual(kindOfFile(value), expected)
  })
})
