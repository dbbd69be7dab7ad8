/**
 * Fake quantization with a straight-through gradient: the tensor that a layer multiplies with, rounded to the format
 * that the policy gives to its site.
 *
 *     s = absmax / scaleBy,  q = round(clip(x / s)) * s,  dL/dx = dL/dq
 *
 * The format is data: a row of the tensor `rows` (`toRow`), so a new policy every step costs nothing. Computed by the
 * fused kernel, or by TensorFlow operations when the backend was loaded without it; both give the same bits, those of
 * `reference.ts`.
 *
 * A block format has a scale for every few elements: `format/roundBlocks.ts` gives the rule.
 *
 * Left out: scale rules other than absmax.
 */
import { loaded, tf } from "../tensor/Backend.ts"
import type { Tensor, Tensor1D, Tensor2D } from "../tensor/Backend.ts"
import { differentiable } from "../tensor/Differentiable.ts"
import { quantizeByOps, quantizeFused } from "../tensor/Rounding.ts"

export interface FakeQuantizeOptions {
  /**
   * One scale for every index along this dimension of x (a weight's output channel); default: one for the tensor.
   * Such scales always come from x: `amax` is not read.
   */
  readonly axis?: number
  /**
   * The dimension along which the blocks of block formats run (input channels). Needed where a row may name such a
   * format; the others do not read it.
   */
  readonly blockAxis?: number
}

/**
 * x float32 of any shape -> the same shape.
 *
 * `rows` [sites, 7] as `toRow` makes them; `site` says which row. `amax` [sites]: above 0 it is the frozen absmax of
 * that site, and values beyond it saturate; 0 takes the absmax of x. Absent: always that of x.
 *
 * NaN goes through. An infinity makes everything NaN when the scale comes from x, and saturates when the scale is
 * frozen or the format is never scaled. Scales of blocks always come from x; in E8M0 an infinity or NaN makes its block
 * NaN, under a tensor scale the tensor. The gradient is dy everywhere, also where values saturate.
 */
export const fakeQuantize = <T extends Tensor>(
  x: T,
  rows: Tensor2D,
  site: number,
  amax?: Tensor1D,
  { axis = -1, blockAxis = -1 }: FakeQuantizeOptions = {},
): T =>
  differentiable(
    [x],
    () => {
      const quantize = loaded()?.native === false ? quantizeByOps : quantizeFused
      const frozen = amax ?? tf.zeros([rows.shape[0]])
      return { value: quantize(x, rows, frozen, { site, axis, blockAxis }) }
    },
    (dy) => [dy.clone()],
  ) as T
