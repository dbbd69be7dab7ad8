/**
 * Searches that compare a population of assignments within target, and end with the best of it.
 *
 * A run has up to four parts. First the shared weights train under random assignments within target (in the delay, each
 * decision is the widest with a falling probability, as in REINFORCE). Then, where children are bred, the whole
 * population is measured at every step, a child comes in and the oldest member leaves. Then what is left, moved up to the
 * target, is measured on the same batches, and the best is frozen. The remaining steps train it. Until then formats are
 * trained at their widest as far as the population is at odds about them (`policy/Trained.ts`).
 *
 * Members are compared within a step, on one batch and the same weights, so what a step's batch and the weights' age do
 * to all of them alike does not count. The target is a limit here, not a price: no `beta` is used. Left out: how
 * children come about (`Evolution.ts`), how assignments are held within target (`WithinTarget.ts`).
 */
import { Schema } from "effect"
import type { BoundReward } from "../../reward/Reward.ts"
import type { Choices, DecisionSpace } from "../../space/Decision.ts"
import { widest } from "../../space/DecisionSpace.ts"
import { fromState, type Random, RandomState, randomStream } from "../../space/Random.ts"
import { chosenOffTarget } from "../policy/Alarms.ts"
import { bandUnder } from "../../budget/WithinBudget.ts"
import { type Policy, summarise } from "../policy/Policy.ts"
import { freezeStep, type PopulationSettings } from "./PopulationSettings.ts"
import { delaySteps } from "../policy/Schedule.ts"
import type { Alarm, Measured, Problem, Searcher, SearchMetrics } from "../Search.ts"
import { finiteQualities, meanOf, switchedShare } from "../policy/StepFigures.ts"
import { withSettledFormats } from "../policy/Trained.ts"
import { learnWorth } from "./Worth.ts"
import { bestWithin, drawWithin, moveWithin, nearest } from "../../budget/WithinTarget.ts"
import { argmax, sumOf, zerosLike } from "../../space/PerOption.ts"

const Member = Schema.Struct({
  choices: Schema.Array(Schema.Int),
  /** Sum of its qualities, each relative to the mean of its step, and how many there were. */
  sum: Schema.Finite,
  count: Schema.Int,
})
export type Member = typeof Member.Type

export const PopulationState = Schema.Struct({
  /** The stream "proposals". */
  random: RandomState,
  /** The one to be trained next first; where children are bred, that is the oldest. */
  members: Schema.Array(Member),
  /** What the options seem to be worth by all measurements while children were bred (`Worth.ts`). */
  worth: Schema.Array(Schema.Array(Schema.Finite)),
  /** The best, once it is known: every step trains it. */
  frozen: Schema.NullOr(Schema.Array(Schema.Int)),
  /** What the step before trained; empty before the first. */
  lastTrained: Schema.Array(Schema.Int),
})
export type PopulationState = typeof PopulationState.Type

/** A member measured n times is known as if four more measurements had found it no better than the others. */
const doubt = 4

/** Mean relative quality, drawn towards 0 while it rests on few measurements. */
export const standing = ({ sum, count }: Member): number => sum / (count + doubt)

const unmeasured = (choices: Choices): Member => ({ choices, sum: 0, count: 0 })

/** How a population searches. */
export interface Plan extends PopulationSettings {
  readonly size: number
  /** A child of the population, not yet within target; none are bred without it. */
  readonly breed?: (members: ReadonlyArray<Member>, random: Random) => Choices
}

