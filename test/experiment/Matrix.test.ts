import { assert, describe, it } from "@effect/vitest"
import { cells, matrixProblems, productSize } from "../../src/experiment/Matrix.ts"

const wide = (n: number) => Array.from({ length: n }, (_, i) => i)
const messages = (fields: Parameters<typeof matrixProblems>[0], yes = false) =>
  matrixProblems(fields, yes).map(({ path, message }) => `${path.join("/")}: ${message}`)

const lists = { size: [1, 2], kind: ["a", "b"] }

describe("cells", () => {
  it("are the product, the last list fastest", () => {
    assert.deepStrictEqual(cells({ matrix: lists }), [
      { size: 1, kind: "a" },
      { size: 1, kind: "b" },
      { size: 2, kind: "a" },
      { size: 2, kind: "b" },
    ])
    assert.deepStrictEqual(cells({}), [{}])
  })
  it("leave out what exclude matches", () => {
    assert.deepStrictEqual(
      cells({ matrix: lists, exclude: [{ size: 1 }, { size: 2, kind: "b" }] }),
      [{ size: 2, kind: "a" }],
    )
    assert.deepStrictEqual(cells({ matrix: lists, exclude: [{}] }), [])
  })
  it("take in what include says, as GitHub Actions documents it", () => {
    // The example of "Expanding or adding matrix configurations".
    const matrix = { fruit: ["apple", "pear"], animal: ["cat", "dog"] }
    const include = [
      { color: "green" },
      { color: "pink", animal: "cat" },
      { fruit: "apple", shape: "circle" },
      { fruit: "banana" },
      { fruit: "banana", animal: "cat" },
    ]
    assert.deepStrictEqual(cells({ matrix, include }), [
      { fruit: "apple", animal: "cat", color: "pink", shape: "circle" },
      { fruit: "apple", animal: "dog", color: "green", shape: "circle" },
      { fruit: "pear", animal: "cat", color: "pink" },
      { fruit: "pear", animal: "dog", color: "green" },
      { fruit: "banana" },
      { fruit: "banana", animal: "cat" },
    ])
    assert.deepStrictEqual(cells({ include: [{ seed: 1 }, { seed: 2 }] }), [
      { seed: 1 },
      { seed: 2 },
    ])
  })
  it("compare values, not references", () => {
    assert.deepStrictEqual(
      cells({
        matrix: { t: [{ times: 1, uniform: "INT4" }, 2] },
        exclude: [{ t: { uniform: "INT4", times: 1 } }],
      }),
      [{ t: 2 }],
    )
  })
})

describe("matrixProblems", () => {
  it("refuses large products before they are made", () => {
    const huge = Object.fromEntries(wide(9).map((i) => [`k${i}`, wide(10)]))
    assert.strictEqual(productSize({ matrix: huge }), 1e9)
    assert.deepStrictEqual(messages({ matrix: huge }, true), [
      "matrix: the matrix has 1000000000 cells; 10000 is the most, shorten its lists",
    ])
    const countless = Object.fromEntries(wide(400).map((i) => [`k${i}`, wide(10)]))
    assert.match(messages({ matrix: countless }).join(), /the matrix has Infinity cells/)
    const large = { a: wide(40), b: wide(40) }
    assert.deepStrictEqual(messages({ matrix: large }), [
      "matrix: the matrix has 1600 cells; shorten its lists, or say --yes for more than 1000",
    ])
    assert.deepStrictEqual(messages({ matrix: large }, true), [])
  })
  it("finds repeats and excludes of nothing", () => {
    assert.deepStrictEqual(messages({ matrix: { seed: [1, 2, 1] }, exclude: [{ sed: 1 }] }), [
      "matrix/seed/2: this value repeats that at 0; remove one, the same trial is run once",
      "exclude/0/sed: no list of the matrix is called sed; did you mean seed?",
    ])
  })
})
