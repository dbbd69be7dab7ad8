/** Every kernel with the same computation in stock tfjs. */
import { tf } from "../../src/tensor/Backend.ts"
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "../../src/tensor/Backend.ts"
import * as Convolution from "../../src/tensor/Convolution.ts"
import * as Activations from "../../src/tensor/Activations.ts"
import * as Cut from "../../src/tensor/Cut.ts"
import * as Images from "../../src/tensor/Images.ts"
import * as Kernels from "../../src/tensor/Kernels.ts"
import * as Norms from "../../src/tensor/Norms.ts"
import * as Tokens from "../../src/tensor/Tokens.ts"

export interface Case {
  readonly name: string
  readonly shapes: ReadonlyArray<ReadonlyArray<number>>
  readonly ours: (...x: ReadonlyArray<Tensor>) => Tensor
  /** The same by the stock API; its value and gradient must agree. */
  readonly stock: (...x: ReadonlyArray<Tensor>) => Tensor
  /** Many places cross a kink when all inputs move a little: finite differences say nothing. */
  readonly kinks?: boolean
}

const strided = { strides: [2, 1], padding: "same" } as const
const unit = { strides: [1, 1], padding: "same" } as const
const valid = { strides: [1, 2], padding: "valid" } as const
export const epsilon = 1e-3
const labels = () => tf.tensor1d([1, 0, 2, 2, 1], "int32")
const teacher = () => tf.tensor2d([2, 0, -1, 0.5, 0.25, 3, -2, 1, 1, 0, 0, 0, 4, -4, 1], [5, 3])
const moments = (x: Tensor, axes: Array<number>) => tf.moments(x, axes, true)
export const normalised = (x: Tensor, axes: Array<number>, gamma: Tensor, beta: Tensor) => {
  const { mean, variance } = moments(x, axes)
  return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, epsilon))), gamma), beta)
}

/** A convolution with a 3 x 2 kernel dilated by 2 and 3, as one with a 5 x 4 kernel that has zeros. */
const withZeros = (x: Tensor, w: Tensor, convolve: (x: Tensor, w: Tensor) => Tensor): Tensor => {
  const [, , inputs, outputs] = w.shape as [number, number, number, number]
  const element = (row: number, column: number): Tensor =>
    tf.slice(w, [row, column, 0, 0], [1, 1, inputs, outputs])
  const none = tf.zeros([1, 1, inputs, outputs])
  const rows = [0, 1, 2].map((row) => tf.concat([element(row, 0), none, none, element(row, 1)], 1))
  const empty = tf.zeros([1, 4, inputs, outputs])
  const kernel = tf.concat([rows[0]!, empty, rows[1]!, empty, rows[2]!], 0)
  return convolve(x, kernel)
}

const convolutions = [
  ["conv2d", Convolution.conv2d],
  ["conv2dApart", Convolution.conv2dApart],
] as const

