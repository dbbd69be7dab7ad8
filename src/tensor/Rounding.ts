/**
 * The two ways to fake-quantize inside a step: the fused kernels (`native/`) and the same rule as TensorFlow operations.
 * Both read the format from a row of a tensor, so that a new policy needs no new graph.
 *
 * Left out: gradients (`ClipGradient.ts`), the choice between the two (`quantizer/FakeQuantize.ts`), the rule itself
 * (`quantizer/reference.ts`).
 */
import { blockScaleFormat, type Column, mapColumns, toRow } from "../format/Row.ts"
import { tf } from "./Backend.ts"
import type { Tensor } from "./Backend.ts"
import { intoBlocks, type Blocks } from "./BlockLayout.ts"
import {
  binary,
  bool,
  indices,
  int,
  integer,
  integers,
  op,
  ops,
  reshape,
  select,
  shapeOf,
  type,
  whole,
} from "./Op.ts"
import type { Attribute } from "./Op.ts"
import {
  endsBut,
  endsOver,
  type EndTensors,
  type ScaleAndRange,
  withZeroPoint,
} from "./ZeroPoint.ts"

/** What one float32 scale of a tensor covers, by the dimensions of the tensor. */
export interface Granularity {
  /** -1: one scale for the tensor; else one for every index along this dimension. */
  readonly axis: number
  /** The dimension along which blocks run; -1 where there are none. */
  readonly blockAxis: number
  /** How many elements share a float32 scale in formats without blocks of their own; 0: as `axis` says. */
  readonly blockSize: number
}

/** That, and which row of `rows` and `amax` a tensor has. */
export interface RoundingSite extends Granularity {
  readonly site: number
  /** Whether the row may be one of a format with a zero point; the fused kernels see that themselves. */
  readonly zeroPoints: boolean
}

/** The attributes that all fused kernels have. */
export const attributesOf = ({
  site,
  axis,
  blockAxis,
  blockSize,
}: RoundingSite): ReadonlyArray<Attribute> => [
  int("row", site),
  int("axis", axis),
  int("block_axis", blockAxis),
  int("block_size", blockSize),
]

/**
 * x any shape, rows [sites, rowLength], amax [sites] -> like x. `amaxes`, where it is given, has one for every scale.
 * Fails inside TensorFlow when the shapes are others.
 */
export const quantizeFused = (
  x: Tensor,
  rows: Tensor,
  amax: Tensor,
  amaxes: Tensor | undefined,
  at: RoundingSite,
): Tensor => op("FliqsQuantize", attributesOf(at), x, rows, amax, amaxes ?? tf.tensor1d([]))

const exponentMask = 0x7f800000
const smallestNormal = 2 ** -126

/** Element `row` along the first axis, as its own tensor (a list of scalars when it is a row of a matrix). */
const pick = (table: Tensor, row: number): Array<Tensor> => {
  const width = table.shape[1] ?? 1
  const attributes = [type("T"), type("Index", "int32")]
  const [begin, size] =
    table.rank === 2 ? [indices(row, 0), indices(1, width)] : [indices(row), indices(1)]
  const flat = op(
    "Reshape",
    [type("T"), type("Tshape", "int32")],
    op("Slice", attributes, table, begin, size),
    indices(width),
  )
  return ops("Unpack", [type("T"), int("num", width), int("axis", 0)], [flat], width)
}

/** A format's row as scalars. */
export type RowTensors = Readonly<Record<Column, Tensor>>

/** The row of one site. */
export const pickRow = (rows: Tensor, site: number): RowTensors => {
  const numbers = pick(rows, site)
  return mapColumns((_, i) => numbers[i]!)
}

/** 2^exponent(y) by the bits of y: log2 is wrong just under powers of two. */
const powerBelow = (y: Tensor): Tensor => {
  const bits = op("Bitcast", [type("T"), integer("type")], y)
  const masked = op("BitwiseAnd", [integer("T")], bits, tf.scalar(exponentMask, "int32"))
  return op("Bitcast", [integer("T"), type("type")], masked)
}

/** max |x| over all dimensions but `axis`, which stays to broadcast. */
export const absMaxBut = (x: Tensor, axis: number): Tensor => {
  const others = [...x.shape.keys()].filter((dimension) => dimension !== axis)
  const attributes = [type("T"), type("Tidx", "int32"), bool("keep_dims", axis >= 0)]
  return op("Max", attributes, op("Abs", [type("T")], x), indices(...others))
}

