/**
 * REINFORCE over independent categoricals with a rising commitment (FLIQS, arXiv 2308.03290; TuNAS, arXiv 2008.06120).
 *
 * A step: draw `proposals` assignments; train the weights under the first, its unsettled formats at their widest
 * (`policy/SettledOptions.ts`); measure the quality of each; then climb
 *
 *     advantage * reduce(log p)  -  commitment * reduce(H)  +  the reward's dependence on the cost
 *
 * by Adam on the logits. Where we differ from the parents (`costGradient: exact`): the cost is no part of the sampled
 * reward, for it is known without sampling. In the first half of the policy's steps its gradient is that of the reward
 * at E[cost]. In the second half it is that of each decision's own expectation, with the others as sampled, which also
 * sees the turn at the target; there it weighs four times as much, to land on target while the policy commits (but not
 * for a reward that trades cost smoothly: that would be another reward).
 *
 * When the policy is all but certain, or has no steps left (`decideBy`), it is frozen, and the remaining steps train its
 * final assignment. With a hard budget that is the most probable one within target, chosen then or at 90 % of its steps:
 * late, so that the policy has moved as far as it will, and early enough to train what the budget changed. Left out: the
 * knobs (`policy/ReinforceSpec.ts`, `policy/Settings.ts`), the update (`policy/PolicyUpdate.ts`), the schedules, the
 * alarms.
 */
import { bandUnder, onTarget, withinBudget } from "../budget/WithinBudget.ts"
import { bestWithin, cheapestWithin } from "../budget/WithinTarget.ts"
import { holds } from "../cost/LimitKinds.ts"
import { penaltyOf } from "../reward/LimitPenalty.ts"
import type { BoundReward } from "../reward/Reward.ts"
import type { Choices } from "../space/Decision.ts"
import { activity } from "../space/DecisionSpace.ts"
import { fromState } from "../space/RandomStream.ts"
import { alarmsAt, isAlarmStep } from "./policy/Alarms.ts"
import { drawInDelay } from "./policy/Delay.ts"
import { addSample, isInLastSteps, meanDeviation, modeAgreement } from "./policy/LastSamples.ts"
import {
  addInformation,
  informedLogits,
  informingAt,
  planInformed,
} from "./policy/InformedStart.ts"
import { assignmentsOf } from "./policy/OptionsAlone.ts"
import { mostProbable, type Policy, policyOf, sample, summarise } from "./policy/Policy.ts"
import { type MeasuredProposals, type ReinforceRun, updatePolicy } from "./policy/PolicyUpdate.ts"
import { ReinforceSpec } from "./policy/ReinforceSpec.ts"
import { initState, ReinforceState, restoreState } from "./policy/ReinforceState.ts"
import { decidedSteps, delaySteps } from "./policy/Schedule.ts"
import {
  budgetAt,
  resolve,
  type Settings,
  settingsProblems,
  unreadKnobs,
  withoutFormer,
  withUsual,
} from "./policy/Settings.ts"
import { withSettledArchitecture, withSettledFormats } from "./policy/SettledOptions.ts"
import { frozenLogits } from "./policy/Stop.ts"
import { addSignal, zOf } from "./policy/Signal.ts"
import { finiteQualities, meanIfAny, meanOf } from "./policy/StepFigures.ts"
import { withSwitching } from "./policy/Switching.ts"
import { withWideStart } from "./policy/WideStart.ts"
import type { Alarm, Measured, Problem, Proposed, Searcher, SearchKind } from "./Search.ts"

const runOf = (
  settings: Settings,
  problem: Problem & { readonly reward: BoundReward },
): ReinforceRun => {
  const firstUpdate = delaySteps(problem.steps, settings.delay)
  // Half of the delay says enough about the signal; its first half is mostly the widest assignment.
  const isEarly = settings.proposals >= 4 || settings.prior !== undefined
  const firstMeasured = isEarly ? Math.floor(firstUpdate / 2) : firstUpdate
  const informed = settings.prior === undefined ? undefined : planInformed(problem, settings)
  const decided = decidedSteps(problem.steps, settings.decideBy)
  return { problem, settings, firstUpdate, firstMeasured, decided, informed }
}

