/**
 * The two ways to fake-quantize inside a step: the fused kernel (`native/quantize.cc`) and the same rule as TensorFlow
 * operations. Both read the format from a row of a tensor, so that a new policy needs no new graph.
 *
 * Left out: the gradient and the choice between the two (`quantizer/FakeQuantize.ts`), the rule itself
 * (`quantizer/reference.ts`).
 */
import { tf } from "./Backend.ts"
import type { Tensor } from "./Backend.ts"
import { bool, indices, int, op, ops, shapeOf, type } from "./Op.ts"
import type { Attribute } from "./Op.ts"

export interface RoundingSite {
  /** Which row of `rows` and `amax`. */
  readonly site: number
  /** -1: one scale for the tensor; else one for every index along this dimension. */
  readonly axis: number
  /** The dimension along which blocks run; -1 where there are none. */
  readonly blockAxis: number
  /** How many elements share a float32 scale in formats without blocks of their own; 0: as `axis` says. */
  readonly blockSize: number
  /** Whether `amax` has a magnitude for every scale ([1], or the size of `axis`) in place of one for every site. */
  readonly clip: boolean
}

/** x any shape, rows [sites, 7], amax [sites] -> like x. Fails inside TensorFlow when the shapes are others. */
export const quantizeFused = (
  x: Tensor,
  rows: Tensor,
  amax: Tensor,
  { site, axis, blockAxis, blockSize, clip }: RoundingSite,
): Tensor =>
  op(
    "FliqsQuantize",
    [
      int("row", site),
      int("axis", axis),
      int("block_axis", blockAxis),
      int("block_size", blockSize),
      bool("clip", clip),
    ],
    x,
    rows,
    amax,
  )

/** dy where x lies inside the range that `clip` ([1], or one for each index along `axis`) gives, 0 where it saturates. */
export const clipGradientFused = (
  dy: Tensor,
  x: Tensor,
  rows: Tensor,
  clip: Tensor,
  { site, axis }: Pick<RoundingSite, "site" | "axis">,
): Tensor => op("FliqsClipGradient", [int("row", site), int("axis", axis)], dy, x, rows, clip)

const exponentMask = 0x7f800000
const smallestNormal = 2 ** -126

const binary = (name: string, a: Tensor, b: Tensor): Tensor => op(name, [type("T")], a, b)

const select = (condition: Tensor, then: Tensor, otherwise: Tensor): Tensor =>
  op("SelectV2", [type("T")], condition, then, otherwise)

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

/** A format's row as scalars: `toRow` of `format/Formats.ts`. */
export interface Row extends Grid {
  readonly scaleBy: Tensor
  readonly blockSize: Tensor
  readonly increment: Tensor
}

/** The row of one site. */
export const pickRow = (rows: Tensor, site: number): Row => {
  const [relative, smallest, lo, hi, scaleBy, blockSize, increment] = pick(rows, site)
  return {
    relative: relative!,
    smallest: smallest!,
    lo: lo!,
    hi: hi!,
    scaleBy: scaleBy!,
    blockSize: blockSize!,
    increment: increment!,
  }
}

const integer = (name: string): Attribute => type(name, "int32")

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
interface Grid {
  readonly relative: Tensor
  readonly smallest: Tensor
  readonly lo: Tensor
  readonly hi: Tensor
}

/** absmax / scaleBy; 1 where that is zero, subnormal or NaN. */
const scaleOf = (largest: Tensor, scaleBy: Tensor): Tensor => {
  const ratio = binary("RealDiv", largest, scaleBy)
  const usable = binary("GreaterEqual", ratio, tf.scalar(smallestNormal))
  return select(usable, ratio, tf.scalar(1))
}

/** A magnitude for every index along `axis`, or one for all ([1]), in a shape that broadcasts. */
const broadcastAlong = (magnitudes: Tensor, rank: number, axis: number): Tensor =>
  reshape(
    magnitudes,
    axis < 0
      ? tf.tensor1d([], "int32")
      : indices(...Array.from({ length: rank }, (_, i) => (i === axis ? -1 : 1))),
  )

