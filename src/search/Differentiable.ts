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
import type { Network } from "../network/Build.ts"
import type { BoundReward } from "../reward/Reward.ts"
import { isAdditive } from "../reward/Rewards.ts"
import type { Choices } from "../space/Decision.ts"
import { AdamState, ascend, initAdam } from "./policy/Adam.ts"
import { chosenOffTarget } from "./policy/Alarms.ts"
import { bandUnder } from "../budget/WithinBudget.ts"
import { mostProbable, type Policy, policyOf, summarise } from "./policy/Policy.ts"
import { addExpectation, zeroGradient } from "./policy/PolicyGradient.ts"
import { optional } from "../declaration/Field.ts"
import * as RunningMean from "./policy/RunningMean.ts"
import { costTurn, lateCostWeight, learningRateAt } from "./policy/Schedule.ts"
import {
  type Alarm,
  type Measured,
  type Problem,
  type Searcher,
  type SearchKind,
  type SearchMetrics,
  unreadReward,
} from "./Search.ts"
import { meanOf, switchedShare } from "./policy/StepFigures.ts"
import { notNegative, PolicyOptimizer } from "./policy/Settings.ts"
import { withinBand } from "../budget/WithinBand.ts"
import { assertRowsOf, type PerOption, zerosLike } from "../space/PerOption.ts"

export const DifferentiableSpec = Schema.Struct({
  kind: Schema.Literal("differentiable"),
  relaxed: optional(
    Schema.Finite.check(Schema.isBetween({ minimum: 0.05, maximum: 0.95 })),
    "Share of the steps under softmax-weighted formats; the others train the assignment that came out. 0.05 to 0.95.",
    { default: 0.6 },
  ),
  optimizer: optional(
    PolicyOptimizer,
    "Adam on the logits. Default: the defaults of its keys, the learning rate 1.5 / sqrt(relaxed steps).",
  ),
  commitment: optional(
    notNegative,
    "Penalty on the entropy of each decision at the end of the relaxed steps. Relative: a nat costs ten times this much of the root mean square of what the decision's options differ by, in loss and cost.",
    { default: 0.1 },
  ),
}).annotate({
  identifier: "DifferentiableSearch",
  description:
    "All formats of a layer at once, weighted by probabilities that gradients learn: a rival to compare with.",
})
export type DifferentiableSpec = typeof DifferentiableSpec.Type

/** All knobs with their values. */
export interface DifferentiableSettings {
  readonly relaxed: number
  readonly optimizer: Required<NonNullable<DifferentiableSpec["optimizer"]>>
  readonly commitment: number
}

/** Steps under softmax-weighted formats: one at least, and never all. */
const relaxedSteps = (steps: number, share: number): number =>
  Math.max(1, Math.min(steps - 1, Math.round(steps * share)))

export const resolveDifferentiable = (
  spec: DifferentiableSpec,
  steps: number,
): DifferentiableSettings => {
  const relaxed = spec.relaxed ?? 0.6
  return {
    relaxed,
    optimizer: {
      learningRate: 1.5 / Math.sqrt(relaxedSteps(steps, relaxed)),
      learningRateGrowth: 1,
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-8,
      ...spec.optimizer,
    },
    commitment: spec.commitment ?? 0.1,
  }
}

/** Of the running mean squares that the penalty is relative to. */
const decay = 0.99
/** The penalty on a nat, in root mean squares, for a `commitment` of 1. */
const perCommitment = 10

const Chosen = Schema.Array(Schema.Int)

export const DifferentiableState = Schema.Struct({
  logits: Schema.Array(Schema.Array(Schema.Finite)),
  adam: AdamState,
  /** Per decision: of the mean squared difference of what its options are worth. */
  squares: Schema.Array(RunningMean.RunningMean),
  /** What the remaining steps train; null while formats are weighted. */
  chosen: Schema.NullOr(Chosen),
  /** The most probable assignment at the step before; empty before the first. */
  last: Chosen,
})
export type DifferentiableState = typeof DifferentiableState.Type