const policyIn = ({ settings }: ReinforceRun, { logits }: ReinforceState): Policy =>
  policyOf(logits, settings.temperature)

/** The most probable assignment within target and limits. */
const withinTarget = ({ problem }: ReinforceRun, policy: Policy): Choices => {
  const { space, cost, limits = [], target } = problem
  const scores = policy.logProbabilities.map((row) => Array.from(row))
  return withinBudget(space, cost, scores, target, limits) ?? cheapestWithin(space, cost, limits)
}

/** The most probable assignment; if it is above a limit, the most probable one on target within all. */
const withinAllLimits = ({ problem }: ReinforceRun, policy: Policy): Choices => {
  const { space, cost, limits = [], reward, target } = problem
  const top = mostProbable(policy)
  if (holds(limits, top)) return top
  const scores = policy.logProbabilities.map((row) => Array.from(row))
  const { high, low } = { ...bandUnder(target), high: (1 + onTarget) * target }
  const band = { low: reward.punishesBelow ? low : -Infinity, high }
  return bestWithin(space, cost, scores, band, limits)
}

const isHard = ({ settings }: ReinforceRun): boolean => settings.budget === "hard"

/** Whether the end is chosen beside the policy, which may be certain of what is not allowed. */
const isBounded = (run: ReinforceRun): boolean =>
  isHard(run) || (run.problem.limits ?? []).length > 0

const chosenBy = (run: ReinforceRun, policy: Policy): Choices =>
  isHard(run) ? withinTarget(run, policy) : withinAllLimits(run, policy)

const finalOf = (run: ReinforceRun, state: ReinforceState): Choices =>
  state.chosen ?? chosenBy(run, policyIn(run, state))

/** The assignment that metrics and alarms describe a policy by: what is frozen, else the most probable one. */
const topOf = (state: ReinforceState, policy: Policy): Choices =>
  state.chosen ?? mostProbable(policy)

/** Freezes a policy that has no steps left; with a budget what that allows, a little earlier or once it is frozen. */
const withDecision = (run: ReinforceRun, state: ReinforceState, step: number): ReinforceState => {
  const { decided, problem, settings } = run
  const done = step + 1
  if (isBounded(run)) {
    // limits alone have no need to choose before the policy's last step, if any steps are left then to train
    const due = isHard(run) || decided === problem.steps ? budgetAt * decided : decided
    if (state.chosen !== undefined || (!state.frozen && done < due)) return state
    const logits =
      isHard(run) || state.frozen ? state.logits : frozenLogits(problem, settings, state.logits)
    const settled = { ...state, frozen: true, logits }
    return { ...settled, chosen: chosenBy(run, policyIn(run, settled)) }
  }
  return state.frozen || done < decided || decided === problem.steps
    ? state
    : { ...state, frozen: true, logits: frozenLogits(problem, settings, state.logits) }
}

const propose = (
  run: ReinforceRun,
  state: ReinforceState,
  step: number,
): Proposed<ReinforceState> => {
  const { firstUpdate, problem, settings } = run
  const { space } = problem
  if (state.frozen) {
    const train = finalOf(run, state)
    return { state, proposals: [train], train }
  }
  const random = fromState(state.random)
  const policy = policyIn(run, state)
  const drawn = Array.from({ length: settings.proposals }, (_, j) =>
    step < firstUpdate
      ? drawInDelay(space, settings.delaySampling, random, step, firstUpdate, j)
      : sample(policy, random),
  )
  const settled =
    settings.trainFormats === "settled"
      ? withSettledFormats(space, policy, drawn[0]!, random)
      : drawn[0]!
  const train =
    settings.trainArchitecture === "settled"
      ? withSettledArchitecture(space, policy, settled, random)
      : settled
  const next = { ...state, random: random.state() }
  // options that are measured alone take the place of what was drawn, which is trained all the same
  const alone = run.informed === undefined ? [] : informingAt(run.informed, step)
  if (alone.length === 0) return { state: next, proposals: drawn, train }
  const { lone } = run.informed!
  const proposals = [lone.widest, ...assignmentsOf(lone, alone)]
  return { state: next, proposals, train }
}

