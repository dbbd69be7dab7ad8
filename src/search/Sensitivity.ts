/**
 * Sensitivity, then a knapsack: the family of HAWQ (arXiv 1905.03696), with the measured increase of loss in the place
 * of the Hessian's trace.
 *
 * For a share of the steps the weights train at the widest assignment. Then, while they go on so, every option of every
 * decision is measured alone, all others at their widest, on the same held-out batch as the widest assignment itself:
 * round after round over all options, so that none has an early network or a kind batch to itself. The summed scores are
 * minus the mean increases; of a format that has fewer bits than the widest, not below 0, for noise that makes it look
 * better would leave the budget unspent. The best assignment on target (`WithinBand.ts`) is frozen, and the remaining
 * steps train it. What it cannot see is what options do together. Left out: searches that learn while they train (`Reinforce.ts`).
 */
import { Schema } from "effect"
import { optional } from "../declaration/Field.ts"
import type { Choices } from "../space/Decision.ts"
import { widestChoices } from "../space/DecisionSpace.ts"
import { chosenOffTarget } from "./policy/Alarms.ts"
import { bandUnder } from "../budget/WithinBudget.ts"
import { type Problem, type Searcher, type SearchKind, unreadReward } from "./Search.ts"
import { normsField, writtenNorms } from "./policy/Settings.ts"
import { meanOf, switchedShare } from "./policy/StepFigures.ts"
import { withinBand } from "../budget/WithinBand.ts"
import { assertRowsOf, type PerOption, zerosLike } from "../space/PerOption.ts"
import { fittedSensitivities } from "../space/LossTable.ts"

export const SensitivitySpec = Schema.Struct({
  kind: Schema.Literal("sensitivity"),
  widest: optional(
    Schema.Finite.check(Schema.isBetween({ minimum: 0.01, maximum: 0.8 })),
    "Share of the steps that train the widest assignment before measuring, 0.01 to 0.8.",
    { default: 0.5 },
  ),
  repeats: optional(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 })),
    "Batches on which each option is measured, 1 to 1000; never more than there are steps to measure in.",
    { default: 4 },
  ),
  ...normsField,
}).annotate({
  identifier: "SensitivitySearch",
  description: "Measures every option alone, then trains the best assignment within target.",
})
export type SensitivitySpec = typeof SensitivitySpec.Type

const resolve = ({ norms, repeats, widest }: SensitivitySpec) => ({
  widest: widest ?? 0.5,
  repeats: repeats ?? 4,
  ...writtenNorms(norms),
})

/** Share of the steps over which the measurements are spread. */
const measuringShare = 0.1
/** An increase of the loss, in nats, that stands for one that is not finite: more than any other adds up to. */
const overflow = 1000

const SensitivityState = Schema.Struct({
  /** Per decision and option: summed increases of the loss over the widest assignment's. */
  sums: Schema.Array(Schema.Array(Schema.Finite)),
  counts: Schema.Array(Schema.Array(Schema.Int)),
  /** What the remaining steps train. */
  chosen: Schema.optionalKey(Schema.Array(Schema.Int)),
  /** What the step before trained; empty before the first. */
  lastTrained: Schema.Array(Schema.Int),
})
type SensitivityState = typeof SensitivityState.Type

interface Candidate {
  readonly decision: number
  readonly option: number
}

/** What decides between formats that lose the same, in nats per bit. */
const perBit = 1e-9

