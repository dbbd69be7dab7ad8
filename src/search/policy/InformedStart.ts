/**
 * The measurements of a search that starts informed (`prior: sensitivity`), and the logits that they become.
 *
 * In the second half of the delay every other measured step measures options alone (`OptionsAlone.ts`); the steps in
 * between measure what was drawn, as always. Both say how much an option loses: alone, with all others at their widest;
 * and on average over the draws, which includes what it does together with others and needs few measurements where
 * decisions are many. At the delay's end the mean of both, each weighted by the inverse of its variance, becomes logits
 * (`Prior.ts`); where both disagree by more than noise, what was measured alone counts less. The less these means stand
 * out of their noise, the less certain the policy is made: pure noise leaves all the entropy that the target allows. Left
 * out: the steps themselves (`Reinforce.ts`).
 */
import { Schema } from "effect"
import type { BoundReward } from "../../reward/Reward.ts"
import type { Problem } from "../Search.ts"
import type { DecisionSpace } from "../../space/Decision.ts"
import { widest } from "../../space/DecisionSpace.ts"
import { type PerOption, zerosLike } from "../../space/PerOption.ts"
import {
  addIncreases,
  countOptions,
  increaseFields,
  increasesOf,
  type LoneOption,
  loneOptionsAt,
  type LonePlan,
  noIncreases,
  planLone,
  scoresOf,
} from "./OptionsAlone.ts"
import { priorLogits } from "./Prior.ts"
import { delaySteps } from "./Schedule.ts"
import type { Settings } from "./Settings.ts"
import type { Signal } from "./Signal.ts"

export const InformedState = Schema.Struct({
  ...increaseFields,
  /** Per decision and option: summed squares of the increases. */
  squares: Schema.Array(Schema.Array(Schema.Finite)),
})
export type InformedState = typeof InformedState.Type

export const noInformation = (space: DecisionSpace): InformedState => ({
  ...noIncreases(space),
  squares: zerosLike(space),
})

/** Which steps measure options alone. */
export interface InformedPlan {
  /** Over these steps alone, counted from 0. */
  readonly lone: LonePlan
  /** How many there are. */
  readonly count: number
  /** The delay ends before this step. */
  readonly end: number
  readonly measureEvery: number
}

/** As many whole rounds as fit beside the other steps, with as many passes in one; one round at least. */
export const planInformed = (
  { space, steps }: Pick<Problem, "space" | "steps">,
  { delay, measureEvery, proposals }: Pick<Settings, "delay" | "measureEvery" | "proposals">,
): InformedPlan => {
  const end = delaySteps(steps, delay)
  const measured = Math.floor((end - Math.floor(end / 2)) / measureEvery)
  const count = Math.ceil(measured / 2)
  const passes = count * Math.max(1, proposals - 1)
  const repeats = Math.max(1, Math.floor(passes / Math.max(1, countOptions(space))))
  return { lone: planLone(space, { first: 0, end: count, repeats }), count, end, measureEvery }
}

/** The options that a step measures alone; none at most steps. */
export const informingAt = (
  { count, end, lone, measureEvery }: InformedPlan,
  step: number,
): ReadonlyArray<LoneOption> => {
  const measuredLeft = (end - step) / measureEvery
  if (measuredLeft <= 0 || !Number.isInteger((measuredLeft - 1) / 2)) return []
  return loneOptionsAt(lone, count - 1 - (measuredLeft - 1) / 2)
}

/** An increase beyond which a network is as good as lost, in nats. */
const most = 10

export const addInformation = (
  state: InformedState,
  measured: ReadonlyArray<LoneOption>,
  qualities: ReadonlyArray<number>,
): InformedState => {
  const increases = increasesOf(measured, qualities, most)
  return {
    ...addIncreases(state, increases),
    squares: addIncreases(
      { sums: state.squares, counts: state.counts },
      increases.map((found) => ({ ...found, increase: found.increase ** 2 })),
    ).sums,
  }
}

/** How much an option loses over the widest of its decision, and the variance of that by noise. */
interface Estimate {
  readonly increase: number
  readonly variance: number
}

/** Nothing known. */
const unknown: Estimate = { increase: 0, variance: Infinity }

