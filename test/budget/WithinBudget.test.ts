import { describe, expect, it } from "vitest"
import type { CompiledCost } from "../../src/cost/Cost.ts"
import { bandUnder, withinBudget } from "../../src/budget/WithinBudget.ts"
import { drawBetween } from "../../src/budget/RandomMoves.ts"
import { withinBand } from "../../src/budget/WithinBand.ts"
import type { DecisionSpace } from "../../src/space/Decision.ts"
import { type Random, randomStream } from "../../src/space/RandomStream.ts"
import { randomCost } from "../cost/randomTerms.ts"
import { allChoices, randomSpace } from "../space/randomSpaces.ts"
import { additiveCost, randomScores } from "./randomBudgets.ts"
import { type PerOption, sumOf } from "../../src/space/PerOption.ts"

/** Between the cheapest and the dearest, now and then below, and often exactly the cost of some assignment. */
const randomTarget = (space: DecisionSpace, cost: CompiledCost, random: Random): number => {
  if (random.uniform() < 0.5)
    return cost.of(space.decisions.map(({ options }) => random.integer(options.length)))
  const { max, min } = cost.range()
  return min + (1.2 * random.uniform() - 0.1) * (max - min)
}

const bestScore = (
  space: DecisionSpace,
  cost: CompiledCost,
  scores: PerOption,
  target: number,
): number =>
  allChoices(space)
    .filter((choices) => cost.of(choices) <= target)
    .reduce((most, choices) => Math.max(most, sumOf(space, scores, choices)), -Infinity)

/** Score and cost of what was found; without a find the score is -Infinity, as that of no assignment. */
const found = (space: DecisionSpace, cost: CompiledCost, scores: PerOption, target: number) => {
  const choices = withinBudget(space, cost, scores, target)
  return choices === undefined
    ? { score: -Infinity, spent: -Infinity }
    : { score: sumOf(space, scores, choices), spent: cost.of(choices) }
}

const seeds = (count: number) => Array.from({ length: count }, (_, seed) => seed)

describe("withinBudget", () => {
  it("is the best of all assignments within target where the cost is a sum over decisions", () => {
    let none = 0
    for (const seed of seeds(1500)) {
      const random = randomStream(seed, "additive")
      const space = randomSpace(random, 0, 1 + random.integer(6))
      const cost = additiveCost(space, random)
      const scores = randomScores(space, random)
      const target = randomTarget(space, cost, random)
      const { score, spent } = found(space, cost, scores, target)
      const best = bestScore(space, cost, scores, target)
      if (best === -Infinity) none++
      expect(spent).toBeLessThanOrEqual(target)
      expect(score === best || Math.abs(score - best) < 1e-9).toBe(true)
    }
    expect(none).toBeGreaterThan(10)
  })

  it("is mostly the best where the cost couples decisions, never above, and there when anything fits", () => {
    let best = 0
    const count = 1000
    for (const seed of seeds(count)) {
      const random = randomStream(seed, "coupled")
      const space = randomSpace(random, 1 + random.integer(2), 1 + random.integer(4))
      const cost = randomCost(space, random, 6)
      const scores = randomScores(space, random)
      const target = randomTarget(space, cost, random)
      const { score, spent } = found(space, cost, scores, target)
      const possible = bestScore(space, cost, scores, target)
      expect(spent).toBeLessThanOrEqual(target)
      expect(score === -Infinity).toBe(possible === -Infinity)
      if (score >= possible - 1e-9) best++
    }
    expect(best / count).toBeGreaterThan(0.97)
  })

  it("is never above target in large spaces, and there when the cheapest fits", () => {
    for (const seed of seeds(20)) {
      const random = randomStream(seed, "large")
      const space = randomSpace(random, 0, 100)
      const cost = additiveCost(space, random)
      const target = randomTarget(space, cost, random)
      const { score, spent } = found(space, cost, randomScores(space, random), target)
      expect(spent).toBeLessThanOrEqual(target)
      expect(score === -Infinity).toBe(cost.range().min > target)
    }
  })
})

describe("withinBand, where costs couple decisions", () => {
  it("is the best of all that is on target where few assignments are, and never above it", () => {
    let inBand = 0
    for (const seed of seeds(300)) {
      const random = randomStream(seed, "coupled band")
      const space = randomSpace(random, 2, 1 + random.integer(5))
      const cost = randomCost(space, random, 6)
      const scores = randomScores(space, random)
      const { max } = cost.range()
      const band = bandUnder(randomTarget(space, cost, random), 0.02)
      const affordable = allChoices(space).filter((choices) => cost.of(choices) <= band.high)
      const choices = withinBand(space, cost, scores, band)
      if (choices === undefined) continue
      expect(cost.of(choices)).toBeLessThanOrEqual(band.high)
      if (!affordable.some((other) => cost.of(other) >= band.low) || max < band.low) continue
      inBand++
      expect(cost.of(choices)).toBeGreaterThanOrEqual(band.low)
    }
    expect(inBand).toBeGreaterThan(100)
  })

  it("finds the band of a space too large to look at all of it wherever random moves do", () => {
    let inBand = 0
    for (const seed of seeds(25)) {
      const random = randomStream(seed, "large band")
      const space = randomSpace(random, 3, 14)
      const cost = randomCost(space, random, 20)
      const band = bandUnder(randomTarget(space, cost, random), 0.02)
      const drawn = Array.from({ length: 20 }, () => drawBetween(space, cost, band, random))
      if (drawn.every((choices) => choices === undefined)) continue
      inBand++
      const choices = withinBand(space, cost, randomScores(space, random), band)!
      expect(cost.of(choices)).toBeLessThanOrEqual(band.high)
      expect(cost.of(choices)).toBeGreaterThanOrEqual(band.low)
    }
    expect(inBand).toBeGreaterThan(10)
  })
})

describe("withinBand", () => {
  it("is on target where anything is, never above it, and mostly the best of what is", () => {
    let inBand = 0
    let best = 0
    for (const seed of seeds(600)) {
      const random = randomStream(seed, "band")
      const space = randomSpace(random, 0, 1 + random.integer(6))
      const cost = additiveCost(space, random)
      const scores = randomScores(space, random)
      const band = bandUnder(randomTarget(space, cost, random), 0.05)
      const affordable = allChoices(space).filter((choices) => cost.of(choices) <= band.high)
      const choices = withinBand(space, cost, scores, band)
      expect(choices === undefined).toBe(affordable.length === 0)
      if (choices === undefined) continue
      expect(cost.of(choices)).toBeLessThanOrEqual(band.high)
      const onTarget = affordable.filter((other) => cost.of(other) >= band.low)
      const dearest = Math.max(...affordable.map(cost.of))
      if (cost.range().max < band.low) continue
      // a little below the dearest where the scores say so and nothing is on target
      expect(cost.of(choices)).toBeGreaterThanOrEqual(
        onTarget.length > 0 ? band.low : dearest - 0.1,
      )
      if (onTarget.length === 0) continue
      inBand++
      const most = Math.max(...onTarget.map((other) => sumOf(space, scores, other)))
      if (sumOf(space, scores, choices) >= most - 1e-9) best++
    }
    expect(inBand).toBeGreaterThan(200)
    expect(best / inBand).toBeGreaterThan(0.9)
  })
})
