/**
 * Rounding of what a layer or a product multiplies with, as operations of TensorFlow.
 *
 *     y = clip(x / s, lo, hi),  u = max(2^exponent(y) relative, smallest),  round(y / u) u s
 *
 * Every step of that is exact in float32 in any runtime: TensorFlow's Round goes to even, the power of two comes from a
 * table, its index from a logarithm that is then put right by comparing. TensorFlow.js has no Bitcast, so the exponent is
 * not read from the bits. Left out: weights, which are stored rounded (`TensorFlowWeights.ts`).
 */
import type { Format } from "../../format/Format.ts"
import { exponentOf, powerOfTwo } from "../../format/round.ts"
import { blockScaleFormat, type Row, toRow } from "../../format/Row.ts"
import { inFloat32 } from "../../quantizer/reference.ts"
import { isInteger, powersOfTwo } from "../Encoding.ts"
import type { QuantizedOperand } from "../Operands.ts"
import { Refused } from "../Target.ts"
import type { TensorFlowGraph } from "./TensorFlowGraph.ts"

const { fround } = Math
const smallestNormal = 2 ** -126

/** One rounding of the graph. */
interface Rounding {
  readonly graph: TensorFlowGraph
  /** What the names of its nodes begin with. */
  readonly name: string
  readonly format: Format
  /** In float32. */
  readonly row: Row
  /** The magnitude of its frozen scale; 0: the largest of the values at hand. */
  readonly magnitude: number
  /** The dimension along which blocks run. */
  readonly axis: number
  /** Sizes of x; -1 for the batch. */
  readonly sizes: ReadonlyArray<number>
}

/** 2^floor(log2 a) for a >= 0 between 2^least and 2^most; below 2^least it is 2^(least - 1), and nothing else is said. */
const powerBelow = (
  graph: TensorFlowGraph,
  a: string,
  least: number,
  most: number,
  name: string,
): string => {
  const log = graph.each("Log", [a], `${name}.log`)
  const perBinade = graph.each("Mul", [log, graph.scalar(Math.LOG2E)], `${name}.log2`)
  const floor = graph.each("Floor", [perBinade], `${name}.floor`)
  const bounds = [graph.scalar(least), graph.scalar(most)]
  const inRange = graph.each("ClipByValue", [floor, ...bounds], `${name}.exponent`)
  const from = graph.each("Sub", [inRange, graph.scalar(least)], `${name}.from`)
  const index = graph.cast(from, "DT_FLOAT", "DT_INT32", `${name}.index`)
  const table = graph.shared(`powers.${least}.${most}`, () => ({
    kind: "float32",
    values: powersOfTwo(least, most),
    shape: [most - least + 1],
  }))
  const guess = graph.gather(table, index, 0, `${name}.guess`)
  const half = graph.each("Mul", [guess, graph.scalar(0.5)], `${name}.half`)
  const double = graph.each("Mul", [guess, graph.scalar(2)], `${name}.double`)
  const tooHigh = graph.each("Less", [a, guess], `${name}.high`)
  const tooLow = graph.each("GreaterEqual", [a, double], `${name}.low`)
  const raised = graph.each("SelectV2", [tooLow, double, guess], `${name}.raised`)
  return graph.each("SelectV2", [tooHigh, half, raised], `${name}.power`)
}

/** The nearest values of the format's grid to y, which is already scaled. */
const roundElement = (
  graph: TensorFlowGraph,
  y: string,
  format: Format,
  { hi, lo, relative, smallest }: Row,
  name: string,
): string => {
  const bounds = [graph.scalar(lo), graph.scalar(hi)]
  const clipped = graph.each("ClipByValue", [y, ...bounds], `${name}.clipped`)
  if (isInteger(format) && smallest === 1) return graph.each("Round", [clipped], `${name}.rounded`)
  const u = isInteger(format)
    ? graph.scalar(smallest)
    : (() => {
        const size = graph.each("Abs", [clipped], `${name}.size`)
        const power = powerBelow(graph, size, format.minExponent, exponentOf(hi), name)
        const step = graph.each("Mul", [power, graph.scalar(relative)], `${name}.relative`)
        return graph.each("Maximum", [step, graph.scalar(smallest)], `${name}.step`)
      })()
  const steps = graph.each("RealDiv", [clipped, u], `${name}.steps`)
  const whole = graph.each("Round", [steps], `${name}.whole`)
  return graph.each("Mul", [whole, u], `${name}.rounded`)
}