/** By the measurements of options alone. Noise is how those of one option differ; all of it where none was measured twice. */
const byAlone = ({
  counts,
  squares,
  sums,
}: InformedState): ReadonlyArray<ReadonlyArray<Estimate>> => {
  let within = 0
  let freedom = 0
  sums.forEach((row, i) =>
    row.forEach((sum, k) => {
      const n = counts[i]![k]!
      if (n === 0) return
      within += squares[i]![k]! - sum ** 2 / n
      freedom += n - 1
    }),
  )
  const meanSquare = squares.flat().reduce((a, b) => a + b, 0) / Math.max(1, sumOver(counts))
  const noise = freedom > 0 ? within / freedom : meanSquare
  return sums.map((row, i) =>
    row.map((sum, k) => {
      const n = counts[i]![k]!
      return n === 0 ? unknown : { increase: sum / n, variance: noise / n }
    }),
  )
}

/** By what was drawn: the mean quality of the proposals that took the widest option less that of those which took this one. */
const byDrawn = (
  { decisions }: DecisionSpace,
  { count, counts, squares, sums }: Signal,
): ReadonlyArray<ReadonlyArray<Estimate>> => {
  const noise = squares / Math.max(1, count)
  return decisions.map((decision, i) => {
    const top = widest(decision)
    return decision.options.map((_, k) => {
      const [n, ofWidest] = [counts[i]![k]!, counts[i]![top]!]
      if (n === 0 || ofWidest === 0 || k === top) return unknown
      return {
        increase: sums[i]![top]! / ofWidest - sums[i]![k]! / n,
        variance: noise * (1 / n + 1 / ofWidest),
      }
    })
  })
}

const sumOver = (rows: PerOption): number => rows.flat().reduce((a, b) => a + b, 0)

/** Least variance, for measurements without noise. */
const tiny = 1e-12

const known = ({ variance }: Estimate): boolean => variance < Infinity

/** The mean square by which two estimates of the same options differ, beyond their noise: what options do together. */
const disagreement = (
  pairs: ReadonlyArray<readonly [alone: Estimate, drawn: Estimate]>,
): number => {
  const both = pairs.filter(([alone, drawn]) => known(alone) && known(drawn))
  const beyond = both.map(
    ([alone, drawn]) => (alone.increase - drawn.increase) ** 2 - alone.variance - drawn.variance,
  )
  return Math.max(0, beyond.reduce((a, b) => a + b, 0) / Math.max(1, both.length))
}

/**
 * The mean of both estimates, each by the inverse of its variance. The disagreement counts as variance of what was
 * measured alone: the draws are nearer to what the policy will propose.
 */
const combined = (alone: Estimate, drawn: Estimate, disagreement: number): Estimate => {
  if (!known(alone)) return drawn
  if (!known(drawn)) return alone
  const u = 1 / Math.max(alone.variance + disagreement, tiny)
  const v = 1 / Math.max(drawn.variance, tiny)
  return { increase: (u * alone.increase + v * drawn.increase) / (u + v), variance: 1 / (u + v) }
}

/** How much of the mean square of the increases is no noise, 0 to 1. */
const reliabilityOf = (estimates: ReadonlyArray<Estimate>): number => {
  const measured = estimates.filter(known)
  const total = measured.reduce((sum, { increase }) => sum + increase ** 2, 0)
  const noise = measured.reduce((sum, { variance }) => sum + variance, 0)
  return total === 0 ? 0 : Math.max(0, 1 - noise / total)
}

/** What the policy starts from, by all that the delay measured. */
export const informedLogits = (
  problem: Problem & { readonly reward: BoundReward },
  { priorEntropy = 1, temperature }: Pick<Settings, "priorEntropy" | "temperature">,
  alone: InformedState,
  signal: Signal,
): PerOption => {
  const drawn = byDrawn(problem.space, signal)
  const pairs = byAlone(alone).map((row, i) => row.map((one, k) => [one, drawn[i]![k]!] as const))
  const together = disagreement(pairs.flat())
  const estimates = pairs.map((row) => row.map(([one, other]) => combined(one, other, together)))
  const increases = estimates.map((row) => row.map(({ increase }) => increase))
  const entropyShare = 1 - reliabilityOf(estimates.flat()) * (1 - priorEntropy)
  const scores = scoresOf(problem.space, increases)
  const logits = priorLogits(problem, scores, entropyShare, problem.reward.punishesBelow)
  return logits.map((row) => row.map((value) => temperature * value))
}