export const makeDifferentiable = (
  settings: DifferentiableSettings,
  problem: Problem & { readonly reward: BoundReward },
): Searcher<DifferentiableState> => {
  const { space, cost, target, steps, reward } = problem
  const relaxing = relaxedSteps(steps, settings.relaxed)
  const { length: decisions } = space.decisions
  const band = bandUnder(target)

  const policyIn = (state: DifferentiableState): Policy => policyOf(state.logits, 1)

  /** The most probable assignment on target: within it, and no more than the tolerance below where there is one. */
  const chosenBy = (policy: Policy): Choices => {
    const scores = policy.logProbabilities.map((row) => Array.from(row))
    // a target that nobody meets is refused before training, but for the rounding of one that only the cheapest meets
    return withinBand(space, cost, scores, band) ?? cost.range().minChoices
  }
  const final = (state: DifferentiableState): Choices => state.chosen ?? chosenBy(policyIn(state))

  /** d (-L + cost part) / d probability, per decision and option. */
  const worthOf = (policy: Policy, slopes: PerOption, step: number): PerOption => {
    // rewards that add: neither slope nor part of the cost depends on the quality
    if (step < costTurn * relaxing) {
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

  /** The logits, uphill, and the penalties on entropy that it was climbed with. */
  const learn = (state: DifferentiableState, slopes: PerOption, step: number) => {
    const policy = policyIn(state)
    const worth = worthOf(policy, slopes, step)
    const squares = worth.map((row, i) =>
      RunningMean.addTo(state.squares[i]!, varianceOf(row), decay),
    )
    const progress = step / relaxing
    const commitments = squares.map(
      (mean) =>
        perCommitment * settings.commitment * Math.sqrt(RunningMean.valueOf(mean)) * progress ** 3,
    )
    const gradient = zeroGradient(policy)
    gradient.forEach((row, i) => {
      // -H is the expectation of log p
      const logs = policy.logProbabilities[i]!
      const values = worth[i]!.map((value, k) => value + commitments[i]! * logs[k]!)
      addExpectation(row, policy.probabilities[i]!, values, 1)
    })
    const { optimizer } = settings
    const rate = learningRateAt(optimizer, progress)
    const moved = ascend(state.logits, state.adam, gradient, rate, optimizer)
    const learned = { logits: moved.values, adam: moved.state, squares }
    return { learned, commitment: meanOf(commitments) }
  }

  const update = (state: DifferentiableState, step: number, { slopes }: Measured) => {
    const relaxed = state.chosen === null && step < relaxing
    if (relaxed && slopes === undefined && decisions > 0)
      throw new Error(`step ${step} needs the slopes of its ${decisions} decisions`)
    // A batch whose gradient overflowed says nothing: the logits stay.
    const usable = slopes?.every((row) => row.every(Number.isFinite)) ?? false
    const learnt = relaxed && usable ? learn(state, slopes!, step) : undefined
    const moved = { ...state, ...learnt?.learned }
    const policy = policyIn(moved)
    const chosen = relaxed && step + 1 === relaxing ? chosenBy(policy) : state.chosen
    const now = chosen ?? mostProbable(policy)
    const next: DifferentiableState = { ...moved, chosen, last: now }
    const { entropy, topProbability } = summarise(space, policy)
    const metrics: SearchMetrics = {
      reward: Number.NaN,
      quality: Number.NaN,
      cost: cost.of(now),
      baseline: Number.NaN,
      advantage: Number.NaN,
      entropy: chosen === null ? entropy : 0,
      commitment: learnt?.commitment ?? 0,
      switching: switchedShare(space, state.last, now),
      argmaxProbability: topProbability,
      expectedCost: chosen === null ? cost.expected(policy.probabilities) : cost.of(chosen),
      modeAgreement: Number.NaN,
      frozen: chosen !== null,
    }
    return { state: next, metrics }
  }

  return {
    stateSchema: DifferentiableState,
    init: () => ({
      logits: zerosLike(space),
      adam: initAdam(zerosLike(space)),
      squares: space.decisions.map(() => RunningMean.noMean),
      chosen: null,
      last: [],
    }),
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
      state.chosen === null && step < relaxing && decisions > 0
        ? policyIn(state).probabilities
        : undefined,
    needsQuality: () => false,
    update,
    final,
    argmaxProbability: (state) => summarise(space, policyIn(state)).topProbability,
    probabilities: (state) =>
      state.chosen === null
        ? policyIn(state).probabilities.map((p) => Array.from(p))
        : space.decisions.map(({ options }, i) =>
            options.map((_, k) => (k === state.chosen![i] ? 1 : 0)),
          ),
    alarms: (state, step) =>
      step + 1 === relaxing && state.chosen !== null
        ? alarmsOf(summarise(space, policyIn(state)).topProbability, cost.of(state.chosen) / target)
        : [],
  }
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
