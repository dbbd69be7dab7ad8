/**
 * Searches that compare a population of assignments within target, and end with the best of it.
 *
 * A run has up to four parts. First the shared weights train under random assignments within target (in the delay, each
 * decision is the widest with a falling probability, as in REINFORCE). Then, where children are bred, the whole
 * population is measured at every step, a child comes in and the oldest member leaves. Then what is left, moved up to the
 * target, is measured on the same batches, and the best is frozen. The remaining steps train it. Until then a format is
 * trained at its widest with a probability that falls as the members agree on it (`policy/SettledOptions.ts`).
 *
 * Members are compared within a step, on one batch and the same weights, so what a step's batch and the weights' age do
 * to all of them alike cancels. The target is a limit here, not a price: no `beta` is used. Left out: the state and the
 * standing of a member (`PopulationState.ts`), how children come about (`Evolution.ts`), how assignments are held within
 * target (`WithinTarget.ts`).
 */
import type { BoundReward } from "../../reward/Reward.ts"
import type { Choices } from "../../space/Decision.ts"
import { widest } from "../../space/DecisionSpace.ts"
import { fromState, type Random, randomStream } from "../../space/RandomStream.ts"
import { chosenOffTarget } from "../policy/Alarms.ts"
import { type Band, bandUnder } from "../../budget/WithinBudget.ts"
import { summarise } from "../policy/Policy.ts"
import { freezeStep, type PopulationSettings } from "./PopulationSettings.ts"
import { delaySteps } from "../policy/Schedule.ts"
import type { Alarm, Measured, Problem, Proposed, Searcher } from "../Search.ts"
import { finiteQualities, meanIfAny, meanOf } from "../policy/StepFigures.ts"
import { withSettledFormats } from "../policy/SettledOptions.ts"
import { withSwitching } from "../policy/Switching.ts"
import { withWideStart } from "../policy/WideStart.ts"
import { learnOptionValues } from "./OptionValues.ts"
import {
  assignmentsOf,
  estimatedQuality,
  type Member,
  PopulationState,
  restorePopulation,
  sharesOf,
  unmeasured,
} from "./PopulationState.ts"
import { bestWithin, drawWithin, moveWithin, nearest } from "../../budget/WithinTarget.ts"
import { argmax, sumOf, zerosLike } from "../../space/PerOption.ts"

/** How a population searches. */
export interface PopulationPlan extends PopulationSettings {
  readonly size: number
  /** A child of the population, not yet within target; none are bred without it. */
  readonly breed?: (members: ReadonlyArray<Member>, random: Random) => Choices
}

/** What does not change over a run: the problem, the plan, and what follows from both. */
interface PopulationRun {
  readonly problem: Problem & { readonly reward: BoundReward }
  readonly plan: PopulationPlan
  readonly band: Band
  /** Steps from which on the delay is over, children are bred, finalists are measured, and the best is frozen. */
  readonly delayEnd: number
  readonly bredFrom: number
  readonly measuredFrom: number
  readonly frozenFrom: number
}

const runOf = (
  plan: PopulationPlan,
  problem: Problem & { readonly reward: BoundReward },
): PopulationRun => {
  const { steps, target } = problem
  const delayEnd = delaySteps(steps, plan.delay)
  const frozenFrom = freezeStep(steps, plan.freezeAt)
  const measuredFrom = Math.max(0, frozenFrom - plan.batches)
  const bredFrom = plan.breed === undefined ? measuredFrom : Math.min(delayEnd, measuredFrom)
  const band = bandUnder(target, plan.tolerance)
  return { problem, plan, band, delayEnd, bredFrom, measuredFrom, frozenFrom }
}

const draw = ({ problem: { space, cost, limits }, band }: PopulationRun, random: Random): Choices =>
  drawWithin(space, cost, band, random, limits)

const drawToTrain = (run: PopulationRun, random: Random, step: number): Choices => {
  const drawn = draw(run, random)
  const widestShare = 1 - step / run.delayEnd
  if (step >= run.delayEnd) return drawn
  return run.problem.space.decisions.map((decision, i) =>
    random.uniform() < widestShare ? widest(decision) : drawn[i]!,
  )
}

/** The best by its own measurements and by the values of its options. */
const bestOf = (
  { problem: { space } }: PopulationRun,
  { members, worth }: PopulationState,
): Choices => {
  const scores = members.map(
    (member) => estimatedQuality(member) + sumOf(space, worth, member.choices),
  )
  return members[argmax(scores)]!.choices
}

/**
 * Who is measured at the end. Where children were bred: all members, those far below the target raised; the worst of
 * them makes way for the best assignment by the values of all options.
 */
const finalists = (
  { band, bredFrom, measuredFrom, problem: { cost, limits, space } }: PopulationRun,
  { members, worth }: PopulationState,
): ReadonlyArray<Choices> => {
  const all = members.map(({ choices }) => choices)
  if (bredFrom === measuredFrom) return all
  const worst = argmax(members.map((member) => -estimatedQuality(member)))
  return all
    .map((choices) =>
      cost.of(choices) >= band.low ? choices : nearest(space, cost, choices, band, worth, limits),
    )
    .with(worst, bestWithin(space, cost, worth, band, limits))
}

const propose = (
  run: PopulationRun,
  state: PopulationState,
  step: number,
): Proposed<PopulationState> => {
  const { space } = run.problem
  if (state.frozen !== null) return { state, proposals: [state.frozen], train: state.frozen }
  const random = fromState(state.random)
  // From when children are bred on, all are measured on the same batches.
  const members = step === run.measuredFrom ? finalists(run, state).map(unmeasured) : state.members
  const proposals =
    step < run.bredFrom ? [drawToTrain(run, random, step)] : members.map(({ choices }) => choices)
  const train =
    run.plan.trainFormats === "settled"
      ? withSettledFormats(space, sharesOf(space, assignmentsOf(state)), proposals[0]!, random)
      : proposals[0]!
  return { state: { ...state, members, random: random.state() }, proposals, train }
}