export const makeSensitivity = (
  spec: SensitivitySpec,
  { space, cost, target, steps }: Pick<Problem, "space" | "cost" | "target" | "steps">,
): Searcher<SensitivityState> => {
  const { repeats, widest: share } = resolve(spec)
  const widest = widestChoices(space)
  const candidates: ReadonlyArray<Candidate> = space.decisions.flatMap(({ options }, decision) =>
    options.flatMap((_, option) => (option === widest[decision] ? [] : [{ decision, option }])),
  )
  const first = Math.min(steps - 1, Math.floor(share * steps))
  const end = Math.min(steps, first + Math.max(1, Math.round(measuringShare * steps)))
  // never twice on one batch
  const total = candidates.length * Math.min(repeats, end - first)
  const perStep = Math.ceil(total / (end - first))

  /** The options measured at a step: the next ones in the round of all. */
  const measuredAt = (step: number): ReadonlyArray<Candidate> => {
    if (step < first || step >= end) return []
    const from = (step - first) * perStep
    const count = Math.max(0, Math.min(perStep, total - from))
    return Array.from({ length: count }, (_, i) => candidates[(from + i) % candidates.length]!)
  }

  const increasesOf = ({ counts, sums }: SensitivityState): PerOption =>
    sums.map((row, i) => row.map((sum, k) => sum / Math.max(1, counts[i]![k]!)))

  const scoresOf = (state: SensitivityState): PerOption =>
    increasesOf(state).map((increases, i) =>
      increases.map((increase, k) => {
        const decision = space.decisions[i]!
        if (decision.role !== "format") return -increase
        const { sizes } = decision
        const isNarrower = sizes[k]! < sizes[widest[i]!]!
        return perBit * sizes[k]! - (isNarrower ? Math.max(0, increase) : increase)
      }),
    )

  const final = (state: SensitivityState): Choices =>
    // a target that nobody meets is refused before training, but for the rounding of one that only the cheapest meets
    state.chosen ??
    withinBand(space, cost, scoresOf(state), bandUnder(target)) ??
    cost.range().minChoices

  const add = (
    state: SensitivityState,
    measured: ReadonlyArray<Candidate>,
    [reference, ...qualities]: ReadonlyArray<number>,
  ): SensitivityState => {
    // a widest assignment that overflows compares with nothing
    if (reference === undefined || !Number.isFinite(reference)) return state
    const sums = state.sums.map((row) => [...row])
    const counts = state.counts.map((row) => [...row])
    measured.forEach(({ decision, option }, j) => {
      const increase = reference - qualities[j]!
      sums[decision]![option]! += Number.isFinite(increase) ? increase : overflow
      counts[decision]![option]! += 1
    })
    return { ...state, sums, counts }
  }

  return {
    stateSchema: SensitivityState,
    init: () => ({ sums: zerosLike(space), counts: zerosLike(space), lastTrained: [] }),
    restore: (saved) => {
      const state = Schema.decodeUnknownSync(SensitivityState)(saved)
      assertRowsOf(space, state.sums)
      return state
    },
    propose: (state, step) => {
      const train = state.chosen ?? widest
      const alone = measuredAt(step).map(({ decision, option }) => widest.with(decision, option))
      return { state, proposals: [train, ...alone], train }
    },
    needsQuality: (_, step) => measuredAt(step).length > 0,
    update: (state, step, { proposals, qualities }) => {
      const trained = proposals[0]!
      const counted = add(state, measuredAt(step), qualities)
      const next: SensitivityState = {
        ...counted,
        lastTrained: trained,
        ...(step + 1 >= end ? { chosen: final(counted) } : {}),
      }
      const spent = cost.of(trained)
      const isChosen = next.chosen !== undefined
      const metrics = {
        // the reward is not followed, and the loss not its quality
        reward: Number.NaN,
        quality: meanOf(qualities.filter(Number.isFinite)),
        cost: spent,
        baseline: Number.NaN,
        advantage: Number.NaN,
        // the widest assignment is trained, not decided for
        entropy: isChosen ? 0 : Number.NaN,
        commitment: 0,
        switching: switchedShare(space, state.lastTrained, trained),
        argmaxProbability: isChosen ? 1 : Number.NaN,
        expectedCost: cost.of(next.chosen ?? trained),
        modeAgreement: isChosen ? 1 : Number.NaN,
        frozen: isChosen,
      }
      return { state: next, metrics }
    },
    final,
    sensitivities: (state) => fittedSensitivities(space, increasesOf(state)),
    argmaxProbability: () => 1,
    probabilities: (state) =>
      space.decisions.map(({ options }, i) =>
        options.map((_, k) => Number(k === (state.chosen ?? widest)[i])),
      ),
    alarms: (state, step) =>
      step + 1 === end && state.chosen !== undefined
        ? chosenOffTarget(cost.of(state.chosen) / target)
        : [],
  }
}

export const Sensitivity = {
  kind: "sensitivity",
  spec: SensitivitySpec,
  make: makeSensitivity,
  resolved: (spec) => ({ kind: "sensitivity", ...resolve(spec) }),
  unread: () => [
    ...unreadReward("kind", "beta"),
    { path: ["reward", "quality"], harmless: ["heldOutAccuracy", "heldOutLoss"] },
  ],
  quality: "heldOutLoss",
} as const satisfies SearchKind<SensitivitySpec>
