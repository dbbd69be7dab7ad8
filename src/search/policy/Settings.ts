/**
 * Every knob of the REINFORCE search: its schema, its default, where the default comes from, and the presets.
 *
 * What a file leaves out comes from its preset, else from the defaults; `resolve` gives all of them as one value,
 * which is what is recorded with a result. Left out: what the knobs do (`Reinforce.ts` and its parts).
 */
import { Schema } from "effect"
import type { Problem as Finding } from "../../declaration/Errors.ts"
import { optional } from "../../declaration/Field.ts"
import type { RewardSpec } from "../../reward/Rewards.ts"
import { type Commitment, delaySteps, schedules } from "./Schedule.ts"
import type { Unread } from "../Search.ts"

const positive = Schema.Finite.check(Schema.isGreaterThan(0))
export const notNegative = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))
const decay = Schema.Finite.check(
  Schema.isBetween({ minimum: 0, maximum: 1, exclusiveMaximum: true }),
)

/** What batch norms go by where proposals are measured; a knob of every search that measures. */
export const normsField = {
  norms: optional(
    Schema.Literals(["batch", "running"]),
    "Statistics of batch norms where proposals are measured: of the batch at hand, or the running averages that all trained assignments share.",
    { default: "batch" },
  ),
}
export type Norms = "batch" | "running"

/** Written out only where it is not the default: ids of trials from before the knob stay as they are. */
export const writtenNorms = (norms: Norms | undefined): { readonly norms?: "running" } =>
  norms === "running" ? { norms } : {}

/** What the weights train under; a knob of every search that trains what it draws (`Trained.ts`). */
export const trainFormatsField = {
  trainFormats: optional(
    Schema.Literals(["settled", "drawn"]),
    "Formats that the weights train under: as drawn where the search has settled, the widest where it has not; or always as drawn.",
    { default: "settled" },
  ),
}
export type TrainFormats = "settled" | "drawn"

/** Sizes that the weights train under (`Trained.ts`). */
export type TrainArchitecture = "settled" | "drawn"

/** Written out only where it is not the default: ids of trials from before the knob stay as they are. */
const writtenTrainArchitecture = (
  trainArchitecture: TrainArchitecture | undefined,
): { readonly trainArchitecture?: "settled" } =>
  trainArchitecture === "settled" ? { trainArchitecture } : {}

export const PolicyOptimizer = Schema.Struct({
  learningRate: optional(
    positive,
    "Adam's learning rate, above 0. Default: 1.5 / sqrt(steps of the policy).",
    { examples: [0.05] },
  ),
  learningRateGrowth: optional(positive, "Last learning rate over the first, above 0.", {
    default: 1,
  }),
  beta1: optional(decay, "Decay of the running mean of gradients, 0 to below 1.", { default: 0.9 }),
  beta2: optional(decay, "Decay of the running mean of squared gradients, 0 to below 1.", {
    default: 0.99,
  }),
  epsilon: optional(positive, "Added to the root of the mean square, above 0.", { default: 1e-8 }),
}).annotate({ identifier: "PolicyOptimizer", description: "Adam on the logits of the policy." })

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
    { default: 0.25 },
  ),
  delaySampling: optional(
    Schema.Literals(["widest", "uniform", "sandwich"]),
    "Draws during the delay: the widest option with a probability falling from 1 to 0, else uniformly; uniformly; or the widest, the smallest and a uniform assignment by turns (sandwich).",
    { default: "widest" },
  ),
  ...trainFormatsField,
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

/** All knobs with their values. */
export interface Settings {
  readonly preset: "none" | "fliqs" | "tunas"
  readonly proposals: number
  readonly optimizer: {
    readonly learningRate: number
    readonly learningRateGrowth: number
    readonly beta1: number
    readonly beta2: number
    readonly epsilon: number
  }
  readonly delay: number
  readonly delaySampling: "widest" | "uniform" | "sandwich"
  readonly trainFormats: TrainFormats
  readonly trainArchitecture?: "settled"
  readonly commitment: Commitment
  readonly costGradient: "exact" | "sampled"
  readonly baseline: { readonly kind: "leaveOneOut" | "movingAverage"; readonly decay: number }
  readonly temperature: number
  readonly reduce: "mean" | "sum"
  readonly stopAt: number | "off"
  readonly norms?: "running"
  readonly budget?: "hard"
}

type Knobs = Omit<ReinforceSpec, "kind" | "preset">

/**
 * Published constants. FLIQS: one proposal, commitment cosine to 0.5, Adam 5e-3, moving average 0.99, uniform delay;
 * its quality is the training loss (`reward.quality`). TuNAS: its released code at batch 4096 (learning rate
 * 3e-4 * 4096 / 256, tenfold by the end; no entropy term); its reward is absolute with beta 0.1, its held-out batch four
 * times the training batch, which is no knob here.
 */