/** The members after a step: the first, which was trained, goes to the end, or makes way for a child. */
const advance = (
  run: PopulationRun,
  state: PopulationState,
  step: number,
  given: ReadonlyArray<number>,
): Partial<PopulationState> => {
  const { band, plan, problem } = run
  const { cost, limits, space } = problem
  const qualities = finiteQualities(given)
  const mean = meanOf(qualities)
  const members =
    qualities.length === 0
      ? state.members
      : state.members.map(({ choices, sum, count }, i) => ({
          choices,
          sum: sum + qualities[i]! - mean,
          count: count + 1,
        }))
  if (step + 1 >= run.frozenFrom) return { members, frozen: bestOf(run, { ...state, members }) }
  const [first, ...others] = members
  if (plan.breed === undefined || step >= run.measuredFrom) return { members: [...others, first!] }
  const random = fromState(state.random)
  const child = moveWithin(space, cost, plan.breed(members, random), band, random, limits)
  const assignments = state.members.map(({ choices }) => choices)
  const worth = learnOptionValues(space, state.worth, assignments, qualities)
  return { members: [...others, unmeasured(child)], random: random.state(), worth }
}

const needsQuality = (run: PopulationRun, state: PopulationState, step: number): boolean =>
  state.frozen === null && step >= run.bredFrom

const update = (
  run: PopulationRun,
  state: PopulationState,
  step: number,
  { proposals, qualities }: Measured,
) => {
  const { cost, reward, space } = run.problem
  const isMeasured = needsQuality(run, state, step)
  if (isMeasured && qualities.length !== proposals.length)
    throw new Error(`step ${step} needs the quality of its ${proposals.length} proposals`)
  const next: PopulationState = {
    ...state,
    ...(isMeasured ? advance(run, state, step, qualities) : {}),
    lastTrained: proposals[0]!,
  }
  const finite = finiteQualities(qualities)
  const costs = proposals.map(cost.of)
  const kept = assignmentsOf(next)
  const { topProbability, entropy } = summarise(space, sharesOf(space, kept))
  const metrics = {
    reward: meanIfAny(finite.map((quality, j) => reward.of(quality, costs[j]!))),
    quality: meanIfAny(finite),
    cost: meanOf(costs),
    entropy,
    commitment: 0,
    argmaxProbability: topProbability,
    expectedCost: meanOf(kept.map(cost.of)),
    modeAgreement: next.frozen === null ? undefined : 1,
    frozen: next.frozen !== null,
  }
  return { state: next, metrics }
}

const percent = (part: number): string => `${Number((100 * part).toFixed(1))} %`

const belowTarget = (run: PopulationRun, { members }: PopulationState): ReadonlyArray<Alarm> => {
  const { cost, target } = run.problem
  const { tolerance } = run.plan
  const mean = meanOf(members.map(({ choices }) => cost.of(choices))) / target
  if (mean >= 1 - tolerance) return []
  return [
    {
      alarm: "candidatesBelowTarget",
      message:
        `candidates below target: too few assignments were found within ${percent(tolerance)} under it, and those ` +
        `that are compared cost ${percent(1 - mean)} less on average; give a target that more assignments come close to`,
    },
  ]
}

const alarms = (run: PopulationRun, state: PopulationState, step: number): ReadonlyArray<Alarm> => {
  if (step === 0) return belowTarget(run, state)
  const { cost, target } = run.problem
  const isChosen = step + 1 === run.frozenFrom && run.plan.size > 1 && state.frozen !== null
  return isChosen ? chosenOffTarget(cost.of(state.frozen) / target) : []
}

const init = (run: PopulationRun): PopulationState => {
  const { seed, space } = run.problem
  const { size } = run.plan
  const random = randomStream(seed, "proposals")
  const members = Array.from({ length: size }, () => unmeasured(draw(run, random)))
  // one alone needs no comparison
  const frozen = size === 1 ? members[0]!.choices : null
  return { random: random.state(), members, worth: zerosLike(space), frozen, lastTrained: [] }
}

export const makePopulation = (
  plan: PopulationPlan,
  problem: Problem & { readonly reward: BoundReward },
): Searcher<PopulationState> => {
  const run = runOf(plan, problem)
  const { space } = problem
  const sharesIn = (state: PopulationState) => sharesOf(space, assignmentsOf(state))
  const searcher = withSwitching(space, {
    stateSchema: PopulationState,
    ...(plan.size === 1 ? {} : { delayEnd: run.delayEnd }),
    init: () => init(run),
    restore: (saved) => restorePopulation(space, plan.size, saved),
    propose: (state, step) => propose(run, state, step),
    needsQuality: (state, step) => needsQuality(run, state, step),
    update: (state, step, measured) => update(run, state, step, measured),
    drawn: ({ lastTrained }) => lastTrained,
    final: (state) => state.frozen ?? bestOf(run, state),
    argmaxProbability: (state) => summarise(space, sharesIn(state)).topProbability,
    probabilities: (state) => sharesIn(state).probabilities.map((p) => Array.from(p)),
    alarms: (state, step) => alarms(run, state, step),
  })
  // one alone is trained as it is throughout
  const widest = plan.size === 1 ? 0 : plan.widest
  return withWideStart(space, delaySteps(problem.steps, widest), searcher)
}
