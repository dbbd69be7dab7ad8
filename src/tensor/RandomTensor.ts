/**
 * Random kernels whose seed is a tensor: in a graph tfjs's own random numbers would be the same in every step. The same
 * seed gives the same numbers, eagerly and in the graph.
 *
 * Left out: seeds (feed a new one each step; `space/RandomStream.ts` draws them).
 */
import { tf } from "./Backend.ts"
import type { Tensor } from "./Backend.ts"
import { differentiable } from "./CustomGradient.ts"
import { indices, int, op, shapeOf, type } from "./Op.ts"

/** Two int32 of the step and a number of the place in the network, so that no two places draw the same. */
const seedOf = (seed: Tensor, place: number): Tensor =>
  op("AddV2", [type("T", "int32")], seed, indices(0, place))

/** Uniform in [0, 1); shape int32 [rank]. */
const uniform = (shape: Tensor, seed: Tensor): Tensor =>
  op(
    "StatelessRandomUniform",
    [type("dtype"), type("T", "int32"), type("Tseed", "int32")],
    shape,
    seed,
  )

const mul = (a: Tensor, b: Tensor): Tensor => op("Mul", [type("T")], a, b)

/** 1 / keep with probability `keep`, else 0. */
const scaledMask = (shape: Tensor, seed: Tensor, keep: number): Tensor => {
  const kept = op("Less", [type("T")], uniform(shape, seed), tf.scalar(keep))
  return mul(tf.cast(kept, "float32"), tf.scalar(1 / keep))
}

const masked = (x: Tensor, mask: () => Tensor): Tensor =>
  differentiable(
    [x],
    () => {
      const factor = mask()
      return { value: mul(x, factor), save: [factor] }
    },
    (dy, [factor]) => [mul(dy, factor!)],
  )

/**
 * Dropout: each element is 0 with probability `rate`, the others are divided by 1 - rate.
 * `seed` int32 [2], another one every step; `place` differs for every use in the network.
 */
export const dropout = (x: Tensor, rate: number, seed: Tensor, place: number): Tensor =>
  rate === 0 ? x : masked(x, () => scaledMask(shapeOf(x), seedOf(seed, place), 1 - rate))

/** Stochastic depth (Huang et al., arXiv 1603.09382): as `dropout`, but a whole example at a time. */
export const dropPath = (x: Tensor, rate: number, seed: Tensor, place: number): Tensor => {
  if (rate === 0) return x
  const ones = x.shape.slice(1).map(() => 1)
  return masked(x, () => {
    const first = op(
      "Slice",
      [type("T", "int32"), type("Index", "int32")],
      shapeOf(x),
      indices(0),
      indices(1),
    )
    const shape = op(
      "ConcatV2",
      [type("T", "int32"), type("Tidx", "int32"), int("N", 2)],
      first,
      indices(...ones),
      tf.scalar(0, "int32"),
    )
    return scaledMask(shape, seedOf(seed, place), 1 - rate)
  })
}
