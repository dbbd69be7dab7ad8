/**
 * What is known of a model before its graph is written: how every operand is rounded, what is folded, the packed weights,
 * and what onnxruntime must be told.
 *
 * Left out: the graph (`OnnxModel.ts`).
 */
import type { FormatSlot, Layer } from "../../cost/LayerTable.ts"
import type { Format } from "../../format/Format.ts"
import { toRow } from "../../format/Row.ts"
import type { ConvNode, LayerNode } from "../../network/Graph.ts"
import type { Network } from "../../network/Network.ts"
import { isLayerNode } from "../../network/Graph.ts"
import { productsOf } from "../../network/Sites.ts"
import { type Scales, weightOf as storedWeightOf } from "../Codes.ts"
import { isInteger } from "../Encoding.ts"
import { type FoundModel, valuesNamed } from "../FoundModel.ts"
import { type QuantizedOperand, quantizedOperands } from "../Operands.ts"
import type { ExportOptions } from "../Target.ts"
import { type Folding, foldingOf, isConv } from "./OnnxFolding.ts"
import { frozenScale } from "./OnnxInputs.ts"
import { type Norm, normOf } from "./OnnxNorms.ts"
import { isEightBits } from "./OnnxTypes.ts"
import { type Kernel, type PackedWeight, packWeight, raiseOf } from "./OnnxWeights.ts"

const { fround } = Math

/** Session option: integer kernels of x64 processors add in more than sixteen bits, whatever the processor. */
export const precise = "session.x64quantprecision"

export interface Plan {
  /** By path. */
  readonly operands: ReadonlyMap<string, QuantizedOperand>
  readonly inputOf: (node: LayerNode) => QuantizedOperand
  readonly folding: Folding
  /** The norm or the bias that a convolution takes in. */
  readonly normOf: (node: ConvNode) => Norm | undefined
  /** Packed when it is first asked for, and the same whatever the opset. */
  readonly weightOf: (node: LayerNode) => PackedWeight
  readonly kernelOf: (node: LayerNode) => Kernel | undefined
  /** What onnxruntime is told so that convolutions multiply integers; undefined where none can. */
  readonly integerOptions: Readonly<Record<string, string>> | undefined
}

const isSmallFloat = ({ kind }: Format): boolean => /^(?:float|variant)$/.test(kind)

/** Whether onnxruntime keeps the answers of a layer where it fuses QuantizeLinear and DequantizeLinear with the product. */
const isSafelyFused = ({ activationFormat, weightFormat, ...layer }: Layer): boolean => {
  const [weights, inputs] = [weightFormat.formats[0]!, activationFormat.formats[0]!]
  if (isSmallFloat(inputs)) return false
  if (!isInteger(weights)) return true
  const isWhole = inputs.kind === "int" || inputs.kind === "uint"
  const isFrozen = isWhole && (layer.activationGranularity ?? "tensor") === "tensor"
  return isFrozen && weights.bits > 2
}

/** Whether onnxruntime keeps the answers of all layers and products where it fuses. */
const isAllSafelyFused = (network: Network): boolean =>
  network.table.layers.every(isSafelyFused) &&
  !productsOf(network).some(({ slot }) => isSmallFloat(slot.formats[0]!))

/** What of a model its plan follows from, beside the weights. */
type Planned = Pick<FoundModel, "network" | "weights" | "amax" | "zeroPoints">

const foldingOfModel = ({ network }: Planned, inputOf: Plan["inputOf"]): Folding =>
  foldingOf(network, {
    input: (node) => {
      const { format, granularity, magnitude } = inputOf(node)
      return isEightBits(format) && granularity === "tensor" && typeof magnitude === "number"
    },
    weight: ({ layer }) => {
      const { weightFormat, weightGranularity } = network.table.layers[layer]!
      return isEightBits(weightFormat.formats[0]!) && weightGranularity !== "block"
    },
  })

const inputsOf = (operands: Plan["operands"], { table }: Network): Plan["inputOf"] => {
  const inputOf = ({ layer }: LayerNode) =>
    operands.get(`${table.layers[layer]!.path}.activations`)!
  return inputOf
}

const operandsOf = (model: Planned): Plan["operands"] =>
  new Map(quantizedOperands(model).map((operand) => [operand.path, operand]))

/** The layers that onnxruntime multiplies integers in, where it is left to fuse. */
const integerLayers = (model: Planned): ReadonlyArray<LayerNode> => {
  const { network } = model
  if (!isAllSafelyFused(network)) return []
  const { integers } = foldingOfModel(model, inputsOf(operandsOf(model), network))
  return network.graph.nodes.filter(isLayerNode).filter(({ path }) => integers.has(path))
}

const isWide = ({ formats: [format] }: FormatSlot): boolean => format!.kind === "wide"

