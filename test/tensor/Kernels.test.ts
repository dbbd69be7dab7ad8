import { beforeAll, describe, expect, it } from "vitest"
import { counts, tf } from "../../src/tensor/Backend.ts"
import type { Tensor, Tensor2D } from "../../src/tensor/Backend.ts"
import * as Kernels from "../../src/tensor/Kernels.ts"
import { makeStep } from "../../src/tensor/Step.ts"
import { cases, epsilon, normalised } from "./cases.ts"
import type { Case } from "./cases.ts"
import { batchNorm, differing, loadBackend, normal, read } from "./support.ts"

beforeAll(() => loadBackend())

const dot = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0)

const closeness = (a: Float32Array, b: Float32Array): number => {
  const size = Math.sqrt(dot(b, b)) + 1e-6
  return Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0)) / size
}

const weighted = (f: Case["ours"], x: ReadonlyArray<Tensor>) => {
  const y = f(...x)
  return tf.sum(tf.mul(y, normal(y.shape, 99)))
}
const gradients = (f: Case["ours"], x: ReadonlyArray<Tensor>) =>
  tf.grads((...given) => weighted(f, given))([...x])

const forward =
  (f: Case["ours"]) =>
  ([, ...x]: ReadonlyArray<Tensor>) => [f(...x)]

const both =
  (f: Case["ours"]) =>
  ([dy, ...x]: ReadonlyArray<Tensor>) => [
    f(...x),
    ...tf.grads((...given) => f(...given))([...x], dy),
  ]

describe.each(cases)("$name", ({ shapes, ours, stock, kinks = false }) => {
  const inputs = () => shapes.map((shape, i) => normal(shape, 10 + i))

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

  it.skipIf(kinks)("has the gradients of finite differences", () => {
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

  it("has the same bits alone and in a graph, with and without its gradient", () => {
    const x = inputs()
    const dy = tf.tidy(() => normal(ours(...x).shape, 99))
    for (const body of [forward(ours), both(ours)]) {
      const [eager, graph] = [true, false].map((eager) => {
        const step = makeStep({ state: [], inputs: [dy, ...x], body, eager })
        const outputs = step.run([dy, ...x])
        step.dispose()
        return outputs
      })
      const different = graph!.map((output, i) => differing(read(output), read(eager![i]!)))
      expect(different).toEqual(graph!.map(() => 0))
      tf.dispose([eager!, graph!])
    }
    tf.dispose([x, dy])
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

const moved = (old: Array<number>, fresh: Float32Array) =>
  Float32Array.from(old, (value, i) => 0.9 * value + 0.1 * fresh[i]!)

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
    batchNorm(x, gamma, beta, mean, variance, { momentum: 0.1, epsilon })
    expect(closeness(read(mean), moved([0.25, -1], read(m)))).toBeLessThan(1e-6)
    expect(closeness(read(variance), moved([2, 0.5], unbiased))).toBeLessThan(1e-6)
  })

  it("normalises by the batch, whatever the running averages are", () => {
    const { x, gamma, beta, mean, variance } = make()
    const y = batchNorm(x, gamma, beta, mean, variance, { momentum: 0.1, epsilon })
    expect(closeness(read(y), read(normalised(x, [0, 1, 2], gamma, beta)))).toBeLessThan(1e-6)
  })

  it("takes the plain mean over batches with momenta 1, 1/2, 1/3", () => {
    const { gamma, beta, mean, variance } = make()
    const means: Array<Float32Array> = []
    for (const k of [1, 2, 3]) {
      const x = normal(shapes.x, k)
      means.push(read(tf.mean(x, [0, 1, 2])))
      batchNorm(x, gamma, beta, mean, variance, { momentum: tf.scalar(1 / k), epsilon })
    }
    const expected = means[0]!.map((_, c) => (means[0]![c]! + means[1]![c]! + means[2]![c]!) / 3)
    expect(closeness(read(mean), expected)).toBeLessThan(1e-5)
  })

  const loss = (y: Tensor) => tf.sum(tf.mul(y, normal(shapes.x, 7)))

  it("has the gradient of the batch's own statistics", () => {
    const { x, gamma, beta, mean, variance } = make()
    const ours = tf.grads((x, g, b) =>
      loss(batchNorm(x!, g!, b!, mean, variance, { momentum: 0.1, epsilon })),
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
    expect(read(Kernels.accuracy(logits, truth))[0]).toBe(0.5)
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
