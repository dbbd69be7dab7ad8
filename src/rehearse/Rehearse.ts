/**
 * A search rehearsed without a network, on a synthetic quality (`SyntheticQuality.ts`).
 *
 * What it says about a search: whether the policy, the reward and the schedule find the target and commit in so many
 * steps. What it does not: how a real network takes a format. Left out: searches that follow a network's gradients.
 */
import type { Problem, Searcher, SearchMetrics } from "../search/Search.ts"
import type { Choices } from "../space/Decision.ts"
import { type PerOption, sumOf } from "../space/PerOption.ts"
import { makeQuality } from "./SyntheticQuality.ts"

export interface Moment {
  /** Steps done. */
  readonly step: number
  readonly costOverTarget: number
  /** Nats, mean over the active decisions; undefined where nothing is decided yet, as is the top probability. */
  readonly entropy: number | undefined
  readonly topProbability: number | undefined
}

export interface Rehearsal {
  readonly final: Choices
  readonly costOverTarget: number
  readonly topProbability: number
  readonly loss: number
  /** Steps after which the cost stayed within 2 % of the target; null when it is not there in the end. */
  readonly onTargetAt: number | null
  /** Steps after which the top probability stayed at 0.95 or above; null when it is not there in the end. */
  readonly committedAt: number | null
  readonly history: ReadonlyArray<Moment>
  readonly alarms: ReadonlyArray<{ readonly alarm: string; readonly message: string }>
}

export const onTarget = (costOverTarget: number): boolean => Math.abs(costOverTarget - 1) <= 0.02
export const isCommitted = (topProbability: number | undefined): boolean =>
  topProbability !== undefined && topProbability >= 0.95

const points = 200

/** E[cost] while a policy is drawn from, the cost of what is trained once it is not. */
const costOf = ({ cost, expectedCost, frozen }: SearchMetrics): number =>
  frozen ? cost : expectedCost

/** Runs a search from the first step to the last. */
export const rehearse = (
  searcher: Searcher,
  {
    space,
    cost,
    target,
    steps,
    seed,
  }: Pick<Problem, "space" | "cost" | "target" | "steps" | "seed">,
  losses: PerOption,
): Rehearsal => {
  const quality = makeQuality((choices) => sumOf(space, losses, choices), steps, seed)
  const every = Math.max(1, Math.round(steps / points))
  const history: Array<Moment> = []
  const alarms: Array<Rehearsal["alarms"][number]> = []
  let state = searcher.init()
  let offTarget = 0
  let uncommitted = 0
  for (let step = 0; step < steps; step++) {
    const done = step + 1
    const proposed = searcher.propose(state, step)
    const qualities = quality(step, proposed.proposals)
    const updated = searcher.update(proposed.state, step, {
      proposals: proposed.proposals,
      qualities: searcher.needsQuality(proposed.state, step, proposed.proposals) ? qualities : [],
      // losses that add up are what d loss / d probability is
      ...(searcher.relaxed?.(proposed.state, step) === undefined ? {} : { slopes: losses }),
    })
    state = updated.state
    const { argmaxProbability, entropy } = updated.metrics
    const moment = {
      step: done,
      costOverTarget: costOf(updated.metrics) / target,
      entropy,
      topProbability: argmaxProbability,
    }
    if (!onTarget(moment.costOverTarget)) offTarget = done
    if (!isCommitted(moment.topProbability)) uncommitted = done
    if (done === 1 || done % every === 0 || done === steps) history.push(moment)
    alarms.push(...searcher.alarms(state, step))
  }
  const final = searcher.final(state)
  const costOverTarget = cost.of(final) / target
  const topProbability = searcher.argmaxProbability(state)
  return {
    final,
    costOverTarget,
    topProbability,
    loss: sumOf(space, losses, final),
    onTargetAt: onTarget(costOverTarget) && offTarget < steps ? offTarget + 1 : null,
    committedAt: isCommitted(topProbability) && uncommitted < steps ? uncommitted + 1 : null,
    history,
    alarms,
  }
}
