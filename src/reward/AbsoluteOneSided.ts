/** R = quality - beta * max(0, cost / target - 1): only what is above the target is punished. */
import { Schema } from "effect"
import { anyQuality, costField, limitsField, penalty, type Reward, smoothSign } from "./Reward.ts"

const spec = Schema.Struct({
  kind: Schema.Literal("absoluteOneSided"),
  quality: anyQuality,
  beta: penalty,
  cost: costField,
  limits: limitsField,
}).annotate({
  identifier: "AbsoluteOneSidedReward",
  description:
    "quality - beta * max(0, cost / target - 1): only what is above the target is punished.",
})

export const AbsoluteOneSided = {
  kind: "absoluteOneSided",
  spec,
  isAdditive: true,
  turnsAtTarget: true,
  punishesBelow: false,
  reward: ({ beta }, quality, ratio) => quality - beta * Math.max(0, ratio - 1),
  costPart: ({ beta }, _quality, ratio) => -beta * Math.max(0, ratio - 1),
  costSlope: ({ beta }, _quality, ratio) => -beta * Math.max(0, smoothSign(ratio - 1)),
} as const satisfies Reward<typeof spec.Type>
