/**
 * One update of the policy of REINFORCE: the logits, uphill on the objective of docs/method.md, and the running means
 * that it is made from.
 *
 * Left out: the terms of the gradient (`PolicyGradient.ts`), what is proposed, trained and measured (`Reinforce.ts`).
 */
import { limitPenalty, limitSlope } from "../../reward/LimitPenalty.ts"
import type { BoundReward } from "../../reward/Reward.ts"
import type { Choices } from "../../space/Decision.ts"
import type { Problem } from "../Search.ts"
import { ascend } from "./Adam.ts"
import { addSquares, type Advantages, advantagesOf } from "./Advantage.ts"
import type { InformedPlan } from "./InformedStart.ts"
import { type Policy, policyOf } from "./Policy.ts"
import {
  addDecisionCosts,
  addEntropy,
  addExpectedCost,
  addLogProbability,
  type Gradient,
  throughTemperature,
  zeroGradient,
} from "./PolicyGradient.ts"
import type { ReinforceState } from "./ReinforceState.ts"
import * as RunningMean from "./RunningMean.ts"
import { commitmentAt, costTurn, lateCostWeight, learningRateAt, progressAt } from "./Schedule.ts"
import type { Settings } from "./Settings.ts"
import { meanOf } from "./StepFigures.ts"
import { stopped } from "./Stop.ts"

/** What does not change over a run: the problem, the knobs, and what follows from both. */
export interface ReinforceRun {
  readonly problem: Problem & { readonly reward: BoundReward }
  readonly settings: Settings
  /** The delay ends before this step. */
  readonly firstUpdate: number
  /** The first step whose proposals are measured. */
  readonly firstMeasured: number
  /** After so many steps the policy has decided: it is frozen then, if not before. */
  readonly decided: number
  /** Of a search that starts informed. */
  readonly informed: InformedPlan | undefined
}

/** The proposals of a step with all that is known of each. */
export interface MeasuredProposals {
  readonly proposals: ReadonlyArray<Choices>
  /** Finite; empty where the proposals are all equal, which compares nothing. */
  readonly qualities: ReadonlyArray<number>
  readonly active: ReadonlyArray<Uint8Array>
  /** As many as there are qualities. */
  readonly rewards: ReadonlyArray<number>
}

/** What an update changes of the state, and its metrics. */
export interface PolicyUpdate {
  readonly learned: Pick<
    ReinforceState,
    "logits" | "adam" | "baseline" | "advantageSquares" | "frozen"
  >
  readonly commitment: number
  readonly baseline: number
  readonly advantage: number
}

/** What one update goes by, beside what was measured. */
interface Moment {
  /** Of the policy's steps, 0 to 1. */
  readonly progress: number
  readonly advantages: ReadonlyArray<number>
  readonly commitment: number
  /** For rewards whose cost part depends on the quality: its mean over the proposals, or lately where none was measured. */
  readonly expectedQuality: number
}

/** Adds how the objective depends on the cost, where the cost is no part of the sampled rewards. */
const addCost = (
  gradient: Gradient,
  { problem, settings }: ReinforceRun,
  policy: Policy,
  { proposals, qualities }: MeasuredProposals,
  { expectedQuality, progress }: Pick<Moment, "expectedQuality" | "progress">,
): void => {
  const { cost, reward } = problem
  const { reduce } = settings
  if (progress < costTurn) {
    const slope = reward.costSlope(expectedQuality, cost.expected(policy.probabilities))
    addExpectedCost(gradient, policy, cost, slope, reduce)
    return
  }
  const weight = (reward.turnsAtTarget ? lateCostWeight : 1) / proposals.length
  proposals.forEach((choices, j) => {
    addDecisionCosts(
      gradient,
      policy,
      cost,
      reward,
      qualities[j] ?? expectedQuality,
      choices,
      reduce,
      weight,
    )
  })
}

/**
 * Adds how the penalties of limits depend on the policy: at E[cost] in the first half, for limits of sums; else for each
 * decision on its own, the others as they were drawn.
 */
