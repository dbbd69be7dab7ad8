/**
 * A weight in the graph: its codes in their type, its scales, and the nodes that make floats of them.
 *
 *     DequantizeLinear(codes, scale)              formats with a type; a scale for the tensor, a channel, a block
 *     DequantizeLinear(Cast(codes) 2^k, scale)    integers of 8 - k bits, where kernels multiply INT8
 *     Mul(Cast(codes), scale)                     integers beside such kernels, which are multiplied as floats
 *     Mul(Gather(values, Cast(codes)), scale)     formats without
 *     Cast(codes)                                 BF16, FP16
 *
 * Scales of MX blocks are stored in eight bits, as exponents with a table of powers of two; those of NVFP4 as FLOAT8E4M3FN,
 * under a float32 scale of the tensor. A gain for each output channel (a norm's) is in the scales or in float32 values; else
 * the weight is multiplied with it. Left out: which codes (`../Codes.ts`).
 */
import type { Values } from "../FoundModel.ts"
import { isCoded, type Scales, type Stored, valuesOf } from "../Codes.ts"
import { timesGain, withGain } from "../Gains.ts"
import { codeOf, stepOf, valuesOfCodes, valuesOfExponents } from "../Encoding.ts"
import type { Format } from "../../format/Format.ts"
import { blockScaleFormat } from "../../format/Row.ts"
import { exponentOf } from "../../format/round.ts"
import type { ExportOptions } from "../Target.ts"
import { bytesOf, type Constant, DataType, floats, type Graph } from "./OnnxGraph.ts"
import { pack, type Storage, storageOf } from "./OnnxTypes.ts"

/** Row-major values in another order of their axes: axis i of the result is axis `order[i]`. */
const transposed = <A extends Float32Array | Int32Array>(
  values: A,
  shape: ReadonlyArray<number>,
  order: ReadonlyArray<number>,
): A => {
  if (order.every((axis, i) => axis === i)) return values
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1))
  const sizes = order.map((axis) => shape[axis]!)
  const steps = order.map((axis) => strides[axis]!)
  const result = values.slice() as A
  const at = sizes.map(() => 0)
  let from = 0
  for (let i = 0; i < result.length; i++) {
    result[i] = values[from]!
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      from += steps[axis]!
      if (++at[axis]! < sizes[axis]!) break
      from -= steps[axis]! * sizes[axis]!
      at[axis] = 0
    }
  }
  return result
}

type Blocks = Extract<Scales, { readonly kind: "blocks" }>

/** The block scales as floats, in the order of axes of the graph's weight. */
const blockScales = (
  graph: Graph,
  name: string,
  { axis, scales, size, type }: Blocks,
  shape: ReadonlyArray<number>,
  order: ReadonlyArray<number>,
): string => {
  const counts = shape.map((length, i) => (i === axis ? Math.ceil(length / size) : length))
  const turned = order.map((from) => counts[from]!)
  const values = transposed(scales, counts, order)
  if (type === "float32") return graph.constant(`${name}.scale`, floats(values, turned))
  if (type === "E4M3") {
    graph.require(19)
    const codes = Int32Array.from(values, (value) => codeOf(value, blockScaleFormat))
    const constant = { type: DataType.FLOAT8E4M3FN, shape: turned, bytes: pack(codes, 8) }
    const stored = graph.constant(`${name}.blockScale`, constant)
    return graph.node("Cast", [stored], `${name}.scale`, { to: DataType.FLOAT })
  }
  const codes = Int32Array.from(values, (value) => exponentOf(value) + 127)
  const constant = { type: DataType.UINT8, shape: turned, bytes: pack(codes, 8) }
  const stored = graph.constant(`${name}.blockExponent`, constant)
  const index = graph.node("Cast", [stored], `${name}.index`, { to: DataType.INT32 })
  const table = graph.shared("powersOfTwo", () => floats(valuesOfExponents()))
  return graph.node("Gather", [table, index], `${name}.scale`)
}

/** Codes as floats with their scale. `axis` counts in the graph's order. */
interface Scaled {
  readonly scale: string
  readonly axis?: number
  readonly blockSize?: number
}