/** The nearest values of the grid to y, which is already scaled. */
const element = (y: Tensor, { relative, smallest, lo, hi }: Grid): Tensor => {
  const clipped = op("ClipByValue", [type("T")], y, lo, hi)
  const u = binary("Maximum", binary("Mul", powerBelow(clipped), relative), smallest)
  return binary("Mul", op("Rint", [type("T")], binary("RealDiv", clipped, u)), u)
}

const integers = (name: string, a: Tensor, b: Tensor): Tensor => op(name, [integer("T")], a, b)
const whole = (value: number): Tensor => tf.scalar(value, "int32")
const toBits = (x: Tensor): Tensor => op("Bitcast", [type("T"), integer("type")], x)
const toInteger = (x: Tensor): Tensor => op("Cast", [type("SrcT"), integer("DstT")], x)
const pack = (...sizes: ReadonlyArray<Tensor>): Tensor =>
  op("Pack", [integer("T"), int("N", sizes.length), int("axis", 0)], ...sizes)
const reshape = (x: Tensor, shape: Tensor): Tensor =>
  op("Reshape", [type("T"), integer("Tshape")], x, shape)

/** The power of two that a block is scaled by, of its largest magnitude; NaN for infinity and NaN. */
const sharedScale = (top: Tensor, hi: Tensor, increment: Tensor): Tensor => {
  const exponent = (bits: Tensor) => integers("RightShift", bits, whole(23))
  const e = integers(
    "Sub",
    exponent(integers("AddV2", toBits(top), toInteger(increment))),
    integers("Sub", exponent(toBits(hi)), whole(127)),
  )
  const inRange = integers("Maximum", integers("Minimum", e, whole(254)), whole(1))
  const power = op(
    "Bitcast",
    [integer("T"), type("type")],
    integers("LeftShift", inRange, whole(23)),
  )
  const nothing = binary("Mul", top, tf.scalar(0)) // NaN for infinity and NaN
  return select(binary("Equal", nothing, tf.scalar(0)), power, nothing)
}

/**
 * A scale for every block; `largest` is what the tensor scale comes from. A row without blocks of its own has a float32
 * scale for every `ownSize` elements; when that is 0 too, the result means nothing.
 */
const quantizeBlocks = (
  x: Tensor,
  { relative, smallest, lo, hi, scaleBy, blockSize, increment }: Row,
  largest: Tensor,
  blockAxis: number,
  ownSize: number,
): Tensor => {
  const ofFormat = binary("Greater", blockSize, tf.scalar(0))
  // x as [outer, blocks, size, inner], with zeros after the last channel
  const shape = shapeOf(x)
  const sizes = ops("Unpack", [integer("T"), int("num", x.rank), int("axis", 0)], [shape], x.rank)
  const channels = sizes[blockAxis]!
  const inner = sizes.slice(blockAxis + 1).reduce((a, b) => integers("Mul", a, b), whole(1))
  const chosen = select(ofFormat, blockSize, tf.scalar(ownSize))
  const size = integers("Maximum", toInteger(chosen), whole(1))
  const last = integers("Sub", integers("AddV2", channels, size), whole(1))
  const blocks = integers("FloorDiv", last, size)
  const padded = integers("Mul", blocks, size)
  const missing = integers("Sub", padded, channels)
  const paddings = op(
    "Pack",
    [integer("T"), int("N", 2), int("axis", 1)],
    indices(0, 0, 0),
    pack(whole(0), missing, whole(0)),
  )
  const flat = reshape(x, pack(whole(-1), channels, inner))
  const full = op("Pad", [type("T"), integer("Tpaddings")], flat, paddings)
  const parts = reshape(full, pack(whole(-1), blocks, size, inner))

  const top = op(
    "Max",
    [type("T"), type("Tidx", "int32"), bool("keep_dims", true)],
    op("Abs", [type("T")], parts),
    indices(2),
  )
  const underTensor = op("LogicalAnd", [], ofFormat, op("IsFinite", [type("T")], scaleBy))
  const t = select(underTensor, binary("RealDiv", largest, scaleBy), tf.scalar(1))
  const e4m3 = {
    relative: tf.scalar(2 ** -3),
    smallest: tf.scalar(2 ** -9),
    lo: tf.scalar(-448),
    hi: tf.scalar(448),
  }
  const fine = element(binary("RealDiv", binary("RealDiv", top, hi), t), e4m3)
  const ofTensor = select(binary("Less", t, tf.scalar(smallestNormal)), tf.scalar(0), fine)
  const shared = select(ofFormat, sharedScale(top, hi, increment), scaleOf(top, scaleBy))
  const b = select(underTensor, ofTensor, shared)
  const s = binary("Mul", b, t)
  const q = element(binary("RealDiv", parts, s), { relative, smallest, lo, hi })
  const scaled = binary("Mul", binary("Mul", q, b), t)
  const isZero = binary("Less", s, tf.scalar(smallestNormal))
  const result = select(isZero, binary("Mul", parts, tf.scalar(0)), scaled)

  const together = reshape(result, pack(whole(-1), padded, inner))
  const kept = op(
    "Slice",
    [type("T"), integer("Index")],
    together,
    indices(0, 0, 0),
    pack(whole(-1), channels, whole(-1)),
  )
  return reshape(kept, shape)
}

