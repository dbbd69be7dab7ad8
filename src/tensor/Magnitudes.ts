/**
 * Magnitudes that a scale may come from, beyond which values saturate: a percentile of |x|, and the one of a few parts of
 * max |x| whose rounding errs least. TensorFlow operations whether or not the fused kernel is there, so that both ways
 * round to the same bits.
 *
 * With axis -1 there is one magnitude for the tensor, [1]; else one for every index along the axis. None has a gradient.
 * Left out: rounding (`Rounding.ts`), which magnitude a layer takes (`quantizer/ScaleRule.ts`).
 */
import { tf } from "./Backend.ts"
import type { Tensor } from "./Backend.ts"
import { bool, indices, int, op, ops, shapeOf, type } from "./Op.ts"
import { absMaxBut, pickRow } from "./Rounding.ts"

const integer = (name: string) => type(name, "int32")
const binary = (name: string, a: Tensor, b: Tensor): Tensor => op(name, [type("T")], a, b)
const select = (condition: Tensor, then: Tensor, otherwise: Tensor): Tensor =>
  op("SelectV2", [type("T")], condition, then, otherwise)
const asList = (x: Tensor): Tensor => op("Reshape", [type("T"), integer("Tshape")], x, indices(-1))
const sizesOf = (x: Tensor): Array<Tensor> =>
  ops("Unpack", [integer("T"), int("num", x.rank), int("axis", 0)], [shapeOf(x)], x.rank)

/** max |x|. */
export const absMax = (x: Tensor, axis: number): Tensor => asList(absMaxBut(x, axis))

/**
 * The largest |x| after floor(n (1 - percent / 100)) of the n values at hand are left out.
 *
 * Magnitudes are compared as their bits, which have the same order and put NaN on top.
 */
export const percentile = (x: Tensor, axis: number, percent: number): Tensor => {
  const bits = op("Bitcast", [type("T"), integer("type")], op("Abs", [type("T")], x))
  const others = [...x.shape.keys()].filter((dimension) => dimension !== axis)
  const reshape = (shape: Tensor, from: Tensor): Tensor =>
    op("Reshape", [integer("T"), integer("Tshape")], from, shape)
  const lines =
    axis < 0
      ? reshape(indices(1, -1), bits)
      : reshape(
          op(
            "Pack",
            [integer("T"), int("N", 2), int("axis", 0)],
            sizesOf(x)[axis]!,
            tf.scalar(-1, "int32"),
          ),
          op("Transpose", [integer("T"), integer("Tperm")], bits, indices(axis, ...others)),
        )
  const count = op("Cast", [integer("SrcT"), type("DstT")], sizesOf(lines)[1]!)
  const share = tf.scalar(1 - percent / 100)
  const leftOut = op(
    "Cast",
    [type("SrcT"), integer("DstT")],
    op("Floor", [type("T")], binary("Mul", count, share)),
  )
  const nth = op("NthElement", [integer("T"), bool("reverse", true)], lines, leftOut)
  return op("Bitcast", [integer("T"), type("type")], nth)
}

/** The parts of max |x| that `leastError` tries, in this order. */
export const parts: ReadonlyArray<number> = [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]

/** The first of `parts` of max |x| at which the mean squared error of `quantize` is least; max |x| when errors are NaN. */
export const leastError = (
  x: Tensor,
  axis: number,
  quantize: (magnitudes: Tensor) => Tensor,
): Tensor => {
  const others = indices(...[...x.shape.keys()].filter((dimension) => dimension !== axis))
  const largest = absMax(x, axis)
  const errorOf = (magnitudes: Tensor): Tensor => {
    const squares = binary("SquaredDifference", quantize(magnitudes), x)
    const mean = [type("T"), integer("Tidx"), bool("keep_dims", false)]
    return asList(op("Mean", mean, squares, others))
  }
  let best = largest
  let least: Tensor | undefined
  for (const part of parts) {
    const magnitudes = binary("Mul", largest, tf.scalar(part))
    const error = errorOf(magnitudes)
    if (least !== undefined) {
      const better = binary("Less", error, least)
      best = select(better, magnitudes, best)
      least = select(better, error, least)
    } else least = error
  }
  return best
}

/** `magnitudes` where a site's format has a float32 scale and no blocks of its own, else max |x|, which clips nothing. */
export const whereScaled = (
  rows: Tensor,
  site: number,
  magnitudes: Tensor,
  x: Tensor,
  axis: number,
): Tensor => select(isScaled(rows, site), magnitudes, absMax(x, axis))

/** Whether a site's format has a float32 scale and no blocks of its own: a boolean scalar. */
export const isScaled = (rows: Tensor, site: number): Tensor => {
  const { scaleBy, blockSize } = pickRow(rows, site)
  const plain = binary("Equal", blockSize, tf.scalar(0))
  return op("LogicalAnd", [], op("IsFinite", [type("T")], scaleBy), plain)
}
