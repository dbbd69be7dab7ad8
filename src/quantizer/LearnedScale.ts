/**
 * Fake quantization with a learned scale (LSQ, Esser et al., arXiv 1902.08153), for every format with a float32 scale.
 *
 *     q = round(clip(x / s)) * s,   dL/dx = dL/dq inside the range, 0 outside (equation 5)
 *     dL/ds = g * sum of dL/dq * (q / s - x / s inside, lo or hi outside) (equation 3),   g = 1 / sqrt(N hi)
 *
 * The paper has integers; in a float format the same holds with its grid and its ends. Other formats, those with blocks
 * of their own and those that are never scaled, take max |x| and leave the scale alone. Left out: where the scale is kept.
 */
import { tf } from "../tensor/Backend.ts"
import type { Tensor, Tensor1D, Tensor2D } from "../tensor/Backend.ts"
import { differentiable } from "../tensor/CustomGradient.ts"
import { amaxOfScale, scaleGradient } from "../tensor/ScaleGradient.ts"
import { absMax, whereScaled } from "../tensor/Amax.ts"
import { clipGradient, quantize } from "./FakeQuantize.ts"

/** The amax [1] of x under `scale` [1]. */
export const learnedAmax = (x: Tensor, scale: Tensor, rows: Tensor2D, site: number): Tensor1D =>
  whereScaled(rows, site, amaxOfScale(scale, rows, site), absMax(x)) as Tensor1D

export interface LearnedOptions {
  /** `learnedAmax` of x and its scale. */
  readonly amax: Tensor1D
  /** The dimension along which blocks of block formats run. */
  readonly blockAxis?: number
  /** Whether N is the features of one example (inputs) or all elements (weights). */
  readonly perExample: boolean
}

/** x float32 of any shape, scale [1] -> like x, with gradients of both. */
export const fakeQuantizeLearned = (
  x: Tensor,
  scale: Tensor,
  rows: Tensor2D,
  site: number,
  { amax, blockAxis = -1, perExample }: LearnedOptions,
): Tensor => {
  const at = { site, axis: -1, blockAxis, blockSize: 0, zeroPoints: false }
  return differentiable(
    [x, scale],
    () => {
      const value = quantize(x, rows, tf.zeros([rows.shape[0]]), amax, at)
      return { value, save: [x, value, rows, amax] }
    },
    (dy, [x, q, rows, amax]) => {
      const dx = clipGradient(dy, x!, rows!, amax!, at)
      return [dx, scaleGradient(dy, dx, x!, q!, amax!, rows!, site, perExample)]
    },
  )
}
