/** The differentiable search step by step: what it weights and when, its alarms, and that its state is all there is. */
import { describe, expect, it } from "vitest"
import { advance, make, noLog, run, slopesOf } from "./differentiable.ts"
import { budget, costOf, many, signs } from "../rehearse/tabular.ts"

describe("the differentiable search", () => {
  it("warns when the formats are fixed before the mixture has become one of them", () => {
    const { alarms } = run(signs(0), 1000, { commitment: 0 })
    expect(alarms.map(({ alarm }) => alarm)).toEqual(["notCommitted"])
  })

  it("weights formats for its share of the steps, then trains one assignment", () => {
    const { relaxed, metrics, final } = run(budget, 100, { relaxed: 0.3 })
    expect(relaxed).toEqual(Array.from({ length: 100 }, (_, step) => step < 30))
    const cost = costOf(budget, final)
    for (const { frozen, cost: spent, switching } of metrics.slice(30)) {
      expect(frozen).toBe(true)
      expect(spent).toBe(cost)
      expect(switching).toBe(0)
    }
    expect(cost).toBeLessThanOrEqual(budget.target)
  })

  it("goes on from a state saved as JSON at any step, bit for bit", () => {
    const whole = make(many, 100)
    const log = noLog()
    const end = advance(whole, many, whole.init(), 0, 100, log)
    for (const at of [0, 1, 37, 59, 60, 61, 99]) {
      const first = noLog()
      const before = advance(whole, many, whole.init(), 0, at, first)
      const again = make(many, 100)
      const after = advance(
        again,
        many,
        again.restore(JSON.parse(JSON.stringify(before))),
        at,
        100,
        first,
      )
      expect(JSON.stringify(after)).toBe(JSON.stringify(end))
      expect(JSON.stringify(first)).toBe(JSON.stringify(log))
    }
  })

  it("refuses a state of another space, and a step without its slopes", () => {
    const searcher = make(many, 100)
    const saved = make(budget, 100).init()
    expect(() => searcher.restore(JSON.parse(JSON.stringify(saved)))).toThrow(/another space/)
    expect(() => searcher.update(searcher.init(), 0, { proposals: [], qualities: [] })).toThrow(
      /needs the slopes/,
    )
  })

  it("leaves the logits where they are when a gradient overflowed", () => {
    const searcher = make(budget, 100)
    const slopes = slopesOf(budget, 0).map((row) => row.map(() => Number.NaN))
    const start = searcher.init()
    const { state } = searcher.update(start, 0, { proposals: [], qualities: [], slopes })
    expect(state.logits).toEqual(start.logits)
  })
})