const scaledBy = (
  graph: Graph,
  name: string,
  { format, order, scales, shape }: PackedWeight,
  raise: number,
): Scaled | undefined => {
  const step = stepOf(format)
  switch (scales.kind) {
    case "none":
      return undefined
    case "tensor":
      return { scale: graph.constant(`${name}.scale`, floats([scales.scale / raise], [])) }
    case "channels":
      return {
        scale: graph.constant(`${name}.scale`, floats(scales.scales.map((s) => s / raise))),
        axis: order.indexOf(scales.axis),
      }
    case "blocks": {
      const each = blockScales(graph, name, scales, shape, order)
      const scale =
        step === 1 ? each : graph.node("Mul", [each, graph.scalar(step)], `${name}.step`)
      return { scale, axis: order.indexOf(scales.axis), blockSize: scales.size }
    }
  }
}

/** A scale of a channel or a block in a shape that broadcasts over the weight. */
const spread = (
  graph: Graph,
  name: string,
  { axis, blockSize, scale }: Scaled,
  sizes: ReadonlyArray<number>,
): string => {
  if (axis === undefined) return scale
  if (blockSize === undefined) {
    const shape = sizes.map((_, i) => (i === axis ? -1 : 1))
    return graph.node("Reshape", [scale, graph.whole(...shape)], `${name}.scales`)
  }
  const blocks = Array.from({ length: sizes[axis]! }, (_, i) => Math.floor(i / blockSize))
  return graph.node("Gather", [scale, graph.whole(...blocks)], `${name}.scales`, { axis })
}

/** A weight as the file has it: its bytes, and the scales that belong to them. */
export interface PackedWeight {
  readonly format: Format
  readonly storage: Storage
  /** As the network has it; axis i of the file's weight is its axis `order[i]`. */
  readonly shape: ReadonlyArray<number>
  readonly order: ReadonlyArray<number>
  readonly constant: Constant
  readonly scales: Scales
  /** For each output channel, where neither scales nor values have it. */
  readonly gain?: Float32Array
}

/** What a weight is packed with. */
export interface Packing {
  /** Axis i of the file's weight is axis `order[i]` of the network's; the first is that of the output channels. */
  readonly order: ReadonlyArray<number>
  /** For each output channel. */
  readonly gain?: Float32Array
  /** Whether scales may take the gain in. */
  readonly takesGain: (scales: Scales) => boolean
  readonly options: ExportOptions
}

/** Packs a weight. @param weight gives the shape, for a weight without codes */
export const packWeight = (
  { shape }: Values,
  plain: Stored,
  { gain, options, order, takesGain }: Packing,
): PackedWeight => {
  const { format } = plain
  const storage = storageOf(format, options)
  const sizes = order.map((axis) => shape[axis]!)
  const axis = order[0]!
  const folded = gain === undefined ? undefined : withGain(plain, axis, gain)
  const isFolded = folded !== undefined && isCoded(folded) && takesGain(folded.scales)
  const stored = isFolded ? folded : plain
  if (!isCoded(stored) || storage.kind === "float32") {
    const own =
      isFolded || gain === undefined
        ? valuesOf(stored)
        : timesGain(valuesOf(stored), shape, axis, gain)
    const values = transposed(own, shape, order)
    const constant = { type: DataType.FLOAT, shape: sizes, bytes: bytesOf(values) }
    return {
      format,
      storage: { kind: "float32" },
      shape,
      order,
      constant,
      scales: { kind: "none" },
    }
  }
  const bytes = pack(transposed(stored.codes, shape, order), storage.type.bits)
  const constant = { type: storage.type.type, shape: sizes, bytes }
  const rest = isFolded || gain === undefined ? {} : { gain }
  return { format, storage, shape, order, constant, scales: stored.scales, ...rest }
}

/**
 * What a product does with codes: `integers` multiplies them in onnxruntime's integer kernels, which take INT8; `floats`
 * multiplies their values, for which no DequantizeLinear stands there: onnxruntime would run that anew for every image.
 */
