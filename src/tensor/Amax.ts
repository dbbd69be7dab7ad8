/**
 * The amax of a scale by rules that clip: a percentile of |x|, and the one of a few parts of max |x| whose rounding errs
 * least. Each by a fused kernel (`native/`) and as TensorFlow operations: the same numbers, save
 * that the operations add errors up in float32 and the kernel in float64, where two that are all but equal may be told
 * apart differently.
 *
 * All give a list with an amax for every scale, in the order of x. Where a format has no float32 scale, or blocks of
 * its own, it is max |x|. None has a gradient. Left out: rounding (`Rounding.ts`), which rule a layer has
 * (`quantizer/ScaleRule.ts`).
 */
import { tf } from "./Backend.ts"
import type { Tensor } from "./Backend.ts"
import { intoBlocks } from "./BlockLayout.ts"
import {
  binary,
  bool,
  indices,
  int,
  integer,
  op,
  ops,
  pack,
  reshape,
  select,
  shapeOf,
  type,
  whole,
} from "./Op.ts"
import {
  absMaxBut,
  attributesOf,
  type Granularity,
  absMaxOfBlocks,
  pickRow,
  type RoundingSite,
} from "./Rounding.ts"
import { endsBut, widened } from "./ZeroPoint.ts"

const asList = (x: Tensor): Tensor => reshape(x, indices(-1))
const sizesOf = (x: Tensor): Array<Tensor> =>
  ops("Unpack", [integer("T"), int("num", x.rank), int("axis", 0)], [shapeOf(x)], x.rank)

/** max |x|, [1]. */
export const absMax = (x: Tensor): Tensor => asList(absMaxBut(x, -1))

/** max |x| of every scale. */
const absMaxes = (x: Tensor, { axis, blockAxis, blockSize }: Granularity): Tensor =>
  asList(
    blockSize > 0 ? absMaxOfBlocks(intoBlocks(x, blockAxis, whole(blockSize))) : absMaxBut(x, axis),
  )

/** Whether a site's format has a float32 scale and no blocks of its own: a boolean scalar. */
export const isScaled = (rows: Tensor, site: number): Tensor => {
  const { scaleBy, blockSize } = pickRow(rows, site)
  const plain = binary("Equal", blockSize, tf.scalar(0))
  return op("LogicalAnd", [], op("IsFinite", [type("T")], scaleBy), plain)
}

/** `amaxes` where a site's format has a float32 scale and no blocks of its own, else `absmax`, which clips nothing. */
export const whereScaled = (rows: Tensor, site: number, amaxes: Tensor, absmax: Tensor): Tensor =>
  select(isScaled(rows, site), amaxes, absmax)

/**
 * What a frozen scale of x, and a frozen zero point, are found from, each a scalar: the largest magnitude; where a site's
 * format has a zero point, how far the ends of x are apart, and the lower one. `limit` [1]: how far from 0 they may be.
 */
export const spanOf = (
  x: Tensor,
  rows: Tensor,
  site: number,
  limit?: Tensor,
): { readonly amax: Tensor; readonly least: Tensor } => {
  const scalar = indices()
  const bound = limit === undefined ? undefined : reshape(limit, scalar)
  const { least, most } = widened(endsBut(x, -1), bound)
  const isAffine = binary("Greater", pickRow(rows, site).affine, tf.scalar(0))
  return {
    amax: select(isAffine, binary("Sub", most, least), bound ?? absMaxBut(x, -1)),
    least: select(isAffine, least, tf.scalar(0)),
  }
}

/** The largest |x| after floor(n (1 - percent / 100)) of the n values that a scale covers are left out; one is kept. */
export const percentileFused = (
  x: Tensor,
  rows: Tensor,
  percent: number,
  at: RoundingSite,
): Tensor => op("FliqsPercentile", attributesOf(at), x, rows, tf.tensor1d([1 - percent / 100]))

/** The n-th largest of every row of `lines` (int32), n by the percentile of `count` values. */
const nthLargest = (lines: Tensor, count: Tensor, percent: number): Tensor => {
  const share = binary(
    "Mul",
    op("Cast", [integer("SrcT"), type("DstT")], count),
    tf.scalar(1 - percent / 100),
  )
  const floor = op("Cast", [type("SrcT"), integer("DstT")], op("Floor", [type("T")], share))
  const most = op("Sub", [integer("T")], count, whole(1))
  const leftOut = op("Minimum", [integer("T")], floor, most)
  return op("NthElement", [integer("T"), bool("reverse", true)], lines, leftOut)
}