/** The step and the range of a grid, each a scalar. */
type Grid = Pick<RowTensors, "relative" | "smallest" | "lo" | "hi">

/** amax / scaleBy; 1 where that is zero, subnormal or NaN. */
export const scaleOf = (amax: Tensor, scaleBy: Tensor): Tensor => {
  const ratio = binary("RealDiv", amax, scaleBy)
  const usable = binary("GreaterEqual", ratio, tf.scalar(smallestNormal))
  return select(usable, ratio, tf.scalar(1))
}

/** An amax for every index along `axis`, or one for all ([1]), in a shape that broadcasts. */
export const broadcastAlong = (amaxes: Tensor, rank: number, axis: number): Tensor =>
  reshape(
    amaxes,
    axis < 0
      ? tf.tensor1d([], "int32")
      : indices(...Array.from({ length: rank }, (_, i) => (i === axis ? -1 : 1))),
  )

/** y between bounds that broadcast to it; NaN stays. */
const clip = (y: Tensor, lo: Tensor, hi: Tensor): Tensor =>
  select(binary("Greater", y, hi), hi, select(binary("Less", y, lo), lo, y))

/** The nearest values of the grid to y, which is already scaled. Ends that are no scalars broadcast. */
const element = (y: Tensor, { relative, smallest, lo, hi }: Grid): Tensor => {
  const isScalar = lo.rank === 0 && hi.rank === 0
  const clipped = isScalar ? op("ClipByValue", [type("T")], y, lo, hi) : clip(y, lo, hi)
  const u = binary("Maximum", binary("Mul", powerBelow(clipped), relative), smallest)
  return binary("Mul", op("Rint", [type("T")], binary("RealDiv", clipped, u)), u)
}

/** q * s, where a zero has a sign only if the encoding has a code for it. */
const rescaled = (q: Tensor, s: Tensor, { zero }: RowTensors): Tensor =>
  binary("AddV2", binary("Mul", q, s), zero)

const toBits = (x: Tensor): Tensor => op("Bitcast", [type("T"), integer("type")], x)
const toInteger = (x: Tensor): Tensor => op("Cast", [type("SrcT"), integer("DstT")], x)

/** The power of two that a block is scaled by, of its amax; NaN for infinity and NaN. */
const sharedScale = (blockAmax: Tensor, hi: Tensor, increment: Tensor): Tensor => {
  const exponent = (bits: Tensor) => integers("RightShift", bits, whole(23))
  const e = integers(
    "Sub",
    exponent(integers("AddV2", toBits(blockAmax), toInteger(increment))),
    integers("Sub", exponent(toBits(hi)), whole(127)),
  )
  const inRange = integers("Maximum", integers("Minimum", e, whole(254)), whole(1))
  const power = op(
    "Bitcast",
    [integer("T"), type("type")],
    integers("LeftShift", inRange, whole(23)),
  )
  const nothing = binary("Mul", blockAmax, tf.scalar(0)) // NaN for infinity and NaN
  return select(binary("Equal", nothing, tf.scalar(0)), power, nothing)
}

/** max |x| of every block, [outer, blocks, 1, inner]. */
export const absMaxOfBlocks = ({ parts }: Blocks): Tensor =>
  op(
    "Max",
    [type("T"), type("Tidx", "int32"), bool("keep_dims", true)],
    op("Abs", [type("T")], parts),
    indices(2),
  )

