/** Runs of the differentiable search on tables, with the slopes that a noisy batch would give. */
import { type DifferentiableState, makeDifferentiable } from "../../src/search/Differentiable.ts"
import {
  type DifferentiableSpec,
  resolveDifferentiable,
} from "../../src/search/policy/DifferentiableSpec.ts"
import type { Alarm, Searcher, SearchMetrics } from "../../src/search/Search.ts"
import { randomStream } from "../../src/space/RandomStream.ts"
import { problemOf, type Table } from "../rehearse/tabular.ts"

export const make = (table: Table, steps: number, knobs: Omit<DifferentiableSpec, "kind"> = {}) =>
  makeDifferentiable(
    resolveDifferentiable({ kind: "differentiable", ...knobs }, steps),
    problemOf(table, steps, 1),
  )

/** d loss / d probability of a table: its losses, under the noise of a batch; both in another unit for another `scale`. */
export const slopesOf = (table: Table, step: number, seed = 1, scale = 1) => {
  const random = randomStream(step, `slopes ${seed}`)
  return Array.from({ length: table.decisions }, (_, i) =>
    Array.from(
      { length: table.options },
      (_, k) => scale * (table.loss(i, k) + 0.05 * random.normal() - 0.1),
    ),
  )
}

export interface Log {
  readonly metrics: Array<SearchMetrics>
  readonly alarms: Array<Alarm>
  readonly relaxed: Array<boolean>
}
export const noLog = (): Log => ({ metrics: [], alarms: [], relaxed: [] })

export const advance = (
  searcher: Searcher<DifferentiableState>,
  table: Table,
  from: DifferentiableState,
  first: number,
  last: number,
  log: Log = noLog(),
  slopesAt = (step: number) => slopesOf(table, step),
): DifferentiableState => {
  let state = from
  for (let step = first; step < last; step++) {
    const { state: proposed, proposals } = searcher.propose(state, step)
    const relaxed = searcher.relaxed!(proposed, step) !== undefined
    const slopes = relaxed ? { slopes: slopesAt(step) } : {}
    const updated = searcher.update(proposed, step, { proposals, qualities: [], ...slopes })
    state = updated.state
    log.metrics.push(updated.metrics)
    log.alarms.push(...searcher.alarms(state, step))
    log.relaxed.push(relaxed)
  }
  return state
}

export const run = (table: Table, steps: number, { seed = 1, scale = 1, ...knobs }: Trial = {}) => {
  const searcher = make(table, steps, knobs)
  const log = noLog()
  const slopesAt = (step: number) => slopesOf(table, step, seed, scale)
  const state = advance(searcher, table, searcher.init(), 0, steps, log, slopesAt)
  return { ...log, final: searcher.final(state), top: searcher.argmaxProbability(state) }
}

export interface Trial extends Omit<DifferentiableSpec, "kind"> {
  readonly seed?: number
  readonly scale?: number
}
