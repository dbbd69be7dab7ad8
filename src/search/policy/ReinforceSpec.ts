/**
 * The `search:` block of REINFORCE: its schema, with the default of every knob. Left out: the presets (`Presets.ts`),
 * how all of them become one value (`Settings.ts`), what they do (`Reinforce.ts` and its parts).
 */
import { Schema } from "effect"
import { optional } from "../../declaration/Field.ts"
import {
  decay,
  normsField,
  notNegative,
  PolicyOptimizer,
  positive,
  trainFormatsField,
  widestField,
} from "./CommonKnobs.ts"
import { schedules } from "./Schedule.ts"

const CommitmentSpec = Schema.Struct({
  schedule: optional(
    Schema.Literals(schedules),
    "How the penalty rises to max. normalised: relative to the advantages and to the number of decisions; the others: absolute.",
    { default: "normalised" },
  ),
  max: optional(
    notNegative,
    "Coefficient at the end, 0 or more. Of normalised it is divided by the number of decisions and multiplied by the advantage's standard deviation. Default: 6 for normalised, 0 for none, else 0.5.",
    { examples: [6] },
  ),
}).annotate({
  identifier: "Commitment",
  description: "Rising penalty on the policy's entropy, which makes it decide.",
})

export const ReinforceSpec = Schema.Struct({
  kind: Schema.Literal("reinforce"),
  preset: optional(
    Schema.Literals(["fliqs", "tunas"]),
    "Published constants of FLIQS (arXiv 2308.03290) or TuNAS (arXiv 2008.06120) for all that is not given here. Default: none.",
  ),
  proposals: optional(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 64 })),
    "Assignments measured per step, on one batch; the weights take their step under the first.",
    { default: 4 },
  ),
  optimizer: optional(
    PolicyOptimizer,
    "Adam on the logits of the policy. Default: the defaults of its keys.",
  ),
  delay: optional(
    Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 0.95 })),
    "Share of the steps before the policy's first update, 0 to 0.95.",
    { default: 0.15 },
  ),
  decideBy: optional(
    Schema.Finite.check(Schema.isBetween({ minimum: 0.05, maximum: 1 })),
    "Share of the steps after which the policy has decided, 0.05 to 1: commitment reaches its maximum there and the policy is frozen; the remaining steps train its final assignment. Default: delay + 0.25, at most 1; 1 of a preset and with stopAt: off.",
    { examples: [0.4] },
  ),
  delaySampling: optional(
    Schema.Literals(["widest", "uniform", "sandwich"]),
    "Draws during the delay: the widest option with a probability falling from 1 to 0, else uniformly; uniformly; or the widest, the smallest and a uniform assignment by turns (sandwich).",
    { default: "widest" },
  ),
  ...trainFormatsField,
  ...widestField,
  trainArchitecture: optional(
    Schema.Literals(["settled", "drawn"]),
    "Sizes that the weights train under: always as drawn; or the widest where the search has not settled, in 70 % of the steps at most.",
    { default: "drawn" },
  ),
  commitment: optional(
    CommitmentSpec,
    "Rising penalty on the policy's entropy, which makes it decide. Default: normalised, to 6.",
    { examples: [{ schedule: "normalised", max: 6 }] },
  ),
  costGradient: optional(
    Schema.Literals(["exact", "sampled"]),
    "Whether the policy follows the cost in closed form, or through the sampled reward.",
    { default: "exact" },
  ),
  baseline: optional(
    Schema.Struct({
      kind: optional(
        Schema.Literals(["leaveOneOut", "movingAverage"]),
        "Mean over the other proposals of the step, or a moving average over the steps. Default: leaveOneOut; for one proposal movingAverage.",
      ),
      decay: optional(decay, "Decay of the moving average, 0 to below 1.", { default: 0.95 }),
    }).annotate({ identifier: "Baseline" }),
    "What a reward is compared with. Default: the defaults of its keys.",
  ),
  temperature: optional(positive, "Temperature of the softmax over logits, above 0.", {
    default: 1,
  }),
  reduce: optional(
    Schema.Literals(["mean", "sum"]),
    "How log-probabilities and entropies of the active decisions are put together: mean as in FLIQS, or sum as in TuNAS.",
    { default: "mean" },
  ),
  stopAt: optional(
    Schema.Union([
      Schema.Finite.check(Schema.isBetween({ minimum: 0.5, maximum: 1 })),
      Schema.Literal("off"),
    ]),
    "Mean top probability at which the policy is frozen and the remaining steps train its final assignment, 0.5 to 1; or off.",
    { default: 0.995, examples: ["off"] },
  ),
  prior: optional(
    Schema.Literals(["none", "sensitivity"]),
    "What the policy starts from at the delay's end: nothing; or how much every option loses, measured alone and in draws in the second half of the delay, at the price that puts the expected cost on target.",
    { default: "none" },
  ),
  priorEntropy: optional(
    Schema.Finite.check(Schema.isBetween({ minimum: 0.05, maximum: 1 })),
    "Entropy of the policy that the prior makes, relative to that of a policy which knows nothing but the target, 0.05 to 1; more where the measurements are mostly noise.",
    { default: 0.7 },
  ),
  measureEvery: optional(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 })),
    "Proposals are measured, and the policy is updated, in every so many steps, 1 to 100.",
    { default: 1 },
  ),
  measureShare: optional(
    Schema.Finite.check(Schema.isBetween({ minimum: 0.01, maximum: 1 })),
    "Share of a batch on which proposals are measured, 0.01 to 1: its first images, one at least.",
    { default: 1 },
  ),
  ...normsField,
  budget: optional(
    Schema.Literal("hard"),
    "hard: the most probable assignment within target, chosen when the policy freezes or at 90 % of the steps; what remains trains it. Default: none; the target is met about, from above or below.",
  ),
}).annotate({
  identifier: "ReinforceSearch",
  description:
    "REINFORCE: a policy over all decisions that learns while the shared weights train, as in FLIQS and TuNAS.",
})
export type ReinforceSpec = typeof ReinforceSpec.Type
