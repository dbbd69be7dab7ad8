/**
 * Rounding of what a layer or a product multiplies with, in the graph: QuantizeLinear and DequantizeLinear where the scale is
 * frozen and ONNX has the type, else the rounding rule in arithmetic.
 *
 *     y = clip(x / s, lo, hi),  u = max(2^exponent(y) relative, smallest),  round(y / u) u s
 *
 * Every step of that is exact in float32 in any runtime: the power of two comes from a table, its index from a logarithm
 * that is then put right by comparing. Left out: scales of weights (`OnnxWeights.ts`).
 */
import type { Format } from "../../format/Format.ts"
import { exponentOf, powerOfTwo } from "../../format/round.ts"
import { blockScaleFormat, mapColumns, type Row, toRow } from "../../format/Row.ts"
import { isInteger, powersOfTwo } from "../Encoding.ts"
import type { ExportOptions } from "../Target.ts"
import { roundAffine, scaleAtHand } from "./OnnxAtHand.ts"
import { addByteCodes } from "./OnnxByteCodes.ts"
import { DataType, floats, type Graph } from "./OnnxGraph.ts"
import { type ElementType, inputTypeOf, isEightBits, storageOf } from "./OnnxTypes.ts"

const { fround } = Math
const smallestNormal = 2 ** -126

/** What is rounded: one operand of a layer or of a product. */
export interface Operand {
  readonly format: Format
  readonly row: Row
  /** The magnitude of its frozen scale; 0: the largest of the values at hand. */
  readonly magnitude: number
  /** What one float32 scale covers; blocks count along `axis`. */
  readonly scales: "tensor" | "token" | { readonly blockSize: number }
  /** The dimension along which blocks run. */
  readonly axis: number
  /** Sizes of x; 0 for the batch. */
  readonly sizes: ReadonlyArray<number>
  /** An activation before it that is left to the bounds of its codes of eight bits. */
  readonly bound?: "relu" | "relu6"
}

const floatRow = (row: Row): Row => mapColumns((column) => fround(row[column]))

/** 2^floor(log2 a) for a >= 0 between 2^least and 2^most; below 2^least it is 2^(least - 1). */
const powerBelow = (graph: Graph, a: string, least: number, most: number, name: string): string => {
  const log = graph.node("Log", [a], `${name}.log`)
  const perBinade = graph.node("Mul", [log, graph.scalar(Math.LOG2E)], `${name}.log2`)
  const floor = graph.node("Floor", [perBinade], `${name}.floor`)
  const inRange = graph.node(
    "Clip",
    [floor, graph.scalar(least), graph.scalar(most)],
    `${name}.exponent`,
  )
  const from = graph.node("Sub", [inRange, graph.scalar(least)], `${name}.from`)
  const index = graph.node("Cast", [from], `${name}.index`, { to: DataType.INT32 })
  const table = graph.shared(`powers.${least}.${most}`, () => floats(powersOfTwo(least, most)))
  const guess = graph.node("Gather", [table, index], `${name}.guess`)
  const half = graph.node("Mul", [guess, graph.scalar(0.5)], `${name}.half`)
  const double = graph.node("Mul", [guess, graph.scalar(2)], `${name}.double`)
  const tooHigh = graph.node("Less", [a, guess], `${name}.high`)
  const tooLow = graph.node("GreaterOrEqual", [a, double], `${name}.low`)
  const raised = graph.node("Where", [tooLow, double, guess], `${name}.raised`)
  return graph.node("Where", [tooHigh, half, raised], `${name}.power`)
}

/** The nearest values of the format's grid to y, which is already scaled. */
const roundElement = (
  graph: Graph,
  y: string,
  format: Format,
  { hi, lo, relative, smallest }: Row,
  name: string,
): string => {
  const clipped = graph.node("Clip", [y, graph.scalar(lo), graph.scalar(hi)], `${name}.clipped`)
  const { minExponent } = format
  const isUniform = isInteger(format)
  if (isUniform && smallest === 1) return graph.node("Round", [clipped], `${name}.rounded`)
  const u = isUniform
    ? graph.scalar(smallest)
    : (() => {
        const size = graph.node("Abs", [clipped], `${name}.size`)
        const power = powerBelow(graph, size, minExponent, exponentOf(hi), name)
        const step = graph.node("Mul", [power, graph.scalar(relative)], `${name}.relative`)
        return graph.node("Max", [step, graph.scalar(smallest)], `${name}.step`)
      })()
  const steps = graph.node("Div", [clipped, u], `${name}.steps`)
  const whole = graph.node("Round", [steps], `${name}.whole`)
  return graph.node("Mul", [whole, u], `${name}.rounded`)
}

