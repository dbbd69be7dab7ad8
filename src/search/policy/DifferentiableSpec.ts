/** The `search:` block of the differentiable search, and its knobs with their values. What they do: `Differentiable.ts`. */
import { Schema } from "effect"
import { optional } from "../../declaration/Field.ts"
import { notNegative, PolicyOptimizer } from "./CommonKnobs.ts"

export const DifferentiableSpec = Schema.Struct({
  kind: Schema.Literal("differentiable"),
  relaxed: optional(
    Schema.Finite.check(Schema.isBetween({ minimum: 0.05, maximum: 0.95 })),
    "Share of the steps under softmax-weighted formats; the others train the assignment that came out. 0.05 to 0.95.",
    { default: 0.6 },
  ),
  optimizer: optional(
    PolicyOptimizer,
    "Adam on the logits. Default: the defaults of its keys, the learning rate 1.5 / sqrt(relaxed steps).",
  ),
  commitment: optional(
    notNegative,
    "Penalty on the entropy of each decision at the end of the relaxed steps. Relative: a nat costs ten times this much of the root mean square of what the decision's options differ by, in loss and cost.",
    { default: 0.1 },
  ),
}).annotate({
  identifier: "DifferentiableSearch",
  description:
    "All formats of a layer at once, weighted by probabilities that gradients learn: a rival to compare with.",
})
export type DifferentiableSpec = typeof DifferentiableSpec.Type

/** All knobs with their values. */
export interface DifferentiableSettings {
  readonly relaxed: number
  readonly optimizer: Required<NonNullable<DifferentiableSpec["optimizer"]>>
  readonly commitment: number
}

/** Steps under softmax-weighted formats: one at least, and never all. */
export const relaxedSteps = (steps: number, share: number): number =>
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