const transpose = (x: Tensor, ...order: ReadonlyArray<number>): Tensor =>
  op("Transpose", [integer("T"), integer("Tperm")], x, indices(...order))

/** `percentileFused` as TensorFlow operations: the same numbers. */
export const percentileByOps = (
  x: Tensor,
  rows: Tensor,
  percent: number,
  at: RoundingSite,
): Tensor => {
  // magnitudes are compared as their bits, which have the same order and put NaN on top
  const toBits = (x: Tensor): Tensor =>
    op("Bitcast", [type("T"), integer("type")], op("Abs", [type("T")], x))
  const fromBits = (bits: Tensor): Tensor =>
    asList(op("Bitcast", [integer("T"), type("type")], bits))
  const { axis, blockAxis, blockSize } = at
  const ofBlocks = (): Tensor => {
    const { parts, count, last } = intoBlocks(x, blockAxis, whole(blockSize))
    const each = transpose(toBits(parts), 0, 1, 3, 2)
    const [outer, , inner] = sizesOf(each)
    const nth = (values: Tensor): Tensor =>
      reshape(
        nthLargest(reshape(each, indices(-1, blockSize)), values, percent),
        pack(outer!, count, inner!),
      )
    const cut = (x: Tensor, begin: Tensor, size: Tensor): Tensor =>
      op("Slice", [integer("T"), integer("Index")], x, begin, size)
    const allButLast = op("Sub", [integer("T")], count, whole(1))
    const full = cut(nth(whole(blockSize)), indices(0, 0, 0), pack(outer!, allButLast, inner!))
    const short = cut(nth(last), pack(whole(0), allButLast, whole(0)), indices(-1, -1, -1))
    return op("ConcatV2", [integer("T"), integer("Tidx"), int("N", 2)], full, short, whole(1))
  }
  const ofAxis = (): Tensor => {
    const others = [...x.shape.keys()].filter((dimension) => dimension !== axis)
    const lines =
      axis < 0
        ? reshape(toBits(x), indices(1, -1))
        : reshape(transpose(toBits(x), axis, ...others), pack(sizesOf(x)[axis]!, whole(-1)))
    return nthLargest(lines, sizesOf(lines)[1]!, percent)
  }
  const amaxes = fromBits(blockSize > 0 ? ofBlocks() : ofAxis())
  return whereScaled(rows, at.site, amaxes, absMaxes(x, at))
}

/** The parts of max |x| that are tried, in this order. */
export const parts: ReadonlyArray<number> = [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]

/** The first of `parts` of max |x| at which the squared error of rounding is least; max |x| where errors are NaN. */
export const leastErrorFused = (x: Tensor, rows: Tensor, at: RoundingSite): Tensor =>
  op("FliqsLeastError", attributesOf(at), x, rows, tf.tensor1d([...parts]))

/** `leastErrorFused` as TensorFlow operations, with `quantize` to round under given amaxes. */
export const leastErrorByOps = (
  x: Tensor,
  rows: Tensor,
  at: RoundingSite,
  quantize: (amaxes: Tensor) => Tensor,
): Tensor => {
  const { axis, blockAxis, blockSize } = at
  const absmax = absMaxes(x, at)
  const sum = (x: Tensor, ...over: ReadonlyArray<number>): Tensor =>
    asList(op("Sum", [type("T"), integer("Tidx"), bool("keep_dims", false)], x, indices(...over)))
  const errorOf = (amaxes: Tensor): Tensor => {
    const squares = binary("SquaredDifference", quantize(amaxes), x)
    return blockSize > 0
      ? sum(intoBlocks(squares, blockAxis, whole(blockSize)).parts, 2)
      : sum(squares, ...[...x.shape.keys()].filter((dimension) => dimension !== axis))
  }
  let best = absmax
  let least: Tensor | undefined
  for (const part of parts) {
    const amaxes = binary("Mul", absmax, tf.scalar(part))
    const error = errorOf(amaxes)
    if (least !== undefined) {
      const better = binary("Less", error, least)
      best = select(better, amaxes, best)
      least = select(better, error, least)
    } else least = error
  }
  return whereScaled(rows, at.site, best, absmax)
}
