import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { sharedExponents } from "../../src/format/Format.ts"
import { names, parse } from "../../src/format/Formats.ts"
import { rowNumbers, toRow, withZeroPoint } from "../../src/format/Row.ts"
import { atZeroPoint } from "../../src/format/UintFormat.ts"
import { rowHeader } from "../../scripts/generate-row.ts"

const numbersOf = (...of: Parameters<typeof toRow>) => rowNumbers(toRow(...of))

describe("rows", () => {
  it("are what the kernel reads", () => {
    expect(numbersOf(parse("INT4")!)).toEqual([2 ** -3, 1, -8, 7, 7, 0, 0, 0, 0])
    expect(numbersOf(parse("UINT4")!)).toEqual([2 ** -4, 1, 0, 15, 15, 0, 0, 0, 1])
    expect(numbersOf(parse("E4M3")!)).toEqual([2 ** -3, 2 ** -9, -448, 448, 448, 0, 0, -0, 0])
    expect(numbersOf(parse("BF16")!)).toEqual([
      2 ** -7,
      2 ** -126,
      -3.3895313892515355e38,
      3.3895313892515355e38,
      Infinity,
      0,
      0,
      -0,
      0,
    ])
    expect(numbersOf(parse("FP32")!)).toEqual([0, 0, -Infinity, Infinity, Infinity, 0, 0, -0, 0])
    expect(numbersOf(parse("MXFP4")!, "even")).toEqual([
      0.5,
      0.5,
      -6,
      6,
      Infinity,
      32,
      2 ** 21,
      -0,
      0,
    ])
    expect(numbersOf(parse("NVFP4")!)).toEqual([0.5, 0.5, -6, 6, 2688, 16, 0, -0, 0])
    expect(() => toRow(parse("MXINT8")!)).toThrow("MXINT8 needs a rule")
  })

  it("move with a zero point that is known, and keep the scale", () => {
    const row = toRow(parse("UINT4")!)
    const moved = withZeroPoint(row, 5)
    expect(moved).toEqual({ ...row, lo: -5, hi: 10, affine: 0 })
    expect(toRow(atZeroPoint(parse("UINT4")!, 5))).toEqual(moved)
  })

  it("survive float32", () => {
    for (const name of names)
      for (const rule of sharedExponents) {
        const row = numbersOf(parse(name)!, rule)
        expect([...Float32Array.from(row)]).toEqual(row)
      }
  })

  it("native/row.h is what scripts/generate-row.ts writes", () => {
    expect(readFileSync("native/row.h", "utf8")).toBe(rowHeader())
  })
})
