import { describe, expect, it } from "vitest"
import { make, resolved } from "../../src/search/Searches.ts"
import { budget, problemOf } from "../rehearse/tabular.ts"

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

  it("trains its formats at their widest for the share it is told, and the assignment after", () => {
    const spec = { kind: "fixed", uniform: "INT4", widest: 0.6 } as const
    const wide = make(spec, problem)
    const state = wide.init()
    const trained = Array.from({ length: 10 }, (_, step) => wide.propose(state, step).train)
    expect(trained.slice(0, 6)).toEqual(Array(6).fill(Array(8).fill(2)))
    for (const after of trained.slice(6)) expect(after).toEqual(assignment)
    const metrics = trained.map(
      (train, step) => wide.update(state, step, { proposals: [train], qualities: [] }).metrics,
    )
    expect(metrics.map(({ cost }) => cost)).toEqual([
      ...Array(6).fill(8 * 64),
      ...Array(4).fill(272),
    ])
    expect(metrics.map(({ switching }) => switching)).toEqual([...Array(6).fill(0), 0.5, 0, 0, 0])
    expect(metrics.map(({ frozen }) => frozen)).toEqual([
      ...Array(6).fill(false),
      ...Array(4).fill(true),
    ])
    expect(wide.final(state)).toEqual(assignment)
  })

  it("is the same trial with a share of 0 as without", () => {
    const spec = { kind: "fixed", uniform: "INT4" } as const
    expect(resolved({ ...spec, widest: 0 }, 10)).toEqual(spec)
    expect(resolved({ ...spec, widest: 0.5 }, 10)).toEqual({ ...spec, widest: 0.5 })
    const architecture = problem.space.decisions.map((one) => ({
      ...one,
      role: "architecture" as const,
    }))
    const other = make({ ...spec, widest: 0.5 }, { ...problem, space: { decisions: architecture } })
    expect(other.propose(other.init(), 0).train).toEqual(assignment)
  })

  it("cannot be made without one, nor a search without a reward", () => {
    expect(() => make({ kind: "fixed" }, { ...problem, assignment: null })).toThrow(/assignment/)
    expect(() => make({ kind: "reinforce" }, problem)).toThrow(/reward/)
  })
})
