/** R = quality * (cost / target)^beta, beta < 0: the soft reward of MnasNet (arXiv 1807.11626, section 3.2). */
import { Schema } from "effect"
import { costField, limitsField, exponent, positiveQuality, type Reward } from "./Reward.ts"

const spec = Schema.Struct({
  kind: Schema.Literal("softExponential"),
  quality: positiveQuality,
  beta: exponent(-0.07),
  cost: costField,
  limits: limitsField,
}).annotate({
  identifier: "SoftExponentialReward",
  description: "quality * (cost / target)^beta, as in MnasNet: trades quality for cost smoothly.",
})

const value = ({ beta }: { readonly beta: number }, quality: number, ratio: number): number =>
  quality * ratio ** beta

export const SoftExponential = {
  kind: "softExponential",
  spec,
  isAdditive: false,
  turnsAtTarget: false,
  punishesBelow: false,
  reward: value,
  costPart: value,
  costSlope: ({ beta }, quality, ratio) => quality * beta * ratio ** (beta - 1),
} as const satisfies Reward<typeof spec.Type>