/** Magnitude / scaleBy, and 1 where that is no normal number. */
export const frozenScale = (magnitude: number, { scaleBy }: Pick<Row, "scaleBy">): number => {
  const s = fround(fround(magnitude) / fround(scaleBy))
  return s >= smallestNormal ? s : 1
}

const largest = (graph: Graph, x: string, axes: ReadonlyArray<number>, name: string): string => {
  const size = graph.node("Abs", [x], `${name}.abs`)
  return graph.reduce("ReduceMax", size, axes, `${name}.largest`, true)
}

/** x / s rounded, times s. */
const roundScaled = (
  graph: Graph,
  x: string,
  s: string,
  { format }: Operand,
  row: Row,
  name: string,
): string => {
  const y = graph.node("Div", [x, s], `${name}.scaled`)
  const q = roundElement(graph, y, format, row, name)
  return graph.node("Mul", [q, s], `${name}.quantized`)
}

/** Rounding under the scale of the values at hand, those along `axes`. */
const roundAtHand = (
  graph: Graph,
  x: string,
  axes: ReadonlyArray<number>,
  operand: Operand,
  row: Row,
  name: string,
): string => {
  if (row.affine === 1) return roundAffine(graph, x, axes, row, name)
  const top = largest(graph, x, axes, name)
  return roundScaled(graph, x, scaleAtHand(graph, top, row, name), operand, row, name)
}

/** Applies `of` to x cut into blocks of `size` along `axis`: its dimension `axis + 1`, filled up with zeros. */
const inBlocks = (
  graph: Graph,
  x: string,
  { axis, sizes }: Operand,
  size: number,
  name: string,
  of: (parts: string) => string,
): string => {
  const channels = sizes[axis]!
  const blocks = Math.ceil(channels / size)
  const missing = blocks * size - channels
  const none = sizes.map(() => 0)
  const filled =
    missing === 0
      ? x
      : graph.node(
          "Pad",
          [x, graph.whole(...none, ...sizes.map((_, i) => (i === axis ? missing : 0)))],
          `${name}.filled`,
        )
  const [before, after] = [sizes.slice(0, axis), sizes.slice(axis + 1)]
  const split = graph.whole(...before, blocks, size, ...after)
  const parts = graph.node("Reshape", [filled, split], `${name}.blocks`)
  const joined = graph.node(
    "Reshape",
    [of(parts), graph.whole(...before, blocks * size, ...after)],
    `${name}.joined`,
  )
  return missing === 0
    ? joined
    : graph.node(
        "Slice",
        [joined, graph.whole(0), graph.whole(channels), graph.whole(axis)],
        `${name}.cut`,
      )
}

/** The power of two that each block is scaled by: E8M0 under the rule whose increment the row has. */
const sharedScale = (graph: Graph, top: string, { hi, increment }: Row, name: string): string => {
  const power = powerBelow(graph, top, -126, 127, `${name}.shared`)
  const up = ((): string => {
    if (increment === 0) return power
    const isCeil = increment === 2 ** 23 - 1
    const bound = isCeil
      ? power
      : graph.node("Mul", [power, graph.scalar(2 - increment / 2 ** 23)], `${name}.bound`)
    const isUp = graph.node(isCeil ? "Greater" : "GreaterOrEqual", [top, bound], `${name}.up`)
    const double = graph.node("Mul", [power, graph.scalar(2)], `${name}.doubled`)
    return graph.node("Where", [isUp, double, power], `${name}.next`)
  })()
  const scaled = graph.node("Mul", [up, graph.scalar(powerOfTwo(-exponentOf(hi)))], `${name}.e8m0`)
  return graph.node("Max", [scaled, graph.scalar(smallestNormal)], `${name}.scale`)
}

const blockScaleRow = floatRow(toRow(blockScaleFormat))

/** Of values that are all zero it is not 0, so that nothing is divided by that. */
const tensorScaleAtHand = (
  graph: Graph,
  x: string,
  { sizes }: Operand,
  { scaleBy }: Row,
  name: string,
): string => {
  const top = largest(graph, x, [...sizes.keys()], `${name}.tensor`)
  const ratio = graph.node("Div", [top, graph.scalar(scaleBy)], `${name}.tensorRatio`)
  return graph.node("Max", [ratio, graph.scalar(smallestNormal)], `${name}.tensorScale`)
}