export const presets: Readonly<Record<"fliqs" | "tunas", Knobs>> = {
  fliqs: {
    proposals: 1,
    optimizer: { learningRate: 5e-3, beta1: 0.9, beta2: 0.999 },
    delay: 0.25,
    delaySampling: "uniform",
    trainFormats: "drawn",
    commitment: { schedule: "cosine", max: 0.5 },
    costGradient: "sampled",
    baseline: { kind: "movingAverage", decay: 0.99 },
    reduce: "mean",
    stopAt: "off",
  },
  tunas: {
    proposals: 1,
    optimizer: { learningRate: 4.8e-3, learningRateGrowth: 10, beta1: 0, beta2: 0.999 },
    delay: 0.25,
    delaySampling: "widest",
    trainFormats: "drawn",
    commitment: { schedule: "none", max: 0 },
    costGradient: "sampled",
    baseline: { kind: "movingAverage", decay: 0.95 },
    reduce: "sum",
    stopAt: "off",
  },
}

/** What a preset was published with that stands under `reward`. */
export interface PublishedReward {
  readonly kind?: RewardSpec["kind"]
  readonly quality?: RewardSpec["quality"]
  readonly beta?: number
}

export const publishedRewards: Readonly<Record<"fliqs" | "tunas", PublishedReward>> = {
  fliqs: { quality: "trainLoss" },
  tunas: { kind: "absolute", quality: "heldOutAccuracy", beta: 0.1 },
}

/** `spec` over its preset over the defaults, for a run of `steps`. */
export const resolve = (spec: ReinforceSpec, steps: number): Settings => {
  const preset: Knobs = spec.preset === undefined ? {} : presets[spec.preset]
  const given: Knobs = { ...preset, ...spec }
  const proposals = given.proposals ?? 4
  const delay = given.delay ?? 0.25
  const policySteps = Math.max(1, steps - delaySteps(steps, delay))
  return {
    preset: spec.preset ?? "none",
    proposals,
    optimizer: {
      learningRate: 1.5 / Math.sqrt(policySteps),
      learningRateGrowth: 1,
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-8,
      ...preset.optimizer,
      ...spec.optimizer,
    },
    delay,
    delaySampling: given.delaySampling ?? "widest",
    trainFormats: given.trainFormats ?? "settled",
    ...writtenTrainArchitecture(spec.trainArchitecture),
    commitment: commitmentOf(spec.commitment, preset.commitment),
    costGradient: given.costGradient ?? "exact",
    baseline: {
      kind: proposals > 1 ? "leaveOneOut" : "movingAverage",
      decay: 0.95,
      ...preset.baseline,
      ...spec.baseline,
    },
    temperature: given.temperature ?? 1,
    reduce: given.reduce ?? "mean",
    stopAt: given.stopAt ?? 0.995,
    ...writtenNorms(spec.norms),
    ...(spec.budget === undefined ? {} : { budget: spec.budget }),
  }
}

/** What is given over what the preset says; a `max` belongs to its schedule. */
const commitmentOf = (
  given: Knobs["commitment"] = {},
  published: Knobs["commitment"] = {},
): Commitment => {
  const base = given.schedule === undefined ? published : {}
  const schedule = given.schedule ?? base.schedule ?? "normalised"
  return { schedule, max: given.max ?? base.max ?? defaultMax(schedule) }
}

const defaultMax = (schedule: Commitment["schedule"]): number =>
  schedule === "normalised" ? 6 : schedule === "none" ? 0 : 0.5

/** Share of the steps at which a hard budget freezes the policy at the latest. */
export const budgetAt = 0.9

/** Knobs without effect beside the others. */
export const unreadKnobs = (spec: ReinforceSpec, steps: number): ReadonlyArray<Unread> => {
  const { baseline, commitment, delay } = resolve(spec, steps)
  return [
    ...(baseline.kind === "leaveOneOut" ? [{ path: ["search", "baseline", "decay"] }] : []),
    ...(commitment.schedule === "none" ? [{ path: ["search", "commitment", "max"] }] : []),
    ...(delaySteps(steps, delay) === 0 ? [{ path: ["search", "delaySampling"] }] : []),
  ]
}

/** What is wrong with knobs that are each right; as warnings what a preset was published otherwise with. */
export const settingsProblems = (
  spec: ReinforceSpec,
  reward: RewardSpec | undefined,
  steps: number,
): ReadonlyArray<Finding> => {
  const findings: Array<Finding> = []
  const single = (spec.proposals ?? (spec.preset === undefined ? 4 : 1)) === 1
  if (single && spec.baseline?.kind === "leaveOneOut")
    findings.push({
      path: ["search", "baseline", "kind"],
      message: "one proposal has no others to compare with; movingAverage, or proposals: 4",
    })
  if (spec.budget === "hard" && (spec.delay ?? 0) >= budgetAt)
    findings.push({
      path: ["search", "delay"],
      message: `a hard budget chooses at ${100 * budgetAt} % of the steps, and a delay of ${spec.delay} lasts as long; below ${budgetAt} would be right`,
    })
  const { delay } = resolve(spec, steps)
  if (delaySteps(steps, delay) >= steps)
    findings.push({
      path: ["search", "delay"],
      message: `a delay of ${delay} leaves the policy none of ${steps} steps; more steps or a shorter delay would be right`,
    })
  if (spec.preset !== undefined && reward !== undefined)
    for (const [key, published] of Object.entries(publishedRewards[spec.preset])) {
      const given = reward[key as keyof PublishedReward]
      if (given !== published)
        findings.push({
          path: ["search", "preset"],
          message: `preset ${spec.preset} was published with reward.${key} ${published}, and this is ${given}; set it, or mind the difference`,
          severity: "warning",
        })
    }
  return findings
}
