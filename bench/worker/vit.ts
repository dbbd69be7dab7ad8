/**
 * A small vision transformer on the kernels of `tensor/`: depth 6, width 192, 3 heads, 64 tokens (4 x 4 patches of
 * 32 x 32), batch 64, SGD with momentum. The blocks of spaces do not have one yet; this shows what the engine gives.
 *
 *     node bench/worker/vit.ts THREADS
 */
import { Effect } from "effect"
import { load, tf } from "../../src/tensor/Backend.ts"
import type { Scalar, Tensor, Variable } from "../../src/tensor/Backend.ts"
import * as Kernels from "../../src/tensor/Kernels.ts"
import { layerNorm } from "../../src/tensor/Norms.ts"
import { makeSgd } from "../../src/tensor/Optimizers.ts"
import { makeStep } from "../../src/tensor/Step.ts"
import { serve } from "./serve.ts"

await Effect.runPromise(load({ threads: Number(process.argv[2] ?? 2) }))
const [depth, width, heads, tokens, batch] = [6, 192, 3, 64, 64] as const
const size = width / heads
const rows = batch * tokens

const weights: Array<Variable> = []
const variable = (make: () => Tensor): Variable => {
  const made = tf.tidy(() => tf.variable(make()))
  weights.push(made)
  return made
}
const zeros = (n: number): Variable => variable(() => tf.zeros([n]))
const linear = (inputs: number, outputs: number) => {
  const weight = variable(() => tf.randomNormal([inputs, outputs], 0, 0.02))
  const bias = zeros(outputs)
  return (x: Tensor): Tensor => Kernels.biasAdd(Kernels.matMul(x, weight), bias)
}
const norm = () => {
  const gamma = variable(() => tf.ones([width]))
  const beta = zeros(width)
  return (x: Tensor): Tensor => layerNorm(x, gamma, beta, { epsilon: 1e-5 })
}

const makeBlock = () => {
  const [norm1, qkv, out, norm2] = [norm(), linear(width, 3 * width), linear(width, width), norm()]
  const [up, down] = [linear(width, 4 * width), linear(4 * width, width)]
  return (x: Tensor): Tensor => {
    const parts = tf.reshape(qkv(norm1(x)), [batch, tokens, 3, heads, size])
    const [q, k, v] = tf.unstack(tf.transpose(parts, [2, 0, 3, 1, 4])) as [Tensor, Tensor, Tensor]
    const scores = Kernels.softmax(tf.mul(Kernels.matMul(q, k, true), 1 / Math.sqrt(size)))
    const mixed = tf.transpose(Kernels.matMul(scores, v), [0, 2, 1, 3])
    const y = Kernels.add(x, out(tf.reshape(mixed, [rows, width])))
    return Kernels.add(y, down(Kernels.gelu(up(norm2(y)))))
  }
}

const patches = linear(4 * 4 * 3, width)
const positions = variable(() => tf.randomNormal([1, tokens, width], 0, 0.02))
const blocks = Array.from({ length: depth }, makeBlock)
const lastNorm = norm()
const classifier = linear(width, 10)

const forward = (images: Tensor): Tensor => {
  const cells = tf.transpose(tf.reshape(images, [batch, 8, 4, 8, 4, 3]), [0, 1, 3, 2, 4, 5])
  const embedded = tf.reshape(patches(tf.reshape(cells, [rows, 48])), [batch, tokens, width])
  let x: Tensor = tf.reshape(tf.add(embedded, positions), [rows, width])
  for (const block of blocks) x = block(x)
  return classifier(Kernels.tokenMean(tf.reshape(lastNorm(x), [batch, tokens, width])))
}

const optimizer = makeSgd(weights, { momentum: 0.9, weightDecay: 0 })
const inputs = [
  tf.randomNormal([batch, 32, 32, 3]),
  tf.tensor1d(
    Int32Array.from({ length: batch }, (_, i) => i % 10),
    "int32",
  ),
  tf.scalar(0.01),
]
const train = makeStep({
  state: [...weights, ...optimizer.state],
  inputs,
  body: ([images, labels, rate]) => {
    let logits: Tensor | undefined
    const { value, grads } = tf.variableGrads(() => {
      logits = tf.keep(forward(images!))
      return Kernels.softmaxCrossEntropy(logits, labels!)
    }, weights)
    optimizer.update(grads, rate as Scalar)
    const accuracy = Kernels.accuracy(logits!, labels!)
    logits!.dispose()
    return [value, accuracy]
  },
})

const step = (): ReadonlyArray<number> => {
  const outputs = train.run(inputs)
  const values = outputs.map((output) => output.dataSync()[0]!)
  tf.dispose(outputs)
  return values
}

await serve({ step, warm: 4, facts: { operations: train.operations } })
