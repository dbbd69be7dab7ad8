import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import { parse } from "../../src/declaration/Document.ts"
import { formatPath } from "../../src/declaration/Errors.ts"
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
    assert.strictEqual(value("null"), null)
    assert.strictEqual(value("~"), null)
    assert.deepStrictEqual(value("[INT4, 2, { a: b }]"), ["INT4", 2, { a: "b" }])
    assert.deepStrictEqual(set("a.b=c=d").value, "c=d")
    assert.deepStrictEqual(set("space.network.2.conv=1").path, ["space", "network", 2, "conv"])
  })
  it("says what is wrong and where", () => {
    assert.strictEqual(
      refusal("steps"),
      "--set steps: there is no path=value here; write for example train.steps=100",
    )
    assert.strictEqual(
      refusal("a..b=1"),
      "--set a..b=1: the path has an empty part or a lone quote; write keys with single dots between",
    )
    assert.match(refusal("a=[1"), /^--set a=\[1: at character \d+ of the value: /)
    assert.match(refusal("a=.inf"), /^--set a=\.inf: \.inf is not a usable number/)
    assert.match(refusal("a=!!js x"), /^--set a=!!js x: the tag/)
    assert.strictEqual(
      refusal("a.b= "),
      "--set a.b= : there is no value after =; a.b=null unsets the key, and a.b='\"\"' is an empty text",
    )
    assert.strictEqual(set("a=\u001b[31m\n").at.value.flag, "--set a=\\u001b[31m\\n")
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
    for (const wrong of ["a.", "", ".a", "a..b", 'a."b', 'a."b"c', 'a."\\x"', '""'])
      assert.strictEqual(parsePath(wrong), undefined, wrong)
  })
  it("takes keys with dots in quotes, as paths are printed", () => {
    const path = ["matrix", "train.steps", 0, 'a"b']
    assert.deepStrictEqual(parsePath(formatPath(path)), path)
  })
  it("takes what stands behind matrix as one key: it is a path itself", () => {
    assert.deepStrictEqual(set("matrix.train.steps=[1, 2]").path, ["matrix", "train.steps"])
    assert.deepStrictEqual(set("matrix.train.steps.1=7").path, ["matrix", "train.steps", 1])
    assert.deepStrictEqual(set("matrix.space.network.1.basic.filters=null").path, [
      "matrix",
      "space.network.1.basic.filters",
    ])
    assert.deepStrictEqual(set("matrix.seed=[1]").path, ["matrix", "seed"])
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
        const { flag, file, line, column } = changed.locate(path, where)
        return flag ?? `${file}:${line}:${column}`
      }
      assert.strictEqual(at(["a"]), "x.yaml:1:4")
      assert.strictEqual(at(["c"]), "x.yaml:2:4")
      assert.strictEqual(at(["a", "b"]), "--set a.b=[7, 8]")
      assert.strictEqual(at(["a", "b"], "key"), "--set a.b=[7, 8]")
      assert.strictEqual(at(["a", "b", 0]), "--set a.b=[7, 8]")
      assert.strictEqual(at(["d"], "key"), "--set d.e=1")
      // what is missing beside a change that made the mapping around it
      assert.strictEqual(at(["d", "f"]), "--set d.e=1")
      assert.strictEqual(at(["a", "f"]), "x.yaml:1:4")
    }),
  )
  it.effect("refuses paths that lead nowhere", () =>
    Effect.gen(function* () {
      const document = yield* parse("x.yaml", "a: [1]\n")
      const { errors } = apply(document, [set("a.5=1")])
      assert.deepStrictEqual(
        errors.map((error) => error.text),
        ["--set a.5=1: the path leads nowhere; list items count from 0 and cannot be added"],
      )
    }),
  )

  it.effect("unsets what is null", () =>
    Effect.gen(function* () {
      const document = yield* parse("x.yaml", "a: { b: 1, c: 2 }\nd: [{ e: 1 }, 2]\n")
      const after = (...texts: ReadonlyArray<string>) => apply(document, texts.map(set))
      assert.deepStrictEqual(after("a.b=null").document.value, { a: { c: 2 }, d: [{ e: 1 }, 2] })
      assert.deepStrictEqual(after("a=null").document.value, { d: [{ e: 1 }, 2] })
      assert.deepStrictEqual(after("d.0.e=null").document.value, { a: { b: 1, c: 2 }, d: [{}, 2] })
      assert.deepStrictEqual(after("a=null", "a.b=3").document.value, {
        a: { b: 3 },
        d: [{ e: 1 }, 2],
      })
      for (const nothing of ["z=null", "a.z=null", "a.b.c=null", "z.y.x=null"]) {
        const { document: unchanged, errors } = after(nothing)
        assert.deepStrictEqual([unchanged.value, errors], [document.value, []], nothing)
      }
      assert.deepStrictEqual(document.value, { a: { b: 1, c: 2 }, d: [{ e: 1 }, 2] })
      assert.deepStrictEqual(
        after("d.1=null", "d.7=null").errors.map((error) => error.text),
        [
          "--set d.1=null: an item of a list cannot be unset; set the list without it",
          "--set d.7=null: the path leads nowhere; list items count from 0 and cannot be added",
        ],
      )
    }),
  )
})
