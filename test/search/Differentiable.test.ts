/** The differentiable search on tables: what it finds when slopes are exact, and that its state is all there is. */
import { describe, expect, it } from "vitest"
import {
  type DifferentiableSpec,
  type DifferentiableState,
  makeDifferentiable,
  resolveDifferentiable,
} from "../../src/search/Differentiable.ts"
import type { Alarm, Searcher, SearchMetrics } from "../../src/search/Search.ts"
import { randomStream } from "../../src/space/Random.ts"
import { budget, costOf, lossOf, many, problemOf, signs, type Table } from "./tabular.ts"

const make = (table: Table, steps: number, knobs: Omit<DifferentiableSpec, "kind"> = {}) =>
  makeDifferentiable(
    resolveDifferentiable({ kind: "differentiable", ...knobs }, steps),
    problemOf(table, steps, 1),
  )

/** d loss / d probability of a table: its losses, under the noise of a batch. */
const slopesOf = (table: Table, step: number) => {
  const random = randomStream(step, "slopes")
  return Array.from({ length: table.decisions }, (_, i) =>
    Array.from(
      { length: table.options },
      (_, k) => table.loss(i, k) + 0.005 * random.normal() - 0.1,
    ),
  )
}

interface Log {
  readonly metrics: Array<SearchMetrics>
  readonly alarms: Array<Alarm>
  readonly relaxed: Array<boolean>
}
const noLog = (): Log => ({ metrics: [], alarms: [], relaxed: [] })

const advance = (
  searcher: Searcher<DifferentiableState>,
  table: Table,
  from: DifferentiableState,
  first: number,
  last: number,
  log: Log = noLog(),
): DifferentiableState => {
  let state = from
  for (let step = first; step < last; step++) {
    const { state: proposed, proposals } = searcher.propose(state, step)
    const relaxed = searcher.relaxed!(proposed, step) !== undefined
    const slopes = relaxed ? { slopes: slopesOf(table, step) } : {}
    const updated = searcher.update(proposed, step, { proposals, qualities: [], ...slopes })
    state = updated.state
    log.metrics.push(updated.metrics)
    log.alarms.push(...searcher.alarms(state, step))
    log.relaxed.push(relaxed)
  }
  return state
}

const run = (table: Table, steps: number, knobs: Omit<DifferentiableSpec, "kind"> = {}) => {
  const searcher = make(table, steps, knobs)
  const log = noLog()
  const state = advance(searcher, table, searcher.init(), 0, steps, log)
  return { ...log, final: searcher.final(state), top: searcher.argmaxProbability(state) }
}

describe("the differentiable search", () => {
  it("finds the better option of each decision where nothing is to pay", () => {
    const { final, alarms } = run(signs(0.05), 1000)
    expect(final).toEqual([0, 1, 2, 0, 1, 2])
    expect(alarms).toEqual([])
  })

  it("gives the sensitive layers 8 bits and the robust ones 2, on target", () => {
    const { final, top } = run(budget, 2000)
    expect(final).toEqual([2, 0, 2, 0, 2, 0, 2, 0])
    expect(top).toBeGreaterThan(0.9)
  })

  it("stays within the target and near the least loss on many layers", () => {
    // most of these layers differ by less than the default penalty
    const { final, top } = run(many, 3000, { commitment: 0.01 })
    const ratio = costOf(many, final) / many.target
    expect(ratio).toBeLessThanOrEqual(1)
    expect(ratio).toBeGreaterThan(0.95)
    expect(lossOf(many, final)).toBeLessThan(0.0596 + 0.02)
    expect(top).toBeGreaterThan(0.9)
  })

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
