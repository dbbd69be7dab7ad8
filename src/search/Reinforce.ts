/**
 * REINFORCE over independent categoricals with a rising commitment (FLIQS, arXiv 2308.03290; TuNAS, arXiv 2008.06120).
 *
 * A step: draw `proposals` assignments; train the weights under the first, its unsettled formats at their widest
 * (`policy/Trained.ts`); measure the quality of each; then climb
 *
 *     advantage * reduce(log p)  -  commitment * reduce(H)  +  the reward's dependence on the cost
 *
 * by Adam on the logits. Where we differ from the parents (`costGradient: exact`): the cost is no part of the sampled
 * reward, for it is known without sampling. In the first half of the policy's steps its gradient is that of the reward
 * at E[cost], in the second half that of each decision's own expectation, the others as sampled, which also sees the
 * turn at the target; there it weighs four times as much, to land on target while the policy commits (but not for a
 * reward that trades cost smoothly: it would be another reward).
 *
 * When the policy is all but certain it is frozen, and the remaining steps train its final assignment. With a hard
 * budget that is the most probable one within target, chosen then or at 90 % of the steps: late, so that the policy has
 * had its say, and early enough for a tenth of the steps to train what it may have changed. Left out: the knobs (`policy/Settings.ts`), the terms (`policy/PolicyGradient.ts`), the schedules, the alarms.
 */
import { Schema } from "effect"
import type { BoundReward } from "../reward/Reward.ts"
import type { Choices } from "../space/Decision.ts"
import { activity } from "../space/DecisionSpace.ts"
import { fromState, RandomState, randomStream } from "../space/Random.ts"
import { AdamState, ascend, initAdam } from "./policy/Adam.ts"
import { addSquares, advantagesOf } from "./policy/Advantage.ts"
import { alarmsAt, isAlarmStep } from "./policy/Alarms.ts"
import { withinBudget } from "../budget/WithinBudget.ts"
import { drawInDelay } from "./policy/Delay.ts"
import {
  addSample,
  Ending,
  isEnding,
  meanDeviation,
  modeAgreement,
  noEnding,
} from "./policy/Ending.ts"
import { mostProbable, type Policy, policyOf, sample, summarise } from "./policy/Policy.ts"
import {
  addDecisionCosts,
  addEntropy,
  addExpectedCost,
  addLogProbability,
  type Gradient,
  throughTemperature,
  zeroGradient,
} from "./policy/PolicyGradient.ts"
import * as RunningMean from "./policy/RunningMean.ts"
import {
  commitmentAt,
  costTurn,
  delaySteps,
  lateCostWeight,
  learningRateAt,
  progressAt,
} from "./policy/Schedule.ts"
import type { Measured, Problem, Searcher, SearchKind, SearchMetrics } from "./Search.ts"
import {
  budgetAt,
  ReinforceSpec,
  resolve,
  type Settings,
  settingsProblems,
  unreadKnobs,
} from "./policy/Settings.ts"
import { addSignal, noSignal, Signal, zOf } from "./policy/Signal.ts"
import { finiteQualities, meanOf, switchedShare } from "./policy/StepFigures.ts"
import { stopped } from "./policy/Stop.ts"
import { withSettledArchitecture, withSettledFormats } from "./policy/Trained.ts"
import { assertRowsOf, zerosLike } from "../space/PerOption.ts"

export const ReinforceState = Schema.Struct({
  /** The stream "proposals". */
  random: RandomState,
  logits: Schema.Array(Schema.Array(Schema.Finite)),
  adam: AdamState,
  /** Of what advantages are made from: rewards, or qualities where the cost is exact. Fed after the delay. */
  baseline: RunningMean.RunningMean,
  /** Of squared advantages. */
  advantageSquares: RunningMean.RunningMean,
  /** No more updates: every step trains the final assignment. */
  frozen: Schema.Boolean,
  /** The first proposal of the step before; empty before the first. */
  lastDrawn: Schema.Array(Schema.Int),
  signal: Signal,
  ending: Ending,
  /** What a hard budget froze. */
  chosen: Schema.optionalKey(Schema.Array(Schema.Int)),
})
export type ReinforceState = typeof ReinforceState.Type

