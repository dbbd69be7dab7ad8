/** Which costs stand beside a cost. */
import { describe, expect, it } from "vitest"
import { nearestCosts, sideOf } from "../../src/cost/NearestCosts.ts"

describe("what stands beside a cost", () => {
  it.each<[number, ReadonlyArray<number>, ReadonlyArray<[number, string]>]>([
    [1, [0.5, 0.985, 1.5], [[0.985, "near"]]],
    [1, [0.98, 1.02], [[0.98, "near"]]],
    [1, [0.5, 1.019, 0.99], [[0.99, "near"]]],
    [
      1,
      [0.2, 0.5, 1.5, 3],
      [
        [0.5, "below"],
        [1.5, "above"],
      ],
    ],
    [
      1,
      [0.979, 1.021],
      [
        [0.979, "below"],
        [1.021, "above"],
      ],
    ],
    [1, [0.2, 0.5], [[0.5, "below"]]],
    [1, [3, 2], [[2, "above"]]],
    [1, [], []],
    [
      50_000,
      [40_000, 45_000, 60_000],
      [
        [45_000, "below"],
        [60_000, "above"],
      ],
    ],
  ])("of %d among %j are %j", (reference, all, expected) => {
    const found = nearestCosts(reference, all, (cost) => cost)
    expect(found.map(({ one, side }) => [one, side])).toEqual(expected)
    for (const { one, side } of found) expect(sideOf(one, reference)).toBe(side)
  })
})