export const makePopulation = (
  plan: Plan,
  problem: Problem & { readonly reward: BoundReward },
): Searcher<PopulationState> => {
  const { space, cost, target, steps, reward, seed } = problem
  const { size, breed, tolerance } = plan
  const band = bandUnder(target, tolerance)
  const delayEnd = delaySteps(steps, plan.delay)
  const frozenFrom = freezeStep(steps, plan.freezeAt)
  const measuredFrom = Math.max(0, frozenFrom - plan.batches)
  const bredFrom = breed === undefined ? measuredFrom : Math.min(delayEnd, measuredFrom)

  const draw = (random: Random): Choices => drawWithin(space, cost, band, random)

  const drawToTrain = (random: Random, step: number): Choices => {
    const drawn = draw(random)
    const widestShare = 1 - step / delayEnd
    if (step >= delayEnd) return drawn
    return space.decisions.map((decision, i) =>
      random.uniform() < widestShare ? widest(decision) : drawn[i]!,
    )
  }

  const propose = (state: PopulationState, step: number) => {
    if (state.frozen !== null) return { state, proposals: [state.frozen], train: state.frozen }
    const random = fromState(state.random)
    // From when children are bred on, all are measured on the same batches.
    const members = step === measuredFrom ? finalists(state).map(unmeasured) : state.members
    const proposals =
      step < bredFrom ? [drawToTrain(random, step)] : members.map(({ choices }) => choices)
    const train =
      plan.trainFormats === "settled"
        ? withSettledFormats(space, sharesOf(space, assignmentsOf(state)), proposals[0]!, random)
        : proposals[0]!
    return { state: { ...state, members, random: random.state() }, proposals, train }
  }

  /** The best by its own measurements and by what all of them together say of its options. */
  const bestOf = ({ members, worth }: PopulationState): Choices => {
    const scores = members.map((member) => standing(member) + sumOf(space, worth, member.choices))
    return members[argmax(scores)]!.choices
  }

  /**
   * Who is measured at the end. Where children were bred: all members, those far below the target raised; the last of
   * them makes way for what all measurements together say is best.
   */
  const finalists = ({ members, worth }: PopulationState): ReadonlyArray<Choices> => {
    const all = members.map(({ choices }) => choices)
    if (bredFrom === measuredFrom) return all
    const last = argmax(members.map((member) => -standing(member)))
    return all
      .map((choices) =>
        cost.of(choices) >= band.low ? choices : nearest(space, cost, choices, band, worth),
      )
      .with(last, bestWithin(space, cost, worth, band))
  }

  /** The members after a step: the first, which was trained, goes to the end, or makes way for a child. */
  const advance = (state: PopulationState, step: number, given: ReadonlyArray<number>) => {
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
    if (step + 1 >= frozenFrom) return { members, frozen: bestOf({ ...state, members }) }
    const [first, ...others] = members
    if (breed === undefined || step >= measuredFrom) return { members: [...others, first!] }
    const random = fromState(state.random)
    const child = moveWithin(space, cost, breed(members, random), band, random)
    const assignments = state.members.map(({ choices }) => choices)
    const worth = learnWorth(space, state.worth, assignments, qualities)
    return { members: [...others, unmeasured(child)], random: random.state(), worth }
  }

  const needsQuality = (state: PopulationState, step: number): boolean =>
    state.frozen === null && step >= bredFrom

  const update = (state: PopulationState, step: number, { proposals, qualities }: Measured) => {
    if (needsQuality(state, step) && qualities.length !== proposals.length)
      throw new Error(`step ${step} needs the quality of its ${proposals.length} proposals`)
    const next: PopulationState = {
      ...state,
      ...(needsQuality(state, step) ? advance(state, step, qualities) : {}),
      lastTrained: proposals[0]!,
    }
    const finite = finiteQualities(qualities)
    const costs = proposals.map(cost.of)
    const kept = assignmentsOf(next)
    const { topProbability, entropy } = summarise(space, sharesOf(space, kept))
    const metrics: SearchMetrics = {
      reward: meanOf(finite.map((quality, j) => reward.of(quality, costs[j]!))),
      quality: meanOf(finite),
      cost: meanOf(costs),
      baseline: Number.NaN,
      advantage: Number.NaN,
      entropy,
      commitment: 0,
      switching: switchedShare(space, state.lastTrained, proposals[0]!),
      argmaxProbability: topProbability,
      expectedCost: meanOf(kept.map(cost.of)),
      modeAgreement: next.frozen === null ? Number.NaN : 1,
      frozen: next.frozen !== null,
    }
    return { state: next, metrics }
  }

  const belowTarget = (state: PopulationState): ReadonlyArray<Alarm> => {
    const mean = meanOf(state.members.map(({ choices }) => cost.of(choices))) / target
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

  return {
    stateSchema: PopulationState,
    init: () => {
      const random = randomStream(seed, "proposals")
      const members = Array.from({ length: size }, () => unmeasured(draw(random)))
      // one alone needs no comparison
      const frozen = size === 1 ? members[0]!.choices : null
      const worth = zerosLike(space)
      return { random: random.state(), members, worth, frozen, lastTrained: [] }
    },
    restore: (saved) => {
      const state = Schema.decodeUnknownSync(PopulationState)(saved)
      const fits = ({ choices }: Member) =>
        choices.length === space.decisions.length &&
        choices.every((k, i) => k >= 0 && k < space.decisions[i]!.options.length)
      if (state.members.length !== size || !state.members.every(fits))
        throw new Error("the saved search is one of another space")
      return state
    },
    propose,
    needsQuality,
    update,
    final: (state) => state.frozen ?? bestOf(state),
    argmaxProbability: (state) =>
      summarise(space, sharesOf(space, assignmentsOf(state))).topProbability,
    probabilities: (state) =>
      sharesOf(space, assignmentsOf(state)).probabilities.map((p) => Array.from(p)),
    alarms: (state, step) => {
      if (step === 0) return belowTarget(state)
      const isChosen = step + 1 === frozenFrom && size > 1 && state.frozen !== null
      return isChosen ? chosenOffTarget(cost.of(state.frozen) / target) : []
    },
  }
}

const percent = (part: number): string => `${Number((100 * part).toFixed(1))} %`

const assignmentsOf = ({ frozen, members }: PopulationState): ReadonlyArray<Choices> =>
  frozen === null ? members.map(({ choices }) => choices) : [frozen]

/** How often each option stands in some assignments, as a policy. */
const sharesOf = (space: DecisionSpace, assignments: ReadonlyArray<Choices>): Policy => {
  const probabilities = space.decisions.map(({ options }, i) => {
    const p = new Float64Array(options.length)
    for (const choices of assignments) p[choices[i]!]! += 1 / assignments.length
    return p
  })
  const logProbabilities = probabilities.map((p) => p.map(Math.log))
  const entropies = Float64Array.from(probabilities, (p) =>
    p.reduce((sum, value) => (value > 0 ? sum - value * Math.log(value) : sum), 0),
  )
  return { probabilities, logProbabilities, entropies }
}
