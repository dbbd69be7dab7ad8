/** What options are worth: found from noisy measurements of whole assignments, whatever all of a step have in common. */
import { describe, expect, it } from "vitest"
import { learnOptionValues } from "../../../src/search/population/OptionValues.ts"
import { activity } from "../../../src/space/DecisionSpace.ts"
import { randomStream } from "../../../src/space/RandomStream.ts"
import { randomSpace } from "../../space/randomSpaces.ts"
import { lossOf, many, problemOf } from "../../rehearse/tabular.ts"
import { sumOf, zerosLike } from "../../../src/space/PerOption.ts"

describe("the worth of options", () => {
  it("tells assignments apart as their losses do, whatever the level of a step", () => {
    const { space } = problemOf(many, 1, 1)
    const random = randomStream(1, "worth")
    const draw = () => space.decisions.map(({ options }) => random.integer(options.length))
    let worth = zerosLike(space)
    for (let step = 0; step < 2000; step++) {
      const level = 10 * random.uniform()
      const assignments = Array.from({ length: 8 }, draw)
      const qualities = assignments.map((c) => level - lossOf(many, c) + 0.02 * random.normal())
      worth = learnOptionValues(space, worth, assignments, qualities)
    }
    for (let i = 0; i < 100; i++) {
      const [a, b] = [draw(), draw()]
      const foretold = sumOf(space, worth, a) - sumOf(space, worth, b)
      expect(Math.abs(foretold - (lossOf(many, b) - lossOf(many, a)))).toBeLessThan(0.03)
    }
  })

  it("learns of active decisions only, nothing without measurements, and never blows up", () => {
    const space = randomSpace(randomStream(4, "space"), 2, 6)
    const random = randomStream(2, "worth")
    let worth = zerosLike(space)
    expect(learnOptionValues(space, worth, [], [])).toBe(worth)
    // two opposite assignments: all decisions learn the same, which is where a rate too great shows first
    const ends = [0, 1].map((end) =>
      space.decisions.map(({ options }) => (end === 0 ? 0 : options.length - 1)),
    )
    for (let step = 0; step < 500; step++)
      worth = learnOptionValues(space, worth, ends, [1 + 0.1 * random.normal(), 0])
    const [low, high] = ends.map((choices) => sumOf(space, worth, choices))
    expect(low! - high!).toBeGreaterThan(0.8)
    expect(low! - high!).toBeLessThan(1.2)
    const seen = ends.map((choices) => activity(space, choices))
    worth.forEach((row, i) =>
      row.forEach((value, k) => {
        const learned = ends.some((choices, j) => seen[j]![i] === 1 && choices[i] === k)
        expect(value === 0).toBe(!learned)
      }),
    )
  })
})
