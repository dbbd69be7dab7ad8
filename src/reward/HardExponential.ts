/** R = quality * max(1, cost / target)^beta, beta < 0: the hard reward of MnasNet (arXiv 1807.11626, section 3.2). */
import { Schema } from "effect"
import {
  costField,
  limitsField,
  exponent,
  positiveQuality,
  type Reward,
  smoothSign,
} from "./Reward.ts"

const spec = Schema.Struct({
  kind: Schema.Literal("hardExponential"),
  quality: positiveQuality,
  beta: exponent(-1),
  cost: costField,
  limits: limitsField,
}).annotate({
  identifier: "HardExponentialReward",
  description:
    "quality * max(1, cost / target)^beta, as in MnasNet: only what is above the target is punished.",
})

const value = ({ beta }: { readonly beta: number }, quality: number, ratio: number): number =>
  quality * Math.max(1, ratio) ** beta

export const HardExponential = {
  kind: "hardExponential",
  spec,
  isAdditive: false,
  turnsAtTarget: true,
  punishesBelow: false,
  reward: value,
  costPart: value,
  costSlope: ({ beta }, quality, ratio) =>
    quality * beta * Math.max(1, ratio) ** (beta - 1) * Math.max(0, smoothSign(ratio - 1)),
} as const satisfies Reward<typeof spec.Type>
