/** The only list of rewards. `schema` is the whole of an experiment's `reward:` block. */
import { oneOfKinds } from "../declaration/OneOfKinds.ts"
import { otherNames } from "../declaration/OtherNames.ts"
import { Absolute } from "./Absolute.ts"
import { AbsoluteOneSided } from "./AbsoluteOneSided.ts"
import { HardExponential } from "./HardExponential.ts"
import { bind, type BoundReward, type Reward } from "./Reward.ts"
import { SoftExponential } from "./SoftExponential.ts"

export const rewards = oneOfKinds(
  "Reward",
  [Absolute, AbsoluteOneSided, SoftExponential, HardExponential],
  "absolute",
  otherNames({
    what: "reward",
    same: {
      absolute: "abs l1 tunas absoluteReward",
      absoluteOneSided: "oneSided hinge relu absoluteHinge",
      softExponential: "soft mnasnet exponential",
      hardExponential: "hard hardMnasnet",
    },
    near: { absolute: "linear quadratic lagrangian additive" },
  }),
)

/** A decoded `reward:` block. */
export type RewardSpec = typeof rewards.schema.Type

/** Whether the cost part of a reward is added to the quality. */
export const isAdditive = (spec: RewardSpec): boolean => rewards.members[spec.kind].isAdditive

/** The reward of a decoded block, its target in the unit of its cost. */
export const make = (spec: RewardSpec, target: number): BoundReward =>
  bind(rewards.members[spec.kind] as Reward, spec, target)
