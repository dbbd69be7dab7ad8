/**
 * The straight-through gradient of quantization under rules that clip, by the fused kernel and as TensorFlow operations: the
 * same bits. Left out: rounding (`Rounding.ts`), the choice between the two (`quantizer/FakeQuantize.ts`).
 */
import { tf } from "./Backend.ts"
import type { Tensor } from "./Backend.ts"
import { intoBlocks } from "./BlockLayout.ts"
import { binary, integer, op, reshape, select, shapeOf, type, whole } from "./Op.ts"
import {
  absMaxBut,
  absMaxOfBlocks,
  attributesOf,
  broadcastAlong,
  pickRow,
  type RoundingSite,
  type RowTensors,
  scaleOf,
} from "./Rounding.ts"
import { endsBut, endsOver, type ScaleAndRange, withZeroPoint } from "./ZeroPoint.ts"

/** dy where x lies inside the range that `amaxes` (one for every scale) gives, 0 where it saturates. */
export const clipGradientFused = (
  dy: Tensor,
  x: Tensor,
  rows: Tensor,
  amaxes: Tensor,
  at: RoundingSite,
): Tensor => op("FliqsClipGradient", attributesOf(at), x, rows, amaxes, dy)

/** `amaxes`, and scale and range under them, in the shape of x or in one that broadcasts. */
const spread = (
  amaxes: Tensor,
  x: Tensor,
  row: RowTensors,
  { axis, blockAxis, blockSize, zeroPoints }: RoundingSite,
): ScaleAndRange & { readonly amax: Tensor } => {
  if (blockSize === 0) {
    const amax = broadcastAlong(amaxes, x.rank, axis)
    const plain = { s: scaleOf(amax, row.scaleBy), lo: row.lo, hi: row.hi }
    if (!zeroPoints) return { amax, ...plain }
    return { amax, ...withZeroPoint(plain, row, endsBut(x, axis), absMaxBut(x, axis), amax) }
  }
  const blocks = intoBlocks(x, blockAxis, whole(blockSize))
  const absmax = absMaxOfBlocks(blocks)
  const each = reshape(amaxes, shapeOf(absmax))
  const inFull = (value: Tensor): Tensor =>
    blocks.join(op("BroadcastTo", [type("T"), integer("Tidx")], value, shapeOf(blocks.parts)))
  const plain = { s: scaleOf(each, row.scaleBy), lo: row.lo, hi: row.hi }
  if (!zeroPoints) return { amax: inFull(each), s: inFull(plain.s), lo: row.lo, hi: row.hi }
  const grid = withZeroPoint(plain, row, endsOver(blocks.parts, [2], true), absmax, each)
  return { amax: inFull(each), s: inFull(grid.s), lo: inFull(grid.lo), hi: inFull(grid.hi) }
}

/** `clipGradientFused` as TensorFlow operations. */
export const clipGradientByOps = (
  dy: Tensor,
  x: Tensor,
  rows: Tensor,
  amaxes: Tensor,
  at: RoundingSite,
): Tensor => {
  const row = pickRow(rows, at.site)
  const { blockSize } = row
  const zero = tf.scalar(0)
  const { amax, hi, lo, s } = spread(amaxes, x, row, at)
  const y = binary("RealDiv", x, s)
  const and = (a: Tensor, b: Tensor): Tensor => op("LogicalAnd", [], a, b)
  const outside = op("LogicalOr", [], binary("Greater", y, hi), binary("Less", y, lo))
  const beyond = binary("Greater", op("Abs", [type("T")], x), amax)
  const isScaled = and(binary("Greater", amax, zero), binary("Equal", blockSize, zero))
  return select(and(and(outside, beyond), isScaled), zero, dy)
}
