import { beforeAll, describe, expect, it } from "vitest"
import { counts, tf } from "../../src/tensor/Backend.ts"
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "../../src/tensor/Backend.ts"
import * as Kernels from "../../src/tensor/Kernels.ts"
import * as Norms from "../../src/tensor/Norms.ts"
import { loadBackend, normal, read } from "./support.ts"

beforeAll(() => loadBackend())

interface Case {
  readonly name: string
  readonly shapes: ReadonlyArray<ReadonlyArray<number>>
  readonly ours: (...x: ReadonlyArray<Tensor>) => Tensor
  /** The same by the stock API; its value and gradient must agree. */
  readonly stock: (...x: ReadonlyArray<Tensor>) => Tensor
}

const strided = { strides: [2, 1], padding: "same" } as const
const valid = { strides: [1, 2], padding: "valid" } as const
const epsilon = 1e-3
const labels = () => tf.tensor1d([1, 0, 2, 2, 1], "int32")
const moments = (x: Tensor, axes: Array<number>) => tf.moments(x, axes, true)
const normalised = (x: Tensor, axes: Array<number>, gamma: Tensor, beta: Tensor) => {
  const { mean, variance } = moments(x, axes)
  return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, epsilon))), gamma), beta)
}

const cases: ReadonlyArray<Case> = [
  {
    name: "conv2d, strides [2, 1], same",
    shapes: [
      [2, 5, 6, 3],
      [3, 3, 3, 4],
    ],
    ours: (x, w) => Kernels.conv2d(x!, w!, strided),
    stock: (x, w) => tf.conv2d(x as Tensor4D, w as Tensor4D, [2, 1], "same"),
  },
  {
    name: "conv2d, 1 x 3 kernel, strides [1, 2], valid",
    shapes: [
      [2, 5, 6, 3],
      [1, 3, 3, 4],
    ],
    ours: (x, w) => Kernels.conv2d(x!, w!, valid),
    stock: (x, w) => tf.conv2d(x as Tensor4D, w as Tensor4D, [1, 2], "valid"),
  },
  {
    name: "depthwiseConv2d",
    shapes: [
      [2, 5, 6, 3],
      [3, 3, 3, 1],
    ],
    ours: (x, w) => Kernels.depthwiseConv2d(x!, w!, { strides: [2, 2], padding: "same" }),
    stock: (x, w) => tf.depthwiseConv2d(x as Tensor4D, w as Tensor4D, 2, "same"),
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
  { name: "relu", shapes: [[4, 9]], ours: (x) => Kernels.relu(x!), stock: (x) => tf.relu(x!) },
  {
    name: "relu6",
    shapes: [[4, 9]],
    ours: (x) => Kernels.relu6(tf.mul(x!, 5)),
    stock: (x) => tf.relu6(tf.mul(x!, 5)),
  },
  {
    name: "swish",
    shapes: [[4, 9]],
    ours: (x) => Kernels.swish(x!),
    stock: (x) => tf.mul(x!, tf.sigmoid(x!)),
  },
  {
    name: "sigmoid",
    shapes: [[4, 9]],
    ours: (x) => Kernels.sigmoid(x!),
    stock: (x) => tf.sigmoid(x!),
  },
  {
    name: "gelu",
    shapes: [[4, 9]],
    ours: (x) => Kernels.gelu(x!),
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
    name: "crossEntropyPerExample",
    shapes: [[5, 3]],
    ours: (x) => Kernels.crossEntropyPerExample(x!, labels()),
    stock: (x) => tf.neg(tf.sum(tf.mul(tf.logSoftmax(x!), tf.oneHot(labels(), 3)), 1)),
  },
  {
    name: "batchNormBatchStatistics",
    shapes: [[4, 3, 3, 2], [2], [2]],
    ours: (x, g, b) => Norms.batchNormBatchStatistics(x!, g!, b!, { epsilon }),
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
]

const dot = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0)

const closeness = (a: Float32Array, b: Float32Array): number => {
  const size = Math.sqrt(dot(b, b)) + 1e-6
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0)) / size
}

describe.each(cases)("$name", ({ shapes, ours, stock }) => {
  const inputs = () => shapes.map((shape, i) => normal(shape, 10 + i))
  const weighted = (f: Case["ours"], x: ReadonlyArray<Tensor>) => {
    const y = f(...x)
    return tf.sum(tf.mul(y, normal(y.shape, 99)))
  }
  const gradients = (f: Case["ours"], x: ReadonlyArray<Tensor>) =>
    tf.grads((...given) => weighted(f, given))([...x])

  it("has the value and the gradients of stock tfjs", () => {
    tf.tidy(() => {
      const x = inputs()
      expect(ours(...x).shape).toEqual(stock(...x).shape)
      expect(closeness(read(ours(...x)), read(stock(...x)))).toBeLessThan(2e-6)
      const expected = gradients(stock, x).map(read)
      for (const [i, gradient] of gradients(ours, x).entries())
        expect(closeness(read(gradient), expected[i]!)).toBeLessThan(1e-5)
    })
  })

  it("has the gradients of finite differences", () => {
    tf.tidy(() => {
      const x = inputs()
      const found = gradients(ours, x)
      for (const [i, tensor] of x.entries()) {
        // Along a direction with some zeros, so that few elements cross a kink of relu or max.
        const direction = tf.mul(
          normal(tensor.shape, 50 + i),
          tf.cast(tf.greater(normal(tensor.shape, 60), 0.8), "float32"),
        )
        const h = 2e-3
        const at = (sign: number) => {
          const moved = x.map((t, k) => (k === i ? tf.add(t, tf.mul(direction, sign * h)) : t))
          const y = ours(...moved)
          return dot(read(y), read(normal(y.shape, 99)))
        }
        const slope = (at(1) - at(-1)) / (2 * h)
        const expected = dot(read(found[i]!), read(direction))
        const size = Math.sqrt(dot(read(direction), read(direction))) + 1e-3
        expect(Math.abs(slope - expected) / size).toBeLessThan(5e-3)
      }
    })
  })

  it("leaves nothing behind", () => {
    const x = inputs()
    tf.tidy(() => gradients(ours, x).map(read))
    const before = counts()
    tf.tidy(() => gradients(ours, x).map(read))
    expect(counts()).toEqual(before)
    for (const tensor of x) tensor.dispose()
  })
})

