/**
 * Scale and range of formats with a zero point as TensorFlow operations: from the lowest and the highest value that a scale
 * covers. For other formats they are what they are without. Left out: rounding (`Rounding.ts`).
 */
import { tf } from "./Backend.ts"
import type { Tensor } from "./Backend.ts"
import { binary, bool, indices, op, select, type } from "./Op.ts"

const smallestNormal = 2 ** -126

/** The lowest and the highest of values, each a tensor that broadcasts to them. */
export interface EndTensors {
  readonly least: Tensor
  readonly most: Tensor
}

const extreme = (name: "Min" | "Max", x: Tensor, over: ReadonlyArray<number>, keep: boolean) =>
  op(name, [type("T"), type("Tidx", "int32"), bool("keep_dims", keep)], x, indices(...over))

/** Over some dimensions of x, which stay to broadcast where `keep` says so. */
export const endsOver = (x: Tensor, over: ReadonlyArray<number>, keep: boolean): EndTensors => ({
  least: extreme("Min", x, over, keep),
  most: extreme("Max", x, over, keep),
})

/** Over all dimensions but `axis`, which stays to broadcast; over all where it is negative. */
export const endsBut = (x: Tensor, axis: number): EndTensors =>
  endsOver(
    x,
    [...x.shape.keys()].filter((dimension) => dimension !== axis),
    axis >= 0,
  )

/** 0 and the values between `limit` on both sides of it, where that is above 0. */
export const widened = ({ least, most }: EndTensors, limit: Tensor | undefined): EndTensors => {
  const zero = tf.scalar(0)
  const ends = { least: binary("Minimum", least, zero), most: binary("Maximum", most, zero) }
  if (limit === undefined) return ends
  const bound = select(binary("Greater", limit, zero), limit, tf.scalar(Infinity))
  return {
    least: binary("Maximum", ends.least, op("Neg", [type("T")], bound)),
    most: binary("Minimum", ends.most, bound),
  }
}

/** What values are divided by, and the range of the quotients. */
export interface ScaleAndRange {
  readonly s: Tensor
  readonly lo: Tensor
  readonly hi: Tensor
}

/**
 * `plain` for a row without a zero point. Else the scale of the ends of values, and the range moved by the zero point;
 * `absmax` is their largest magnitude, which tells whether a NaN is among them.
 */
export const withZeroPoint = (
  plain: ScaleAndRange,
  { affine, scaleBy }: { readonly affine: Tensor; readonly scaleBy: Tensor },
  ends: EndTensors,
  absmax: Tensor,
  limit: Tensor | undefined,
): ScaleAndRange => {
  const { least, most } = widened(ends, limit)
  const ratio = binary("RealDiv", binary("Sub", most, least), scaleBy)
  const isNumber = op("Equal", [type("T")], absmax, absmax)
  const isLarge = binary("GreaterEqual", ratio, tf.scalar(smallestNormal))
  const usable = op("LogicalAnd", [], isNumber, isLarge)
  const code = op("Rint", [type("T")], binary("RealDiv", op("Neg", [type("T")], least), ratio))
  const isAffine = binary("Greater", affine, tf.scalar(0))
  const zeroPoint = select(op("LogicalAnd", [], isAffine, usable), code, tf.scalar(0))
  return {
    s: select(isAffine, select(usable, ratio, tf.scalar(1)), plain.s),
    lo: binary("Sub", plain.lo, zeroPoint),
    hi: binary("Sub", plain.hi, zeroPoint),
  }
}
