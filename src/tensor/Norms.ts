/**
 * Batch norm over [batch, h, w, c] in its three modes, layer norm and group norm, on native kernels.
 *
 * Momentum is the weight of the *new* batch: running = (1 - momentum) * running + momentum * batch (PyTorch's meaning;
 * TensorFlow's and Keras's is 1 - momentum). The running variance takes the batch's unbiased one (n - 1), the
 * normalisation the biased one, as in PyTorch and in TensorFlow's fused kernel.
 */
import { tf } from "./Backend.ts"
import type { Scalar, Tensor, Tensor1D, Variable } from "./Backend.ts"
import { differentiable } from "./CustomGradient.ts"
import {
  bool,
  float,
  indices,
  int,
  integer,
  integers,
  op,
  ops,
  pack,
  reshape,
  shapeOf,
  string,
  type,
  whole,
} from "./Op.ts"

export interface NormOptions {
  /**
   * Weight of the new batch in the running averages. A scalar tensor can change from step to step: 1, 1/2, 1/3, ...
   * gives the plain mean over batches (re-estimation).
   */
  readonly momentum: number | Scalar
  readonly epsilon: number
}

/** Running averages and how to write them: two variables, or a cut of them. */
export interface RunningAverages {
  readonly mean: Tensor
  readonly variance: Tensor
  readonly assign: (mean: Tensor, variance: Tensor) => void
}

const attributes = (epsilon: number) => [
  type("T"),
  type("U"),
  float("epsilon", epsilon),
  string("data_format", "NHWC"),
  bool("is_training", true),
]

/** Normalises with the batch's own statistics; `running` is updated when given. */
export const batchNormOver = (
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  { momentum, epsilon }: NormOptions,
  running?: RunningAverages,
): Tensor => {
  const inKernel = running !== undefined && typeof momentum === "number" && momentum !== 1
  return differentiable(
    [x, gamma, beta],
    () => {
      const empty = tf.tensor1d([])
      const [value, mean, variance, ...reserved] = ops(
        "FusedBatchNormV3",
        [...attributes(epsilon), float("exponential_avg_factor", inKernel ? momentum : 1)],
        [x, gamma, beta, inKernel ? running.mean : empty, inKernel ? running.variance : empty],
        6,
      )
      if (inKernel) running.assign(mean!, variance!)
      else if (running !== undefined)
        running.assign(
          towards(running.mean, mean!, momentum),
          towards(running.variance, variance!, momentum),
        )
      return { value: value!, save: [x, gamma, ...reserved] }
    },
    (dy, [x, gamma, ...reserved]) =>
      ops("FusedBatchNormGradV3", attributes(epsilon), [dy, x!, gamma!, ...reserved], 5).slice(
        0,
        3,
      ),
  )
}

/** old + (new - old) * momentum */
const towards = (old: Tensor, fresh: Tensor, momentum: number | Scalar): Tensor =>
  momentum === 1 ? fresh : tf.add(old, tf.mul(tf.sub(fresh, old), momentum))

/**
 * Batch norm by given statistics, as one multiplication and one addition per element (TensorFlow may fold its own
 * inference norm into the convolution before it, which rounds differently from running operation by operation).
 */
export const batchNormInference = (
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  mean: Tensor,
  variance: Tensor,
  { epsilon }: { readonly epsilon: number },
): Tensor => {
  const factor = tf.mul(gamma, tf.rsqrt(tf.add(variance, epsilon)))
  return tf.add(tf.mul(x, factor), tf.sub(beta, tf.mul(mean, factor)))
}

const lastMean = (x: Tensor): Tensor =>
  op("Mean", [type("T"), type("Tidx", "int32"), bool("keep_dims", true)], x, indices(-1))
/** Not BiasAddGrad, which adds in another order inside a graph. */
const sumTo1d = (x: Tensor): Tensor => {
  const attributes = [type("T"), type("Tidx", "int32"), bool("keep_dims", false)]
  return op("Sum", attributes, x, indices(...[...x.shape.keys()].slice(0, -1)))
}

/** Layer norm over the last axis: x [..., c] (rank 2 or more), gamma, beta [c]. Ba et al., arXiv 1607.06450. */
export const layerNorm = (
  x: Tensor,
  gamma: Tensor1D | Variable,
  beta: Tensor1D | Variable,
  { epsilon }: { readonly epsilon: number },
): Tensor =>
  differentiable(
    [x, gamma, beta],
    () => {
      const mean = lastMean(x)
      const variance = lastMean(op("SquaredDifference", [type("T")], x, mean))
      const scale = op("Rsqrt", [type("T")], tf.add(variance, epsilon))
      const normal = tf.mul(tf.sub(x, mean), scale)
      return { value: tf.add(tf.mul(normal, gamma), beta), save: [normal, scale, gamma] }
    },
    (dy, [normal, scale, gamma]) => {
      const slope = tf.mul(dy, gamma!)
      const along = lastMean(tf.mul(slope, normal!))
      const centred = tf.sub(tf.sub(slope, lastMean(slope)), tf.mul(normal!, along))
      return [tf.mul(centred, scale!), sumTo1d(tf.mul(dy, normal!)), sumTo1d(dy)]
    },
  )

/**
 * Group norm: x [batch, h, w, c], each example over height, width and the channels of one of `groups` groups; gamma, beta [c]
 * (Wu and He, arXiv 1803.08494, section 3).
 */
export const groupNorm = (
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  { epsilon, groups }: { readonly epsilon: number; readonly groups: number },
): Tensor => {
  /** [batch, h * w, groups, c / groups] */
  const parted = (x: Tensor): Tensor => {
    const [rows, height, width, channels] = ops(
      "Unpack",
      [integer("T"), int("num", 4), int("axis", 0)],
      [shapeOf(x)],
      4,
    )
    const each = integers("FloorDiv", channels!, whole(groups))
    const places = integers("Mul", height!, width!)
    return reshape(x, pack(rows!, places, whole(groups), each))
  }
  const groupMean = (x: Tensor): Tensor =>
    op("Mean", [type("T"), type("Tidx", "int32"), bool("keep_dims", true)], x, indices(1, 3))
  return differentiable(
    [x, gamma, beta],
    () => {
      const parts = parted(x)
      const mean = groupMean(parts)
      const variance = groupMean(op("SquaredDifference", [type("T")], parts, mean))
      const scale = op("Rsqrt", [type("T")], tf.add(variance, epsilon))
      const normal = tf.mul(tf.sub(parts, mean), scale)
      const image = reshape(normal, shapeOf(x))
      return { value: tf.add(tf.mul(image, gamma), beta), save: [normal, scale, gamma, x] }
    },
    (dy, [normal, scale, gamma, x]) => {
      const slope = parted(tf.mul(dy, gamma!))
      const along = groupMean(tf.mul(slope, normal!))
      const centred = tf.sub(tf.sub(slope, groupMean(slope)), tf.mul(normal!, along))
      const image = reshape(normal!, shapeOf(x!))
      return [
        reshape(tf.mul(centred, scale!), shapeOf(x!)),
        sumTo1d(tf.mul(dy, image)),
        sumTo1d(dy),
      ]
    },
  )
}