const addLimits = (
  gradient: Gradient,
  { problem: { limits = [] }, settings: { reduce } }: ReinforceRun,
  policy: Policy,
  { proposals }: MeasuredProposals,
  { progress }: Pick<Moment, "progress">,
): void => {
  const isEarly = progress < costTurn
  for (const limit of limits) {
    const { sum } = limit
    if (isEarly && sum !== undefined) {
      const slope = -limitSlope(limit, sum.expected(policy.probabilities))
      addExpectedCost(gradient, policy, sum, slope, reduce)
      continue
    }
    const weight = (isEarly ? 1 : lateCostWeight) / proposals.length
    const costPart = (_: number, cost: number) => -limitPenalty(limit, cost)
    for (const choices of proposals)
      addDecisionCosts(gradient, policy, limit, { costPart }, 0, choices, reduce, weight)
  }
}

/** The gradient of the objective by the logits. */
const gradientOf = (
  run: ReinforceRun,
  policy: Policy,
  measured: MeasuredProposals,
  moment: Moment,
): Gradient => {
  const { advantages, commitment } = moment
  const { reduce, costGradient, temperature } = run.settings
  const { active, proposals } = measured
  const count = proposals.length
  const gradient = zeroGradient(policy)
  proposals.forEach((choices, j) => {
    addLogProbability(gradient, policy, choices, active[j]!, reduce, advantages[j]! / count)
    addEntropy(gradient, policy, active[j]!, reduce, -commitment / count)
  })
  if (costGradient === "exact") {
    addCost(gradient, run, policy, measured, moment)
    addLimits(gradient, run, policy, measured, moment)
  }
  return throughTemperature(gradient, temperature)
}

/** The advantages of proposals, and the running mean of what they are made from. */
const compare = (
  { baseline: { decay, kind } }: Settings,
  before: RunningMean.RunningMean,
  values: ReadonlyArray<number>,
  count: number,
): Advantages & { readonly baseline: RunningMean.RunningMean } => {
  if (values.length === 0) {
    const same = Array.from({ length: count }, () => RunningMean.valueOf(before))
    return { advantages: same.map(() => 0), baselines: same, baseline: before }
  }
  const baseline = RunningMean.addTo(before, meanOf(values), decay)
  return { ...advantagesOf(values, kind, baseline), baseline }
}

/** One update, after a step whose proposals were measured or are all equal. */
export const updatePolicy = (
  run: ReinforceRun,
  state: ReinforceState,
  step: number,
  measured: MeasuredProposals,
): PolicyUpdate => {
  const { problem, settings } = run
  const policy = policyOf(state.logits, settings.temperature)
  const progress = progressAt(step, run.firstUpdate, run.decided)
  // what advantages are made from
  const values = settings.costGradient === "exact" ? measured.qualities : measured.rewards
  const { baseline, ...compared } = compare(
    settings,
    state.baseline,
    values,
    measured.proposals.length,
  )
  const advantageSquares = addSquares(state.advantageSquares, compared.advantages)
  const deviation = Math.sqrt(RunningMean.valueOf(advantageSquares))
  const decisions = problem.space.decisions.length
  const commitment = commitmentAt(settings.commitment, progress, decisions, deviation)
  const moved = ascend(
    state.logits,
    state.adam,
    gradientOf(run, policy, measured, {
      progress,
      commitment,
      advantages: compared.advantages,
      expectedQuality:
        measured.qualities.length > 0
          ? meanOf(measured.qualities)
          : RunningMean.valueOf(state.baseline),
    }),
    learningRateAt(settings.optimizer, progress),
    settings.optimizer,
  )
  const { logits, frozen } = stopped(problem, settings, moved.values, step)
  return {
    learned: { logits, adam: moved.state, baseline, advantageSquares, frozen },
    commitment,
    baseline: meanOf(compared.baselines),
    advantage: Math.sqrt(meanOf(compared.advantages.map((advantage) => advantage ** 2))),
  }
}
