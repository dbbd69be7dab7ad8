/**
 * How much of what a search draws changes from one step to the next: added to the metrics of every search in one place.
 */
import type { Choices, DecisionSpace } from "../../space/Decision.ts"
import { activity } from "../../space/DecisionSpace.ts"
import type { Measured, Searcher, SearchMetrics } from "../Search.ts"

/** A searcher whose metrics lack `switching`. */
export interface Unswitched<State> extends Omit<Searcher<State>, "update"> {
  update(
    state: State,
    step: number,
    measured: Measured,
  ): { readonly state: State; readonly metrics: Omit<SearchMetrics, "switching"> }
  /** What stands for `step` in the comparison, by the state after it: its first proposal, say. Empty before the first step. */
  drawn(state: State, step: number): Choices
}

/** The searcher with `switching` among its metrics. */
export const withSwitching = <State>(
  space: DecisionSpace,
  { drawn, update, ...searcher }: Unswitched<State>,
): Searcher<State> => ({
  ...searcher,
  update: (state, step, measured) => {
    const { metrics, state: next } = update(state, step, measured)
    const switching = switchedShare(space, drawn(state, step - 1), drawn(next, step))
    return { state: next, metrics: { ...metrics, switching } }
  },
})

/** Among decisions active before or now, the share whose choice changed; undefined without a step before. */
const switchedShare = (space: DecisionSpace, before: Choices, now: Choices): number | undefined => {
  if (before.length === 0) return undefined
  const wasActive = activity(space, before)
  const isActive = activity(space, now)
  let changed = 0
  let count = 0
  for (let i = 0; i < now.length; i++) {
    if (wasActive[i] === 0 && isActive[i] === 0) continue
    count++
    if (wasActive[i] !== isActive[i] || before[i] !== now[i]) changed++
  }
  return count === 0 ? 0 : changed / count
}
