import { describe, expect, it } from "vitest"
import { names, parse } from "../../src/format/Formats.ts"
import { exponentOf, powerOfTwo, round, roundHalfEven, roundOne } from "../../src/format/round.ts"
import { fixtures, inputsOf, mismatches } from "./fixtures.ts"

const roundedNames = names.filter((name) => name !== "FP32" && parse(name)!.block === undefined)

it("has a fixture for every format that rounds", () => {
  expect(Object.keys(fixtures).sort()).toEqual([...roundedNames].sort())
})

describe.each(roundedNames)("%s", (name) => {
  it("rounds every value, midpoint and neighbour as exact rationals do", () => {
    const inputs = inputsOf(name)
    expect(mismatches(name, inputs, round(parse(name)!, inputs))).toBe(0)
  })

  it("keeps NaN", () => {
    expect(roundOne(parse(name)!, Number.NaN)).toBeNaN()
  })
})

it("FP32 changes nothing", () => {
  const values = [0, -0, 1e-45, -1.1754942e-38, 0.1, 3.4028235e38, -Infinity, Number.NaN]
  expect([...round(parse("FP32")!, Float32Array.from(values))]).toEqual(values.map(Math.fround))
})

describe("the parts of the rule", () => {
  it("round half to even and keep the sign of zero", () => {
    expect(
      [0.5, 1.5, 2.5, -0.5, -1.5, 0.49999999999999994, 2 ** 52 + 1, -0].map(roundHalfEven),
    ).toEqual([0, 2, 2, -0, -2, 0, 2 ** 52 + 1, -0])
  })

  it("take exponents from the bits", () => {
    const under = 8 - 2 ** -49 // Math.log2 gives 3
    expect([1, 1.999, 2, -3, under, 2 ** -1022].map(exponentOf)).toEqual([0, 0, 1, 1, 2, -1022])
    expect([-1022, -149, 0, 10, 1023].map(powerOfTwo)).toEqual([
      2.2250738585072014e-308, 1.401298464324817e-45, 1, 1024, 8.98846567431158e307,
    ])
  })
})