/** Rounding in the blocks of a block format, under the tensor scale of `tensorAmax`. Meaningless for other rows. */
const quantizeOwnBlocks = (
  x: Tensor,
  { scaleBy, blockSize, increment, zero, ...grid }: RowTensors,
  tensorAmax: Tensor,
  blockAxis: number,
): Tensor => {
  const blocks = intoBlocks(x, blockAxis, integers("Maximum", toInteger(blockSize), whole(1)))
  const blockAmax = absMaxOfBlocks(blocks)
  const underTensor = op("IsFinite", [type("T")], scaleBy)
  const t = select(underTensor, binary("RealDiv", tensorAmax, scaleBy), tf.scalar(1))
  const { relative, smallest, lo, hi } = toRow(blockScaleFormat)
  const blockScales = {
    relative: tf.scalar(relative),
    smallest: tf.scalar(smallest),
    lo: tf.scalar(lo),
    hi: tf.scalar(hi),
  }
  const fine = element(binary("RealDiv", binary("RealDiv", blockAmax, grid.hi), t), blockScales)
  const ofTensor = select(binary("Less", t, tf.scalar(smallestNormal)), tf.scalar(0), fine)
  const b = select(underTensor, ofTensor, sharedScale(blockAmax, grid.hi, increment))
  const s = binary("Mul", b, t)
  const q = element(binary("RealDiv", blocks.parts, s), grid)
  const scaled = binary("Mul", binary("Mul", q, b), t)
  const isZero = binary("Less", s, tf.scalar(smallestNormal))
  const result = select(isZero, binary("Mul", blocks.parts, tf.scalar(0)), scaled)
  return blocks.join(binary("AddV2", result, zero))
}

const whereSet = (amax: Tensor, otherwise: Tensor): Tensor =>
  select(binary("Greater", amax, tf.scalar(0)), amax, otherwise)

/** Values that are cut so that their scales broadcast to them, and a given amax of every scale in that shape. */
interface Scaled {
  readonly x: Tensor
  readonly absmax: Tensor
  readonly given: Tensor | undefined
  readonly ends: () => EndTensors
}

const scaledBut = (x: Tensor, axis: number, given: Tensor | undefined): Scaled => ({
  x,
  absmax: absMaxBut(x, axis),
  given,
  ends: () => endsBut(x, axis),
})

const scaledBlocks = ({ parts, ...blocks }: Blocks, amaxes: Tensor | undefined): Scaled => {
  const absmax = absMaxOfBlocks({ parts, ...blocks })
  return {
    x: parts,
    absmax,
    given: amaxes === undefined ? undefined : reshape(amaxes, shapeOf(absmax)),
    ends: () => endsOver(parts, [2], true),
  }
}

/** What x is divided by and its range, from its own values or under a given amax above 0. */
const gridOf = (
  { absmax, ends, given }: Scaled,
  row: RowTensors,
  zeroPoints: boolean,
): ScaleAndRange => {
  const amax = given === undefined ? absmax : whereSet(given, absmax)
  const plain = { s: scaleOf(amax, row.scaleBy), lo: row.lo, hi: row.hi }
  return zeroPoints ? withZeroPoint(plain, row, ends(), absmax, given) : plain
}

/** Rounding with float32 scales. */
const quantizePlain = (scaled: Scaled, row: RowTensors, zeroPoints: boolean): Tensor => {
  const { s, lo, hi } = gridOf(scaled, row, zeroPoints)
  return rescaled(element(binary("RealDiv", scaled.x, s), { ...row, lo, hi }), s, row)
}

/** `quantizeFused` as TensorFlow operations: the same values bit for bit. */
export const quantizeByOps = (
  x: Tensor,
  rows: Tensor,
  amax: Tensor,
  amaxes: Tensor | undefined,
  { site, axis, blockAxis, blockSize, zeroPoints }: RoundingSite,
): Tensor => {
  const row = pickRow(rows, site)
  const calibrated = pick(amax, site)[0]!
  const plain = (): Tensor => {
    const own = axis < 0 ? calibrated : undefined
    const given = amaxes === undefined ? own : broadcastAlong(amaxes, x.rank, axis)
    return quantizePlain(scaledBut(x, axis, given), row, zeroPoints)
  }
  const plainBlocks = (): Tensor => {
    const blocks = intoBlocks(x, blockAxis, whole(blockSize))
    return blocks.join(quantizePlain(scaledBlocks(blocks, amaxes), row, zeroPoints))
  }
  const rounded = blockSize > 0 ? plainBlocks() : plain()
  const zero = tf.scalar(0)
  const result = select(binary("Equal", row.relative, zero), x, rounded)
  if (blockAxis < 0) return result
  const tensorAmax = whereSet(calibrated, absMaxBut(x, -1))
  const inBlocks = quantizeOwnBlocks(x, row, tensorAmax, blockAxis)
  return select(binary("Greater", row.blockSize, zero), inBlocks, result)
}
