/** `widest`: what is trained in the first steps, of every search that has the knob. */
import { describe, expect, it } from "vitest"
import { identity, make, resolved, type SearchSpec } from "../../../src/search/Searches.ts"
import { withWidestFormats } from "../../../src/space/DecisionSpace.ts"
import { budget, problemOf } from "../../rehearse/tabular.ts"

const steps = 60

/** Proposals and what is trained, step by step, of a search that measures the same numbers whatever is trained. */
const run = (spec: SearchSpec) => {
  const problem = problemOf(budget, steps, 1)
  const searcher = make(spec, problem)
  let state = searcher.init()
  const rows = Array.from({ length: steps }, (_, step) => {
    const { proposals, state: next, train } = searcher.propose(state, step)
    const qualities = searcher.needsQuality(next, step, proposals)
      ? proposals.map((choices, j) => choices.reduce((sum, k) => sum + k, j) / 100)
      : []
    state = searcher.update(next, step, { proposals, qualities }).state
    return { proposals, train }
  })
  return { rows, final: searcher.final(state), space: problem.space }
}

describe.each(["reinforce", "random", "evolution"] as const)("%s that begins wide", (kind) => {
  const spec = { kind, widest: 0.75 } as const
  const wide = run(spec)
  const plain = run({ kind, widest: 0 })

  it("proposes, and ends with, what it would otherwise", () => {
    expect(wide.rows.map(({ proposals }) => proposals)).toEqual(
      plain.rows.map(({ proposals }) => proposals),
    )
    expect(wide.final).toEqual(plain.final)
  })

  it("trains the widest formats until then, and what it would otherwise after it", () => {
    wide.rows.forEach(({ train }, step) => {
      const usual = plain.rows[step]!.train
      expect(train).toEqual(step < 45 ? withWidestFormats(wide.space, usual) : usual)
    })
    expect(wide.rows[44]!.train).not.toEqual(plain.rows[44]!.train)
  })

  it("is so by default, but where formats are to be trained as drawn", () => {
    expect(resolved({ kind }, steps)).toMatchObject({ widest: 0.7 })
    expect(resolved({ kind, trainFormats: "drawn" }, steps)).toMatchObject({ widest: 0 })
    expect(resolved({ kind, trainFormats: "drawn", widest: 0.5 }, steps)).toMatchObject({
      widest: 0.5,
    })
  })

  it("keeps the ids of trials from before there was the knob", () => {
    expect(identity(resolved({ kind, widest: 0 }, steps))).not.toHaveProperty("widest")
    expect(identity(resolved({ kind }, steps))).toHaveProperty("widest", 0.7)
  })
})