/** A format with blocks of its own: the scale of every block comes from its values. */
const roundOwnBlocks = (graph: Graph, x: string, operand: Operand, row: Row, name: string) => {
  const { axis, format, magnitude } = operand
  const underTensor = Number.isFinite(row.scaleBy)
  const t = !underTensor
    ? undefined
    : magnitude > 0
      ? graph.scalar(fround(fround(magnitude) / row.scaleBy))
      : tensorScaleAtHand(graph, x, operand, row, name)
  return inBlocks(graph, x, operand, format.block!.size, name, (parts) => {
    const top = largest(graph, parts, [axis + 1], `${name}.block`)
    if (t === undefined)
      return roundScaled(graph, parts, sharedScale(graph, top, row, name), operand, row, name)
    const each = graph.node("Div", [top, graph.scalar(row.hi)], `${name}.blockRatio`)
    const ofTensor = graph.node("Div", [each, t], `${name}.fine`)
    const b = roundElement(graph, ofTensor, blockScaleFormat, blockScaleRow, `${name}.blockScale`)
    const s = graph.node("Mul", [b, t], `${name}.scale`)
    const usable = graph.node("GreaterOrEqual", [s, graph.scalar(smallestNormal)], `${name}.usable`)
    const divisor = graph.node("Where", [usable, s, graph.scalar(Infinity)], `${name}.divisor`)
    const y = graph.node("Div", [parts, divisor], `${name}.scaled`)
    const q = roundElement(graph, y, format, row, name)
    return graph.node("Mul", [graph.node("Mul", [q, b], `${name}.inBlock`), t], `${name}.quantized`)
  })
}

/** x as QuantizeLinear may take it: within the range of a format that is narrower than its type. */
const inRange = (
  graph: Graph,
  x: string,
  format: Format,
  { hi, lo }: Row,
  { bits }: ElementType,
  s: number,
  name: string,
): string => {
  if (isInteger(format)) {
    if (bits === format.bits) return x
    const bounds = [lo, hi].map((bound) => graph.scalar(fround(bound * s)))
    return graph.node("Clip", [x, ...bounds], `${name}.clipped`)
  }
  // onnxruntime 1.30 to 1.32 drop a Relu right before FP8 codes (`ReluQuantRewrite`), which changes the answers
  return graph.operationOf(x) === "Relu"
    ? graph.node("Max", [x, graph.scalar(0)], `${name}.positive`)
    : x
}

const typed = (
  graph: Graph,
  x: string,
  { format, magnitude }: Operand,
  row: Row,
  type: ElementType,
  name: string,
): string => {
  graph.require(type.opset)
  const s = frozenScale(magnitude, row)
  const ranged = inRange(graph, x, format, row, type, s, name)
  const scale = graph.constant(`${name}.scale`, floats([s], []))
  const code = typeof format.zeroPoint === "number" ? format.zeroPoint : 0
  const zero = graph.constant(`${name}.zero`, {
    type: type.type,
    shape: [],
    bytes: type.bits > 8 ? Uint8Array.of(code & 255, code >> 8) : Uint8Array.of(code),
  })
  const q = graph.node("QuantizeLinear", [ranged, scale, zero], `${name}.codes`)
  return graph.node("DequantizeLinear", [q, scale, zero], `${name}.quantized`)
}

/** Adds the rounding of x and gives the name of the result. */
export const addRounding = (
  graph: Graph,
  x: string,
  operand: Operand,
  options: ExportOptions,
  name: string,
): string => {
  const { axis, format, magnitude, scales, sizes } = operand
  if (format.mantissaBits >= 23) return x
  const row = floatRow(operand.row)
  const storage = storageOf(format, options)
  if (storage.kind === "cast") {
    const bounds = [graph.scalar(row.lo), graph.scalar(row.hi)]
    const clipped = graph.node("Clip", [x, ...bounds], `${name}.clipped`)
    const cast = graph.node("Cast", [clipped], `${name}.codes`, { to: storage.type.type })
    return graph.node("Cast", [cast], `${name}.quantized`, { to: DataType.FLOAT })
  }
  if (format.block !== undefined) return roundOwnBlocks(graph, x, operand, row, name)
  if (typeof scales === "object")
    return inBlocks(graph, x, operand, scales.blockSize, name, (parts) =>
      roundAtHand(graph, parts, [axis + 1], operand, row, name),
    )
  if (scales === "token" || magnitude <= 0) {
    const axes = scales === "token" ? [sizes.length - 1] : [...sizes.keys()]
    return roundAtHand(graph, x, axes, operand, row, name)
  }
  const { zeroPoint } = format
  if (isEightBits(format)) {
    const known = typeof zeroPoint === "number" ? { zeroPoint } : {}
    const codes = { ...row, ...operand, ...known, scale: frozenScale(magnitude, row) }
    return addByteCodes(graph, x, codes, name)
  }
  const type = inputTypeOf(format, storage)
  return type === undefined
    ? roundScaled(graph, x, graph.scalar(frozenScale(magnitude, row)), operand, row, name)
    : typed(graph, x, operand, row, type, name)
}