export type Kernel = "integers" | "floats"

/** Adds a weight and gives the name of its values, float32. */
export const addWeight = (
  graph: Graph,
  name: string,
  weight: PackedWeight,
  kernel: Kernel | undefined,
): string => {
  const { constant, gain, storage } = weight
  if (storage.kind === "float32") return graph.constant(name, constant)
  graph.require(storage.type.opset)
  const values = withoutGain(graph, name, weight, kernel)
  if (gain === undefined) return values
  const shape = constant.shape.map((_, i) => (i === 0 ? gain.length : 1))
  const factor = graph.constant(`${name}.gain`, floats(gain, shape))
  return graph.node("Mul", [values, factor], `${name}.gained`)
}

const withoutGain = (
  graph: Graph,
  name: string,
  weight: PackedWeight,
  kernel: Kernel | undefined,
): string => {
  const { constant, scales, storage } = weight
  const codes = graph.constant(`${name}.codes`, constant)
  if (storage.kind === "cast") return graph.node("Cast", [codes], name, { to: DataType.FLOAT })
  const raise = kernel === "integers" ? raiseOf(weight.format) : 1
  const scaled = scaledBy(graph, name, weight, raise)
  if (storage.kind === "linear" && kernel === "floats" && hasFewScales(scaled)) {
    const values = graph.node("Cast", [codes], `${name}.values`, { to: DataType.FLOAT })
    return graph.node("Mul", [values, spread(graph, name, scaled, constant.shape)], name)
  }
  const values =
    storage.kind === "linear"
      ? linear(graph, name, inBytes(graph, name, codes, raise), scaled)
      : fromTable(graph, name, codes, weight, scaled)
  return scales.kind === "blocks" && scales.type === "E4M3"
    ? graph.node("Mul", [values, graph.scalar(scales.tensorScale)], `${name}.scaled`)
    : values
}

/** Whether a scale covers the tensor or a channel. */
const hasFewScales = (scaled: Scaled | undefined): scaled is Scaled =>
  scaled !== undefined && scaled.blockSize === undefined

/**
 * Codes of less than eight bits as INT8, `raise` times as large under a scale as much smaller, so that the steps which
 * kernels round biases to are finer.
 */
const inBytes = (graph: Graph, name: string, codes: string, raise: number): string => {
  if (raise === 1) return codes
  const values = graph.node("Cast", [codes], `${name}.values`, { to: DataType.FLOAT })
  const raised = graph.node("Mul", [values, graph.scalar(raise)], `${name}.raised`)
  return graph.node("Cast", [raised], `${name}.bytes`, { to: DataType.INT8 })
}

/**
 * How much larger integer kernels take the codes of a format: up to seven bits. On x64 processors without VNNI they add two
 * products with inputs of eight bits in sixteen, which overflow with weights of eight.
 */
export const raiseOf = ({ bits }: Format): number => 2 ** Math.max(0, 7 - bits)

const linear = (graph: Graph, name: string, codes: string, scaled: Scaled | undefined): string => {
  const { axis, blockSize, scale } = scaled ?? { scale: graph.scalar(1) }
  if (blockSize !== undefined) graph.require(21)
  return graph.node("DequantizeLinear", [codes, scale], name, {
    ...(axis === undefined ? {} : { axis }),
    ...(blockSize === undefined ? {} : { block_size: blockSize }),
  })
}

const fromTable = (
  graph: Graph,
  name: string,
  codes: string,
  { constant, format }: PackedWeight,
  scaled: Scaled | undefined,
): string => {
  const { bits, hi, mantissaBits } = format
  const table = graph.shared(`values.${bits}.${mantissaBits}.${hi}`, () =>
    floats(valuesOfCodes(format)),
  )
  const index = graph.node("Cast", [codes], `${name}.index`, { to: DataType.INT32 })
  const values = graph.node("Gather", [table, index], `${name}.values`)
  return scaled === undefined
    ? values
    : graph.node("Mul", [values, spread(graph, name, scaled, constant.shape)], name)
}
