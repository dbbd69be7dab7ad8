/**
 * The search by gradients through softmax-weighted formats: EdMIPS (Cai & Vasconcelos, arXiv 2004.05795), of the family of
 * DNAS (Wu et al., arXiv 1812.00090). A rival of REINFORCE on the same supernet, at the same target; formats only.
 *
 * For a share of the steps every operand is the mean of its roundings, weighted by p = softmax(logits)
 * (`quantizer/RelaxedQuantize.ts`). Weights and logits both take a step from the same pass over a training batch, as in
 * EdMIPS (section 4.4), not in turns as in DNAS. The logits go by Adam, uphill on
 *
 *     -L(p) + the reward's dependence on the cost - sum_i c_i(s) H(p_i)
 *
 * The cost is followed as REINFORCE follows it (`Reinforce.ts`): in the first half at E[cost], the kink smoothed; in the
 * second decision by decision, the others at their most probable options, where it sees the turn at the target. c_i rises
 * with the cube of the progress s and is relative to what decision i's logits see, so that the mixture has become one
 * format per decision when it is made one, whatever the scale of the loss; EdMIPS has no such term (`commitment: 0`).
 * Then the most probable assignment on target is taken, and the remaining steps train the weights under it. Left out:
 * architecture (sizes cannot be averaged), bilevel steps, Gumbel noise.
 */
import { Schema } from "effect"
import type { Problem as Finding } from "../declaration/Errors.ts"
import type { Network } from "../network/Network.ts"
import type { Limit } from "../cost/LimitKinds.ts"
import { limitPenalty, limitSlope } from "../reward/LimitPenalty.ts"
import type { BoundReward } from "../reward/Reward.ts"
import { isAdditive } from "../reward/Rewards.ts"
import type { Choices } from "../space/Decision.ts"
import { AdamState, ascend, initAdam } from "./policy/Adam.ts"
import {
  DifferentiableSpec,
  type DifferentiableSettings,
  relaxedSteps,
  resolveDifferentiable,
} from "./policy/DifferentiableSpec.ts"
import { chosenOffTarget } from "./policy/Alarms.ts"
import { bandUnder } from "../budget/WithinBudget.ts"
import { mostProbable, type Policy, policyOf, summarise } from "./policy/Policy.ts"
import { addExpectation, zeroGradient } from "./policy/PolicyGradient.ts"
import * as RunningMean from "./policy/RunningMean.ts"
import { costTurn, lateCostWeight, learningRateAt } from "./policy/Schedule.ts"
import {
  type Alarm,
  type Measured,
  type Problem,
  type Searcher,
  type SearchKind,
  unreadReward,
} from "./Search.ts"
import { meanOf } from "./policy/StepFigures.ts"
import { withSwitching } from "./policy/Switching.ts"
import { bestWithin } from "../budget/WithinTarget.ts"
import { assertRowsOf, type PerOption, zerosLike } from "../space/PerOption.ts"

/** Of the running mean squares that the penalty is relative to. */
const decay = 0.99
/** The penalty on a nat, in root mean squares, for a `commitment` of 1. */
const perCommitment = 10

const Chosen = Schema.Array(Schema.Int)

export const DifferentiableState = Schema.Struct({
  logits: Schema.Array(Schema.Array(Schema.Finite)),
  adam: AdamState,
  /** Per decision: of the mean squared difference between the gains of its options. */
  squares: Schema.Array(RunningMean.RunningMean),
  /** What the remaining steps train; null while formats are weighted. */
  chosen: Schema.NullOr(Chosen),
  /** The most probable assignment at the step before; empty before the first. */
  last: Chosen,
})
export type DifferentiableState = typeof DifferentiableState.Type

/** What does not change over a run: the problem, the knobs, and what follows from both. */
interface DifferentiableRun {
  readonly problem: Problem & { readonly reward: BoundReward }
  readonly settings: DifferentiableSettings
  /** Steps under softmax-weighted formats. */
  readonly relaxing: number
}

const policyIn = ({ logits }: DifferentiableState): Policy => policyOf(logits, 1)

/** The most probable assignment on target: within it, and no more than the tolerance below where there is one. */
const chosenBy = ({ problem }: DifferentiableRun, policy: Policy): Choices => {
  const { space, cost, limits, target } = problem
  const scores = policy.logProbabilities.map((row) => Array.from(row))
  return bestWithin(space, cost, scores, bandUnder(target), limits)
}