/** Whether the proposals of a step are measured, were they drawn or are options alone. */
const isMeasuredAt = (
  { firstMeasured, firstUpdate, informed, settings }: ReinforceRun,
  { frozen }: ReinforceState,
  step: number,
): boolean => {
  if (frozen) return false
  if (informed !== undefined && informingAt(informed, step).length > 0) return true
  return step >= firstMeasured && (firstUpdate - step) % settings.measureEvery === 0
}

/** Equal proposals, which are most once the policy commits, have advantages of 0 whatever their quality. */
const comparesNothing = (
  { firstUpdate, settings }: ReinforceRun,
  step: number,
  proposals: ReadonlyArray<Choices>,
): boolean =>
  settings.baseline.kind === "leaveOneOut" &&
  step >= firstUpdate &&
  proposals.length > 1 &&
  proposals.every((choices) => choices.every((k, i) => k === proposals[0]![i]))

/** The state after a step of the delay; at its end, with the logits of a search that starts informed. */
const afterDelayed = (
  { firstUpdate, informed, problem, settings }: ReinforceRun,
  state: ReinforceState,
  step: number,
  { active, proposals, qualities }: MeasuredProposals,
  given: ReadonlyArray<number>,
): ReinforceState => {
  if (step >= firstUpdate) return state
  const options = informed === undefined ? [] : informingAt(informed, step)
  const isSignal = options.length === 0 && qualities.length > 0
  const signal = isSignal ? addSignal(state.signal, proposals, active, qualities) : state.signal
  if (informed === undefined || state.alone === undefined) return { ...state, signal }
  const alone = addInformation(state.alone, options, given)
  const isLast = step + 1 === firstUpdate
  const logits = isLast ? informedLogits(problem, settings, alone, signal) : state.logits
  return { ...state, signal, alone, logits }
}

/** The last samples with those of this step, where it is one of the last. */
const withLastSamples = (
  { decided, problem }: ReinforceRun,
  state: ReinforceState,
  step: number,
  { active, proposals }: MeasuredProposals,
  costs: ReadonlyArray<number>,
): ReinforceState["ending"] => {
  const { reward, target } = problem
  if (!isInLastSteps(step, decided)) return state.ending
  // a cost below the target that the reward does not punish counts as on target
  const ratioOf = (spent: number): number =>
    reward.punishesBelow ? spent / target : Math.max(1, spent / target)
  return proposals.reduce(
    (sum, choices, j) => addSample(sum, choices, active[j]!, ratioOf(costs[j]!)),
    state.ending,
  )
}

const update = (run: ReinforceRun, state: ReinforceState, step: number, given: Measured) => {
  const { firstUpdate, problem } = run
  const { space, cost, limits = [], reward } = problem
  const { proposals } = given
  const isEqual = comparesNothing(run, step, proposals)
  const updates = step >= firstUpdate && isMeasuredAt(run, state, step)
  if (updates && !isEqual && given.qualities.length !== proposals.length)
    throw new Error(`step ${step} needs the quality of its ${proposals.length} proposals`)

  const qualities = isEqual ? [] : finiteQualities(given.qualities)
  const costs = proposals.map(cost.of)
  const rewards = qualities.map(
    (quality, j) => reward.of(quality, costs[j]!) - penaltyOf(limits, proposals[j]!),
  )
  const active = proposals.map((choices) => activity(space, choices))
  const measured: MeasuredProposals = { proposals, qualities, active, rewards }
  // Nothing to compare when no quality is finite: the policy stays as it is.
  const updated =
    updates && (isEqual || qualities.length > 0)
      ? updatePolicy(run, state, step, measured)
      : undefined
  const learned: ReinforceState = {
    ...afterDelayed(run, state, step, measured, given.qualities),
    ...updated?.learned,
    lastDrawn: proposals[0]!,
    ending: withLastSamples(run, state, step, measured, costs),
  }
  const next = withDecision(run, learned, step)

  const policy = policyIn(run, next)
  const top = topOf(next, policy)
  const { entropy, topProbability } = summarise(space, policy, top)
  const metrics = {
    reward: meanIfAny(rewards),
    quality: meanIfAny(qualities),
    cost: meanOf(costs),
    baseline: updated?.baseline,
    advantage: updated?.advantage,
    entropy,
    commitment: updated?.commitment ?? 0,
    argmaxProbability: topProbability,
    expectedCost: cost.expected(policy.probabilities),
    modeAgreement: modeAgreement(space, next.ending, top),
    frozen: next.frozen,
  }
  return { state: next, metrics }
}

