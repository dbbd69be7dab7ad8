/**
 * Sensitivity, then a knapsack: the family of HAWQ (arXiv 1905.03696), with the measured increase of loss in the place
 * of the Hessian's trace.
 *
 * For a share of the steps the weights train at the widest assignment. Then, while they go on so, every option of every
 * decision is measured alone (`policy/OptionsAlone.ts`). The best assignment on target (`WithinBand.ts`) by the summed
 * scores is frozen, and the remaining steps train it. Interactions between options are not seen. Left out: searches
 * that learn while they train (`Reinforce.ts`).
 */
import { Schema } from "effect"
import { optional } from "../declaration/Field.ts"
import type { Choices } from "../space/Decision.ts"
import { chosenOffTarget } from "./policy/Alarms.ts"
import { bandUnder } from "../budget/WithinBudget.ts"
import { normsField, writtenNorms } from "./policy/CommonKnobs.ts"
import {
  addIncreases,
  assignmentsOf,
  increaseFields,
  increasesOf,
  loneOptionsAt,
  type LonePlan,
  meanIncreases,
  noIncreases,
  planLone,
  scoresOf,
} from "./policy/OptionsAlone.ts"
import { meanIfAny } from "./policy/StepFigures.ts"
import { withSwitching } from "./policy/Switching.ts"
import {
  type Measured,
  type Problem,
  type Searcher,
  type SearchKind,
  unreadReward,
} from "./Search.ts"
import { bestWithin } from "../budget/WithinTarget.ts"
import { assertRowsOf } from "../space/PerOption.ts"
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
const SensitivityState = Schema.Struct({
  ...increaseFields,
  /** What the remaining steps train. */
  chosen: Schema.optionalKey(Schema.Array(Schema.Int)),
  /** The first proposal of the step before, which it trained; empty before the first. */
  lastTrained: Schema.Array(Schema.Int),
})
type SensitivityState = typeof SensitivityState.Type

/** What does not change over a run. */
interface SensitivityRun {
  readonly problem: Pick<Problem, "space" | "cost" | "target" | "limits" | "steps">
  readonly plan: LonePlan
}

const runOf = (spec: SensitivitySpec, problem: SensitivityRun["problem"]): SensitivityRun => {
  const { repeats, widest } = resolve(spec)
  const { space, steps } = problem
  const first = Math.min(steps - 1, Math.floor(widest * steps))
  const end = Math.min(steps, first + Math.max(1, Math.round(measuringShare * steps)))
  return { problem, plan: planLone(space, { first, end, repeats }) }
}

const finalOf = ({ problem }: SensitivityRun, state: SensitivityState): Choices => {
  const { space, cost, limits, target } = problem
  return (
    state.chosen ??
    bestWithin(space, cost, scoresOf(space, meanIncreases(state)), bandUnder(target), limits)
  )
}

const update = (
  run: SensitivityRun,
  state: SensitivityState,
  step: number,
  { proposals, qualities }: Measured,
) => {
  const { cost } = run.problem
  const trained = proposals[0]!
  const found = increasesOf(loneOptionsAt(run.plan, step), qualities)
  const counted = { ...state, ...addIncreases(state, found) }
  const next: SensitivityState = {
    ...counted,
    lastTrained: trained,
    ...(step + 1 >= run.plan.end ? { chosen: finalOf(run, counted) } : {}),
  }
  const isChosen = next.chosen !== undefined
  const metrics = {
    // the reward is not followed, and the loss not its quality
    quality: meanIfAny(qualities.filter(Number.isFinite)),
    cost: cost.of(trained),
    // the widest assignment is trained, not decided for
    entropy: isChosen ? 0 : undefined,
    commitment: 0,
    argmaxProbability: isChosen ? 1 : undefined,
    expectedCost: cost.of(next.chosen ?? trained),
    modeAgreement: isChosen ? 1 : undefined,
    frozen: isChosen,
  }
  return { state: next, metrics }
}

export const makeSensitivity = (
  spec: SensitivitySpec,
  problem: Pick<Problem, "space" | "cost" | "target" | "limits" | "steps">,
): Searcher<SensitivityState> => {
  const run = runOf(spec, problem)
  const { plan } = run
  const { space, cost, target } = problem
  return withSwitching(space, {
    stateSchema: SensitivityState,
    init: () => ({ ...noIncreases(space), lastTrained: [] }),
    restore: (saved) => {
      const state = Schema.decodeUnknownSync(SensitivityState)(saved)
      assertRowsOf(space, state.sums)
      return state
    },
    propose: (state, step) => {
      const train = state.chosen ?? plan.widest
      return { state, proposals: [train, ...assignmentsOf(plan, loneOptionsAt(plan, step))], train }
    },
    needsQuality: (_, step) => loneOptionsAt(plan, step).length > 0,
    update: (state, step, measured) => update(run, state, step, measured),
    drawn: ({ lastTrained }) => lastTrained,
    final: (state) => finalOf(run, state),
    sensitivities: (state) => fittedSensitivities(space, meanIncreases(state)),
    argmaxProbability: () => 1,
    probabilities: (state) =>
      space.decisions.map(({ options }, i) =>
        options.map((_, k) => Number(k === (state.chosen ?? plan.widest)[i])),
      ),
    alarms: (state, step) =>
      step + 1 === plan.end && state.chosen !== undefined
        ? chosenOffTarget(cost.of(state.chosen) / target)
        : [],
  })
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
