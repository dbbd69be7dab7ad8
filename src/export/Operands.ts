/**
 * How every operand of a found network is rounded, as plain data: what an export writes down, and the supernet does in
 * `supernet/OperandScale.ts` in the mode `infer`.
 *
 * Left out: the rounding (`quantizer/reference.ts`).
 */
import type { Layer } from "../cost/LayerTable.ts"
import type { Format, SharedExponent } from "../format/Format.ts"
import { unsigned } from "../format/IntFormat.ts"
import { toRow } from "../format/Row.ts"
import { atZeroPoint } from "../format/UintFormat.ts"
import { isLayerNode, type Node, productOperands } from "../network/Graph.ts"
import { operands, productsOf, siteOf } from "../network/Sites.ts"
import type { ClippingRule } from "../quantizer/ScaleRule.ts"
import { learnedScales } from "../supernet/OperandScale.ts"
import type { FoundModel } from "./FoundModel.ts"

/** A number above 0 is the magnitude itself; a rule finds one for every scale in the values. */
export type Magnitude = number | "absmax" | ClippingRule

export interface QuantizedOperand {
  /** `stem.weights`, `stem.activations`, `stage1.0.attention.query` */
  readonly path: string
  /** Row of the operand in `FoundModel.amax`. */
  readonly site: number
  /** With the range that it takes here: from 0 on where values cannot be negative, moved by a frozen zero point. */
  readonly format: Format
  /** Rule of E8M0 block scales; there when the format has such. */
  readonly sharedExponent?: SharedExponent
  /** What one float32 scale covers: `tensor` where the format has none. */
  readonly granularity: "tensor" | "channel" | "token" | "block"
  /** Input channels of a block; there when it covers one. */
  readonly blockSize?: number
  /** What the largest value of the format, or of NVFP4's block scales, stands for. */
  readonly magnitude: Magnitude
}

/** What of a model its roundings follow from. */
type Rounded = Pick<FoundModel, "network" | "weights" | "amax" | "zeroPoints">

/** 2 mean|x| / sqrt(hi): the scale that a learned one begins with (arXiv 1902.08153, section 2.1). */
const firstScale = (values: Float32Array, hi: number): number =>
  (2 * values.reduce((sum, x) => sum + Math.abs(x), 0)) / values.length / Math.sqrt(hi)

const weightMagnitude = (model: Rounded, layer: Layer): Magnitude => {
  const { scaleRule = "absmax" } = layer
  if (scaleRule !== "learned") return scaleRule
  const learned = learnedScales(layer).weights
  if (learned === undefined) return "absmax"
  const { scaleBy } = toRow(learned.slot.formats[0]!, layer.sharedExponent)
  const scale = model.weights.get(learned.name)!.values[0]!
  const { values } = model.weights.get(`${layer.path}.weight`)!
  return Math.fround((scale > 0 ? scale : firstScale(values, scaleBy)) * scaleBy)
}

/** The format with its frozen zero point, if it has one. */
const frozenFormat = (format: Format, { amax, zeroPoints }: Rounded, site: number): Format =>
  format.zeroPoint === "found" && zeroPoints !== undefined && (amax[site] ?? 0) > 0
    ? atZeroPoint(format, zeroPoints[site]!)
    : format

const frozenOr = (amax: number, rule: Magnitude): Magnitude => (amax > 0 ? amax : rule)

/** Whether the input of a layer is [batch, tokens, channels]. */
const takesTokens = (node: Node): boolean =>
  node.operation === "dense" && node.shape.kind === "tokens"

const layerOperand = (
  model: Rounded,
  node: Node & { readonly layer: number },
  operand: (typeof operands)[number],
): QuantizedOperand => {
  const layer = model.network.table.layers[node.layer]!
  const isWeight = operand === "weights"
  const declared = (isWeight ? layer.weightFormat : layer.activationFormat).formats[0]!
  const format = !isWeight && layer.unsignedActivations === true ? unsigned(declared) : declared
  const site = siteOf(node.layer, operand)
  const amax = model.amax[site] ?? 0
  const common = {
    path: `${layer.path}.${operand}`,
    site,
    format,
    ...(format.block?.scale === "E8M0" ? { sharedExponent: layer.sharedExponent! } : {}),
  }
  if (!format.scaled) return { ...common, granularity: "tensor", magnitude: "absmax" }
  if (format.block !== undefined)
    return { ...common, granularity: "tensor", magnitude: frozenOr(amax, "absmax") }
  const said = (isWeight ? layer.weightGranularity : layer.activationGranularity) ?? "tensor"
  const granularity = said === "token" && !takesTokens(node) ? "tensor" : said
  const rule = isWeight ? weightMagnitude(model, layer) : (layer.scaleRule ?? "absmax")
  if (granularity === "tensor") {
    const magnitude = isWeight ? rule : frozenOr(amax, "absmax")
    return {
      ...common,
      format: frozenFormat(format, model, site),
      granularity,
      magnitude: magnitude === "learned" ? "absmax" : magnitude,
    }
  }
  return {
    ...common,
    granularity,
    ...(granularity === "block" ? { blockSize: layer.blockSize! } : {}),
    magnitude: rule === "learned" ? "absmax" : rule,
  }
}

/** Every operand that is quantized, in the order of the sites; FP32 ones are among them. */
export const quantizedOperands = (model: Rounded): ReadonlyArray<QuantizedOperand> => {
  const { network, amax } = model
  const layers = network.graph.nodes
    .filter(isLayerNode)
    .toSorted((a, b) => a.layer - b.layer)
    .flatMap((node) => operands.map((operand) => layerOperand(model, node, operand)))
  const { sharedExponent } = network.table.layers[0] ?? {}
  const products = productsOf(network).flatMap(({ path, site, slot, unsignedProbabilities }) =>
    productOperands.map((operand, k): QuantizedOperand => {
      const declared = slot.formats[0]!
      const isUnsigned = unsignedProbabilities && operand === "probabilities"
      const ranged = isUnsigned ? unsigned(declared) : declared
      const format = frozenFormat(ranged, model, site + k)
      return {
        path: `${path}.${operand}`,
        site: site + k,
        format,
        ...(format.block?.scale === "E8M0" ? { sharedExponent: sharedExponent! } : {}),
        granularity: "tensor",
        magnitude: format.scaled ? frozenOr(amax[site + k] ?? 0, "absmax") : "absmax",
      }
    }),
  )
  return [...layers, ...products]
}
