import { describe, expect, it } from "vitest"
import { searches, resolved } from "../../src/search/Searches.ts"
import { makeSensitivity } from "../../src/search/Sensitivity.ts"
import type { Searcher } from "../../src/search/Search.ts"
import type { Choices } from "../../src/space/Decision.ts"
import {
  budget,
  costOf,
  lossOf,
  many,
  problemOf,
  runSearch,
  type Table,
} from "../rehearse/tabular.ts"

const steps = 600

const make = (table: Table, repeats = 4) =>
  makeSensitivity({ kind: "sensitivity", repeats }, problemOf(table, steps, 1))

const widest = (table: Table): Choices => Array.from({ length: table.decisions }, () => 2)

/** Minus the loss without noise, growing with the steps. */
const exactly = (table: Table, step: number, proposals: ReadonlyArray<Choices>) =>
  proposals.map((choices) => -lossOf(table, choices) - 1 / (1 + step))

const advance = <State>(
  searcher: Searcher<State>,
  start: State,
  from: number,
  to: number,
  quality = exactly,
  table = budget,
) => {
  const trained: Array<Choices> = []
  let state = start
  for (let step = from; step < to; step++) {
    const proposed = searcher.propose(state, step)
    const qualities = searcher.needsQuality(proposed.state, step)
      ? quality(table, step, proposed.proposals)
      : []
    trained.push(proposed.train)
    state = searcher.update(proposed.state, step, { ...proposed, qualities }).state
  }
  return { state, trained }
}

describe("a sensitivity search", () => {
  it("finds the optimum where losses add up, and trains it for the rest of the steps", () => {
    const searcher = make(budget)
    const { state, trained } = advance(searcher, searcher.init(), 0, steps)
    const found = searcher.final(state)
    expect(found).toEqual([2, 0, 2, 0, 2, 0, 2, 0])
    expect(trained).toHaveLength(steps)
    trained.forEach((choices, step) =>
      expect(choices).toEqual(step < 0.6 * steps ? widest(budget) : found),
    )
  })

  it("is certain from when it has chosen, and not before", () => {
    const { metrics } = runSearch(make(budget), budget, steps, 1)
    const chosenAt = 0.6 * steps - 1
    metrics.forEach(({ argmaxProbability, entropy, expectedCost, frozen }, step) => {
      expect(frozen).toBe(step >= chosenAt)
      expect([argmaxProbability, entropy]).toEqual(frozen ? [1, 0] : [undefined, undefined])
      expect(expectedCost).toBe(frozen ? budget.target : 8 * 64)
    })
  })

  it("says so when nothing close to the target was found", () => {
    const coarse: Table = { ...budget, cost: (_, k) => 100 ** k, target: 50 }
    expect(runSearch(make(coarse), coarse, steps, 1).alarms).toEqual(["costOffTarget"])
    expect(runSearch(make(budget), budget, steps, 1).alarms).toEqual([])
  })

  it("never measures an option twice on one batch, however few the steps", () => {
    const searcher = makeSensitivity({ kind: "sensitivity" }, problemOf(budget, 20, 1))
    for (let step = 0; step < 20; step++) {
      const alone = searcher.propose(searcher.init(), step).proposals.slice(1).map(String)
      expect(new Set(alone).size).toBe(alone.length)
    }
  })

  it("is on target, never above it, and the nearer to the optimum the more often it measures", () => {
    const lossWith = (repeats: number) => {
      const losses = Array.from({ length: 10 }, (_, seed) => {
        const { final } = runSearch(make(many, repeats), many, steps, seed)
        expect(costOf(many, final)).toBeLessThanOrEqual(many.target)
        expect(costOf(many, final)).toBeGreaterThanOrEqual(0.98 * many.target)
        return lossOf(many, final)
      })
      return losses.reduce((a, b) => a + b, 0) / losses.length
    }
    expect(lossWith(100)).toBeLessThan(lossWith(2))
    expect(lossWith(100)).toBeLessThan(0.0596 + 0.02)
  })

  it("measures every option alone and equally often, beside the widest on the same batch", () => {
    const searcher = make(budget, 3)
    const seen = new Map<string, number>()
    for (let step = 0; step < steps; step++) {
      const { proposals } = searcher.propose(searcher.init(), step)
      expect(searcher.needsQuality(searcher.init(), step)).toBe(proposals.length > 1)
      expect(proposals[0]).toEqual(widest(budget))
      for (const choices of proposals.slice(1)) {
        expect(choices.filter((k) => k !== 2)).toHaveLength(1)
        seen.set(choices.join(), (seen.get(choices.join()) ?? 0) + 1)
      }
    }
    expect([...seen.values()]).toEqual(Array(16).fill(3))
  })

  it("restores at any step to exactly the uninterrupted run", () => {
    const searcher = make(budget)
    const whole = advance(searcher, searcher.init(), 0, steps)
    for (const at of [0, 100, 305, 359, 360, 500]) {
      const before = advance(searcher, searcher.init(), 0, at)
      const restored = make(budget).restore(JSON.parse(JSON.stringify(before.state)))
      expect(advance(make(budget), restored, at, steps).state).toEqual(whole.state)
    }
    expect(() => searcher.restore({ ...searcher.init(), sums: [[0]] })).toThrow(/another space/)
  })

  it("spends the budget where narrow formats look better than the widest, and takes the better of equal bits", () => {
    const narrower = (_: Table, __: number, proposals: ReadonlyArray<Choices>) =>
      proposals.map((choices) => -choices.reduce((sum, k) => sum + k, 0))
    const searcher = make(budget)
    const { state } = advance(searcher, searcher.init(), 0, steps, narrower)
    expect(costOf(budget, searcher.final(state))).toBe(budget.target)

    const problem = problemOf(budget, steps, 1)
    const decisions = problem.space.decisions.map((decision) => ({ ...decision, sizes: [8, 8, 8] }))
    const equal = makeSensitivity(
      { kind: "sensitivity" },
      { ...problem, space: { decisions }, target: 1e9 },
    )
    const better = (_: Table, __: number, proposals: ReadonlyArray<Choices>) =>
      proposals.map((choices) => choices.filter((k) => k === 1).length)
    const found = advance(equal, equal.init(), 0, steps, better)
    expect(equal.final(found.state)).toEqual(Array(8).fill(1))
  })

  it("takes an option whose loss overflows for the worst there is", () => {
    const searcher = make(budget)
    const { state } = advance(searcher, searcher.init(), 0, steps, (table, step, proposals) =>
      exactly(table, step, proposals).map((quality, j) =>
        proposals[j]!.includes(0) ? Number.NaN : quality,
      ),
    )
    expect(searcher.final(state)).not.toContain(0)
  })

  it("comes to a choice in the shortest of runs", () => {
    const problem = problemOf(budget, 3, 1)
    const searcher = makeSensitivity({ kind: "sensitivity" }, problem)
    const { state } = advance(searcher, searcher.init(), 0, 3)
    expect(costOf(budget, searcher.final(state))).toBeLessThanOrEqual(budget.target)
  })

  it("writes out its knobs", () => {
    expect(searches.kinds).toContain("sensitivity")
    expect(resolved({ kind: "sensitivity" }, 100)).toEqual({
      kind: "sensitivity",
      widest: 0.5,
      repeats: 4,
    })
  })
})
