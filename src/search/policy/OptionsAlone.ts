/**
 * How much quality every option of every decision loses alone, all other decisions at their widest: measured beside the
 * widest assignment on the same batch, in rounds over all options, so that none has an early network or a kind batch to
 * itself.
 *
 * In here: which options a step measures, the running sums, the mean increases and the scores they make. Left out: what is
 * done with them (`Sensitivity.ts`). Interactions between options cannot be seen this way.
 */
import { Schema } from "effect"
import type { Choices, DecisionSpace } from "../../space/Decision.ts"
import { widest, widestChoices } from "../../space/DecisionSpace.ts"
import { type PerOption, zerosLike } from "../../space/PerOption.ts"

/** Per decision and option: summed increases of the loss over the widest assignment's, and how many there are. */
export const increaseFields = {
  sums: Schema.Array(Schema.Array(Schema.Finite)),
  counts: Schema.Array(Schema.Array(Schema.Int)),
}
const Increases = Schema.Struct(increaseFields)
export type Increases = typeof Increases.Type

export const noIncreases = (space: DecisionSpace): Increases => ({
  sums: zerosLike(space),
  counts: zerosLike(space),
})

/** An option that takes the place of its decision's widest. */
export interface LoneOption {
  readonly decision: number
  readonly option: number
}

/** The steps that measure, and what. */
export interface LonePlan {
  readonly widest: Choices
  /** A round: every option that is not the widest. */
  readonly round: ReadonlyArray<LoneOption>
  /** The first step that measures, and the first that no longer does. */
  readonly first: number
  readonly end: number
  /** Measurements of one step, beside that of the widest assignment. */
  readonly perStep: number
  /** Measurements in all. */
  readonly total: number
}

/** Measures each option `repeats` times between two steps, never twice on one batch. */
export const planLone = (
  space: DecisionSpace,
  {
    end,
    first,
    repeats,
  }: { readonly first: number; readonly end: number; readonly repeats: number },
): LonePlan => {
  const round = space.decisions.flatMap((decision, i) =>
    decision.options.flatMap((_, option) =>
      option === widest(decision) ? [] : [{ decision: i, option }],
    ),
  )
  const total = round.length * Math.min(repeats, end - first)
  const perStep = Math.ceil(total / (end - first))
  return { widest: widestChoices(space), round, first, end, perStep, total }
}

/** The options measured at a step: the next ones in the round of all. */
export const loneOptionsAt = (
  { end, first, perStep, round, total }: LonePlan,
  step: number,
): ReadonlyArray<LoneOption> => {
  if (step < first || step >= end) return []
  const from = (step - first) * perStep
  const count = Math.max(0, Math.min(perStep, total - from))
  return Array.from({ length: count }, (_, i) => round[(from + i) % round.length]!)
}

/** The assignments that a step measures after the widest one. */
export const loneAssignmentsAt = (plan: LonePlan, step: number): ReadonlyArray<Choices> =>
  loneOptionsAt(plan, step).map(({ decision, option }) => plan.widest.with(decision, option))

/** An increase of the loss, in nats, that stands for one that is not finite: more than any other adds up to. */
const overflow = 1000

/** The sums with what a step measured: the quality of the widest assignment, then one of each lone option. */
export const addIncreases = (
  { counts, sums }: Increases,
  measured: ReadonlyArray<LoneOption>,
  [reference, ...qualities]: ReadonlyArray<number>,
): Increases => {
  // a widest assignment that overflows compares with nothing
  if (reference === undefined || !Number.isFinite(reference)) return { sums, counts }
  const nextSums = sums.map((row) => [...row])
  const nextCounts = counts.map((row) => [...row])
  measured.forEach(({ decision, option }, j) => {
    const increase = reference - qualities[j]!
    nextSums[decision]![option]! += Number.isFinite(increase) ? increase : overflow
    nextCounts[decision]![option]! += 1
  })
  return { sums: nextSums, counts: nextCounts }
}

/** Mean increase of the loss per decision and option; 0 for the widest and for what was not measured. */
export const meanIncreases = ({ counts, sums }: Increases): PerOption =>
  sums.map((row, i) => row.map((sum, k) => sum / Math.max(1, counts[i]![k]!)))

/** What decides between formats that lose the same, in nats per bit. */
const perBit = 1e-9

/**
 * Minus the mean increases. A format that has fewer bits than the widest loses at least nothing: noise that makes it
 * look better would leave the budget unspent.
 */
export const scoresOf = (space: DecisionSpace, increases: PerOption): PerOption =>
  increases.map((row, i) => {
    const decision = space.decisions[i]!
    const most = decision.sizes[widest(decision)]!
    return row.map((increase, k) => {
      if (decision.role !== "format") return -increase
      const size = decision.sizes[k]!
      return perBit * size - (size < most ? Math.max(0, increase) : increase)
    })
  })
