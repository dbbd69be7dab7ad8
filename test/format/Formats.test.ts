import { describe, expect, it } from "vitest"
import { expand, explain, names, parse, positives, sets } from "../../src/format/Formats.ts"
import { unsigned } from "../../src/format/IntFormat.ts"
import { round } from "../../src/format/round.ts"
import { differing, makeRandom } from "../tensor/support.ts"
import { fixtures } from "./fixtures.ts"

describe("names", () => {
  it("are INT2 to INT16, UINT2 to UINT16, every ExMy up to 8 bits, three variants, the wide ones and 7 with blocks, each once", () => {
    expect(names.filter((name) => /^INT\d+$/.test(name))).toHaveLength(15)
    expect(names.filter((name) => /^E\dM\d$/.test(name))).toHaveLength(28)
    expect(names.filter((name) => /^UINT\d+$/.test(name))).toHaveLength(15)
    expect(names).toHaveLength(15 + 15 + 28 + 3 + 3 + 7)
    expect(new Set(names).size).toBe(names.length)
  })

  it("parse to the format of that name", () => {
    for (const name of names) expect(parse(name)?.name).toBe(name)
  })

  it.each([
    ["INT4", -8, 7, 4],
    ["INT16", -32768, 32767, 16],
    ["UINT2", 0, 3, 2],
    ["UINT16", 0, 65535, 16],
    ["E2M1", -6, 6, 4],
    ["E2M3", -7.5, 7.5, 6],
    ["E3M2", -28, 28, 6],
    ["E3M4", -31, 31, 8],
    ["E4M3", -448, 448, 8],
    ["E5M2", -57344, 57344, 8],
    ["E4M3FNUZ", -240, 240, 8],
    ["E5M2FNUZ", -57344, 57344, 8],
    ["E4M3IEEE", -240, 240, 8],
    ["E1M2", -3.5, 3.5, 4],
    ["E7M0", -(2 ** 64), 2 ** 64, 8],
    ["BF16", -3.3895313892515355e38, 3.3895313892515355e38, 16],
    ["FP16", -65504, 65504, 16],
    ["FP32", -3.4028234663852886e38, 3.4028234663852886e38, 32],
  ])("%s goes from %f to %f in %i bits", (name, lo, hi, bits) => {
    expect(parse(name)).toMatchObject({ lo, hi, bits })
  })
})

describe("the code of negative zero", () => {
  const without = names.filter((name) => !parse(name)!.negativeZero)

  it("is missing in integers, FNUZ and MXINT8 alone", () => {
    const expected = names.filter((name) => /^U?INT\d+$|FNUZ$|^MXINT8$/u.test(name))
    expect(expected).toHaveLength(15 + 15 + 2 + 1)
    expect(without).toEqual(expected)
  })

  it("stays missing where the range is that of values that cannot be negative", () => {
    expect(unsigned(parse("INT4")!).negativeZero).toBe(false)
    expect(unsigned(parse("E4M3")!).negativeZero).toBe(true)
  })
})

describe("codes that are no finite numbers", () => {
  const reserved = (name: string) => parse(name)!.reserved ?? []

  it("are those that a standard gives to infinities and NaN", () => {
    for (const name of ["E5M2", "MXFP8E5M2", "E4M3IEEE", "BF16", "FP16", "FP32"])
      expect([name, ...reserved(name)]).toEqual([name, "infinities", "NaN"])
    for (const name of ["E4M3", "MXFP8E4M3", "E4M3FNUZ", "E5M2FNUZ"])
      expect([name, ...reserved(name)]).toEqual([name, "NaN"])
  })

  it("are none where all codes are needed to count the finite numbers", () => {
    for (const name of names.filter((name) => /^E\dM\d$/.test(name))) {
      const { bits } = parse(name)!
      const positive = positives(parse(name)!)
      expect([name, reserved(name).length > 0]).toEqual([name, 2 * (positive + 1) < 2 ** bits])
    }
  })
})

