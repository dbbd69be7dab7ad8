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

/** Which steps measure, and what. They are counted by whoever asks: from the start of the run, or among measured steps. */
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

const roundOf = (space: DecisionSpace): ReadonlyArray<LoneOption> =>
  space.decisions.flatMap((decision, i) =>
    decision.options.flatMap((_, option) =>
      option === widest(decision) ? [] : [{ decision: i, option }],
    ),
  )

/** How many options are not the widest of their decision. */
export const countOptions = (space: DecisionSpace): number => roundOf(space).length

/** Measures each option `repeats` times between two steps, never twice on one batch. */
export const planLone = (
  space: DecisionSpace,
  {
    end,
    first,
    repeats,
  }: { readonly first: number; readonly end: number; readonly repeats: number },
): LonePlan => {
  const round = roundOf(space)
  const total = round.length * Math.min(repeats, end - first)
  const perStep = Math.ceil(total / Math.max(1, end - first))
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

/** What is measured after the widest assignment: it with each of these options in turn. */
export const assignmentsOf = (
  { widest }: LonePlan,
  options: ReadonlyArray<LoneOption>,
): ReadonlyArray<Choices> => options.map(({ decision, option }) => widest.with(decision, option))

/** How much one option lost at a step. */
export interface Increase extends LoneOption {
  readonly increase: number
}

/** An increase of the loss, in nats, that stands for one that is not finite: more than any other adds up to. */
const overflow = 1000

/**
 * What a step measured: the quality of the widest assignment, then one of each lone option. None where the widest
 * assignment overflows, for that compares with nothing.
 */
export const increasesOf = (
  measured: ReadonlyArray<LoneOption>,
  [reference, ...qualities]: ReadonlyArray<number>,
  most = Infinity,
): ReadonlyArray<Increase> =>
  reference === undefined || !Number.isFinite(reference)
    ? []
    : measured.map((option, j) => {
        const increase = reference - qualities[j]!
        return {
          ...option,
          increase: Math.min(most, Number.isFinite(increase) ? increase : overflow),
        }
      })

export const addIncreases = (
  { counts, sums }: Increases,
  increases: ReadonlyArray<Increase>,
): Increases => {
  const nextSums = sums.map((row) => [...row])
  const nextCounts = counts.map((row) => [...row])
  increases.forEach(({ decision, increase, option }) => {
    nextSums[decision]![option]! += increase
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