/** d -(penalties of limits) / d probability: at E[cost] as long as the cost is followed so, else option by option. */
const limitGains = (
  limits: ReadonlyArray<Limit>,
  policy: Policy,
  isEarly: boolean,
): ReadonlyArray<PerOption> =>
  limits.map((limit) => {
    const { sum } = limit
    if (isEarly && sum !== undefined) {
      const slope = limitSlope(limit, sum.expected(policy.probabilities))
      return sum.gradient(policy.probabilities).map((row) => Array.from(row, (v) => -slope * v))
    }
    const top = mostProbable(policy)
    return policy.probabilities.map((_, i) =>
      Array.from(
        limit.withChoice(top, i),
        (cost) => -(isEarly ? 1 : lateCostWeight) * limitPenalty(limit, cost),
      ),
    )
  })

/** d (-L + cost part - penalties of limits) / d probability, per decision and option. */
const gainsOf = (
  run: DifferentiableRun,
  policy: Policy,
  slopes: PerOption,
  step: number,
): PerOption => {
  const isEarly = step < costTurn * run.relaxing
  return limitGains(run.problem.limits ?? [], policy, isEarly).reduce(
    (gains, more) => gains.map((row, i) => row.map((value, k) => value + more[i]![k]!)),
    targetGains(run, policy, slopes, isEarly),
  )
}

/** d (-L + cost part) / d probability, per decision and option. */
const targetGains = (
  { problem }: DifferentiableRun,
  policy: Policy,
  slopes: PerOption,
  isEarly: boolean,
): PerOption => {
  const { cost, reward } = problem
  // rewards that add: neither slope nor part of the cost depends on the quality
  if (isEarly) {
    const slope = reward.costSlope(0, cost.expected(policy.probabilities))
    const byCost = cost.gradient(policy.probabilities)
    return slopes.map((row, i) => row.map((value, k) => slope * byCost[i]![k]! - value))
  }
  const top = mostProbable(policy)
  const total = cost.of(top)
  return slopes.map((row, i) => {
    const costs = cost.withChoice(top, i, total)
    return row.map((value, k) => lateCostWeight * reward.costPart(0, costs[k]!) - value)
  })
}

/** The logits, moved uphill, and the mean penalty on entropy that they were moved under. */
const updateLogits = (
  run: DifferentiableRun,
  state: DifferentiableState,
  slopes: PerOption,
  step: number,
) => {
  const { optimizer, commitment } = run.settings
  const policy = policyIn(state)
  const gains = gainsOf(run, policy, slopes, step)
  const squares = gains.map((row, i) =>
    RunningMean.addTo(state.squares[i]!, varianceOf(row), decay),
  )
  const progress = step / run.relaxing
  const commitments = squares.map(
    (mean) => perCommitment * commitment * Math.sqrt(RunningMean.valueOf(mean)) * progress ** 3,
  )
  const gradient = zeroGradient(policy)
  gradient.forEach((row, i) => {
    // -H is the expectation of log p
    const logs = policy.logProbabilities[i]!
    const values = gains[i]!.map((value, k) => value + commitments[i]! * logs[k]!)
    addExpectation(row, policy.probabilities[i]!, values, 1)
  })
  const rate = learningRateAt(optimizer, progress)
  const moved = ascend(state.logits, state.adam, gradient, rate, optimizer)
  const learned = { logits: moved.values, adam: moved.state, squares }
  return { learned, commitment: meanOf(commitments) }
}

const isRelaxed = (
  { relaxing }: DifferentiableRun,
  { chosen }: DifferentiableState,
  step: number,
) => chosen === null && step < relaxing

const update = (
  run: DifferentiableRun,
  state: DifferentiableState,
  step: number,
  { slopes }: Measured,
) => {
  const { cost, space } = run.problem
  const decisions = space.decisions.length
  const relaxed = isRelaxed(run, state, step)
  if (relaxed && slopes === undefined && decisions > 0)
    throw new Error(`step ${step} needs the slopes of its ${decisions} decisions`)
  // A batch whose gradient overflowed says nothing: the logits stay.
  const usable = slopes?.every((row) => row.every(Number.isFinite)) ?? false
  const updated = relaxed && usable ? updateLogits(run, state, slopes!, step) : undefined
  const moved = { ...state, ...updated?.learned }
  const policy = policyIn(moved)
  const chosen = relaxed && step + 1 === run.relaxing ? chosenBy(run, policy) : state.chosen
  const now = chosen ?? mostProbable(policy)
  const next: DifferentiableState = { ...moved, chosen, last: now }
  const { entropy, topProbability } = summarise(space, policy)
  const metrics = {
    cost: cost.of(now),
    entropy: chosen === null ? entropy : 0,
    commitment: updated?.commitment ?? 0,
    argmaxProbability: topProbability,
    expectedCost: chosen === null ? cost.expected(policy.probabilities) : cost.of(chosen),
    frozen: chosen !== null,
  }
  return { state: next, metrics }
}