/**
 * What onnxruntime needs to be told for the answers of the network: to fuse nothing, unless no input or weight has few bits.
 * Left to itself it rounds biases; where inputs are FP8 or weights INT2 it fuses to kernels that it does not have; where
 * integer weights meet inputs without a frozen integer scale, to a product that rounds the inputs to eight bits.
 */
export const sessionOptionsOf = ({
  network,
}: Pick<FoundModel, "network">): Readonly<Record<string, string>> => {
  const slots = [
    ...network.table.layers.flatMap((layer) => [layer.weightFormat, layer.activationFormat]),
    ...productsOf(network).map(({ slot }) => slot),
  ]
  return slots.every(isWide) ? {} : { "session.disable_quant_qdq": "1" }
}

/**
 * What onnxruntime is told so that it multiplies integers; undefined where it cannot. Weights of eight bits need the precise
 * kernels on x64 processors without VNNI; others are slower with them.
 */
export const integerOptionsOf = (model: Planned): Readonly<Record<string, string>> | undefined => {
  const layers = integerLayers(model)
  if (layers.length === 0) return undefined
  const { table } = model.network
  const isEight = layers.some(({ layer }) => table.layers[layer]!.weightFormat.formats[0]!.bits > 7)
  return isEight ? { [precise]: "1" } : {}
}

/** Axes of a weight in the file. */
const ordersOf = {
  conv: [3, 2, 0, 1],
  depthwiseConv: [2, 3, 0, 1],
  dense: [0, 1],
} as const

/**
 * Biases of integer kernels are counted in steps of the product, input scale times weight scale, in 32 bits with the sum of
 * the products, which takes less than a tenth of them.
 */
const mostSteps = 2 ** 30

export const planOf = (model: FoundModel, options: ExportOptions): Plan => {
  const { network } = model
  const operands = operandsOf(model)
  const inputOf = inputsOf(operands, network)
  const folding = foldingOfModel(model, inputOf)
  const normBehind = ({ path }: LayerNode): Norm | undefined => {
    const behind = folding.behind.get(path)
    return behind === undefined ? undefined : normOf(model, behind)
  }
  const packed = new Map<string, PackedWeight>()
  const pack = (node: LayerNode): PackedWeight => {
    const { stored, weight } = storedWeightOf(model, network.table.layers[node.layer]!)
    const norm = normBehind(node)
    const takesGain = (scales: Scales): boolean => {
      if (!folding.integers.has(node.path) || scales.kind !== "channels") return true
      const step = inputScaleOf(inputOf(node)) / raiseOf(stored.format)
      return norm!.bias.every((b, c) => Math.abs(b) < mostSteps * step * scales.scales[c]!)
    }
    const gain = norm?.gain === undefined ? {} : { gain: norm.gain }
    return packWeight(weight, stored, {
      order: ordersOf[node.operation],
      ...gain,
      takesGain,
      options,
    })
  }
  const integerOptions = options.integers === false ? undefined : integerOptionsOf(model)
  return {
    operands,
    inputOf,
    folding,
    normOf: normBehind,
    weightOf: (node) => {
      const known = packed.get(node.path) ?? pack(node)
      packed.set(node.path, known)
      return known
    },
    kernelOf: (node) => {
      if (!isAllSafelyFused(network)) return undefined
      if (folding.integers.has(node.path)) return "integers"
      return integerOptions !== undefined && isConv(node) ? "floats" : undefined
    },
    integerOptions,
  }
}

const inputScaleOf = ({ format, magnitude, sharedExponent }: QuantizedOperand): number =>
  frozenScale(Number(magnitude), toRow(format, sharedExponent))

/**
 * The model with the biases that onnxruntime's integer kernels add: whole steps of the product. Their answers are its
 * answers, but for the order of sums.
 */
export const withIntegerBiases = (model: FoundModel, options: ExportOptions): FoundModel => {
  const { inputOf, folding, normOf: normBehind, weightOf } = planOf(model, options)
  const weights = new Map(model.weights)
  for (const node of integerLayers(model)) {
    if (!isConv(node)) continue
    const { format, gain: apart, scales } = weightOf(node)
    const norm = normBehind(node)
    if (norm === undefined || apart !== undefined) continue
    const input = inputScaleOf(inputOf(node))
    const raise = raiseOf(format)
    const scaleAt = (c: number): number =>
      scales.kind === "channels" ? scales.scales[c]! : scales.kind === "tensor" ? scales.scale : 1
    const taken = folding.behind.get(node.path)!
    const rounded = norm.bias.map((bias, c) => {
      const step = fround(input * (scaleAt(c) / raise))
      return Math.round(bias / step) * step
    })
    const given = taken.norm ?? taken.bias!
    const name = `${given.path}.${taken.norm === undefined ? "bias" : "beta"}`
    const before = norm.bias
    // What the bias moved by is what the last summand moves by.
    const values = valuesNamed(model, name).values.map(
      (value, c) => value + rounded[c]! - before[c]!,
    )
    weights.set(name, { shape: [values.length], values })
  }
  return { ...model, weights }
}
