/** Knobs that several searches share: what they measure and train under, and Adam on logits. */
import { Schema } from "effect"
import { optional } from "../../declaration/Field.ts"

export const positive = Schema.Finite.check(Schema.isGreaterThan(0))
export const notNegative = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(0))
export const decay = Schema.Finite.check(
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

/** What the weights train under; a knob of every search that trains what it draws (`SettledOptions.ts`). */
export const trainFormatsField = {
  trainFormats: optional(
    Schema.Literals(["settled", "drawn"]),
    "Formats that the weights train under: as drawn where the search has settled, the widest where it has not; or always as drawn.",
    { default: "settled" },
  ),
}
const usualWidest = 0.7

/** The default of `widest`, which came later than other knobs; none beside formats that are to be trained as drawn. */
export const usualWide = (spec: {
  readonly trainFormats?: TrainFormats
}): { readonly widest?: number } => (spec.trainFormats === "drawn" ? {} : { widest: usualWidest })

/** Formats at their widest at first; a knob of every search that trains what it draws (`WideStart.ts`). */
export const widestField = {
  widest: optional(
    Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 0.95 })),
    "Share of the steps that train all formats at their widest, whatever is drawn or decided; what is measured stays as drawn. 0 to 0.95. Default: 0.7; 0 of a preset, with stopAt: off and with trainFormats: drawn.",
    { examples: [usualWidest] },
  ),
}

/** Left out where it says what searches did before there was the knob: ids from then stay as they are. */
export const writtenWidest = (widest: number | undefined): { readonly widest?: number } =>
  widest === undefined || widest === 0 ? {} : { widest }

export type TrainFormats = "settled" | "drawn"

/** Sizes that the weights train under (`SettledOptions.ts`). */
export type TrainArchitecture = "settled" | "drawn"

/** Written out only where it is not the default: ids of trials from before the knob stay as they are. */
export const writtenTrainArchitecture = (
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
