/**
 * Where a scale comes from: how its amax is found, which the highest value of its format stands for.
 *
 * - `absmax`: max |x|. Nothing saturates.
 * - `percentile`: max |x| without the largest of the values.
 * - `mse`: the one of a few parts of max |x| whose rounding errs least.
 * - `learned`: a variable (`LearnedScale.ts`).
 *
 * Formats that are never scaled, and those with blocks of their own, take max |x| under every rule.
 */
import { tf } from "../tensor/Backend.ts"
import type { Tensor, Tensor1D, Tensor2D } from "../tensor/Backend.ts"
import {
  leastErrorByOps,
  leastErrorFused,
  percentileByOps,
  percentileFused,
} from "../tensor/Amax.ts"
import { granularityOf, type FakeQuantizeOptions, isNative, quantize } from "./FakeQuantize.ts"

export type ClippingRule = "mse" | { readonly percentile: number }
export type ScaleRule = "absmax" | "learned" | ClippingRule

/**
 * The amax of every scale of x in the format of `site`: what `fakeQuantize` takes as `amaxes` under the same options. No gradient goes through them.
 */
export const amaxesOf = (
  x: Tensor,
  rows: Tensor2D,
  site: number,
  rule: ClippingRule,
  options: FakeQuantizeOptions = {},
): Tensor1D => {
  const at = { site, ...granularityOf(options) }
  if (rule !== "mse") {
    const percentile = isNative() ? percentileFused : percentileByOps
    return percentile(x, rows, rule.percentile, at) as Tensor1D
  }
  if (isNative()) return leastErrorFused(x, rows, at) as Tensor1D
  const none = tf.zeros([rows.shape[0]])
  return leastErrorByOps(x, rows, at, (amaxes) => quantize(x, rows, none, amaxes, at)) as Tensor1D
}