describe("the numbers above 0", () => {
  it("are as many as the fixtures have", () => {
    const stored = Object.entries(fixtures).flatMap(([name, fixture]) =>
      "values" in fixture ? [{ name, values: fixture.values }] : [],
    )
    expect(stored.length).toBeGreaterThan(30)
    for (const { name, values } of stored)
      expect([name, positives(parse(name)!)]).toEqual([
        name,
        values.filter((value) => value > 0).length,
      ])
  })

  it("are one in INT2 and E1M0 alone", () => {
    expect(names.filter((name) => positives(parse(name)!) === 1)).toEqual(["INT2", "E1M0"])
    expect(positives(unsigned(parse("INT2")!))).toBe(3)
    expect(positives(parse("MXINT8")!)).toBe(127)
  })
})

describe("what is no format", () => {
  it.each([
    ["INT1", "integers have 2 to 16 bits; the nearest is INT2"],
    ["UINT1", "unsigned integers have 2 to 16 bits; the nearest is UINT2"],
    ["UINT17", "unsigned integers have 2 to 16 bits; the nearest is UINT16"],
    ["INT17", "integers have 2 to 16 bits; the nearest is INT16"],
    ["INT33", "integers have 2 to 16 bits; the nearest is INT16"],
    ["INT04", "it is INT4 here"],
    ["E0M3", "a float needs at least one exponent bit; without one use INT4"],
    ["E9M9", "E9M9 has 19 bits with its sign, small floats at most 8"],
    ["E4M4", "E4M4 has 9 bits"],
    ["MXFP6", "name the element: MXFP6E2M3 or MXFP6E3M2"],
    ["E8M7", "the wider ones are BF16 (E8M7)"],
    ["int4", "names are written in capitals: INT4"],
    [" E4M3", "names are written in capitals: E4M3"],
    ["INTT8", "no such format; did you mean INT8?"],
    ["fliqs-s-int", "it is a set of formats"],
    ["", "no such format; formats are INT2 to INT16"],
    ["toString", "no such format"],
  ])("%j is refused: %s", (name, message) => {
    expect(parse(name)).toBeUndefined()
    expect(explain(name)).toContain(message)
  })
})

describe("sets", () => {
  it("hold formats, the large one 15 floats and BF16", () => {
    for (const set of Object.values(sets))
      expect(set.every((name) => parse(name) !== undefined)).toBe(true)
    expect(sets["fliqs-l-fp"]).toHaveLength(16)
    expect(sets["fliqs-l-fp"]).toContain("E6M1")
    expect(sets["fliqs-l-fp"]).not.toContain("E1M6")
  })

  it("expand by name, in lists too, each format once", () => {
    expect(expand("fliqs-s-int")).toEqual(["INT4", "INT8", "BF16"])
    expect(expand(["INT8", "fliqs-s-int", "INT3"])).toEqual(["INT8", "INT4", "BF16", "INT3"])
    expect(expand("nothing")).toEqual(["nothing"])
    expect(expand("toString")).toEqual(["toString"])
  })
})

describe.each(names.filter((name) => parse(name)!.block === undefined))(
  "rounding to %s",
  (name) => {
    const format = parse(name)!
    const random = makeRandom(7)
    const size = Math.min(format.hi, 1e30)
    const x = Float32Array.from(
      { length: 500 },
      () => (random() - 0.5) * 2.4 * size * random() ** 6,
    )
    const rounded = round(format, x)

    it("is idempotent", () => {
      expect(differing(round(format, rounded), rounded)).toBe(0)
    })

    it("is monotone", () => {
      const sorted = round(format, x.toSorted())
      expect(differing(sorted, sorted.toSorted())).toBe(0)
    })

    it.skipIf(format.zeroPoint !== undefined)("is odd, but at the lower end of integers", () => {
      const clipped = x.map((value) => Math.min(format.hi, Math.max(-format.hi, value)))
      const mirrored = round(
        format,
        clipped.map((value) => -value),
      )
      // where there is no -0, no zero changes its sign
      const negative = (value: number): number =>
        value === 0 && !format.negativeZero ? value : -value
      expect(differing(mirrored.map(negative), round(format, clipped))).toBe(0)
    })
  },
)
