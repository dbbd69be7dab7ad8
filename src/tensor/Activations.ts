/**
 * Activations with their own gradient kernels, element by element.
 *
 * Those that TensorFlow would fuse with a bias before them, to other bits (leaky relu, elu), are written by other means.
 */
import { tf } from "./Backend.ts"
import type { Tensor } from "./Backend.ts"
import { differentiable } from "./CustomGradient.ts"
import { binary, op, select, type } from "./Op.ts"

const mul = (a: Tensor, b: Tensor): Tensor => binary("Mul", a, b)
const plus = (a: Tensor, b: Tensor): Tensor => binary("AddV2", a, b)

const activation = (x: Tensor, forward: string, backward: string, isResultFirst = false): Tensor =>
  differentiable(
    [x],
    () => {
      const value = op(forward, [type("T")], x)
      return { value, save: [value] }
    },
    (dy, [y]) => [
      isResultFirst ? op(backward, [type("T")], y!, dy) : op(backward, [type("T")], dy, y!),
    ],
  )

export const relu = (x: Tensor): Tensor => activation(x, "Relu", "ReluGrad")

/** min(max(x, 0), 6) */
export const relu6 = (x: Tensor): Tensor => activation(x, "Relu6", "Relu6Grad")

/** x * sigmoid(x) */
export const swish = (x: Tensor): Tensor =>
  differentiable(
    [x],
    () => {
      const sigmoid = op("Sigmoid", [type("T")], x)
      return { value: op("MulNoNan", [type("T")], x, sigmoid), save: [x, sigmoid] }
    },
    (dy, [x, sigmoid]) => {
      // d/dx = sigmoid + x * sigmoid * (1 - sigmoid); SigmoidGrad(y, dy) = dy * y * (1 - y)
      return [plus(mul(dy, sigmoid!), op("SigmoidGrad", [type("T")], sigmoid!, mul(dy, x!)))]
    },
  )

/** Logistic function. */
export const sigmoid = (x: Tensor): Tensor => activation(x, "Sigmoid", "SigmoidGrad", true)

/**
 * Gaussian error linear unit in its tanh form, x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))): within 5e-4 of the
 * exact one (Hendrycks and Gimpel, arXiv 1606.08415, section 2).
 */
export const gelu = (x: Tensor): Tensor =>
  differentiable(
    [x],
    () => {
      const inner = plus(mul(mul(x, x), tf.scalar(geluCubic)), tf.scalar(geluLinear))
      const tanh = op("Tanh", [type("T")], mul(x, inner))
      return { value: mul(halfOf(x), plus(tanh, tf.scalar(1))), save: [x, tanh] }
    },
    (dy, [x, tanh]) => {
      const slope = plus(mul(mul(x!, x!), tf.scalar(3 * geluCubic)), tf.scalar(geluLinear))
      const half = halfOf(dy)
      const through = op("TanhGrad", [type("T")], tanh!, mul(half, x!))
      return [plus(mul(half, plus(tanh!, tf.scalar(1))), mul(through, slope))]
    },
  )

const geluLinear = Math.sqrt(2 / Math.PI)
const geluCubic = 0.044715 * geluLinear
const halfOf = (x: Tensor): Tensor => mul(x, tf.scalar(0.5))

/** 0 below -3, 1 above 3, x/6 + 1/2 between (MobileNetV3, arXiv 1905.02244, section 5.2). */
export const hardSigmoid = (x: Tensor): Tensor =>
  differentiable(
    [x],
    () => {
      const raised = plus(x, tf.scalar(3))
      return { value: mul(op("Relu6", [type("T")], raised), tf.scalar(1 / 6)), save: [raised] }
    },
    (dy, [raised]) => [op("Relu6Grad", [type("T")], mul(dy, tf.scalar(1 / 6)), raised!)],
  )

/** x * hardSigmoid(x) (MobileNetV3, arXiv 1905.02244, section 5.2). */
export const hardSwish = (x: Tensor): Tensor =>
  differentiable(
    [x],
    () => {
      const gate = mul(op("Relu6", [type("T")], plus(x, tf.scalar(3))), tf.scalar(1 / 6))
      return { value: mul(x, gate), save: [x, gate] }
    },
    (dy, [x, gate]) => {
      const through = mul(mul(dy, x!), tf.scalar(1 / 6))
      return [plus(mul(dy, gate!), op("Relu6Grad", [type("T")], through, plus(x!, tf.scalar(3))))]
    },
  )

const isPositive = (x: Tensor): Tensor => op("Greater", [type("T")], x, tf.scalar(0))

/** x where it is above 0, else x / 100 (Maas et al. 2013). */
export const leakyRelu = (x: Tensor): Tensor =>
  differentiable(
    [x],
    () => {
      const condition = isPositive(x)
      return { value: select(condition, x, mul(x, tf.scalar(leak))), save: [condition] }
    },
    (dy, [condition]) => [select(condition!, dy, mul(dy, tf.scalar(leak)))],
  )

/** Slope of `leakyRelu` below 0. */
export const leak = 0.01

/** x where it is above 0, else exp(x) - 1 (Clevert et al., arXiv 1511.07289, equation 15). */
export const elu = (x: Tensor): Tensor =>
  differentiable(
    [x],
    () => {
      const value = select(isPositive(x), x, op("Expm1", [type("T")], x))
      return { value, save: [value] }
    },
    // where x is above 0, y is too; else d/dx = exp(x) = y + 1
    (dy, [y]) => [select(isPositive(y!), dy, mul(dy, plus(y!, tf.scalar(1))))],
  )

export const tanh = (x: Tensor): Tensor => activation(x, "Tanh", "TanhGrad", true)

/** By name. */
export const activations = {
  relu,
  relu6,
  swish,
  sigmoid,
  gelu,
  hardSigmoid,
  hardSwish,
  leakyRelu,
  elu,
  tanh,
}
