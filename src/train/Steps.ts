/**
 * The graphs of a trial over one set of variables: train, train relaxed, measure, observe, evaluate. Each is pure tensors
 * in, tensors out, recorded once; formats or their probabilities, architecture, learning rate and batch are inputs.
 *
 * Left out: in which order they run (`Phase.ts`).
 */
import type { Images } from "../data/Dataset.ts"
import type { Batch } from "../data/Batches.ts"
import type { Observed, PolicyTensors, Relaxed, Supernet } from "../supernet/Supernet.ts"
import type { Norms } from "../search/policy/CommonKnobs.ts"
import type { Choices } from "../space/Decision.ts"
import { widestChoices } from "../space/DecisionSpace.ts"
import { rowLength } from "../format/Row.ts"
import { tf } from "../tensor/Backend.ts"
import type { Scalar, Tensor, Tensor1D, Variable } from "../tensor/Backend.ts"
import {
  accuracy,
  bytesTensor,
  castBytes,
  correct,
  l2Norms,
  softmaxCrossEntropy,
} from "../tensor/Kernels.ts"
import { makeAdam, makeRmsProp, makeSgd, type Optimizer } from "../tensor/Optimizers.ts"
import { makeStep, type Step } from "../tensor/Step.ts"
import type { TrainSpec } from "./TrainSpec.ts"
import type { PerOption } from "../space/PerOption.ts"

export interface Measured {
  /** Mean cross entropy of the batch. */
  readonly loss: number
  /** Share of the batch that is right, 0 to 1. */
  readonly accuracy: number
}

/** What a training step tells beside. */
export interface Trained extends Measured {
  /** Of the weights of every layer after the step, in the order of the layer table. */
  readonly weightNorms: Float32Array
}

/** What a step under softmax-weighted formats tells beside. */
export interface TrainedRelaxed extends Trained {
  /** d loss / d probability, per decision and option. */
  readonly slopes: PerOption
  /** Of the roundings that the step held for its gradient, above what a step under one assignment holds. */
  readonly copiedBytes: number
}

/** Statistics of one batch under one assignment. */
export interface Statistics {
  /** Path of a norm -> its batch mean and variance. */
  readonly norms: ReadonlyMap<string, readonly [Float32Array, Float32Array]>
  /** [sites]: the magnitude that each activation's scale comes from, 0 for weights. */
  readonly amax: Float32Array
}

export interface Steps {
  /** One optimizer step; the variables change. `seed`, another one every step, is for dropout: two int32. */
  readonly train: (
    batch: Batch,
    choices: Choices,
    learningRate: number,
    seed?: readonly [number, number],
  ) => Trained
  /**
   * The same under every searched format at once, each in the proportion of its probability. Of a space without searched
   * sizes.
   */
  readonly trainRelaxed: (
    batch: Batch,
    probabilities: ReadonlyArray<ArrayLike<number>>,
    learningRate: number,
    seed?: readonly [number, number],
  ) => TrainedRelaxed
  /** Quality by the statistics that `norms` names; nothing changes. */
  readonly measure: (batch: Batch, choices: Choices) => Measured
  readonly observe: (batch: Batch, choices: Choices) => Statistics
  /** Of the weights of every layer as they are now. */
  readonly weightNorms: () => Float32Array
  /** With running averages and the given activation scales: 1 where an example is right, [batch]. */
  readonly evaluate: (batch: Batch, choices: Choices, amax: Float32Array) => Float32Array
  /** Variables of the optimizer, in a fixed order. */
  readonly optimizerState: ReadonlyArray<Variable>
  readonly dispose: () => void
}

const makeOptimizer = (spec: TrainSpec["optimizer"], supernet: Supernet): Optimizer => {
  const trained = supernet.variables.filter(({ kind }) => kind === "trained")
  const decays = new Map(trained.map(({ variable, decay }) => [variable, decay]))
  const variables = trained.map(({ variable }) => variable)
  const options = {
    ...spec,
    weightDecay: (variable: Variable) => (decays.get(variable) === true ? spec.weightDecay : 0),
  }
  switch (options.kind) {
    case "sgd":
      return makeSgd(variables, options)
    case "adam":
      return makeAdam(variables, options)
    case "rmsprop":
      return makeRmsProp(variables, options)
  }
}

/** The weight of every layer, in the order of the table. */
const layerWeights = ({ network, variables }: Supernet): ReadonlyArray<Variable> => {
  const byName = new Map(variables.map(({ name, variable }) => [name, variable]))
  return network.table.layers.map(({ path }) => byName.get(`${path}.weight`)!)
}

