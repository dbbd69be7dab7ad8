/**
 * The search by gradients through softmax-weighted formats: EdMIPS (Cai & Vasconcelos, arXiv 2004.05795), of the family of
 * DNAS (Wu et al., arXiv 1812.00090). A rival of REINFORCE on the same supernet, at the same target; formats only.
 *
 * For a share of the steps every operand is the mean of its roundings, weighted by p = softmax(logits)
 * (`quantizer/RelaxedQuantize.ts`). Weights and logits both take a step from the same pass over a training batch, as in
 * EdMIPS (section 4.4), not in turns as in DNAS. The logits go by Adam, uphill on
 *
 *     -L(p) + costPart(E[cost]) - c(s) sum_i H(p_i)
 *
 * E[cost] in closed form, costPart that of the reward with the kink smoothed. c rises with the cube of the progress s, so
 * that the mixture has become one format per decision when it is made one; EdMIPS has no such term (`commitment: 0`). Then
 * the most probable assignment within the target is taken, and the remaining steps train the weights under it. Left out:
 * architecture (sizes cannot be averaged), bilevel steps, Gumbel noise.
 */
import { Schema } from "effect"
import type { Problem as Finding } from "../declaration/Errors.ts"
import type { BoundReward } from "../reward/Reward.ts"
import type { Choices, DecisionSpace } from "../space/Decision.ts"
import { AdamState, ascend, initAdam } from "./Adam.ts"
import { withinBudget } from "./Budget.ts"
import {
  assertRowsOf,
  mostProbable,
  type Policy,
  policyOf,
  summarise,
  zerosLike,
} from "./Policy.ts"
import {
  addEntropy,
  addExpectation,
  addExpectedCost,
  type Gradient,
  zeroGradient,
} from "./PolicyGradient.ts"
import { learningRateAt } from "./Schedule.ts"
import type { Alarm, Measured, Problem, Searcher, SearchKind, SearchMetrics } from "./Search.ts"
import { switchedShare } from "./StepFigures.ts"
import { described, notNegative, PolicyOptimizer } from "./Settings.ts"

export const DifferentiableSpec = Schema.Struct({
  kind: Schema.Literal("differentiable"),
  relaxed: described(
    Schema.Finite.check(Schema.isBetween({ minimum: 0.05, maximum: 0.95 })),
    "Share of the steps under softmax-weighted formats; the others train the assignment that came out (0.6).",
  ),
  optimizer: described(
    PolicyOptimizer,
    "Adam on the logits; its learning rate is 1.5 / sqrt(relaxed steps) by default.",
  ),
  commitment: described(
    notNegative,
    "Penalty on the entropy of each decision at the end of the relaxed steps, in loss per nat (0.1).",
  ),
}).annotate({ identifier: "DifferentiableSearch" })
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

const Chosen = Schema.Array(Schema.Int)

export const DifferentiableState = Schema.Struct({
  logits: Schema.Array(Schema.Array(Schema.Finite)),
  adam: AdamState,
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
  const always = new Uint8Array(space.decisions.length).fill(1)
  const { length: decisions } = space.decisions

  const policyIn = (state: DifferentiableState): Policy => policyOf(state.logits, 1)

  /** The most probable assignment within the target: most often the most probable of all. */
  const chosenBy = (policy: Policy): Choices => {
    const best = mostProbable(policy)
    if (cost.of(best) <= target) return best
    const scores = policy.logProbabilities.map((row) => Array.from(row))
    return withinBudget(space, cost, scores, target) ?? best
  }
  const final = (state: DifferentiableState): Choices => state.chosen ?? chosenBy(policyIn(state))

  const commitmentAt = (step: number): number => settings.commitment * (step / relaxing) ** 3

  const gradientOf = (
    policy: Policy,
    slopes: ReadonlyArray<ReadonlyArray<number>>,
    step: number,
  ): Gradient => {
    const gradient = zeroGradient(policy)
    gradient.forEach((row, i) => addExpectation(row, policy.probabilities[i]!, slopes[i]!, -1))
    // rewards that add: their slope does not depend on the quality
    const slope = reward.costSlope(0, cost.expected(policy.probabilities))
    addExpectedCost(gradient, policy, cost, slope, "sum")
    addEntropy(gradient, policy, always, "sum", -commitmentAt(step))
    return gradient
  }

  const update = (state: DifferentiableState, step: number, { slopes }: Measured) => {
    const relaxed = state.chosen === null && step < relaxing
    if (relaxed && slopes === undefined && decisions > 0)
      throw new Error(`step ${step} needs the slopes of its ${decisions} decisions`)
    // A batch whose gradient overflowed says nothing: the logits stay.
    const usable = slopes?.every((row) => row.every(Number.isFinite)) ?? false
    const before = policyIn(state)
    const moved =
      relaxed && usable
        ? ascend(
            state.logits,
            state.adam,
            gradientOf(before, slopes!, step),
            learningRateAt(settings.optimizer, step / relaxing),
            settings.optimizer,
          )
        : { values: state.logits, state: state.adam }
    const policy = policyOf(moved.values, 1)
    const top = state.chosen ?? mostProbable(policy)
    const chosen = relaxed && step + 1 === relaxing ? chosenBy(policy) : state.chosen
    const now = chosen ?? top
    const next: DifferentiableState = {
      logits: moved.values,
      adam: moved.state,
      chosen,
      last: now,
    }
    const { entropy, topProbability } = summarise(space, policy)
    const metrics: SearchMetrics = {
      reward: Number.NaN,
      quality: Number.NaN,
      cost: cost.of(now),
      baseline: Number.NaN,
      advantage: Number.NaN,
      entropy: chosen === null ? entropy : 0,
      commitment: relaxed ? commitmentAt(step) : 0,
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
      chosen: null,
      last: [],
    }),
    restore: (saved) => {
      const state = Schema.decodeUnknownSync(DifferentiableState)(saved)
      assertRowsOf(space, state.logits)
      return state
    },
    propose: (state) => {
      const train = final(state)
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
        ? alarmsOf(
            summarise(space, policyIn(state)).topProbability,
            cost.of(state.chosen) / target - 1,
          )
        : [],
  }
}

/** What may be wrong when the mixture is made one assignment. */
const alarmsOf = (topProbability: number, offTarget: number): ReadonlyArray<Alarm> => [
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
  ...(Math.abs(offTarget) > 0.05
    ? [
        {
          alarm: "costOffTarget",
          message:
            `cost off target: ${(100 * Math.abs(offTarget)).toFixed(1)} % ${offTarget > 0 ? "above" : "below"} it when ` +
            "the formats were fixed; raise reward.beta or the steps, or look whether the target lies between two options",
        },
      ]
    : []),
]

/** Decisions that are no format: no mixture can stand for them. */
const architectureProblems = (
  space: DecisionSpace,
  formats: ReadonlySet<number>,
): ReadonlyArray<Finding> => {
  const others = space.decisions.filter((_, i) => !formats.has(i)).map(({ path }) => path)
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
    reward === undefined || reward.kind === "absolute" || reward.kind === "absoluteOneSided"
      ? []
      : [
          {
            path: ["reward", "kind"],
            message: `differentiable adds the cost to the training loss, and ${reward.kind} multiplies; absolute would be right`,
          },
        ],
  spaceProblems: architectureProblems,
  measures: () => false,
} as const satisfies SearchKind<DifferentiableSpec>
