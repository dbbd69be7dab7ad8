/** R = quality - beta * |cost / target - 1|: the absolute reward of TuNAS (arXiv 2008.06120, section 4), as FLIQS. */
import { Schema } from "effect"
import { anyQuality, costField, limitsField, penalty, type Reward, smoothSign } from "./Reward.ts"

const spec = Schema.Struct({
  kind: Schema.Literal("absolute"),
  quality: anyQuality,
  beta: penalty,
  cost: costField,
  limits: limitsField,
}).annotate({
  identifier: "AbsoluteReward",
  description:
    "quality - beta * |cost / target - 1|, as in TuNAS and FLIQS: a cost below the target is punished too.",
})

export const Absolute = {
  kind: "absolute",
  spec,
  isAdditive: true,
  turnsAtTarget: true,
  punishesBelow: true,
  reward: ({ beta }, quality, ratio) => quality - beta * Math.abs(ratio - 1),
  costPart: ({ beta }, _quality, ratio) => -beta * Math.abs(ratio - 1),
  costSlope: ({ beta }, _quality, ratio) => -beta * smoothSign(ratio - 1),
} as const satisfies Reward<typeof spec.Type>