export const cases: ReadonlyArray<Case> = [
  {
    name: "conv2d, strides [2, 1], same",
    shapes: [
      [2, 5, 6, 3],
      [3, 3, 3, 4],
    ],
    ours: (x, w) => Convolution.conv2d(x!, w!, strided),
    stock: (x, w) => tf.conv2d(x as Tensor4D, w as Tensor4D, [2, 1], "same"),
  },
  {
    name: "conv2d, 1 x 3 kernel, strides [1, 2], valid",
    shapes: [
      [2, 5, 6, 3],
      [1, 3, 3, 4],
    ],
    ours: (x, w) => Convolution.conv2d(x!, w!, valid),
    stock: (x, w) => tf.conv2d(x as Tensor4D, w as Tensor4D, [1, 2], "valid"),
  },
  {
    name: "depthwiseConv2d",
    shapes: [
      [2, 5, 6, 3],
      [3, 3, 3, 1],
    ],
    ours: (x, w) => Convolution.depthwiseConv2d(x!, w!, { strides: [2, 2], padding: "same" }),
    stock: (x, w) => tf.depthwiseConv2d(x as Tensor4D, w as Tensor4D, 2, "same"),
  },
  {
    name: "tokenMatMul",
    shapes: [
      [2, 3, 4],
      [4, 5],
    ],
    ours: (x, w) => Tokens.tokenMatMul(x!, w!),
    stock: (x, w) => tf.reshape(tf.matMul(tf.reshape(x!, [6, 4]), w as Tensor2D), [2, 3, 5]),
  },
  {
    name: "toHeads and fromHeads around a product by heads",
    shapes: [[2, 3, 8]],
    ours: (x) => {
      const heads = Tokens.toHeads(x!, 4)
      const [a, b] = [0, 1].map((i) => Tokens.headPart(heads, i, 2))
      return Tokens.fromHeads(Kernels.matMul(Kernels.matMul(a!, b!, true), Tokens.scaled(b!, 0.3)))
    },
    stock: (x) => {
      const heads = tf.transpose(tf.reshape(x!, [2, 3, 2, 4]), [0, 2, 1, 3])
      const [a, b] = tf.split(heads, 2, 3)
      const y = tf.matMul(tf.matMul(a!, b!, false, true), tf.mul(b!, 0.3))
      return tf.reshape(tf.transpose(y, [0, 2, 1, 3]), [2, 3, 4])
    },
  },
  {
    name: "patches to tokens with a class token and positions",
    shapes: [[2, 2, 3, 4], [4], [7, 4]],
    ours: (x, token, positions) =>
      Tokens.addPositions(Tokens.prependToken(Tokens.imageToTokens(x!), token!), positions!),
    stock: (x, token, positions) =>
      tf.add(
        tf.concat(
          [tf.tile(tf.reshape(token!, [1, 1, 4]), [2, 1, 1]), tf.reshape(x!, [2, 6, 4])],
          1,
        ),
        positions!,
      ),
  },
  {
    name: "firstToken",
    shapes: [[2, 3, 4]],
    ours: (x) => Tokens.firstToken(x!),
    stock: (x) => tf.reshape(tf.slice(x!, [0, 0, 0], [2, 1, 4]), [2, 4]),
  },
  {
    name: "scaleChannels",
    shapes: [
      [2, 3, 4, 5],
      [2, 5],
    ],
    ours: (x, gate) => Kernels.scaleChannels(x!, gate!),
    stock: (x, gate) => tf.mul(x!, tf.reshape(gate!, [2, 1, 1, 5])),
  },
  {
    name: "maxPool",
    shapes: [[2, 5, 6, 3]],
    ours: (x) => Kernels.maxPool(x!, { window: [3, 2], strides: [2, 1], padding: "same" }),
    stock: (x) => tf.maxPool(x as Tensor4D, [3, 2], [2, 1], "same"),
  },
  {
    name: "averagePool",
    shapes: [[2, 5, 6, 3]],
    ours: (x) => Kernels.averagePool(x!, { window: [3, 3], strides: [2, 2], padding: "same" }),
    stock: (x) => tf.avgPool(x as Tensor4D, 3, 2, "same"),
  },
  {
    name: "globalAveragePool",
    shapes: [[2, 5, 6, 3]],
    ours: (x) => Kernels.globalAveragePool(x!),
    stock: (x) => tf.mean(x!, [1, 2]),
  },
  {
    name: "tokenMean",
    shapes: [[2, 7, 3]],
    ours: (x) => Kernels.tokenMean(x!),
    stock: (x) => tf.mean(x!, 1),
  },
  { name: "relu", shapes: [[4, 9]], ours: (x) => Activations.relu(x!), stock: (x) => tf.relu(x!) },
  {
    name: "relu6",
    shapes: [[4, 9]],
    ours: (x) => Activations.relu6(tf.mul(x!, 5)),
    stock: (x) => tf.relu6(tf.mul(x!, 5)),
  },
  {
    name: "swish",
    shapes: [[4, 9]],
    ours: (x) => Activations.swish(x!),
    stock: (x) => tf.mul(x!, tf.sigmoid(x!)),
  },
  {
    name: "sigmoid",
    shapes: [[4, 9]],
    ours: (x) => Activations.sigmoid(x!),
    stock: (x) => tf.sigmoid(x!),
  },
  {
    name: "gelu",
    shapes: [[4, 9]],
    ours: (x) => Activations.gelu(x!),
    stock: (x) => {
      const inner = tf.mul(tf.add(x!, tf.mul(tf.pow(x!, 3), 0.044715)), Math.sqrt(2 / Math.PI))
      return tf.mul(tf.mul(x!, 0.5), tf.add(tf.tanh(inner), 1))
    },
  },
  {
    name: "biasAdd",
    shapes: [[2, 3, 4, 5], [5]],
    ours: (x, b) => Kernels.biasAdd(x!, b!),
    stock: (x, b) => tf.add(x!, b!),
  },
  {
    name: "add",
    shapes: [
      [2, 3, 5],
      [2, 3, 5],
    ],
    ours: (a, b) => Kernels.add(a!, b!),
    stock: (a, b) => tf.add(a!, b!),
  },
  {
    name: "add of a tensor to itself",
    shapes: [[2, 5]],
    ours: (a) => Kernels.add(a!, a!),
    stock: (a) => tf.add(a!, a!),
  },
  {
    name: "matMul",
    shapes: [
      [3, 4],
      [4, 5],
    ],
    ours: (a, b) => Kernels.matMul(a!, b!),
    stock: (a, b) => tf.matMul(a!, b!),
  },
  {
    name: "matMul, batched and transposed",
    shapes: [
      [2, 3, 4],
      [2, 5, 4],
    ],
    ours: (a, b) => Kernels.matMul(a!, b!, true),
    stock: (a, b) => tf.matMul(a!, b!, false, true),
  },
  {
    name: "matMul, batched",
    shapes: [
      [2, 2, 3, 4],
      [2, 2, 4, 5],
    ],
    ours: (a, b) => Kernels.matMul(a!, b!),
    stock: (a, b) => tf.matMul(a!, b!),
  },
  {
    name: "concat",
    shapes: [
      [2, 3, 3, 2],
      [2, 3, 3, 5],
      [2, 3, 3, 1],
    ],
    ours: (...x) => Kernels.concat(x, 3),
    stock: (...x) => tf.concat([...x], 3),
  },
  {
    name: "softmax",
    shapes: [[3, 7]],
    ours: (x) => Kernels.softmax(x!),
    stock: (x) => tf.softmax(x!),
  },
  {
    name: "softmaxCrossEntropy",
    shapes: [[5, 3]],
    ours: (x) => Kernels.softmaxCrossEntropy(x!, labels()),
    stock: (x) => tf.losses.softmaxCrossEntropy(tf.oneHot(labels(), 3), x!),
  },
  {
    name: "softmaxCrossEntropy with label smoothing",
    shapes: [[5, 3]],
    ours: (x) => Kernels.softmaxCrossEntropy(x!, labels(), 0.1),
    stock: (x) => tf.losses.softmaxCrossEntropy(tf.oneHot(labels(), 3), x!, undefined, 0.1),
  },
  {
    name: "distillation",
    shapes: [[5, 3]],
    ours: (x) => Kernels.distillation(x!, teacher()),
    stock: (x) => tf.losses.softmaxCrossEntropy(tf.softmax(teacher()), x!),
  },
  {
    name: "batchNormOver the batch alone",
    shapes: [[4, 3, 3, 2], [2], [2]],
    ours: (x, g, b) => Norms.batchNormOver(x!, g!, b!, { momentum: 1, epsilon }),
    stock: (x, g, b) => normalised(x!, [0, 1, 2], g!, b!),
  },
  {
    name: "batchNormInference",
    shapes: [[4, 3, 3, 2], [2], [2]],
    ours: (x, g, b) =>
      Norms.batchNormInference(x!, g!, b!, tf.tensor1d([0.1, -2]), tf.tensor1d([0.3, 2]), {
        epsilon,
      }),
    stock: (x, g, b) =>
      tf.batchNorm(
        x as Tensor4D,
        tf.tensor1d([0.1, -2]),
        tf.tensor1d([0.3, 2]),
        b as Tensor1D,
        g as Tensor1D,
        epsilon,
      ),
  },
  {
    name: "layerNorm",
    shapes: [[3, 4, 6], [6], [6]],
    ours: (x, g, b) => Norms.layerNorm(x!, g as Tensor1D, b as Tensor1D, { epsilon }),
    stock: (x, g, b) => normalised(x!, [2], g!, b!),
  },
  {
    name: "groupNorm",
    shapes: [[3, 4, 5, 6], [6], [6]],
    ours: (x, g, b) => Norms.groupNorm(x!, g!, b!, { epsilon, groups: 2 }),
    stock: (x, g, b) => {
      const parts = tf.reshape(x!, [3, 20, 2, 3])
      const normal = normalised(parts, [1, 3], tf.scalar(1), tf.scalar(0))
      return tf.add(tf.mul(tf.reshape(normal, [3, 4, 5, 6]), g!), b!)
    },
  },
  ...convolutions.map(([name, convolve]): Case => ({
    name: `${name}, three groups, strides [2, 1]`,
    shapes: [
      [2, 5, 6, 6],
      [3, 3, 2, 9],
    ],
    ours: (x, w) => convolve(x!, w!, { ...strided, groups: 3 }),
    stock: (x, w) => {
      const parts = tf.split(x!, 3, 3)
      const kernels = tf.split(w!, 3, 3)
      return tf.concat(
        parts.map((part, i) => tf.conv2d(part as Tensor4D, kernels[i] as Tensor4D, [2, 1], "same")),
        3,
      )
    },
  })),
  ...convolutions.map(([name, convolve]): Case => ({
    name: `${name}, dilation [2, 3]`,
    shapes: [
      [2, 7, 8, 3],
      [3, 2, 3, 4],
    ],
    ours: (x, w) => convolve(x!, w!, { ...unit, dilation: [2, 3] }),
    stock: (x, w) =>
      withZeros(x!, w!, (x, w) => tf.conv2d(x as Tensor4D, w as Tensor4D, 1, "same")),
  })),
  {
    name: "depthwiseConv2d, dilation [2, 3]",
    shapes: [
      [2, 7, 8, 3],
      [3, 2, 3, 1],
    ],
    ours: (x, w) => Convolution.depthwiseConv2d(x!, w!, { ...unit, dilation: [2, 3] }),
    stock: (x, w) =>
      withZeros(x!, w!, (x, w) => tf.depthwiseConv2d(x as Tensor4D, w as Tensor4D, 1, "same")),
  },
  {
    name: "chooseRows, the second of three parts",
    shapes: [
      [1, 2, 3],
      [4, 2, 3],
      [1, 2, 3],
    ],
    ours: (...parts) => Cut.chooseRows(parts, tf.scalar(1, "int32"), 4),
    stock: (...parts) => tf.slice(tf.concat([...parts], 0), [1, 0, 0], [4, 2, 3]),
  },
  {
    name: "fitChannels to more",
    shapes: [[2, 3, 4]],
    ours: (x) => Cut.fitChannels(x!, tf.scalar(6, "int32")),
    stock: (x) =>
      tf.pad(x!, [
        [0, 0],
        [0, 0],
        [0, 2],
      ]),
  },
  {
    name: "fitChannels to fewer",
    shapes: [[2, 3, 4]],
    ours: (x) => Cut.fitChannels(x!, tf.scalar(3, "int32")),
    stock: (x) => tf.slice(x!, [0, 0, 0], [2, 3, 3]),
  },
  {
    name: "zerosFor",
    shapes: [[2, 3]],
    ours: (x) => Cut.zerosFor(x!, [5]),
    stock: (x) => tf.mul(tf.zeros([2, 5]), tf.sum(x!)),
  },
  {
    name: "globalAveragePool of a size that may vary",
    shapes: [[2, 5, 6, 3]],
    ours: (x) => Kernels.globalAveragePool(x!, true),
    stock: (x) => tf.mean(x!, [1, 2]),
  },
  {
    name: "a vector as an image and back",
    shapes: [[4, 5]],
    ours: (x) => Images.asVector(tf.mul(Images.asImage(x!), 2)),
    stock: (x) => tf.mul(x!, 2),
  },
  {
    name: "globalMaxPool",
    shapes: [[2, 5, 6, 3]],
    ours: (x) => Kernels.globalMaxPool(x!),
    stock: (x) => tf.max(x!, [1, 2]),
  },
  {
    name: "flatten",
    shapes: [[2, 3, 4, 5]],
    ours: (x) => Images.flatten(x!),
    stock: (x) => tf.reshape(tf.transpose(x!, [0, 3, 1, 2]), [2, 60]),
  },
  {
    name: "padImage",
    shapes: [[2, 3, 4, 5]],
    ours: (x) =>
      Images.padImage(
        x!,
        [
          [1, 2],
          [0, 3],
        ],
        -1,
      ),
    stock: (x) =>
      tf.pad(
        x!,
        [
          [0, 0],
          [1, 2],
          [0, 3],
          [0, 0],
        ],
        -1,
      ),
  },
  {
    name: "scaleEach",
    shapes: [[2, 3, 4, 5], [5]],
    ours: (x, factor) => Kernels.scaleEach(x!, factor!),
    stock: (x, factor) => tf.mul(x!, factor!),
  },
  {
    name: "conv2d, biasAdd, hardSwish",
    kinks: true,
    shapes: [[2, 5, 6, 3], [3, 3, 3, 12], [12]],
    ours: (x, w, b) => Activations.hardSwish(Kernels.biasAdd(Convolution.conv2d(x!, w!, unit), b!)),
    stock: (x, w, b) => {
      const y = tf.add(tf.conv2d(x as Tensor4D, w as Tensor4D, 1, "same"), b!)
      return tf.mul(y, tf.div(tf.relu6(tf.add(y, 3)), 6))
    },
  },
  ...(["leakyRelu", "elu", "tanh", "hardSigmoid"] as const).map((name): Case => ({
    name: `conv2d, biasAdd, ${name}`,
    kinks: true,
    shapes: [[2, 5, 6, 3], [3, 3, 3, 12], [12]],
    ours: (x, w, b) =>
      Activations.activations[name](Kernels.biasAdd(Convolution.conv2d(x!, w!, unit), b!)),
    stock: (x, w, b) => {
      const y = tf.add(tf.conv2d(x as Tensor4D, w as Tensor4D, 1, "same"), b!)
      const stock = {
        leakyRelu: (x: Tensor) => tf.maximum(x, tf.mul(x, 0.01)),
        elu: (x: Tensor) => tf.elu(x),
        tanh: (x: Tensor) => tf.tanh(x),
        hardSigmoid: (x: Tensor) => tf.div(tf.relu6(tf.add(x, 3)), 6),
      }
      return stock[name](y)
    },
  })),
  ...(["leakyRelu", "elu", "tanh"] as const).map((name): Case => ({
    name: `matMul, biasAdd, ${name}`,
    shapes: [[7, 9], [9, 13], [13]],
    ours: (x, w, b) => Activations.activations[name](Kernels.biasAdd(Kernels.matMul(x!, w!), b!)),
    stock: (x, w, b) => {
      const y = tf.add(tf.matMul(x!, w!), b!)
      return name === "leakyRelu" ? tf.leakyRelu(y, 0.01) : tf[name](y)
    },
  })),
  // What TensorFlow's graph optimizer would fuse, with channel counts that do not fill a vector register.
  {
    name: "batch norm, relu (12 channels)",
    kinks: true,
    shapes: [[4, 5, 5, 12], [12], [12]],
    ours: (x, g, b) => Activations.relu(Norms.batchNormOver(x!, g!, b!, { momentum: 1, epsilon })),
    stock: (x, g, b) => tf.relu(normalised(x!, [0, 1, 2], g!, b!)),
  },
  {
    name: "conv2d, biasAdd, relu6",
    kinks: true,
    shapes: [[2, 5, 6, 3], [3, 3, 3, 12], [12]],
    ours: (x, w, b) => Activations.relu6(Kernels.biasAdd(Convolution.conv2d(x!, w!, unit), b!)),
    stock: (x, w, b) => tf.relu6(tf.add(tf.conv2d(x as Tensor4D, w as Tensor4D, 1, "same"), b!)),
  },
  {
    name: "depthwiseConv2d, biasAdd, swish",
    shapes: [[2, 5, 6, 5], [3, 3, 5, 1], [5]],
    ours: (x, w, b) =>
      Activations.swish(Kernels.biasAdd(Convolution.depthwiseConv2d(x!, w!, unit), b!)),
    stock: (x, w, b) => {
      const y = tf.add(tf.depthwiseConv2d(x as Tensor4D, w as Tensor4D, 1, "same"), b!)
      return tf.mul(y, tf.sigmoid(y))
    },
  },
  {
    name: "matMul, biasAdd, gelu",
    shapes: [[7, 9], [9, 13], [13]],
    ours: (x, w, b) => Activations.gelu(Kernels.biasAdd(Kernels.matMul(x!, w!), b!)),
    stock: (x, w, b) => {
      const y = tf.add(tf.matMul(x!, w!), b!)
      const inner = tf.mul(tf.add(y, tf.mul(tf.pow(y, 3), 0.044715)), Math.sqrt(2 / Math.PI))
      return tf.mul(tf.mul(y, 0.5), tf.add(tf.tanh(inner), 1))
    },
  },
]
