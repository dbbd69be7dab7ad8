/**
 * Where a scale from the largest value makes 0 of most numbers: in a format with one magnitude beside 0 (INT2, E1M0), all
 * that lies below half of the largest value of a tensor becomes 0. Batch norms behind such a layer divide by almost nothing,
 * gradients grow without bound, and training diverges at any learning rate; without batch norms it learns nothing
 * (docs/method.md has the figures). Scales of channels of a weight, of tokens and of blocks cover few enough values.
 */
import { activationGranularityOf, type Layer } from "../../cost/LayerTable.ts"
import type { Format } from "../../format/Format.ts"
import { positives } from "../../format/Formats.ts"
import { unsigned } from "../../format/IntFormat.ts"
import type { ScaleRule } from "../../quantizer/ScaleRule.ts"
import type { Builder } from "../Builder.ts"

/** The largest percentile that leaves enough values out. */
const lowEnough = 95

const isFromLargest = (rule: ScaleRule = "absmax"): boolean =>
  rule === "absmax" || (typeof rule === "object" && rule.percentile > lowEnough)

const hasOneMagnitude = (format: Format): boolean =>
  format.scaled && format.block === undefined && positives(format) === 1

/** Whether the scales of a layer's operand make 0 of most of its numbers in a format. */
export const losesMost = (layer: Layer, operand: "weights" | "inputs", format: Format): boolean => {
  const isWeight = operand === "weights"
  const granularity = isWeight
    ? (layer.weightGranularity ?? "tensor")
    : activationGranularityOf(layer)
  const actual = !isWeight && layer.unsignedActivations === true ? unsigned(format) : format
  return hasOneMagnitude(actual) && isFromLargest(layer.scaleRule) && granularity === "tensor"
}

/** The same of attention's products, which keep the largest value under every rule. */
export const productLosesMost = hasOneMagnitude

/** `INT2, which has one magnitude beside 0` */
const coarse = (formats: ReadonlyArray<Format>): string => {
  const names = [...new Set(formats.map(({ name }) => name))]
  return `${names.join(" and ")}, which ${names.length === 1 ? "has" : "have"} one magnitude beside 0`
}

/** Warns of formats that the space offers with scales that make 0 of most numbers. */
export const checkMaxScales = (builder: Builder, layers: ReadonlyArray<Layer>): void => {
  const lost = layers.flatMap((layer) => [
    ...layer.weightFormat.formats.filter((format) => losesMost(layer, "weights", format)),
    ...layer.activationFormat.formats.filter((format) => losesMost(layer, "inputs", format)),
  ])
  if (lost.length > 0)
    builder.warning(
      ["formats", "scale", "rule"],
      `a scale from the largest value makes 0 of most numbers in ${coarse(lost)}: training under it diverges or learns nothing, at any learning rate; rule: mse would be right, or wider formats`,
    )
  const products = builder.nodes.flatMap((node) =>
    node.operation === "attention" ? (node.products?.formats.filter(productLosesMost) ?? []) : [],
  )
  if (products.length > 0)
    builder.warning(
      ["network"],
      `attentionProducts offers ${coarse(products)}; the products keep the largest value under every rule, which makes 0 of most numbers, and the network learns nothing; INT3 or wider would be right`,
    )
}
