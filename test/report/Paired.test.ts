import { describe, expect, it } from "vitest"
import { pairedDifference, tQuantile } from "../../src/report/Paired.ts"

describe("paired differences", () => {
  it("have the mean and the t-interval of the textbook", () => {
    // differences 1, 2, 3, 4, 5: mean 3, deviation sqrt(2.5), half 2.776 * sqrt(2.5 / 5)
    const { mean, deviation, low, high, pairs } = pairedDifference([1, 2, 3, 4, 5])
    expect([pairs, mean]).toEqual([5, 3])
    expect(deviation).toBeCloseTo(Math.sqrt(2.5), 12)
    expect(high - mean).toBeCloseTo(2.776 * Math.sqrt(0.5), 12)
    expect(mean - low).toBeCloseTo(high - mean, 12)
  })

  it("claim nothing from one pair", () => {
    expect(pairedDifference([0.1])).toMatchObject({ mean: 0.1, low: -Infinity, high: Infinity })
    expect(() => pairedDifference([])).toThrow(RangeError)
  })

  it("use quantiles that fall towards the normal one", () => {
    expect(tQuantile(4)).toBe(2.776)
    // scipy 1.17.1: stats.t.ppf(0.975, degrees)
    expect(tQuantile(31)).toBeCloseTo(2.0395134, 3)
    expect(tQuantile(100)).toBeCloseTo(1.9839715, 5)
    for (let d = 1; d < 200; d++) expect(tQuantile(d)).toBeGreaterThan(tQuantile(d + 1))
  })
})
