import { describe, expect, it } from "vitest"
import { rangeOf } from "../../src/cost/Range.ts"
import { valueOf } from "../../src/space/Quantity.ts"
import { randomStream } from "../../src/space/RandomStream.ts"
import { allChoices, randomSpace } from "../space/randomSpaces.ts"
import { randomCost, randomProbabilities } from "./randomTerms.ts"

const seeds = Array.from({ length: 25 }, (_, seed) => seed)

const random = (seed: number) => {
  const stream = randomStream(seed, "costs")
  const space = randomSpace(stream, 1 + stream.integer(3), 1 + stream.integer(4))
  return { stream, space, cost: randomCost(space, stream, 6) }
}

describe("a compiled cost", () => {
  it("adds up its terms", () => {
    for (const seed of seeds) {
      const { space, cost } = random(seed)
      for (const choices of allChoices(space).slice(0, 50)) {
        const sum = cost.terms.reduce((total, term) => total + valueOf(term, choices), 0)
        expect(cost.of(choices)).toBeCloseTo(sum, 10)
      }
    }
  })

  it("has the expectation of all assignments weighed by their probability", () => {
    for (const seed of seeds) {
      const { stream, space, cost } = random(seed)
      const probabilities = randomProbabilities(space, stream)
      let expectation = 0
      for (const choices of allChoices(space)) {
        const weight = choices.reduce((product, k, i) => product * probabilities[i]![k]!, 1)
        expectation += weight * cost.of(choices)
      }
      expect(cost.expected(probabilities)).toBeCloseTo(expectation, 10)
    }
  })

  it("has the gradient of its expectation, which is linear in every single probability", () => {
    for (const seed of seeds) {
      const { stream, space, cost } = random(seed)
      const probabilities = randomProbabilities(space, stream)
      const gradient = cost.gradient(probabilities)
      probabilities.forEach((row, i) => {
        row.forEach((_, k) => {
          const more = probabilities.map((p, j) =>
            j === i ? p.map((value, l) => value + (l === k ? 1 : 0)) : p,
          )
          const difference = cost.expected(more) - cost.expected(probabilities)
          expect(gradient[i]![k]!).toBeCloseTo(difference, 10)
        })
      })
    }
  })

  it("gives the exact cost of every option of one decision", () => {
    for (const seed of seeds) {
      const { space, cost } = random(seed)
      for (const choices of allChoices(space).slice(0, 30))
        for (let i = 0; i < space.decisions.length; i++)
          cost.withChoice(choices, i).forEach((value, k) => {
            expect(value).toBeCloseTo(cost.of(choices.toSpliced(i, 1, k)), 10)
          })
    }
  })
})

describe("the range of a cost", () => {
  it("is that of all assignments, and is reached by the choices it names", () => {
    for (const seed of seeds) {
      const { space, cost } = random(seed)
      const all = allChoices(space).map(cost.of)
      const range = cost.range()
      expect(range.exact).toBe(true)
      expect(range.min).toBeCloseTo(Math.min(...all), 10)
      expect(range.max).toBeCloseTo(Math.max(...all), 10)
      expect(cost.of(range.minChoices)).toBeCloseTo(range.min, 10)
      expect(cost.of(range.maxChoices)).toBeCloseTo(range.max, 10)
    }
  })

  it("falls back on coordinate descent where tables would grow too large, and says so", () => {
    for (const seed of seeds) {
      const { space, cost } = random(seed)
      const sizes = space.decisions.map(({ options }) => options.length)
      const range = rangeOf(cost.terms, sizes, 1)
      const exact = cost.range()
      expect(range.exact).toBe(false)
      expect(range.min).toBeGreaterThanOrEqual(exact.min - 1e-9)
      expect(range.max).toBeLessThanOrEqual(exact.max + 1e-9)
      expect(cost.of(range.minChoices)).toBeCloseTo(range.min, 10)
      // no single change makes it cheaper
      space.decisions.forEach((_, i) => {
        const least = Math.min(...cost.withChoice(range.minChoices, i))
        expect(least).toBeGreaterThanOrEqual(range.min - 1e-9)
      })
    }
  })
})
