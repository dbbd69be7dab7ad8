import { describe, expect, it } from "vitest"
import { make } from "../../src/search/Searches.ts"
import { budget, problemOf } from "./tabular.ts"

describe("a fixed search", () => {
  const assignment = [2, 0, 2, 0, 2, 0, 2, 0]
  const problem = { ...problemOf(budget, 10, 1), reward: null, assignment }
  const searcher = make({ kind: "fixed", uniform: "INT4" }, problem)

  it("proposes, trains and ends with its assignment, measuring nothing", () => {
    const state = searcher.restore(searcher.init())
    const proposed = searcher.propose(state, 3)
    expect(proposed.train).toEqual(assignment)
    expect(searcher.needsQuality(state, 3)).toBe(false)
    expect(searcher.final(state)).toEqual(assignment)
    const { metrics } = searcher.update(state, 3, { ...proposed, qualities: [] })
    expect(metrics.cost).toBe(272)
    expect(metrics.argmaxProbability).toBe(1)
    expect(searcher.probabilities(state)[1]).toEqual([1, 0, 0])
  })

  it("cannot be made without one, nor a search without a reward", () => {
    expect(() => make({ kind: "fixed" }, { ...problem, assignment: null })).toThrow(/assignment/)
    expect(() => make({ kind: "reinforce" }, problem)).toThrow(/reward/)
  })
})
