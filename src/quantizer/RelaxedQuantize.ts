/**
 * Softmax-weighted fake quantization: the mean of an operand's roundings to every format it may have, weighted by their
 * probabilities; so that the probabilities have a gradient.
 *
 *     q = sum_k p_k Q_k(x),  dL/dp_k = <dL/dq, Q_k(x)>,  dL/dx = dL/dq
 *
 * This is the composite operand of EdMIPS (Cai & Vasconcelos, arXiv 2004.05795, section 4.3): convolution is linear, so
 * one convolution of mixed operands stands for all pairs of branches of DNAS (Wu et al., arXiv 1812.00090). All Q_k(x) are
 * kept for the backward pass, which is what the method costs in memory. Left out: where probabilities come from.
 */
import { tf } from "../tensor/Backend.ts"
import type { Tensor, Tensor1D, Tensor2D } from "../tensor/Backend.ts"
import { differentiable } from "../tensor/CustomGradient.ts"
import { matMul } from "../tensor/Kernels.ts"
import {
  clipGradient,
  granularityOf,
  fakeQuantize,
  type FakeQuantizeOptions,
} from "./FakeQuantize.ts"

/**
 * sum_k p_k x_k as x_0 p_0 - x_1 (-p_1) - ...: TensorFlow would put a chain of additions in another order in a graph,
 * with other bits.
 */
const weightedSum = (terms: ReadonlyArray<Tensor>, probabilities: Tensor): Tensor => {
  const negative = tf.neg(probabilities)
  const element = (vector: Tensor, k: number): Tensor => tf.slice(vector, [k], [1]).reshape([])
  return terms
    .slice(1)
    .reduce<Tensor>(
      (sum, term, k) => tf.sub(sum, tf.mul(term, element(negative, k + 1))),
      tf.mul(terms[0]!, element(probabilities, 0)),
    )
}

/**
 * x float32 of any shape -> the same shape. `rows` [options, rowLength] as `toRow` makes them, `probabilities` [options].
 * `amaxesOfOptions` has for each option an amax for every scale.
 *
 * Scales come from x, or from `amaxesOfOptions`. With all weight on one option, values and gradients are those of
 * `fakeQuantize`, but for the sign of zeros. Straight through for x: probabilities are taken to add up to 1. NaN under any option goes through.
 */
export const relaxedQuantize = (
  x: Tensor,
  rows: Tensor2D,
  probabilities: Tensor1D,
  options: FakeQuantizeOptions = {},
  amaxesOfOptions?: ReadonlyArray<Tensor1D>,
): Tensor => {
  const count = rows.shape[0]
  return differentiable(
    [x, probabilities],
    () => {
      const rounded = Array.from({ length: count }, (_, k) => {
        const amaxes = amaxesOfOptions?.[k]
        return fakeQuantize(
          x,
          rows,
          k,
          undefined,
          amaxes === undefined ? options : { ...options, amaxes },
        )
      })
      const more = amaxesOfOptions === undefined ? [] : [x, rows, probabilities, ...amaxesOfOptions]
      return { value: weightedSum(rounded, probabilities), save: [...rounded, ...more] }
    },
    (dy, saved) => {
      const row = dy.reshape([1, -1])
      const slopes = saved.slice(0, count).map((q) => matMul(row, q.reshape([-1, 1])).reshape([]))
      if (amaxesOfOptions === undefined) return [dy.clone(), tf.stack(slopes)]
      const [x, rows, p, ...limits] = saved.slice(count)
      const inside = limits.map((amaxes, k) =>
        clipGradient(dy, x!, rows!, amaxes, { site: k, ...granularityOf(options) }),
      )
      return [weightedSum(inside, p!), tf.stack(slopes)]
    },
  )
}
