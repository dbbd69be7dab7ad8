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
import { differentiable } from "../tensor/Differentiable.ts"
import { magnitudeOfScale, scaleGradient } from "../tensor/LearnedScale.ts"
import { absMax, whereScaled } from "../tensor/Magnitudes.ts"
import { clipGradient, quantize } from "./FakeQuantize.ts"

/** The magnitude [1] that x saturates beyond under `scale` [1]. */
export const learnedMagnitude = (
  x: Tensor,
  scale: Tensor,
  rows: Tensor2D,
  site: number,
): Tensor1D => whereScaled(rows, site, magnitudeOfScale(scale, rows, site), absMax(x)) as Tensor1D

export interface LearnedOptions {
  /** `learnedMagnitude` of x and its scale. */
  readonly magnitude: Tensor1D
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
  { magnitude, blockAxis = -1, perExample }: LearnedOptions,
): Tensor => {
  const at = { site, axis: -1, blockAxis, blockSize: 0 }
  return differentiable(
    [x, scale],
    () => {
      const value = quantize(x, rows, tf.zeros([rows.shape[0]]), magnitude, at)
      return { value, save: [x, value, rows, magnitude] }
    },
    (dy, [x, q, rows, magnitude]) => {
      const dx = clipGradient(dy, x!, rows!, magnitude!, at)
      return [dx, scaleGradient(dy, dx, x!, q!, magnitude!, rows!, site, perExample)]
    },
  )
}
