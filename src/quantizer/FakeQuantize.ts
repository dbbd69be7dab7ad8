/**
 * Fake quantization with a straight-through gradient: the tensor that a layer multiplies with, rounded to the format
 * that the policy gives to its site.
 *
 *     s = amax / scaleBy,  q = round(clip(x / s)) * s,  dL/dx = dL/dq, or 0 where x saturates
 *
 * The format is data: a row of the tensor `rows` (`toRow`), so a new policy every step costs nothing. Computed by the
 * fused kernel, or by TensorFlow operations when the backend was loaded without it; both give the same bits, those of
 * `reference.ts`.
 *
 * A block format has a scale for every few elements: `format/roundBlocks.ts` gives the rule. A format with a zero point
 * takes scale and range from the ends of x: `reference.ts` does.
 *
 * Left out: the amax under other rules than absmax (`ScaleRule.ts`).
 */
import { loaded, tf } from "../tensor/Backend.ts"
import type { Tensor, Tensor1D, Tensor2D } from "../tensor/Backend.ts"
import { differentiable } from "../tensor/CustomGradient.ts"
import { clipGradientByOps, clipGradientFused } from "../tensor/ClipGradient.ts"
import {
  type Granularity,
  quantizeByOps,
  quantizeFused,
  type RoundingSite,
} from "../tensor/Rounding.ts"

export interface FakeQuantizeOptions {
  /**
   * One scale for every index along this dimension of x (a weight's output channel); default: one for the tensor.
   * Such scales come from x or from `amaxes`, not from `amax`.
   */
  readonly axis?: number
  /**
   * The dimension along which the blocks of block formats run (input channels). Needed where a row may name such a
   * format; the others do not read it.
   */
  readonly blockAxis?: number
  /**
   * Formats without blocks of their own get a float32 scale for every so many elements along `blockAxis`; default 0: none.
   * Such scales come from x or from `amaxes`.
   */
  readonly blockSize?: number
  /**
   * An amax for every scale: [1], or one for every index along `axis`, or for every block in the order of x. One that is
   * not above 0 stands for the absmax of its values. Block formats ignore them; the others then ignore `amax`. The
   * gradient is 0 where a value saturates.
   */
  readonly amaxes?: Tensor1D
  /**
   * Whether a row may be one of a format with a zero point; default true. False saves TensorFlow's operations, though not
   * the fused kernel, a search for the ends of x.
   */
  readonly zeroPoints?: boolean
}

/** What one scale covers under these options, and whether a zero point may come with it. */
export const granularityOf = ({
  axis = -1,
  blockAxis = -1,
  blockSize = 0,
  zeroPoints = true,
}: FakeQuantizeOptions): Granularity & Pick<RoundingSite, "zeroPoints"> => ({
  axis,
  blockAxis,
  blockSize,
  zeroPoints,
})

/** Whether the fused kernels are there. */
export const isNative = (): boolean => loaded()?.native !== false

/** The rounding alone, without a gradient. */
export const quantize: typeof quantizeFused = (...all) =>
  isNative() ? quantizeFused(...all) : quantizeByOps(...all)

/** dy where x is inside the range that `amaxes` gives, 0 where it saturates. */
export const clipGradient: typeof clipGradientFused = (...all) =>
  isNative() ? clipGradientFused(...all) : clipGradientByOps(...all)

/**
 * x float32 of any shape -> the same shape.
 *
 * `rows` [sites, rowLength] as `toRow` makes them; `site` says which row. `amax` [sites]: above 0 it is the
 * calibrated amax of that site, and larger magnitudes saturate; 0 takes the absmax of x. Absent: always that of x. Where a
 * row finds a zero point, amax limits how far the ends of x are from 0; a known zero point is in its row (`withZeroPoint`).
 *
 * NaN goes through. An infinity makes everything NaN when the scale comes from x, and saturates when the scale is
 * calibrated or the format is never scaled. Scales of blocks always come from x; in E8M0 an infinity or NaN makes its block
 * NaN, under a tensor scale the tensor. The gradient is dy; with `amaxes` it is 0 where values saturate.
 */
export const fakeQuantize = <T extends Tensor>(
  x: T,
  rows: Tensor2D,
  site: number,
  amax?: Tensor1D,
  options: FakeQuantizeOptions = {},
): T => {
  const at = { site, ...granularityOf(options) }
  const { amaxes } = options
  return differentiable(
    [x],
    () => {
      const calibrated = amax ?? tf.zeros([rows.shape[0]])
      const value = quantize(x, rows, calibrated, amaxes, at)
      return amaxes === undefined ? { value } : { value, save: [x, rows, amaxes] }
    },
    (dy, [x, rows, amaxes]) => [
      amaxes === undefined ? dy.clone() : clipGradient(dy, x!, rows!, amaxes, at),
    ],
  ) as T
}
