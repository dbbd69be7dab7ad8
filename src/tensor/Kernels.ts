/**
 * Kernels of TensorFlow with their own gradient kernels: everything tfjs does slowly (its gradients of batch norm, relu
 * and cross entropy are 20 to 30 times slower) or with sizes frozen in JavaScript. All take and give float32 NHWC
 * tensors unless said otherwise; sizes that gradients need are taken from tensors when the step runs, so every kernel
 * also works on weights that were cut (`Cut.ts`).
 *
 * A kernel must give the same bits alone and in a graph, where TensorFlow fuses some operations and gives others to
 * oneDNN. So BiasAddGrad, Softmax, MaxPool and x * Sigmoid(x) are written by other means that it leaves alone.
 *
 * Left out: convolutions (`Convolution.ts`), norms (`Norms.ts`), random kernels (`RandomTensor.ts`), quantizers (`Rounding.ts`).
 */
import { tf } from "./Backend.ts"
import type { Scalar, Tensor, Tensor2D, Tensor4D, Variable } from "./Backend.ts"
import { layout, windowed, type WindowOptions } from "./Convolution.ts"
import { differentiable } from "./CustomGradient.ts"
import { backend, bool, indices, int, op, ops, shapeOf, string, type } from "./Op.ts"

export interface PoolOptions extends WindowOptions {
  /** [height, width] */
  readonly window: readonly [number, number]
}

/** Maximum over windows; padding never wins. */
export const maxPool = (x: Tensor, { window, strides, padding }: PoolOptions): Tensor4D => {
  const attributes = [type("T"), string("padding", padding.toUpperCase()), layout()]
  const sizes = () => [indices(1, ...window, 1), indices(1, ...strides, 1)]
  return differentiable(
    [x],
    () => {
      const value = op("MaxPoolV2", attributes, x, ...sizes())
      return { value, save: [x, value] }
    },
    (dy, [x, y]) => [op("MaxPoolGradV2", attributes, x!, y!, dy, ...sizes())],
  ) as Tensor4D
}

/** Mean over windows; with `same` padding the padded places do not count. */
export const averagePool = (x: Tensor, options: PoolOptions): Tensor4D => {
  const attributes = [...windowed(options), int("ksize", [1, ...options.window, 1])]
  return differentiable(
    [x],
    () => ({ value: op("AvgPool", attributes, x), save: [x] }),
    (dy, [x]) => [op("AvgPoolGrad", attributes, shapeOf(x!), dy)],
  ) as Tensor4D
}

const expandDims = (x: Tensor, axis: number): Tensor =>
  op("ExpandDims", [type("T"), type("Tdim", "int32")], x, tf.scalar(axis, "int32"))

const meanOver = (x: Tensor, axes: ReadonlyArray<number>): Tensor =>
  op("Mean", [type("T"), type("Tidx", "int32"), bool("keep_dims", false)], x, indices(...axes))

const sumOver = (x: Tensor, axes: ReadonlyArray<number>, keepDims = false): Tensor =>
  op("Sum", [type("T"), type("Tidx", "int32"), bool("keep_dims", keepDims)], x, indices(...axes))

/** Mean over some axes; their sizes must be the recorded ones (a spatial size, the tokens), all others may vary. */
const mean = (x: Tensor, axes: ReadonlyArray<number>): Tensor => {
  const count = axes.reduce((product, axis) => product * x.shape[axis]!, 1)
  return differentiable(
    [x],
    () => ({ value: meanOver(x, axes), save: [x] }),
    (dy, [x]) => {
      const each = axes.reduce((dy, axis) => expandDims(dy, axis), tf.div(dy, count) as Tensor)
      return [op("BroadcastTo", [type("T"), type("Tidx", "int32")], each, shapeOf(x!))]
    },
  )
}

/** Mean over height and width: [batch, h, w, c] -> [batch, c]. */
export const globalAveragePool = (x: Tensor): Tensor2D => mean(x, [1, 2]) as Tensor2D

/** Mean over tokens: [batch, tokens, c] -> [batch, c]. */
export const tokenMean = (x: Tensor): Tensor2D => mean(x, [1]) as Tensor2D

const activation = (x: Tensor, forward: string, backward: string): Tensor =>
  differentiable(
    [x],
    () => {
      const value = op(forward, [type("T")], x)
      return { value, save: [value] }
    },
    (dy, [y]) => [op(backward, [type("T")], dy, y!)],
  )

