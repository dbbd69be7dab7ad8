/**
 * What a reward is: one number from a quality and a cost.
 *
 * Every reward has a part that depends on the cost at a given quality (`costPart`) and its slope (`costSlope`), so
 * that a search can follow the cost exactly and sample only the quality. Left out: the four rewards, one file each.
 *
 * Mind the sign: additive rewards take a penalty `beta` of 0 or more and any quality. Exponential rewards multiply, so
 * they need a positive quality and a `beta` below 0; otherwise a more expensive network would be better. The schemas
 * require this: a loss, which counts as the negative quality -loss, is no option there.
 */
import { Schema } from "effect"
import { Costs } from "../cost/Costs.ts"
import { limits } from "../cost/LimitKinds.ts"
import { field, optional, withDefault } from "../declaration/Field.ts"
import { otherNames, withOtherNames } from "../declaration/OtherNames.ts"

const qualityText =
  "What is measured under each proposal, on a batch kept out of training or on the training batch; a loss counts as -loss."

const others = otherNames({
  what: "quality",
  same: {
    heldOutAccuracy: "valAcc valAccuracy validationAccuracy heldOutAcc evalAccuracy devAccuracy",
    heldOutLoss: "valLoss validationLoss evalLoss devLoss",
    trainAccuracy: "trainAcc trainingAccuracy",
    trainLoss: "trainingLoss",
  },
  near: { heldOutAccuracy: "top1 top5 f1 auc precision recall map miou" },
  say: {
    "there are two, of images held out and of the training batch: heldOutAccuracy or trainAccuracy":
      "accuracy acc",
    "there are two, of images held out and of the training batch: heldOutLoss or trainLoss":
      "loss crossEntropy nll",
    "a search does not see the test images; heldOutAccuracy is of images held out":
      "testAccuracy testAcc testLoss test",
  },
})

/** Any quality, for additive rewards. */
export const anyQuality = withDefault(
  withOtherNames(
    Schema.Literals(["heldOutAccuracy", "heldOutLoss", "trainAccuracy", "trainLoss"]).annotate({
      description: qualityText,
    }),
    others,
  ),
  "heldOutAccuracy",
)

/** Qualities that are never negative, for multiplicative rewards. */
export const positiveQuality = withDefault(
  Schema.Literals(["heldOutAccuracy", "trainAccuracy"]).annotate({
    description: `${qualityText} A loss would turn an exponential reward's sign.`,
  }),
  "heldOutAccuracy",
)

export type Quality = "heldOutAccuracy" | "heldOutLoss" | "trainAccuracy" | "trainLoss"

/** The penalty of additive rewards. */
export const penalty = withDefault(
  Schema.Finite.check(
    Schema.isGreaterThanOrEqualTo(0, {
      expected: "0 or more: the reward loses beta times the distance",
    }),
  ).annotate({
    description: "Reward lost per unit of relative distance from the target, 0 or more.",
  }),
  1,
)

/** The exponent of multiplicative rewards. */
export const exponent = (published: number) =>
  withDefault(
    Schema.Finite.check(
      Schema.isLessThan(0, {
        expected: "below 0: with a positive exponent a more expensive network is better",
      }),
    ).annotate({ description: "Exponent of cost / target; below 0, so that cost is punished." }),
    published,
  )

/** The `cost` block of every reward: which cost, and its target. */
export const costField = field(
  Costs.schema,
  "What the network costs, and the target of the search.",
)

/** The further costs of every reward. */
export const limitsField = optional(
  Schema.Array(limits.schema).check(Schema.isMinLength(1)),
  "Further costs that the network may not be above at the end, each kind once. Default: none.",
  {
    examples: [
      [
        { kind: "memory", max: 65_536 },
        { kind: "peakMemory", max: 32_768 },
      ],
    ],
  },
)

/** One kind of reward. Adding one is a file here and an entry in `Rewards.ts`. */
export interface Reward<Spec extends { readonly beta: number } = { readonly beta: number }> {
  readonly kind: string
  readonly spec: Schema.Codec<Spec & { readonly kind: string }, { readonly kind: string }>
  /** Whether the cost part is added to the quality, and so does not depend on it; else it multiplies. */
  readonly isAdditive: boolean
  /** Whether the cost part has its kink at the target: then a larger `beta` reaches the target without changing the optimum. */
  readonly turnsAtTarget: boolean
  /** Whether a cost below the target is punished like one above it: only then is such a cost off target. */
  readonly punishesBelow: boolean
  /** `ratio` is cost / target. */
  reward(spec: Spec, quality: number, ratio: number): number
  /** The part of the reward that depends on the cost; the rest does not change with `ratio`. */
  costPart(spec: Spec, quality: number, ratio: number): number
  /** d costPart / d ratio; a kink at 1 is smoothed over `kinkWidth`. */
  costSlope(spec: Spec, quality: number, ratio: number): number
}

/** A reward with its specification and target filled in; costs are in the unit of the target. */
export interface BoundReward {
  readonly turnsAtTarget: boolean
  readonly punishesBelow: boolean
  readonly of: (quality: number, cost: number) => number
  readonly costPart: (quality: number, cost: number) => number
  /** d costPart / d cost. */
  readonly costSlope: (quality: number, cost: number) => number
}

export const bind = <Spec extends { readonly beta: number }>(
  reward: Reward<Spec>,
  spec: Spec,
  target: number,
): BoundReward => ({
  turnsAtTarget: reward.turnsAtTarget,
  punishesBelow: reward.punishesBelow,
  of: (quality, cost) => reward.reward(spec, quality, cost / target),
  costPart: (quality, cost) => reward.costPart(spec, quality, cost / target),
  costSlope: (quality, cost) => reward.costSlope(spec, quality, cost / target) / target,
})

/** Relative distance from the target over which the slope of |ratio - 1| goes from 0 to 1. */
export const kinkWidth = 0.02

/** Slope of |d|, smoothed: d / kinkWidth, clamped to [-1, 1] (a Huber function's). */
export const smoothSign = (d: number): number => Math.max(-1, Math.min(1, d / kinkWidth))