describe("batchNorm", () => {
  const shapes = { x: [8, 3, 3, 2], n: 8 * 3 * 3 }
  const make = () => ({
    x: normal(shapes.x, 1),
    gamma: tf.tensor1d([0.5, 2]),
    beta: tf.tensor1d([1, -1]),
    mean: tf.variable(tf.tensor1d([0.25, -1]), false),
    variance: tf.variable(tf.tensor1d([2, 0.5]), false),
  })

  it("moves the running averages by momentum towards the batch's mean and unbiased variance", () => {
    const { x, gamma, beta, mean, variance } = make()
    const { mean: m, variance: v } = tf.moments(x, [0, 1, 2])
    const unbiased = read(v).map((value) => (value * shapes.n) / (shapes.n - 1))
    Norms.batchNorm(x, gamma, beta, mean, variance, { momentum: 0.1, epsilon })
    const moved = (old: Array<number>, fresh: Float32Array) =>
      Float32Array.from(old, (value, i) => 0.9 * value + 0.1 * fresh[i]!)
    expect(closeness(read(mean), moved([0.25, -1], read(m)))).toBeLessThan(1e-6)
    expect(closeness(read(variance), moved([2, 0.5], unbiased))).toBeLessThan(1e-6)
  })

  it("normalises by the batch, whatever the running averages are", () => {
    const { x, gamma, beta, mean, variance } = make()
    const y = Norms.batchNorm(x, gamma, beta, mean, variance, { momentum: 0.1, epsilon })
    expect(closeness(read(y), read(normalised(x, [0, 1, 2], gamma, beta)))).toBeLessThan(1e-6)
  })

  it("takes the plain mean over batches with momenta 1, 1/2, 1/3", () => {
    const { gamma, beta, mean, variance } = make()
    const means: Array<Float32Array> = []
    for (const k of [1, 2, 3]) {
      const x = normal(shapes.x, k)
      means.push(read(tf.mean(x, [0, 1, 2])))
      Norms.batchNorm(x, gamma, beta, mean, variance, { momentum: tf.scalar(1 / k), epsilon })
    }
    const expected = means[0]!.map((_, c) => (means[0]![c]! + means[1]![c]! + means[2]![c]!) / 3)
    expect(closeness(read(mean), expected)).toBeLessThan(1e-5)
  })

  it("has the gradient of the batch's own statistics", () => {
    const { x, gamma, beta, mean, variance } = make()
    const loss = (y: Tensor) => tf.sum(tf.mul(y, normal(shapes.x, 7)))
    const ours = tf.grads((x, g, b) =>
      loss(Norms.batchNorm(x!, g!, b!, mean, variance, { momentum: 0.1, epsilon })),
    )([x, gamma, beta])
    const stock = tf.grads((x, g, b) => loss(normalised(x!, [0, 1, 2], g!, b!)))([x, gamma, beta])
    for (const [i, gradient] of ours.entries())
      expect(closeness(read(gradient), read(stock[i]!))).toBeLessThan(1e-5)
  })
})

describe("the measures", () => {
  it("count what is right; a label of -1 never is", () => {
    const logits = tf.tensor2d([
      [1, 2, 0],
      [3, 1, 1],
      [0, 0, 1],
      [9, 0, 0],
    ]) as Tensor2D
    const truth = tf.tensor1d([1, 2, 2, -1], "int32")
    expect([...read(Kernels.correct(logits, truth))]).toEqual([1, 0, 1, 0])
    expect(read(Kernels.correctCount(logits, truth))[0]).toBe(2)
    expect(read(Kernels.accuracy(logits, truth))[0]).toBe(0.5)
  })

  it("find the largest magnitude", () => {
    expect(
      read(
        Kernels.absMax(
          tf.tensor2d([
            [1, -3],
            [2, 0],
          ]),
        ),
      )[0],
    ).toBe(3)
  })
})

describe("bytes", () => {
  it("become floats, from a copy of the array", () => {
    const bytes = Uint8Array.of(0, 1, 128, 255)
    const tensor = Kernels.bytesTensor(bytes, [2, 2])
    bytes.fill(7)
    expect([...read(Kernels.castBytes(tensor))]).toEqual([0, 1, 128, 255])
    expect(tensor.shape).toEqual([2, 2])
  })
})