/** Magnitude / scaleBy, and 1 where that is no normal number. */
const frozenScale = (magnitude: number, { scaleBy }: Row): number => {
  const s = fround(fround(magnitude) / scaleBy)
  return s >= smallestNormal ? s : 1
}

const largest = (
  { graph }: Rounding,
  x: string,
  axes: ReadonlyArray<number>,
  name: string,
): string =>
  graph.reduce("Max", graph.each("Abs", [x], `${name}.abs`), axes, `${name}.largest`, true)

/** The scale of values at hand, from their largest magnitude. */
const scaleAtHand = ({ graph, name, row }: Rounding, top: string): string => {
  const ratio = graph.each("RealDiv", [top, graph.scalar(row.scaleBy)], `${name}.ratio`)
  const least = graph.scalar(smallestNormal)
  const usable = graph.each("GreaterEqual", [ratio, least], `${name}.usable`)
  return graph.each("SelectV2", [usable, ratio, graph.scalar(1)], `${name}.scale`)
}

/** x / s rounded, times s. */
const roundScaled = ({ format, graph, name, row }: Rounding, x: string, s: string): string => {
  const y = graph.each("RealDiv", [x, s], `${name}.scaled`)
  const q = roundElement(graph, y, format, row, name)
  return graph.each("Mul", [q, s], `${name}.quantized`)
}

/** x in a format whose zero point is found in the values that a scale covers, those along `axes`. */
const roundAffine = (rounding: Rounding, x: string, axes: ReadonlyArray<number>): string => {
  const { graph, name, row } = rounding
  const zero = graph.scalar(0)
  const end = (of: "Min" | "Max"): string => {
    const found = graph.reduce(of, x, axes, `${name}.${of}`, true)
    return graph.each(`${of}imum`, [found, zero], `${name}.${of}0`)
  }
  const least = end("Min")
  const span = graph.each("Sub", [end("Max"), least], `${name}.span`)
  const s = scaleAtHand(rounding, span)
  const below = graph.each("Sub", [zero, least], `${name}.below`)
  const code = graph.each("RealDiv", [below, s], `${name}.steps`)
  const zeroPoint = graph.each("Round", [code], `${name}.zeroPoint`)
  const lowest = graph.each("Sub", [zero, zeroPoint], `${name}.lowest`)
  const highest = graph.each("Sub", [graph.scalar(row.hi), zeroPoint], `${name}.highest`)
  const y = graph.each("RealDiv", [x, s], `${name}.scaled`)
  const above = graph.each("Maximum", [y, lowest], `${name}.above`)
  const clipped = graph.each("Minimum", [above, highest], `${name}.clipped`)
  const q = graph.each("Round", [clipped], `${name}.rounded`)
  return graph.each("Mul", [q, s], `${name}.quantized`)
}

/** Rounding under the scale of the values at hand, those along `axes`. */
const roundAtHand = (
  rounding: Rounding,
  x: string,
  axes: ReadonlyArray<number>,
  name: string,
): string =>
  rounding.row.affine === 1
    ? roundAffine(rounding, x, axes)
    : roundScaled(rounding, x, scaleAtHand(rounding, largest(rounding, x, axes, name)))

/** Applies `of` to x cut into blocks of `size` along `axis`: its dimension `axis + 1`, filled up with zeros. */
const inBlocks = (
  { axis, graph, name, sizes }: Rounding,
  x: string,
  size: number,
  of: (parts: string) => string,
): string => {
  const channels = sizes[axis]!
  const blocks = Math.ceil(channels / size)
  const missing = blocks * size - channels
  const behind = sizes.map((_, i) => [0, i === axis ? missing : 0] as const)
  const filled = missing === 0 ? x : graph.pad(x, behind, `${name}.filled`)
  const [before, after] = [sizes.slice(0, axis), sizes.slice(axis + 1)]
  const parts = graph.reshape(filled, [...before, blocks, size, ...after], `${name}.blocks`)
  const whole = [...before, blocks * size, ...after]
  const joined = graph.reshape(of(parts), whole, `${name}.joined`)
  if (missing === 0) return joined
  const kept = sizes.map((_, i) => (i === axis ? channels : -1))
  return graph.slice(
    joined,
    sizes.map(() => 0),
    kept,
    `${name}.cut`,
  )
}

