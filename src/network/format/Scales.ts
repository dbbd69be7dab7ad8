/** What `formats.scale` says of each layer: what a scale covers, where it comes from, and what does not go together. */
import type { ActivationGranularity, Layer, WeightGranularity } from "../../cost/LayerTable.ts"
import type { Builder } from "../Builder.ts"
import type { Scale } from "./ScaleSchema.ts"
import { nonNegativeInputs } from "../NonNegative.ts"

const none: Scale = { granularity: "tensor", rule: "absmax", unsignedAfterRelu: false }

const operandsOf = (
  granularity: Scale["granularity"],
): { readonly weights: WeightGranularity; readonly activations: ActivationGranularity } => {
  switch (granularity) {
    case "tensor":
    case "block":
      return { weights: granularity, activations: granularity }
    case "channel":
      return { weights: "channel", activations: "tensor" }
    case "token":
      return { weights: "tensor", activations: "token" }
    default:
      return granularity
  }
}

const check = (builder: Builder, { granularity, blockSize, rule }: Scale): void => {
  const { weights, activations } = operandsOf(granularity)
  const inBlocks = weights === "block" || activations === "block"
  const at = (key: keyof Scale) => ["formats", "scale", key]
  if (inBlocks && blockSize === undefined)
    builder.problem(at("granularity"), "block needs a size; add blockSize: 32")
  if (!inBlocks && blockSize !== undefined)
    builder.problem(at("blockSize"), "is of use at block granularity alone; remove it")
  if (rule === "learned" && (inBlocks || weights === "channel" || activations === "token"))
    builder.problem(at("rule"), "learns one scale for the tensor; use granularity: tensor")
  const tokens = builder.nodes.some((n) => n.operation === "dense" && n.shape.kind === "tokens")
  if (activations === "token" && !tokens && !builder.broken)
    builder.warning(at("granularity"), "no layer's input is tokens: each has one scale")
  if (inBlocks && blockSize !== undefined && typeof rule === "object") {
    const leftOut = Math.fround(1 - rule.percentile / 100)
    if (leftOut > 0 && blockSize * leftOut < 1)
      builder.warning(
        at("rule"),
        `percentile ${rule.percentile} leaves out nothing of blocks of ${blockSize} values; it takes ${Math.ceil(1 / leftOut)}`,
      )
  }
}

/** The fields of layer `i` that say how it is scaled. */
export const layerScales = (
  builder: Builder,
  declared: Scale | undefined,
): ((i: number) => Partial<Layer>) => {
  const scale = declared ?? none
  if (declared !== undefined) check(builder, declared)
  const { granularity, rule, blockSize, sharedExponent, unsignedAfterRelu } = scale
  const { weights, activations } = operandsOf(granularity)
  const unsigned = new Set(unsignedAfterRelu ? nonNegativeInputs(builder.nodes) : [])
  return (i) => ({
    weightGranularity: weights,
    unsignedActivations: unsigned.has(i),
    ...(activations === "tensor" ? {} : { activationGranularity: activations }),
    ...(blockSize === undefined ? {} : { blockSize }),
    ...(rule === "absmax" ? {} : { scaleRule: rule }),
    ...(sharedExponent === undefined ? {} : { sharedExponent }),
  })
}
