import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { parse } from "../../src/declaration/Document.ts"
import { apply, assign, parsePath, parseSet } from "../../src/experiment/Overrides.ts"

const set = (text: string) => Result.getOrThrow(parseSet(text, 1))
const refusal = (text: string) => Result.getOrThrow(Result.flip(parseSet(text, 2))).text

describe("parseSet", () => {
  it("reads values as YAML", () => {
    const value = (text: string) => set(`a=${text}`).value
    assert.strictEqual(value("1"), 1)
    assert.strictEqual(value("5.0e-4"), 0.0005)
    assert.strictEqual(value("INT4"), "INT4")
    assert.strictEqual(value('"1"'), "1")
    assert.strictEqual(value(""), null)
    assert.deepStrictEqual(value("[INT4, 2, { a: b }]"), ["INT4", 2, { a: "b" }])
    assert.deepStrictEqual(set("a.b=c=d").value, "c=d")
    assert.deepStrictEqual(set("space.network.2.conv=1").path, ["space", "network", 2, "conv"])
  })
  it("says what is wrong and where", () => {
    assert.strictEqual(
      refusal("steps"),
      "--set:2:1: there is no path=value here; write for example train.steps=100",
    )
    assert.strictEqual(
      refusal("a..b=1"),
      "--set:2:1: a part of the path is empty; write keys with single dots between them",
    )
    assert.match(refusal("a=[1"), /^--set:2:\d+: /)
    assert.match(refusal("a=.inf"), /^--set:2:3: \.inf is not a usable number/)
    assert.match(refusal("a=!!js x"), /^--set:2:\d+: the tag/)
  })
})

describe("assign", () => {
  it("copies on the way and makes mappings where there are none", () => {
    const before = { a: [{ b: 1 }, { b: 2 }] }
    assert.deepStrictEqual(assign(before, ["a", 1, "b"], 3), { a: [{ b: 1 }, { b: 3 }] })
    assert.deepStrictEqual(before, { a: [{ b: 1 }, { b: 2 }] })
    assert.deepStrictEqual(assign({}, ["a", "b"], 1), { a: { b: 1 } })
    assert.deepStrictEqual(assign({ a: 1 }, ["a", "b"], 1), { a: { b: 1 } })
  })
  it("neither lengthens lists nor touches prototypes", () => {
    assert.strictEqual(assign({ a: [1] }, ["a", 1], 2), undefined)
    assert.strictEqual(assign({ a: [1] }, ["a", "b"], 2), undefined)
    assert.strictEqual(assign({}, ["__proto__", "polluted"], 1), undefined)
    assert.strictEqual(assign({}, ["a", "constructor"], 1), undefined)
  })
})

describe("parsePath", () => {
  it("tells indices from keys", () => {
    assert.deepStrictEqual(parsePath("a.0.b.01.1e3"), ["a", 0, "b", "01", "1e3"])
    assert.strictEqual(parsePath("a."), undefined)
    assert.strictEqual(parsePath(""), undefined)
  })
})

describe("apply", () => {
  it.effect("points at the change for what the change said", () =>
    Effect.gen(function* () {
      const document = yield* parse("x.yaml", "a: { b: 1 }\nc: 2\n")
      const { document: changed, errors } = apply(document, [set("a.b=[7, 8]"), set("d.e=1")])
      assert.deepStrictEqual(errors, [])
      assert.deepStrictEqual(changed.value, { a: { b: [7, 8] }, c: 2, d: { e: 1 } })
      const at = (path: ReadonlyArray<string | number>, where?: "key" | "value") => {
        const { file, line, column } = changed.locate(path, where)
        return `${file}:${line}:${column}`
      }
      assert.strictEqual(at(["a"]), "x.yaml:1:4")
      assert.strictEqual(at(["c"]), "x.yaml:2:4")
      assert.strictEqual(at(["a", "b"]), "--set:1:5")
      assert.strictEqual(at(["a", "b"], "key"), "--set:1:1")
      assert.strictEqual(at(["a", "b", 0]), "--set:1:5")
      assert.strictEqual(at(["d"], "key"), "--set:1:1")
    }),
  )
  it.effect("refuses paths that lead nowhere", () =>
    Effect.gen(function* () {
      const document = yield* parse("x.yaml", "a: [1]\n")
      const { errors } = apply(document, [set("a.5=1")])
      assert.deepStrictEqual(
        errors.map((error) => error.text),
        ["--set:1:1 a.5: the path leads nowhere; list items count from 0 and cannot be added"],
      )
    }),
  )
})
