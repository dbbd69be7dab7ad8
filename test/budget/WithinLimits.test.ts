import { describe, expect, it } from "vitest"
import type { CompiledCost } from "../../src/cost/Cost.ts"
import { Gbops } from "../../src/cost/Gbops.ts"
import type { Limit } from "../../src/cost/LimitKinds.ts"
import {
  endWithin,
  mostWithin,
  scoreTables,
  targetBound,
  withinLimits,
  withinLimitsAndBand,
} from "../../src/budget/WithinLimits.ts"
import type { Choices, DecisionSpace } from "../../src/space/Decision.ts"
import { sumOf } from "../../src/space/PerOption.ts"
import { type Quantity, valueOf } from "../../src/space/Quantity.ts"
import { type Random, randomStream } from "../../src/space/RandomStream.ts"
import { randomCost } from "../cost/randomTerms.ts"
import { allChoices, randomSpace } from "../space/randomSpaces.ts"
import { additiveCost, randomScores } from "./randomBudgets.ts"

const seeds = (count: number) => Array.from({ length: count }, (_, seed) => seed)

/** Between the least and the most, often exactly what some assignment costs, now and then out of reach. */
const randomMax = (
  space: DecisionSpace,
  of: (choices: Choices) => number,
  random: Random,
): number => {
  const costs = Array.from({ length: 6 }, () =>
    of(space.decisions.map(({ options }) => random.integer(options.length))),
  ).sort((a, b) => a - b)
  const chosen = costs[1 + random.integer(5)]!
  return random.uniform() < 0.5 ? chosen : chosen + 0.1 * random.normal() * Math.abs(chosen)
}

const sumLimit = (space: DecisionSpace, cost: CompiledCost, random: Random): Limit => ({
  ...Gbops,
  max: randomMax(space, cost.of, random),
  beta: 1,
  of: cost.of,
  withChoice: cost.withChoice,
  sum: cost,
})

/** The largest of some tables, as peak memory is; `hidden` as one whose tables are too large to be made. */
const largestLimit = (
  space: DecisionSpace,
  tables: ReadonlyArray<Quantity>,
  random: Random,
  hidden: boolean,
): Limit => {
  const of = (choices: Choices) =>
    tables.reduce((most, table) => Math.max(most, valueOf(table, choices)), -Infinity)
  return {
    ...Gbops,
    max: randomMax(space, of, random),
    beta: 1,
    of,
    withChoice: (choices, decision) =>
      Float64Array.from(space.decisions[decision]!.options, (_, k) =>
        of(choices.with(decision, k)),
      ),
    tables: () => (hidden ? undefined : tables),
  }
}

interface Case {
  readonly space: DecisionSpace
  readonly cost: CompiledCost
  readonly limits: ReadonlyArray<Limit>
  readonly target: number
  readonly random: Random
}

const additive = (seed: number): Case => {
  const random = randomStream(seed, "additive limits")
  const space = randomSpace(random, 0, 1 + random.integer(6))
  const cost = additiveCost(space, random)
  const limits = Array.from({ length: 1 + random.integer(2) }, () =>
    sumLimit(space, additiveCost(space, random), random),
  )
  return { space, cost, limits, target: randomMax(space, cost.of, random), random }
}

const coupled =
  (hidden: boolean) =>
  (seed: number): Case => {
    const random = randomStream(seed, `coupled limits ${hidden}`)
    const space = randomSpace(random, 1 + random.integer(2), 1 + random.integer(4))
    const cost = randomCost(space, random, 6)
    const limits = [
      sumLimit(space, randomCost(space, random, 5), random),
      largestLimit(space, randomCost(space, random, 4).factors, random, hidden),
    ]
    return { space, cost, limits, target: randomMax(space, cost.of, random), random }
  }

/** How often the best of all was found; throws where a limit is exceeded, or nothing is found where something is. */
const bestShare = (count: number, make: (seed: number) => Case, exact: boolean): number => {
  let best = 0
  let none = 0
  for (const seed of seeds(count)) {
    const { cost, limits, random, space, target } = make(seed)
    const scores = randomScores(space, random)
    const within = allChoices(space).filter(
      (choices) =>
        cost.of(choices) <= target && limits.every((limit) => limit.of(choices) <= limit.max),
    )
    const most = Math.max(...within.map((choices) => sumOf(space, scores, choices)))
    const choices = withinLimits(space, cost, scores, target, limits)
    if (choices === undefined) {
      if (exact) expect(within).toEqual([])
      if (within.length === 0) none++
      best += within.length === 0 ? 1 : 0
      continue
    }
    expect(cost.of(choices)).toBeLessThanOrEqual(target)
    for (const limit of limits) expect(limit.of(choices)).toBeLessThanOrEqual(limit.max)
    if (sumOf(space, scores, choices) >= most - 1e-9) best++
  }
  expect(none).toBeGreaterThan(0)
  return best / count
}