export const makeReinforce = (
  settings: Settings,
  problem: Problem & { readonly reward: BoundReward },
): Searcher<ReinforceState> => {
  const { space, cost, target, steps, reward, seed } = problem
  const { temperature, reduce, proposals: count } = settings
  const firstUpdate = delaySteps(steps, settings.delay)
  // Half of the delay says enough about the signal; its first half is mostly the widest assignment.
  const firstMeasured = count >= 4 ? Math.floor(firstUpdate / 2) : firstUpdate
  const exact = settings.costGradient === "exact"

  const policyIn = (state: ReinforceState): Policy => policyOf(state.logits, temperature)
  const hard = settings.budget === "hard"

  const within = (policy: Policy): Choices => {
    const scores = policy.logProbabilities.map((row) => Array.from(row))
    // a target that nobody meets is refused before training, but for the rounding of one that only the cheapest meets
    return withinBudget(space, cost, scores, target) ?? cost.range().minChoices
  }
  /** cost / target, where a cost below the target that the reward does not punish counts as on target. */
  const offTarget = (spent: number): number =>
    reward.punishesBelow ? spent / target : Math.max(1, spent / target)

  const final = (state: ReinforceState): Choices => {
    const policy = policyIn(state)
    return state.chosen ?? (hard ? within(policy) : mostProbable(policy))
  }
  /** The assignment that a policy is seen from: what is frozen, else the most probable one. */
  const topOf = (state: ReinforceState, policy: Policy): Choices =>
    state.chosen ?? mostProbable(policy)

  /** Freezes what the budget allows, once the policy is frozen or has no time left. */
  const chooseWithin = (state: ReinforceState, step: number): ReinforceState =>
    hard && state.chosen === undefined && (state.frozen || step + 1 >= budgetAt * steps)
      ? { ...state, frozen: true, chosen: within(policyIn(state)) }
      : state

  /** One update of the logits; `values` are what advantages are made from. */
  const learn = (
    state: ReinforceState,
    step: number,
    { proposals, qualities, active, values }: Taken,
  ) => {
    const policy = policyIn(state)
    const s = progressAt(step, steps, settings.delay)
    const k = proposals.length
    const baseline = RunningMean.addTo(state.baseline, meanOf(values), settings.baseline.decay)
    const { advantages, baselines } = advantagesOf(values, settings.baseline.kind, baseline)
    const advantageSquares = addSquares(state.advantageSquares, advantages)
    const deviation = Math.sqrt(RunningMean.valueOf(advantageSquares))
    const commitment = commitmentAt(settings.commitment, s, space.decisions.length, deviation)

    const gradient: Gradient = zeroGradient(policy)
    proposals.forEach((choices, j) => {
      addLogProbability(gradient, policy, choices, active[j]!, reduce, advantages[j]! / k)
      addEntropy(gradient, policy, active[j]!, reduce, -commitment / k)
    })
    if (exact && s < costTurn) {
      const slope = reward.costSlope(meanOf(qualities), cost.expected(policy.probabilities))
      addExpectedCost(gradient, policy, cost, slope, reduce)
    } else if (exact) {
      proposals.forEach((choices, j) => {
        const weight = (reward.turnsAtTarget ? lateCostWeight : 1) / k
        addDecisionCosts(gradient, policy, cost, reward, qualities[j]!, choices, reduce, weight)
      })
    }
    const moved = ascend(
      state.logits,
      state.adam,
      throughTemperature(gradient, temperature),
      learningRateAt(settings.optimizer, s),
      settings.optimizer,
    )
    const { logits, frozen } = stopped(problem, settings, moved.values, step)
    return {
      learned: { logits, adam: moved.state, baseline, advantageSquares, frozen },
      commitment,
      baseline: meanOf(baselines),
      advantage: Math.sqrt(meanOf(advantages.map((advantage) => advantage ** 2))),
    }
  }

  const update = (state: ReinforceState, step: number, measured: Measured) => {
    const { proposals } = measured
    const qualities = finiteQualities(measured.qualities)
    const active = proposals.map((choices) => activity(space, choices))
    const costs = proposals.map(cost.of)
    const rewards = qualities.map((quality, j) => reward.of(quality, costs[j]!))
    const values = exact ? qualities : rewards
    const updates = step >= firstUpdate && !state.frozen
    if (updates && measured.qualities.length !== proposals.length)
      throw new Error(`step ${step} needs the quality of its ${proposals.length} proposals`)

    // Nothing to compare when no quality is finite: the policy stays as it is.
    const learnt =
      updates && qualities.length > 0
        ? learn(state, step, { proposals, qualities, active, values })
        : undefined
    const signal =
      step < firstUpdate && qualities.length > 0
        ? addSignal(state.signal, proposals, active, qualities)
        : state.signal
    const ending = isEnding(step, steps)
      ? proposals.reduce(
          (sum, choices, j) => addSample(sum, choices, active[j]!, offTarget(costs[j]!)),
          state.ending,
        )
      : state.ending
    const learned = { ...state, ...learnt?.learned, lastDrawn: proposals[0]!, signal, ending }
    const next: ReinforceState = chooseWithin(learned, step)

    const policy = policyIn(next)
    const top = topOf(next, policy)
    const { entropy, topProbability } = summarise(space, policy, top)
    const metrics: SearchMetrics = {
      reward: meanOf(rewards),
      quality: meanOf(qualities),
      cost: meanOf(costs),
      baseline: learnt?.baseline ?? Number.NaN,
      advantage: learnt?.advantage ?? Number.NaN,
      entropy,
      commitment: learnt?.commitment ?? 0,
      switching: switchedShare(space, state.lastDrawn, proposals[0]!),
      argmaxProbability: topProbability,
      expectedCost: cost.expected(policy.probabilities),
      modeAgreement: modeAgreement(space, next.ending, top),
      frozen: next.frozen,
    }
    return { state: next, metrics }
  }

  return {
    stateSchema: ReinforceState,
    trainsProposal:
      count === 1 && settings.trainFormats === "drawn" && settings.trainArchitecture === undefined,
    init: () => ({
      random: randomStream(seed, "proposals").state(),
      logits: zerosLike(space),
      adam: initAdam(zerosLike(space)),
      baseline: RunningMean.noMean,
      advantageSquares: RunningMean.noMean,
      frozen: false,
      lastDrawn: [],
      signal: noSignal(space),
      ending: noEnding(space),
    }),
    restore: (saved) => {
      const state = Schema.decodeUnknownSync(ReinforceState)(saved)
      assertRowsOf(space, state.logits)
      return state
    },
    propose: (state, step) => {
      if (state.frozen) {
        const train = final(state)
        return { state, proposals: [train], train }
      }
      const random = fromState(state.random)
      const policy = policyIn(state)
      const proposals = Array.from({ length: count }, (_, j) =>
        step < firstUpdate
          ? drawInDelay(space, settings.delaySampling, random, step, firstUpdate, j)
          : sample(policy, random),
      )
      const settled =
        settings.trainFormats === "settled"
          ? withSettledFormats(space, policy, proposals[0]!, random)
          : proposals[0]!
      const train =
        settings.trainArchitecture === "settled"
          ? withSettledArchitecture(space, policy, settled, random)
          : settled
      return { state: { ...state, random: random.state() }, proposals, train }
    },
    needsQuality: (state, step) => step >= firstMeasured && !state.frozen,
    update,
    final,
    argmaxProbability: (state) => summarise(space, policyIn(state), final(state)).topProbability,
    // what a budget has chosen is drawn for certain, whatever the policy would
    probabilities: (state) =>
      policyIn(state).probabilities.map((p, i) =>
        Array.from(p, (value, k) =>
          state.chosen === undefined ? value : Number(k === state.chosen[i]),
        ),
      ),
    alarms: (state, step) => {
      const run = { steps, delayEnd: firstUpdate, proposals: count }
      if (!isAlarmStep(run, step + 1)) return []
      const policy = policyIn(state)
      return alarmsAt({
        ...run,
        done: step + 1,
        // of the policy itself: what a budget chose in its place is trained whatever its probability
        ...summarise(space, policy),
        costDeviation: meanDeviation(state.ending),
        signal: zOf(state.signal),
        modeAgreement: modeAgreement(space, state.ending, topOf(state, policy)),
      })
    },
  }
}

/** The proposals of a step with all that is known of each. */
interface Taken {
  readonly proposals: ReadonlyArray<Choices>
  readonly qualities: ReadonlyArray<number>
  readonly active: ReadonlyArray<Uint8Array>
  readonly values: ReadonlyArray<number>
}

export const Reinforce = {
  kind: "reinforce",
  spec: ReinforceSpec,
  make: (spec, problem) => {
    if (problem.reward === null) throw new Error("a search needs a reward")
    return makeReinforce(resolve(spec, problem.steps), { ...problem, reward: problem.reward })
  },
  resolved: (spec, steps) => {
    const { preset, ...knobs } = resolve(spec, steps)
    return { kind: "reinforce", ...(preset === "none" ? {} : { preset }), ...knobs }
  },
  problems: settingsProblems,
  unread: unreadKnobs,
} as const satisfies SearchKind<ReinforceSpec>