const initState = ({ problem: { space } }: DifferentiableRun): DifferentiableState => ({
  logits: zerosLike(space),
  adam: initAdam(zerosLike(space)),
  squares: space.decisions.map(() => RunningMean.noMean),
  chosen: null,
  last: [],
})

const probabilitiesOf = ({ problem }: DifferentiableRun, state: DifferentiableState) =>
  state.chosen === null
    ? policyIn(state).probabilities.map((p) => Array.from(p))
    : problem.space.decisions.map(({ options }, i) =>
        options.map((_, k) => (k === state.chosen![i] ? 1 : 0)),
      )

export const makeDifferentiable = (
  settings: DifferentiableSettings,
  problem: Problem & { readonly reward: BoundReward },
): Searcher<DifferentiableState> => {
  const { space, cost, target, steps } = problem
  const run = { problem, settings, relaxing: relaxedSteps(steps, settings.relaxed) }
  const topProbabilityOf = (state: DifferentiableState): number =>
    summarise(space, policyIn(state)).topProbability
  return withSwitching(space, {
    stateSchema: DifferentiableState,
    init: () => initState(run),
    restore: (saved) => {
      const state = Schema.decodeUnknownSync(DifferentiableState)(saved)
      assertRowsOf(space, state.logits)
      return state
    },
    propose: (state) => {
      const train = state.chosen ?? mostProbable(policyIn(state))
      return { state, proposals: [train], train }
    },
    relaxed: (state, step) =>
      isRelaxed(run, state, step) && space.decisions.length > 0
        ? policyIn(state).probabilities
        : undefined,
    needsQuality: () => false,
    update: (state, step, measured) => update(run, state, step, measured),
    drawn: ({ last }) => last,
    final: (state) => state.chosen ?? chosenBy(run, policyIn(state)),
    argmaxProbability: topProbabilityOf,
    probabilities: (state) => probabilitiesOf(run, state),
    alarms: (state, step) =>
      step + 1 === run.relaxing && state.chosen !== null
        ? alarmsOf(topProbabilityOf(state), cost.of(state.chosen) / target)
        : [],
  })
}

const varianceOf = (values: ReadonlyArray<number>): number => {
  const mean = meanOf(values)
  return meanOf(values.map((value) => (value - mean) ** 2))
}

/** What may be wrong when the mixture is made one assignment. */
const alarmsOf = (topProbability: number, costOverTarget: number): ReadonlyArray<Alarm> => [
  ...(topProbability < 0.9
    ? [
        {
          alarm: "notCommitted",
          message:
            `not committed: mean top probability ${topProbability.toFixed(3)} when the formats were fixed, below 0.9; ` +
            "the weights have trained under mixtures that are no format: raise search.commitment or the steps",
        },
      ]
    : []),
  ...chosenOffTarget(costOverTarget),
]

/** Decisions that are no format: no mixture can stand for them. */
const architectureProblems = ({ space }: Network): ReadonlyArray<Finding> => {
  const others = space.decisions.flatMap(({ path, role }) => (role === "format" ? [] : [path]))
  if (others.length === 0) return []
  return [
    {
      path: ["search", "kind"],
      message:
        `differentiable can search formats only, and the space searches ${others.slice(0, 3).join(", ")}` +
        `${others.length > 3 ? ` and ${others.length - 3} more` : ""}; give each of these one value, or use reinforce`,
    },
  ]
}

/** Scales that follow one format: a mixture of formats has none. */
const scaleProblems = ({ table }: Network): ReadonlyArray<Finding> =>
  table.layers.some(({ scaleRule }) => scaleRule === "learned")
    ? [
        {
          path: ["search", "kind"],
          message:
            "differentiable weights formats by probabilities, which learned scales cannot follow; use another scale.rule, or reinforce",
        },
      ]
    : []

export const Differentiable = {
  kind: "differentiable",
  spec: DifferentiableSpec,
  make: (spec, problem) => {
    if (problem.reward === null) throw new Error("a search needs a reward")
    return makeDifferentiable(resolveDifferentiable(spec, problem.steps), {
      ...problem,
      reward: problem.reward,
    })
  },
  resolved: (spec, steps) => ({ kind: spec.kind, ...resolveDifferentiable(spec, steps) }),
  problems: (_spec, reward) =>
    reward === undefined || isAdditive(reward)
      ? []
      : [
          {
            path: ["reward", "kind"],
            message: `differentiable adds the cost to the training loss, and ${reward.kind} multiplies; absolute would be right`,
          },
        ],
  networkProblems: (network) => [...architectureProblems(network), ...scaleProblems(network)],
  unread: () => unreadReward("quality"),
  measures: () => false,
} as const satisfies SearchKind<DifferentiableSpec>