/** `quantizeFused` as TensorFlow operations: the same values bit for bit. */
export const quantizeByOps = (
  x: Tensor,
  rows: Tensor,
  amax: Tensor,
  { site, axis, blockAxis, blockSize: ownSize, clip }: RoundingSite,
): Tensor => {
  const row = pickRow(rows, site)
  const { relative, scaleBy, blockSize } = row
  const zero = tf.scalar(0)
  const whereSet = (magnitude: Tensor, otherwise: Tensor): Tensor =>
    select(binary("Greater", magnitude, zero), magnitude, otherwise)
  const own = absMaxBut(x, axis)
  const frozen = clip ? broadcastAlong(amax, x.rank, axis) : pick(amax, site)[0]!
  const largest = clip || axis < 0 ? whereSet(frozen, own) : own
  const s = scaleOf(largest, scaleBy)
  const q = element(binary("RealDiv", x, s), row)
  const unchanged = binary("Equal", relative, zero)
  const rounded = select(unchanged, x, binary("Mul", q, s))
  if (blockAxis < 0) return rounded
  const ownOfAll = axis < 0 ? own : absMaxBut(x, -1)
  const largestOfAll = clip && axis >= 0 ? ownOfAll : whereSet(frozen, ownOfAll)
  const inBlocks = quantizeBlocks(x, row, largestOfAll, blockAxis, ownSize)
  if (ownSize > 0) return select(unchanged, x, inBlocks)
  return select(binary("Greater", blockSize, zero), inBlocks, rounded)
}

/** `clipGradientFused` as TensorFlow operations. */
export const clipGradientByOps = (
  dy: Tensor,
  x: Tensor,
  rows: Tensor,
  clip: Tensor,
  { site, axis }: Pick<RoundingSite, "site" | "axis">,
): Tensor => {
  const { lo, hi, scaleBy, blockSize } = pickRow(rows, site)
  const zero = tf.scalar(0)
  const c = broadcastAlong(clip, x.rank, axis)
  const y = binary("RealDiv", x, scaleOf(c, scaleBy))
  const and = (a: Tensor, b: Tensor): Tensor => op("LogicalAnd", [], a, b)
  const outside = op("LogicalOr", [], binary("Greater", y, hi), binary("Less", y, lo))
  const beyond = binary("Greater", op("Abs", [type("T")], x), c)
  const clips = and(binary("Greater", c, zero), binary("Equal", blockSize, zero))
  return select(and(and(outside, beyond), clips), zero, dy)
}
