/**
 * Kernels of TensorFlow with their own gradient kernels: everything tfjs does slowly (its gradients of batch norm, relu
 * and cross entropy are 20 to 30 times slower) or with sizes frozen in JavaScript. All take and give float32 NHWC
 * tensors unless said otherwise; sizes that gradients need are taken from tensors when the step runs, so every kernel
 * also works on weights that were cut (`Cut.ts`).
 *
 * A kernel must give the same bits alone and in a graph, where TensorFlow fuses some operations and gives others to
 * oneDNN. So BiasAddGrad, Softmax, MaxPool and x * Sigmoid(x) are written by other means that it leaves alone.
 *
 * Left out: activations (`Activations.ts`), convolutions (`Convolution.ts`), norms (`Norms.ts`), random kernels (`RandomTensor.ts`), quantizers (`Rounding.ts`).
 */
import { tf } from "./Backend.ts"
import type { Scalar, Tensor, Tensor2D, Tensor4D, Variable } from "./Backend.ts"
import { layout, windowed, type WindowOptions } from "./Convolution.ts"
import { differentiable } from "./CustomGradient.ts"
import {
  backend,
  bool,
  expandDims,
  indices,
  int,
  integer,
  op,
  ops,
  shapeOf,
  string,
  type,
  whole,
} from "./Op.ts"

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

const meanOver = (x: Tensor, axes: ReadonlyArray<number>): Tensor =>
  op("Mean", [type("T"), type("Tidx", "int32"), bool("keep_dims", false)], x, indices(...axes))

const sumOver = (x: Tensor, axes: ReadonlyArray<number>, keepDims = false): Tensor =>
  op("Sum", [type("T"), type("Tidx", "int32"), bool("keep_dims", keepDims)], x, indices(...axes))

/** How many elements there are along some axes, a float32 scalar known when the step runs. */
const countAlong = (x: Tensor, axes: ReadonlyArray<number>): Tensor => {
  const attributes = [integer("Tparams"), integer("Tindices"), integer("Taxis")]
  const sizes = op("GatherV2", attributes, shapeOf(x), indices(...axes), whole(0))
  const reduced = [integer("T"), type("Tidx", "int32"), bool("keep_dims", false)]
  return op("Cast", [integer("SrcT"), type("DstT")], op("Prod", reduced, sizes, indices(0)))
}

/** Mean over some axes; the sizes along them are the recorded ones unless `mayVary`, all others may vary. */
const mean = (x: Tensor, axes: ReadonlyArray<number>, mayVary = false): Tensor => {
  const count = axes.reduce((product, axis) => product * x.shape[axis]!, 1)
  return differentiable(
    [x],
    () => ({ value: meanOver(x, axes), save: [x] }),
    (dy, [x]) => {
      const share = mayVary
        ? op("RealDiv", [type("T")], dy, countAlong(x!, axes))
        : (tf.div(dy, count) as Tensor)
      const each = axes.reduce((dy, axis) => expandDims(dy, axis), share)
      return [op("BroadcastTo", [type("T"), type("Tidx", "int32")], each, shapeOf(x!))]
    },
  )
}

/** Mean over height and width, which are the recorded ones unless `mayVary`: [batch, h, w, c] -> [batch, c]. */
export const globalAveragePool = (x: Tensor, mayVary = false): Tensor2D =>
  mean(x, [1, 2], mayVary) as Tensor2D

/** Maximum over height and width: [batch, h, w, c] -> [batch, c]. Equal maxima share the gradient. */
export const globalMaxPool = (x: Tensor): Tensor2D => {
  const everywhere = (y: Tensor, x: Tensor): Tensor =>
    op(
      "BroadcastTo",
      [type("T"), type("Tidx", "int32")],
      expandDims(expandDims(y, 1), 1),
      shapeOf(x),
    )
  return differentiable(
    [x],
    () => {
      const attributes = [type("T"), type("Tidx", "int32"), bool("keep_dims", false)]
      const value = op("Max", attributes, x, indices(1, 2))
      return { value, save: [x, value] }
    },
    (dy, [x, y]) => {
      const isLargest = tf.cast(op("GreaterEqual", [type("T")], x!, everywhere(y!, x!)), "float32")
      const share = op("RealDiv", [type("T")], dy, sumOver(isLargest, [1, 2]))
      return [mul(isLargest, everywhere(share, x!))]
    },
  ) as Tensor2D
}

/** x [..., c] times factor [c]. */
export const scaleEach = (x: Tensor, factor: Tensor): Tensor =>
  differentiable(
    [x, factor],
    () => ({ value: mul(x, factor), save: [x, factor] }),
    (dy, [x, factor]) => [
      mul(dy, factor!),
      sumOver(mul(dy, x!), [...x!.shape.keys()].slice(0, -1)),
    ],
  )

/** Mean over tokens: [batch, tokens, c] -> [batch, c]. */
export const tokenMean = (x: Tensor): Tensor2D => mean(x, [1]) as Tensor2D

const mul = (a: Tensor, b: Tensor): Tensor => op("Mul", [type("T")], a, b)
const plus = (a: Tensor, b: Tensor): Tensor => op("AddV2", [type("T")], a, b)

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
