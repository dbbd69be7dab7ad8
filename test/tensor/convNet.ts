/** A small residual network with fake quantization and SGD: everything a search step does, for the tests of `Step.ts`. */
import { names, parse } from "../../src/format/Formats.ts"
import { rowLength, rowNumbers, toRow } from "../../src/format/Row.ts"
import { fakeQuantize } from "../../src/quantizer/FakeQuantize.ts"
import { tf } from "../../src/tensor/Backend.ts"
import type { Scalar, Tensor, Tensor1D, Tensor2D, Variable } from "../../src/tensor/Backend.ts"
import * as Convolution from "../../src/tensor/Convolution.ts"
import * as Activations from "../../src/tensor/Activations.ts"
import * as Kernels from "../../src/tensor/Kernels.ts"
import * as Norms from "../../src/tensor/Norms.ts"
import { makeSgd } from "../../src/tensor/Optimizers.ts"
import type { Optimizer } from "../../src/tensor/Optimizers.ts"
import { batchNorm as runningNorm, makeRandom, normal } from "./support.ts"

const scalars = names.filter((name) => parse(name)!.block === undefined)

export const batch = 8
export const sites = 10
const norm = { momentum: 0.1, epsilon: 1e-5 }

export interface ConvNet {
  readonly state: ReadonlyArray<Variable>
  readonly weights: ReadonlyArray<Variable>
  /** images [batch, 12, 12, 3], labels [batch], learning rate, rows [sites, 7], amax [sites] -> [loss, accuracy] */
  readonly train: (inputs: ReadonlyArray<Tensor>) => Array<Tensor>
  /** The same inputs -> [loss, right ones], by running averages. */
  readonly evaluate: (inputs: ReadonlyArray<Tensor>) => Array<Tensor>
  /** The same inputs -> [loss], by the batch's own statistics. */
  readonly heldOut: (inputs: ReadonlyArray<Tensor>) => Array<Tensor>
  readonly dispose: () => void
}

const same = (stride: number) => ({
  strides: [stride, stride] as const,
  padding: "same" as const,
})

type Mode = "train" | "evaluate" | "heldOut"

export const makeConvNet = (
  optimizer: (weights: ReadonlyArray<Variable>) => Optimizer = (weights) =>
    makeSgd(weights, { momentum: 0.9, weightDecay: 5e-4 }),
): ConvNet => {
  const weights: Array<Variable> = []
  const averages: Array<Variable> = []
  let seed = 1
  const variable = (value: () => Tensor, list = weights): Variable => {
    const made = tf.tidy(() => tf.variable(value(), list === weights) as Variable)
    list.push(made)
    return made
  }
  const filter = (...shape: Array<number>) => variable(() => normal(shape, seed++, 0.3))
  const batchNorm = (channels: number) => {
    const gamma = variable(() => tf.ones([channels]))
    const beta = variable(() => tf.zeros([channels]))
    const mean = variable(() => tf.zeros([channels]), averages)
    const variance = variable(() => tf.ones([channels]), averages)
    return (x: Tensor, mode: Mode) => {
      if (mode === "train") return runningNorm(x, gamma, beta, mean, variance, norm)
      if (mode === "evaluate") return Norms.batchNormInference(x, gamma, beta, mean, variance, norm)
      return Norms.batchNormOver(x, gamma, beta, norm)
    }
  }
  const stem = filter(3, 3, 3, 8)
  const first = filter(3, 3, 8, 8)
  const depthwise = filter(3, 3, 8, 1)
  const shortcut = filter(1, 1, 8, 12)
  const second = filter(1, 1, 8, 12)
  const bias = variable(() => normal([12], seed++))
  const dense = filter(12, 5)
  const denseBias = variable(() => tf.zeros([5]))
  const norms = [batchNorm(8), batchNorm(8), batchNorm(12)]

  const forward = ([images, , , rows, amax]: ReadonlyArray<Tensor>, mode: Mode): Tensor => {
    let site = 0
    const q = (x: Tensor, axis = -1) =>
      fakeQuantize(x, rows as Tensor2D, site++, amax as Tensor1D, { axis })
    let x: Tensor = Convolution.conv2d(q(images!), q(stem), same(1))
    x = Activations.relu(norms[0]!(x, mode))
    let y: Tensor = Convolution.conv2d(q(x), q(first, 3), same(1))
    y = Activations.swish(norms[1]!(y, mode))
    x = Kernels.add(x, y)
    y = Convolution.depthwiseConv2d(q(x), q(depthwise, 2), same(2))
    y = norms[2]!(Convolution.conv2d(y, q(second), same(1)), mode)
    x = Activations.relu6(Kernels.biasAdd(Convolution.conv2d(q(x), shortcut, same(2)), bias))
    x = Kernels.globalAveragePool(Kernels.add(x, y))
    return Kernels.biasAdd(Kernels.matMul(q(x), q(dense)), denseBias)
  }
  const chosen = optimizer(weights)
  const state = [...weights, ...averages, ...chosen.state]
  return {
    state,
    weights,
    train: (inputs) => {
      const [, labels, learningRate] = inputs
      let logits!: Tensor
      const { value, grads } = tf.variableGrads(() => {
        logits = tf.keep(forward(inputs, "train"))
        return Kernels.softmaxCrossEntropy(logits, labels!)
      }, [...weights])
      chosen.update(grads, learningRate as Scalar)
      const accuracy = Kernels.accuracy(logits, labels!)
      logits.dispose()
      return [value, accuracy]
    },
    evaluate: (inputs) => {
      const logits = forward(inputs, "evaluate")
      return [Kernels.softmaxCrossEntropy(logits, inputs[1]!), Kernels.correct(logits, inputs[1]!)]
    },
    heldOut: (inputs) => [Kernels.softmaxCrossEntropy(forward(inputs, "heldOut"), inputs[1]!, 0.1)],
    dispose: () => state.forEach((variable) => variable.dispose()),
  }
}

const rowsOf = (random: () => number): Array<Array<number>> =>
  Array.from({ length: sites }, () =>
    rowNumbers(toRow(parse(scalars[Math.floor(random() * scalars.length)]!)!)),
  )

/** Inputs of one step; `policy` random formats per site, some sites with a frozen absmax. */
export const makeInputs = (step: number): Array<Tensor> => {
  const random = makeRandom(1000 + step)
  return [
    normal([batch, 12, 12, 3], step),
    tf.tensor1d(
      Int32Array.from({ length: batch }, () => Math.floor(random() * 5)),
      "int32",
    ),
    tf.scalar(0.05 / (1 + step)),
    tf.tensor2d(rowsOf(random), [sites, rowLength]),
    tf.tensor1d(Float32Array.from({ length: sites }, () => (random() < 0.3 ? 1.5 : 0))),
  ]
}