describe("within a target and limits", () => {
  it("is the best of all assignments where all are sums over decisions", () => {
    expect(bestShare(300, additive, true)).toBe(1)
  })

  it("is the best of all where costs couple decisions and one limit is a largest value", () => {
    expect(bestShare(300, coupled(false), true)).toBe(1)
  })

  it("is the best of all where a limit has no tables and assignments are few", () => {
    expect(bestShare(100, coupled(true), true)).toBe(1)
  })

  it("is mostly the best, and never above, where a limit has no tables and assignments are many", () => {
    let found = 0
    let best = 0
    for (const seed of seeds(40)) {
      const random = randomStream(seed, "large limits")
      const space = randomSpace(random, 1, 11)
      const cost = randomCost(space, random, 10)
      const limited = [
        sumLimit(space, additiveCost(space, random), random),
        largestLimit(space, randomCost(space, random, 8).factors, random, false),
      ]
      const target = randomMax(space, cost.of, random)
      const scores = randomScores(space, random)
      const bounds = [targetBound(cost, target), ...limited]
      const tables = scoreTables(space, scores)
      const { choices: exact, exact: isExact } = mostWithin({ space, scores: tables, bounds })
      if (!isExact) continue
      const hidden = limited.map((limit) => ({ ...limit, tables: () => undefined }))
      const choices = withinLimits(space, cost, scores, target, hidden)
      if (exact === undefined || choices === undefined) continue
      found++
      for (const limit of limited) expect(limit.of(choices)).toBeLessThanOrEqual(limit.max)
      expect(cost.of(choices)).toBeLessThanOrEqual(target)
      const [most, score] = [exact, choices].map((one) => sumOf(space, scores, one))
      expect(score).toBeLessThanOrEqual(most! + 1e-9)
      if (score! >= most! - 1e-9) best++
    }
    expect(found).toBeGreaterThan(30)
    expect(best / found).toBeGreaterThan(0.8)
  })

  it("lands on the target within the limits wherever an assignment does", () => {
    let onTarget = 0
    for (const seed of seeds(100)) {
      const { cost, limits, random, space, target } = coupled(false)(seed)
      const scores = randomScores(space, random)
      const band = { low: target - 0.05 * Math.abs(target), high: target }
      const within = allChoices(space).filter(
        (choices) =>
          cost.of(choices) <= target && limits.every((limit) => limit.of(choices) <= limit.max),
      )
      const choices = withinLimitsAndBand(space, cost, scores, band, limits)
      expect(choices === undefined).toBe(within.length === 0)
      if (choices === undefined) continue
      expect(cost.of(choices)).toBeLessThanOrEqual(target)
      for (const limit of limits) expect(limit.of(choices)).toBeLessThanOrEqual(limit.max)
      if (!within.some((other) => cost.of(other) >= band.low)) continue
      onTarget++
      expect(cost.of(choices)).toBeGreaterThanOrEqual(band.low)
    }
    expect(onTarget).toBeGreaterThan(35)
  })

  it("finds both ends of a cost within limits", () => {
    for (const seed of seeds(100)) {
      const { cost, limits, space } = coupled(false)(seed)
      const costs = allChoices(space)
        .filter((choices) => limits.every((limit) => limit.of(choices) <= limit.max))
        .map(cost.of)
      for (const sign of [1, -1] as const) {
        const { choices, exact } = endWithin(space, cost, limits, sign)
        expect(exact).toBe(true)
        expect(choices === undefined).toBe(costs.length === 0)
        if (choices === undefined) continue
        const end = sign === 1 ? Math.min(...costs) : Math.max(...costs)
        expect(cost.of(choices)).toBeCloseTo(end, 9)
      }
    }
  })

  it("is exact over a hundred decisions with three limits", () => {
    const random = randomStream(3, "many")
    const space = randomSpace(random, 0, 100)
    const middle = (cost: CompiledCost) => (cost.range().min + cost.range().max) / 2
    const costs = [1, 2, 3].map(() => additiveCost(space, random))
    const [first, ...others] = costs
    const limits = others.map((cost) => ({ ...sumLimit(space, cost, random), max: middle(cost) }))
    const found = mostWithin({
      space,
      scores: scoreTables(space, randomScores(space, random)),
      bounds: [targetBound(first!, middle(first!)), ...limits],
    })
    expect(found.exact).toBe(true)
    for (const limit of limits) expect(limit.of(found.choices!)).toBeLessThanOrEqual(limit.max)
  })
})