/** (value / 255 - mean) / std per channel, of bytes [batch, height, width, channels]. */
const normalise = (bytes: Tensor, { mean, std }: Images): Tensor => {
  const scale = tf.tensor1d(std.map((s) => 1 / (255 * s)))
  const shift = tf.tensor1d(mean.map((m, i) => -m / std[i]!))
  return tf.add(tf.mul(castBytes(bytes), scale), shift)
}

const read = (tensors: ReadonlyArray<Tensor>): Array<Float32Array> => {
  const values = tensors.map((tensor) => tensor.dataSync() as Float32Array)
  for (const tensor of tensors) tensor.dispose()
  return values
}

const measured = (tensors: ReadonlyArray<Tensor>): Measured => {
  const [loss, right] = read(tensors)
  return { loss: loss![0]!, accuracy: right![0]! }
}

/** A tensor kept from an inner scope, handed to this one. */
const release = (kept: Tensor): Tensor => {
  const tensor = kept.clone()
  kept.dispose()
  return tensor
}

/** Makes the steps; each is recorded at its first use. */
export const makeSteps = (
  supernet: Supernet,
  dataset: Images,
  batchSize: number,
  spec: TrainSpec,
  eager: boolean,
  norms: Norms = "batch",
): Steps => {
  const { sites, network } = supernet
  const { height, width, channels } = dataset
  const optimizer = makeOptimizer(spec.optimizer, supernet)
  const variables = supernet.variables.map(({ variable }) => variable)
  const trained = supernet.variables
    .filter(({ kind }) => kind === "trained")
    .map(({ variable }) => variable)
  const weights = layerWeights(supernet)
  const widest = widestChoices(network.space)
  const dynamic = new Float32Array(sites)

  /** [images, labels, rows, amax, sizes]; the caller disposes of them. */
  const feed = (batch: Batch, choices: Choices, amax: Float32Array): Array<Tensor> => [
    bytesTensor(batch.images, [batchSize, height, width, channels]),
    tf.tensor1d(batch.labels, "int32"),
    tf.tensor2d(supernet.rowsOf(choices), [sites, rowLength]),
    tf.tensor1d(amax.slice()),
    tf.tensor1d(supernet.sizesOf(choices), "int32"),
  ]
  const example: Batch = {
    images: new Uint8Array(batchSize * height * width * channels),
    labels: new Int32Array(batchSize),
  }
  const policyOf = (inputs: ReadonlyArray<Tensor>): PolicyTensors => ({
    rows: inputs[2] as never,
    amax: inputs[3] as never,
    sizes: inputs[4] as never,
  })
  const made: Array<Step> = []
  /** A step recorded on the largest architecture when it first runs. */
  const lazily = (
    state: ReadonlyArray<Variable>,
    more: () => ReadonlyArray<Tensor>,
    body: (inputs: ReadonlyArray<Tensor>) => ReadonlyArray<Tensor>,
  ) => {
    let step: Step | undefined
    return (inputs: ReadonlyArray<Tensor>): Array<Tensor> => {
      if (step === undefined) {
        const examples = [...feed(example, widest, dynamic), ...more()]
        step = makeStep({ state, inputs: examples, body, eager })
        made.push(step)
        for (const tensor of examples) tensor.dispose()
      }
      const outputs = step.run(inputs)
      for (const tensor of inputs) tensor.dispose()
      return outputs
    }
  }

  /** The loss of the batch in `inputs` to differentiate, and, once it was, the share of it that is right: to be called once. */
  const trainingLoss = (inputs: ReadonlyArray<Tensor>, policy: PolicyTensors) => {
    const [images, labels] = inputs as [Tensor, Tensor]
    let logits: Tensor | undefined
    const loss = (): Scalar => {
      const input = normalise(images, dataset)
      logits = tf.keep(supernet.forward(input, policy, "train", undefined, inputs[6]!))
      return softmaxCrossEntropy(logits, labels, spec.labelSmoothing)
    }
    return { loss, accuracy: () => accuracy(release(logits!), labels) }
  }

  const train = lazily(
    [...variables, ...optimizer.state],
    () => [tf.scalar(0), tf.tensor1d([0, 0], "int32")],
    (inputs) => {
      const training = trainingLoss(inputs, policyOf(inputs))
      const { value, grads } = tf.variableGrads(training.loss, trained)
      optimizer.update(grads, inputs[5] as Scalar)
      return [value, training.accuracy(), l2Norms(weights)]
    },
  )
  const optionsOf = supernet.searchedSites.map(
    ([, decision]) => network.space.decisions[decision]!.options.length,
  )
  const firstOf = optionsOf.map((_, i) => optionsOf.slice(0, i).reduce((a, b) => a + b, 0))
  const optionCount = optionsOf.reduce((a, b) => a + b, 0)
  let copiedBytes = 0
  const trainRelaxed = lazily(
    [...variables, ...optimizer.state],
    () => [tf.scalar(0), tf.tensor1d([0, 0], "int32"), tf.zeros([optionCount])],
    (inputs) => {
      const probabilities = optionsOf.map((count, i) => tf.slice(inputs[7]!, firstOf[i]!, count))
      const relaxed: Relaxed = {
        probabilities: new Map(
          supernet.searchedSites.map(([site], i) => [site, probabilities[i] as Tensor1D]),
        ),
        copied: 0,
      }
      const training = trainingLoss(inputs, { ...policyOf(inputs), relaxed })
      const { value, grads } = tf.valueAndGrads(training.loss)([...trained, ...probabilities])
      optimizer.update(
        Object.fromEntries(trained.map(({ name }, i) => [name, grads[i]!])),
        inputs[5] as Scalar,
      )
      copiedBytes = 4 * relaxed.copied
      const slopes = tf.concat(grads.slice(trained.length))
      return [value, training.accuracy(), l2Norms(weights), slopes]
    },
  )
  const measure = lazily(
    variables,
    () => [],
    (inputs) => {
      const [images, labels] = inputs as [Tensor, Tensor]
      const mode = norms === "running" ? "measureRunning" : "measure"
      const logits = supernet.forward(normalise(images, dataset), policyOf(inputs), mode)
      return [softmaxCrossEntropy(logits, labels), accuracy(logits, labels)]
    },
  )
  const normPaths: Array<string> = []
  const observe = lazily(
    variables,
    () => [],
    (inputs) => {
      const observed: Observed = { norms: new Map(), activations: new Map() }
      supernet.forward(normalise(inputs[0]!, dataset), policyOf(inputs), "measure", observed)
      normPaths.splice(0, normPaths.length, ...observed.norms.keys())
      const largest = supernet.activations.map(({ site }) => observed.activations.get(site)!)
      return [tf.stack(largest), ...[...observed.norms.values()].flat().map(release)]
    },
  )
  const evaluate = lazily(
    variables,
    () => [],
    (inputs) => {
      const logits = supernet.forward(normalise(inputs[0]!, dataset), policyOf(inputs), "infer")
      return [correct(logits, inputs[1]!)]
    },
  )

  return {
    train: (batch, choices, learningRate, seed = [0, 0]) => {
      const [loss, right, weightNorms] = read(
        train([
          ...feed(batch, choices, dynamic),
          tf.scalar(learningRate),
          tf.tensor1d([...seed], "int32"),
        ]),
      )
      return { loss: loss![0]!, accuracy: right![0]!, weightNorms: weightNorms! }
    },
    trainRelaxed: (batch, probabilities, learningRate, seed = [0, 0]) => {
      const flat = supernet.searchedSites.flatMap(([, i]) => Array.from(probabilities[i]!))
      const [loss, right, weightNorms, slopes] = read(
        trainRelaxed([
          ...feed(batch, widest, dynamic),
          tf.scalar(learningRate),
          tf.tensor1d([...seed], "int32"),
          tf.tensor1d(Float32Array.from(flat)),
        ]),
      )
      const sums = network.space.decisions.map(({ options }) => options.map(() => 0))
      supernet.searchedSites.forEach(([, decision], i) => {
        const row = sums[decision]!
        row.forEach((_, k) => (row[k]! += slopes![firstOf[i]! + k]!))
      })
      return {
        loss: loss![0]!,
        accuracy: right![0]!,
        weightNorms: weightNorms!,
        slopes: sums,
        copiedBytes,
      }
    },
    measure: (batch, choices) => measured(measure(feed(batch, choices, dynamic))),
    observe: (batch, choices) => {
      const [inputs, ...norms] = read(observe(feed(batch, choices, dynamic)))
      const amax = new Float32Array(sites)
      supernet.activations.forEach(({ site }, i) => (amax[site] = inputs![i]!))
      return {
        amax,
        norms: new Map(normPaths.map((path, i) => [path, [norms[2 * i]!, norms[2 * i + 1]!]])),
      }
    },
    weightNorms: () => read([tf.tidy(() => l2Norms(weights))])[0]!,
    evaluate: (batch, choices, amax) => read(evaluate(feed(batch, choices, amax)))[0]!,
    optimizerState: optimizer.state,
    dispose: () => {
      for (const step of made) step.dispose()
      for (const variable of optimizer.state) variable.dispose()
    },
  }
}
