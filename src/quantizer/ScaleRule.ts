/**
 * Where a scale comes from: the magnitude that its format's largest value stands for.
 *
 * - `absmax`: max |x|. Nothing saturates.
 * - `percentile`: max |x| without the largest of the values.
 * - `mse`: the one of a few parts of max |x| whose rounding errs least.
 * - `learned`: a variable (`LearnedScale.ts`).
 *
 * Formats that are never scaled, and those with blocks of their own, take max |x| under every rule.
 */
import type { Tensor, Tensor1D, Tensor2D } from "../tensor/Backend.ts"
import { leastError, percentile, whereScaled } from "../tensor/Magnitudes.ts"
import { quantize } from "./FakeQuantize.ts"

export type ClippingRule = "mse" | { readonly percentile: number }
export type ScaleRule = "absmax" | "learned" | ClippingRule

/**
 * The magnitudes beyond which x saturates in the format of `site`: [1], or one for every index along `axis`. They are
 * what `fakeQuantize` takes as `clip`. No gradient goes through them.
 */
export const magnitudesOf = (
  x: Tensor,
  rows: Tensor2D,
  site: number,
  rule: ClippingRule,
  axis = -1,
): Tensor1D => {
  const magnitudes =
    rule === "mse"
      ? leastError(x, axis, (clip) =>
          quantize(x, rows, clip, { site, axis, blockAxis: -1, blockSize: 0, clip: true }),
        )
      : percentile(x, axis, rule.percentile)
  return whereScaled(rows, site, magnitudes, x, axis) as Tensor1D
}
