/**
 * The two ways to fake-quantize inside a step: the fused kernel (`native/quantize.cc`) and the same rule as TensorFlow
 * operations. Both read the format from a row of a tensor, so that a new policy needs no new graph.
 *
 * Left out: the gradient and the choice between the two (`quantizer/FakeQuantize.ts`), the rule itself
 * (`quantizer/reference.ts`).
 */
import { tf } from "./Backend.ts"
import type { Tensor } from "./Backend.ts"
import { bool, indices, int, op, ops, type } from "./Op.ts"
import type { Attribute } from "./Op.ts"

export interface RoundingSite {
  /** Which row of `rows` and `amax`. */
  readonly site: number
  /** -1: one scale for the tensor; else one for every index along this dimension. */
  readonly axis: number
}

/** x any shape, rows [sites, 5], amax [sites] -> like x. Fails inside TensorFlow when the shapes are others. */
export const quantizeFused = (
  x: Tensor,
  rows: Tensor,
  amax: Tensor,
  { site, axis }: RoundingSite,
): Tensor => op("FliqsQuantize", [int("row", site), int("axis", axis)], x, rows, amax)

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

const integer = (name: string): Attribute => type(name, "int32")

/** 2^exponent(y) by the bits of y: log2 is wrong just under powers of two. */
const powerBelow = (y: Tensor): Tensor => {
  const bits = op("Bitcast", [type("T"), integer("type")], y)
  const masked = op("BitwiseAnd", [integer("T")], bits, tf.scalar(exponentMask, "int32"))
  return op("Bitcast", [integer("T"), type("type")], masked)
}

/** max |x| over all dimensions but `axis`, which stays to broadcast. */
const absMaxBut = (x: Tensor, axis: number): Tensor => {
  const others = [...x.shape.keys()].filter((dimension) => dimension !== axis)
  const attributes = [type("T"), type("Tidx", "int32"), bool("keep_dims", axis >= 0)]
  return op("Max", attributes, op("Abs", [type("T")], x), indices(...others))
}

/** `quantizeFused` as TensorFlow operations: the same values bit for bit. */
export const quantizeByOps = (
  x: Tensor,
  rows: Tensor,
  amax: Tensor,
  { site, axis }: RoundingSite,
): Tensor => {
  const [relative, smallest, lo, hi, scaleBy] = pick(rows, site) as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
  ]
  const own = absMaxBut(x, axis)
  const [frozen] = pick(amax, site) as [Tensor]
  const zero = tf.scalar(0)
  const largest = axis < 0 ? select(binary("Greater", frozen, zero), frozen, own) : own
  const ratio = binary("RealDiv", largest, scaleBy)
  const usable = binary("GreaterEqual", ratio, tf.scalar(smallestNormal))
  const s = select(usable, ratio, tf.scalar(1))
  const y = op("ClipByValue", [type("T")], binary("RealDiv", x, s), lo, hi)
  const u = binary("Maximum", binary("Mul", powerBelow(y), relative), smallest)
  const q = binary("Mul", op("Rint", [type("T")], binary("RealDiv", y, u)), u)
  return select(binary("Equal", relative, zero), x, binary("Mul", q, s))
}