const alarms = (run: ReinforceRun, state: ReinforceState, step: number): ReadonlyArray<Alarm> => {
  const { decided, firstUpdate, problem, settings } = run
  const { space } = problem
  const fixed = { steps: decided, delayEnd: firstUpdate, proposals: settings.proposals }
  if (!isAlarmStep(fixed, step + 1)) return []
  const policy = policyIn(run, state)
  return alarmsAt({
    ...fixed,
    done: step + 1,
    // of the policy itself: what a budget chose in its place is trained whatever its probability
    ...summarise(space, policy),
    costDeviation: meanDeviation(state.ending),
    signal: zOf(state.signal),
    modeAgreement: modeAgreement(space, state.ending, topOf(state, policy)),
  })
}

/** What a budget has chosen is drawn for certain, whatever the policy would draw. */
const probabilitiesOf = (run: ReinforceRun, state: ReinforceState) =>
  policyIn(run, state).probabilities.map((p, i) =>
    Array.from(p, (value, k) =>
      state.chosen === undefined ? value : Number(k === state.chosen[i]),
    ),
  )

export const makeReinforce = (
  settings: Settings,
  problem: Problem & { readonly reward: BoundReward },
): Searcher<ReinforceState> => {
  const run = runOf(settings, problem)
  const { space } = problem
  const searcher = withSwitching(space, {
    stateSchema: ReinforceState,
    trainsProposal:
      settings.proposals === 1 &&
      settings.trainFormats === "drawn" &&
      settings.trainArchitecture === undefined,
    delayEnd: run.firstUpdate,
    init: () => initState(problem, settings),
    restore: (saved) => restoreState(problem, saved),
    propose: (state, step) => propose(run, state, step),
    needsQuality: (state, step, proposals = []) =>
      isMeasuredAt(run, state, step) && !comparesNothing(run, step, proposals),
    update: (state, step, measured) => update(run, state, step, measured),
    drawn: ({ lastDrawn }) => lastDrawn,
    final: (state) => finalOf(run, state),
    argmaxProbability: (state) =>
      summarise(space, policyIn(run, state), finalOf(run, state)).topProbability,
    probabilities: (state) => probabilitiesOf(run, state),
    alarms: (state, step) => alarms(run, state, step),
  })
  return withWideStart(space, delaySteps(problem.steps, settings.widest), searcher)
}

export const Reinforce = {
  kind: "reinforce",
  spec: ReinforceSpec,
  make: (spec, problem) => {
    if (problem.reward === null) throw new Error("a search needs a reward")
    return makeReinforce(resolve(spec, problem.steps), { ...problem, reward: problem.reward })
  },
  resolved: (spec, steps) => {
    const { preset, ...knobs } = resolve(withUsual(spec), steps)
    return { kind: "reinforce", ...(preset === "none" ? {} : { preset }), ...knobs }
  },
  identity: withoutFormer,
  problems: settingsProblems,
  unread: unreadKnobs,
} as const satisfies SearchKind<ReinforceSpec>
