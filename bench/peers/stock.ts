/**
 * ResNet-20 for CIFAR as a reader of the tfjs tutorials would write it: the stock tfjs API and its own gradients,
 * operation by operation, fake quantization by `tf.customGrad`.
 *
 *     node bench/peers/stock.ts THREADS none|INT4
 */
import { Effect } from "effect"
import { load, tf } from "../../src/tensor/Backend.ts"
import type { Tensor, Tensor2D, Tensor4D, Variable } from "../../src/tensor/Backend.ts"
import { serve } from "../worker/serve.ts"

const [threads = "2", format = "none"] = process.argv.slice(2)
await Effect.runPromise(load({ threads: Number(threads) }))
const bits = format === "none" ? undefined : Number(format.slice("INT".length))
const batch = 64

const quantize = (x: Tensor): Tensor => {
  if (bits === undefined) return x
  const top = 2 ** (bits - 1) - 1
  return tf.customGrad((x) => {
    const scale = tf.div(tf.maximum(tf.max(tf.abs(x as Tensor)), 1e-8), top)
    const value = tf.mul(tf.clipByValue(tf.round(tf.div(x as Tensor, scale)), -top - 1, top), scale)
    return { value, gradFunc: (dy: Tensor) => dy }
  })(x)
}

const filter = (kernel: number, inputs: number, outputs: number): Variable =>
  tf.variable(
    tf.randomNormal(
      [kernel, kernel, inputs, outputs],
      0,
      Math.sqrt(2 / (kernel * kernel * inputs)),
    ),
  )

const conv = (kernel: number, inputs: number, outputs: number, stride: number) => {
  const weight = filter(kernel, inputs, outputs)
  return (x: Tensor): Tensor =>
    tf.conv2d(quantize(x) as Tensor4D, quantize(weight) as Tensor4D, stride, "same")
}

/** The running averages are left out, to the advantage of this peer. */
const norm = (channels: number) => {
  const gamma = tf.variable(tf.ones([channels]))
  const beta = tf.variable(tf.zeros([channels]))
  return (x: Tensor): Tensor => {
    const { mean, variance } = tf.moments(x, [0, 1, 2])
    return tf.batchNorm(
      x as Tensor4D,
      mean as never,
      variance as never,
      beta as never,
      gamma as never,
      1e-5,
    )
  }
}

const basic = (inputs: number, outputs: number, stride: number) => {
  const first = conv(3, inputs, outputs, stride)
  const firstNorm = norm(outputs)
  const second = conv(3, outputs, outputs, 1)
  const secondNorm = norm(outputs)
  const projects = stride !== 1 || inputs !== outputs
  const shortcut = projects ? conv(1, inputs, outputs, stride) : (x: Tensor) => x
  const shortcutNorm = projects ? norm(outputs) : (x: Tensor) => x
  return (x: Tensor): Tensor => {
    const y = tf.relu(firstNorm(first(x)))
    return tf.relu(tf.add(secondNorm(second(y)), shortcutNorm(shortcut(x))))
  }
}

const stem = conv(3, 3, 16, 1)
const stemNorm = norm(16)
const blocks = [
  [16, 16, 1],
  [16, 16, 1],
  [16, 16, 1],
  [16, 32, 2],
  [32, 32, 1],
  [32, 32, 1],
  [32, 64, 2],
  [64, 64, 1],
  [64, 64, 1],
].map(([inputs, outputs, stride]) => basic(inputs!, outputs!, stride!))
const dense = tf.variable(tf.randomNormal([64, 10], 0, 0.1))
const bias = tf.variable(tf.zeros([10]))

const images: Tensor4D = tf.randomNormal([batch, 32, 32, 3])
const labels = Int32Array.from({ length: batch }, (_, i) => i % 10)
const oneHot = tf.oneHot(tf.tensor1d(labels, "int32"), 10)
const optimizer = tf.train.momentum(0.01, 0.9)

const forward = (): Tensor => {
  let x = tf.relu(stemNorm(stem(images)))
  for (const block of blocks) x = block(x)
  const pooled = tf.mean(x, [1, 2]) as Tensor2D
  return tf.add(tf.matMul(quantize(pooled) as Tensor2D, quantize(dense) as Tensor2D), bias)
}

const step = (): number => {
  const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(oneHot, forward()), true)!
  const value = loss.dataSync()[0]!
  loss.dispose()
  return value
}

await serve({ step, warm: 4 })