export const relu = (x: Tensor): Tensor => activation(x, "Relu", "ReluGrad")

/** min(max(x, 0), 6) */
export const relu6 = (x: Tensor): Tensor => activation(x, "Relu6", "Relu6Grad")

const mul = (a: Tensor, b: Tensor): Tensor => op("Mul", [type("T")], a, b)
const plus = (a: Tensor, b: Tensor): Tensor => op("AddV2", [type("T")], a, b)

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
export const sigmoid = (x: Tensor): Tensor =>
  differentiable(
    [x],
    () => {
      const value = op("Sigmoid", [type("T")], x)
      return { value, save: [value] }
    },
    (dy, [y]) => [op("SigmoidGrad", [type("T")], y!, dy)],
  )

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

/** Every channel of an image times its gate: x [batch, h, w, c], gate [batch, c]. */
export const scaleChannels = (x: Tensor, gate: Tensor): Tensor => {
  const spread = (gate: Tensor): Tensor => expandDims(expandDims(gate, 1), 1)
  return differentiable(
    [x, gate],
    () => ({ value: mul(x, spread(gate)), save: [x, gate] }),
    (dy, [x, gate]) => [mul(dy, spread(gate!)), sumOver(mul(dy, x!), [1, 2])],
  )
}

/** x [..., c] + bias [c] */
export const biasAdd = (x: Tensor, bias: Tensor): Tensor =>
  differentiable(
    [x, bias],
    () => ({ value: op("BiasAdd", [type("T"), layout()], x, bias) }),
    (dy) => [dy.clone(), sumOver(dy, [...x.shape.keys()].slice(0, -1))],
  )

/** Sum of two tensors of the same shape (no broadcasting). */
export const add = (a: Tensor, b: Tensor): Tensor =>
  differentiable(
    [a, b],
    () => ({ value: plus(a, b) }),
    (dy) => [dy.clone(), dy.clone()],
  )