/** The power of two that each block is scaled by: E8M0 under the rule whose increment the row has. */
const sharedScale = ({ graph, name, row: { hi, increment } }: Rounding, top: string): string => {
  const power = powerBelow(graph, top, -126, 127, `${name}.shared`)
  const up = ((): string => {
    if (increment === 0) return power
    const isCeil = increment === 2 ** 23 - 1
    const limit = 2 - increment / 2 ** 23
    const bound = isCeil ? power : graph.each("Mul", [power, graph.scalar(limit)], `${name}.bound`)
    const isUp = graph.each(isCeil ? "Greater" : "GreaterEqual", [top, bound], `${name}.up`)
    const double = graph.each("Mul", [power, graph.scalar(2)], `${name}.doubled`)
    return graph.each("SelectV2", [isUp, double, power], `${name}.next`)
  })()
  const scaled = graph.each("Mul", [up, graph.scalar(powerOfTwo(-exponentOf(hi)))], `${name}.e8m0`)
  return graph.each("Maximum", [scaled, graph.scalar(smallestNormal)], `${name}.scale`)
}

const blockScaleRow = inFloat32(toRow(blockScaleFormat))

/** The scale of the tensor that NVFP4's block scales are under. Of values that are all zero it is not 0: it divides. */
const tensorScale = (rounding: Rounding, x: string): string => {
  const { graph, magnitude, name, row, sizes } = rounding
  if (magnitude > 0) return graph.scalar(fround(fround(magnitude) / row.scaleBy))
  const top = largest(rounding, x, [...sizes.keys()], `${name}.tensor`)
  const ratio = graph.each("RealDiv", [top, graph.scalar(row.scaleBy)], `${name}.tensorRatio`)
  return graph.each("Maximum", [ratio, graph.scalar(smallestNormal)], `${name}.tensorScale`)
}

/** A format with blocks of its own: the scale of every block comes from its values. */
const roundOwnBlocks = (rounding: Rounding, x: string): string => {
  const { axis, format, graph, name, row } = rounding
  const t = Number.isFinite(row.scaleBy) ? tensorScale(rounding, x) : undefined
  return inBlocks(rounding, x, format.block!.size, (parts) => {
    const top = largest(rounding, parts, [axis + 1], `${name}.block`)
    if (t === undefined) return roundScaled(rounding, parts, sharedScale(rounding, top))
    const each = graph.each("RealDiv", [top, graph.scalar(row.hi)], `${name}.blockRatio`)
    const ofTensor = graph.each("RealDiv", [each, t], `${name}.fine`)
    const b = roundElement(graph, ofTensor, blockScaleFormat, blockScaleRow, `${name}.blockScale`)
    const s = graph.each("Mul", [b, t], `${name}.scale`)
    const least = graph.scalar(smallestNormal)
    const usable = graph.each("GreaterEqual", [s, least], `${name}.usable`)
    const divisor = graph.each("SelectV2", [usable, s, graph.scalar(Infinity)], `${name}.divisor`)
    const y = graph.each("RealDiv", [parts, divisor], `${name}.scaled`)
    const q = roundElement(graph, y, format, row, name)
    return graph.each("Mul", [graph.each("Mul", [q, b], `${name}.inBlock`), t], `${name}.quantized`)
  })
}

/**
 * Adds the rounding of x and gives the name of the result. Blocks run along `axis`; `sizes` are those of x, -1 for the
 * batch. Throws `Refused` where scales are found anew by another rule than absmax.
 */
export const addRounding = (
  graph: TensorFlowGraph,
  x: string,
  operand: QuantizedOperand,
  axis: number,
  sizes: ReadonlyArray<number>,
): string => {
  const { blockSize, format, granularity, path: name, sharedExponent } = operand
  if (format.mantissaBits >= 23) return x
  const row = inFloat32(toRow(format, sharedExponent))
  const isFrozen = typeof operand.magnitude === "number"
  if (!isFrozen && operand.magnitude !== "absmax")
    throw new Refused(
      `${name}: a scale for every ${granularity} of the input is found while the graph runs, and the rule ${JSON.stringify(operand.magnitude)} is not written as operations; absmax would be right`,
    )
  const magnitude = isFrozen ? operand.magnitude : 0
  const rounding: Rounding = { graph, name, format, row, magnitude, axis, sizes }
  if (format.block !== undefined) return roundOwnBlocks(rounding, x)
  if (!format.scaled) return roundElement(graph, x, format, row, name)
  if (granularity === "block")
    return inBlocks(rounding, x, blockSize!, (parts) =>
      roundAtHand(rounding, parts, [axis + 1], `${name}.block`),
    )
  if (granularity !== "token" && magnitude > 0)
    return roundScaled(rounding, x, graph.scalar(frozenScale(magnitude, row)))
  const axes = granularity === "token" ? [sizes.length - 1] : [...sizes.keys()]
  return roundAtHand(rounding, x, axes, name)
}
