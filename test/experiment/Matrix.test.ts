import { assert, describe, expect, it } from "@effect/vitest"
import { cells, matrixProblems, productSize } from "../../src/experiment/Matrix.ts"

const wide = (n: number) => Array.from({ length: n }, (_, i) => i)
const messages = (fields: Parameters<typeof matrixProblems>[0], yes = false) =>
  matrixProblems(fields, { yes }).map(({ path, message }) => `${path.join("/")}: ${message}`)

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
      "matrix: the matrix has 1600 cells; shorten its lists, or give --yes for more than 1000",
    ])
    assert.deepStrictEqual(messages({ matrix: large }, true), [])
  })
  it("finds repeats and excludes of nothing", () => {
    assert.deepStrictEqual(messages({ matrix: { seed: [1, 2, 1] }, exclude: [{ sed: 1 }] }), [
      "matrix/seed/2: this value repeats the one at 0; remove one, the same trial is run once",
      "exclude/0/sed: no list of the matrix is called sed; did you mean seed?",
    ])
  })
  it.each<
    readonly [
      name: string,
      fields: Parameters<typeof matrixProblems>[0],
      expected: ReadonlyArray<string>,
    ]
  >([
    [
      "a value that is not there",
      { exclude: [{ size: 3 }] },
      ["exclude/0/size: leaves nothing out: size is never 3 in the matrix; 1 or 2 would be right"],
    ],
    [
      "a value of another type",
      { exclude: [{ size: "1", kind: "a" }] },
      [
        'exclude/0/size: leaves nothing out: size is never "1" in the matrix; 1 or 2 would be right',
      ],
    ],
    [
      "two values that are not there",
      { exclude: [{ size: 3, kind: "c" }] },
      [
        "exclude/0/size: leaves nothing out: size is never 3 in the matrix; 1 or 2 would be right",
        'exclude/0/kind: leaves nothing out: kind is never "c" in the matrix; "a" or "b" would be right',
      ],
    ],
    [
      "an entry twice",
      { exclude: [{ size: 1 }, { size: 1 }] },
      ["exclude/1: leaves nothing out that the entry at 0 does not; remove it"],
    ],
    [
      "an entry within a wider one, whichever comes first",
      { exclude: [{ size: 1, kind: "a" }, { size: 1 }] },
      ["exclude/0: leaves nothing out that the entry at 1 does not; remove it"],
    ],
    ["entries that overlap", { exclude: [{ size: 1 }, { kind: "a" }] }, []],
    [
      "no matrix",
      { matrix: {}, exclude: [{ size: 1 }] },
      ["exclude/0/size: no list of the matrix is called size; there is no matrix to exclude from"],
    ],
  ])("of exclude: %s", (_, fields, expected) => {
    expect(messages({ matrix: lists, ...fields })).toEqual(expected)
  })
  it("lets an exclude stand that a list changed by a flag has no value for", () => {
    const [problem] = matrixProblems(
      { matrix: { seed: [1] }, exclude: [{ seed: 2 }] },
      { yes: false, isChanged: true },
    )
    assert.strictEqual(problem!.severity, "warning")
  })
  it.each<
    readonly [
      name: string,
      include: ReadonlyArray<Record<string, unknown>>,
      expected: ReadonlyArray<string>,
    ]
  >([
    ["values added to some", [{ size: 1, extra: 5 }], []],
    ["values added to all", [{ extra: 5 }], []],
    ["nothing said", [{}], ["include/0: is empty; give keys with values, or remove it"]],
    [
      "a combination that is there",
      [{ size: 1, kind: "a" }],
      ["include/0: adds nothing: the combinations that it fits have all its values; remove it"],
    ],
    [
      "what an entry before it added",
      [
        { size: 1, extra: 5 },
        { size: 1, kind: "a", extra: 5 },
      ],
      ["include/1: adds nothing: the combinations that it fits have all its values; remove it"],
    ],
    [
      "what an entry after it sets again",
      [{ size: 1, extra: 5 }, { extra: 6 }],
      ["include/0: adds nothing that remains: later entries set the same keys again; remove one"],
    ],
    ["what an entry after it sets again for some", [{ extra: 5 }, { size: 1, extra: 6 }], []],
    [
      "another combination",
      [{ size: 3, kind: "a" }],
      [
        "include/0: fits no combination of the matrix (size is never 3 there); it is one more combination of its own",
      ],
    ],
    [
      "another combination, not whole",
      [{ size: 3, extra: 1 }],
      [
        "include/0: fits no combination of the matrix (size is never 3 there); it is one more combination of its own, with kind as in the rest of the file",
      ],
    ],
    [
      "another combination twice",
      [
        { size: 3, kind: "a" },
        { kind: "a", size: 3 },
      ],
      [
        "include/0: fits no combination of the matrix (size is never 3 there); it is one more combination of its own",
        "include/1: repeats the combination at 0; remove one",
      ],
    ],
  ])("of include: %s", (_, include, expected) => {
    expect(messages({ matrix: lists, include })).toEqual(expected)
  })
  it("of include: a combination that exclude left out", () => {
    const fields = { matrix: lists, exclude: [{ size: 1 }], include: [{ size: 1, kind: "a" }] }
    expect(messages(fields)).toEqual([
      "include/0: fits no combination of the matrix (exclude leaves none that it fits); it is one more combination of its own",
    ])
    expect(messages({ include: [{ size: 1 }, { size: 2 }] })).toEqual([])
  })
})