const product = (a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor =>
  a.rank === 2
    ? op(
        "MatMul",
        [type("T"), bool("transpose_a", transposeA), bool("transpose_b", transposeB)],
        a,
        b,
      )
    : op("BatchMatMulV2", [type("T"), bool("adj_x", transposeA), bool("adj_y", transposeB)], a, b)

/** a [..., m, k] times b [..., k, n]; or b [..., n, k] with `transposeB`. Leading sizes are equal. */
export const matMul = (a: Tensor, b: Tensor, transposeB = false): Tensor =>
  differentiable(
    [a, b],
    () => ({ value: product(a, b, false, transposeB), save: [a, b] }),
    (dy, [a, b]) =>
      transposeB
        ? [product(dy, b!, false, false), product(dy, a!, true, false)]
        : [product(dy, b!, false, true), product(a!, dy, true, false)],
  )

/** Joins along an axis (not negative); the sizes along it may vary. */
export const concat = (tensors: ReadonlyArray<Tensor>, axis: number): Tensor => {
  const n = tensors.length
  const at = () => tf.scalar(axis, "int32")
  return differentiable(
    tensors,
    () => ({
      value: op("ConcatV2", [type("T"), int("N", n), type("Tidx", "int32")], ...tensors, at()),
      save: tensors,
    }),
    (dy, tensors) => {
      const shapes = tensors.map(shapeOf)
      const starts = ops("ConcatOffset", [int("N", n)], [at(), ...shapes], n)
      const attributes = [type("T"), type("Index", "int32")]
      return starts.map((start, i) => op("Slice", attributes, dy, start, shapes[i]!))
    },
  )
}

/** Softmax over the last axis. */
export const softmax = (x: Tensor): Tensor =>
  differentiable(
    [x],
    () => {
      const attributes = [type("T"), type("Tidx", "int32"), bool("keep_dims", true)]
      const shifted = op("Sub", [type("T")], x, op("Max", attributes, x, indices(-1)))
      const powers = op("Exp", [type("T")], shifted)
      const value = op("RealDiv", [type("T")], powers, sumOver(powers, [-1], true))
      return { value, save: [value] }
    },
    (dy, [y]) => {
      const weighted = mul(dy, y!)
      return [op("Sub", [type("T")], weighted, mul(y!, sumOver(weighted, [-1], true)))]
    },
  )

/** [loss of each example, its gradient] */
const crossEntropy = (logits: Tensor, labels: Tensor, labelSmoothing: number): [Tensor, Tensor] => {
  const sparse = labelSmoothing === 0
  const target = sparse ? labels : smoothed(labels, logits.shape.at(-1)!, labelSmoothing)
  return ops(
    sparse ? "SparseSoftmaxCrossEntropyWithLogits" : "SoftmaxCrossEntropyWithLogits",
    sparse ? [type("T"), type("Tlabels", "int32")] : [type("T")],
    [logits, target],
    2,
  ) as [Tensor, Tensor]
}

/** (1 - e) one-hot + e / classes: Szegedy et al., arXiv 1512.00567, section 7. */
const smoothed = (labels: Tensor, classes: number, e: number): Tensor =>
  op(
    "OneHot",
    [type("T"), type("TI", "int32"), int("axis", -1)],
    labels,
    tf.scalar(classes, "int32"),
    tf.scalar(1 - e + e / classes),
    tf.scalar(e / classes),
  )

/**
 * Mean cross entropy: logits [batch, classes], labels int32 [batch] -> scalar.
 * `labelSmoothing` e takes (1 - e) one-hot + e / classes as the target.
 */
export const softmaxCrossEntropy = (logits: Tensor, labels: Tensor, labelSmoothing = 0): Scalar =>
  differentiable(
    [logits],
    () => {
      const [loss, slope] = crossEntropy(logits, labels, labelSmoothing)
      return { value: meanOver(loss, [0]), save: [slope] }
    },
    (dy, [slope]) => [mul(slope!, tf.div(dy, logits.shape[0]!))],
  ) as Scalar

/**
 * Mean cross entropy to soft labels, the probabilities that `teacher` [batch, classes] gives: logits [batch, classes] ->
 * scalar. No gradient goes to the teacher (Hinton et al., arXiv 1503.02531, section 2, at temperature 1).
 */
export const distillation = (logits: Tensor, teacher: Tensor): Scalar =>
  differentiable(
    [logits],
    () => {
      const [loss, slope] = ops(
        "SoftmaxCrossEntropyWithLogits",
        [type("T")],
        [logits, softmax(teacher)],
        2,
      )
      return { value: meanOver(loss!, [0]), save: [slope!] }
    },
    (dy, [slope]) => [mul(slope!, tf.div(dy, logits.shape[0]!))],
  ) as Scalar

/** 1 where the largest logit (the first of equals) is the label, else 0; a label of -1 (padding) is never right. [batch] */
export const correct = (logits: Tensor, labels: Tensor): Tensor =>
  tf.cast(tf.equal(tf.argMax(logits, 1), labels), "float32")

/** Share of right examples, 0 to 1. */
export const accuracy = (logits: Tensor, labels: Tensor): Scalar => tf.mean(correct(logits, labels))

/** sqrt(sum x^2) of each tensor, [tensors]; Infinity from about 1e19 on, where the squares overflow. */
export const l2Norms = (tensors: ReadonlyArray<Tensor>): Tensor => {
  const halves = tf.stack(tensors.map((x) => op("L2Loss", [type("T")], x)))
  return tf.sqrt(tf.mul(halves, 2))
}

/**
 * A tensor of bytes (uint8; tfjs calls it int32): images go to TensorFlow without a copy into floats. Only `castBytes`,
 * and steps, take it. The array is copied, so its buffer may be used again.
 */
export const bytesTensor = (bytes: Uint8Array, shape: ReadonlyArray<number>): Tensor => {
  const { binding } = backend()
  const id = binding.createTensor(shape, binding.TF_UINT8, bytes.slice())
  return backend().createOutputTensor({ id, shape: [...shape], dtype: binding.TF_UINT8 })
}

/** Bytes as float32, 0 to 255. */
export const castBytes = (bytes: Tensor): Tensor => {
  const { binding } = backend()
  const source = { name: "SrcT", type: binding.TF_ATTR_TYPE, value: binding.TF_UINT8 }
  return op("Cast", [source, type("DstT"), bool("Truncate", false)], bytes)
}

/** Gives a variable these values. Throws where `shape` is not the variable's own. */
export const setValues = (
  variable: Variable,
  values: Float32Array,
  shape: ReadonlyArray<number> = variable.shape,
): void => tf.tidy(() => variable.assign(tf.tensor(values, [...shape]) as Variable))
