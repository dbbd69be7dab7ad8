import { assert, describe, it } from "@effect/vitest"
import { flatten, plainDecimal } from "../../src/experiment/Parameters.ts"
import { differences } from "./differences.ts"

describe("plainDecimal", () => {
  it("writes no exponent", () => {
    const cases: ReadonlyArray<readonly [number, string]> = [
      [1, "1"],
      [5e-4, "0.0005"],
      [1e-7, "0.0000001"],
      [-1.5e-9, "-0.0000000015"],
      [1e21, "1000000000000000000000"],
      [1.25e22, "12500000000000000000000"],
      [123456.789, "123456.789"],
      [0, "0"],
    ]
    for (const [value, text] of cases) assert.strictEqual(plainDecimal(value), text)
  })
  it("reads back as the same number, over all magnitudes", () => {
    let state = 1
    for (let i = 0; i < 5000; i++) {
      state = (state * 48271) % 2147483647
      const value = (state / 2147483647 - 0.5) * 10 ** ((i % 617) - 308)
      const text = plainDecimal(value)
      assert.notInclude(text, "e")
      assert.strictEqual(Number(text), value)
    }
  })
})

describe("flatten", () => {
  it("joins keys with dots and items with commas", () => {
    assert.deepStrictEqual(
      flatten({
        search: { kind: "reinforce", delay: 0.25 },
        data: { augment: ["flip", "crop"] },
        seed: 1,
        on: true,
        x: undefined,
      }),
      {
        "search.kind": "reinforce",
        "search.delay": "0.25",
        "data.augment": "flip,crop",
        seed: "1",
        on: "true",
      },
    )
  })
})

describe("differences", () => {
  it("names the deepest keys that differ", () => {
    assert.deepStrictEqual(
      differences({ a: { b: 1, c: [1, 2] }, d: 1 }, { a: { b: 2, c: [1, 3, 4] }, e: 1 }),
      [
        { path: "a.b", a: 1, b: 2 },
        { path: "a.c.1", a: 2, b: 3 },
        { path: "a.c.2", a: undefined, b: 4 },
        { path: "d", a: 1, b: undefined },
        { path: "e", a: undefined, b: 1 },
      ],
    )
    assert.deepStrictEqual(differences({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }), [])
    assert.deepStrictEqual(differences({ a: [1] }, { a: { "0": 1 } }), [
      { path: "a", a: [1], b: { "0": 1 } },
    ])
  })
})
