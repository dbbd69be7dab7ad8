/**
 * The steps of a trial over one set of variables: train, train relaxed, measure, observe, evaluate. Plain data in, plain
 * data out. Each is one graph that is recorded when it first runs; formats or their probabilities, architecture,
 * learning rate and batch are inputs.
 *
 * Left out: the graphs (`OptimizerSteps.ts`, `MeasuringSteps.ts`), in which order they run (`Phase.ts`).
 */
import type { Images } from "../data/Dataset.ts"
import type { Batch } from "../data/Batches.ts"
import type { Norms } from "../search/policy/CommonKnobs.ts"
import type { Choices } from "../space/Decision.ts"
import { widestChoices } from "../space/DecisionSpace.ts"
import type { PerOption } from "../space/PerOption.ts"
import type { FrozenScales } from "../supernet/FrozenScales.ts"
import type { Supernet } from "../supernet/Supernet.ts"
import { sortChannels } from "../supernet/SortChannels.ts"
import { tf } from "../tensor/Backend.ts"
import type { Variable } from "../tensor/Backend.ts"
import { l2Norms } from "../tensor/Kernels.ts"
import { makeDistillStep, teacherInputs } from "./DistillStep.ts"
import {
  leastValues,
  magnitudes,
  makeEvaluateStep,
  makeMeasureStep,
  makeObserveStep,
  normsIn,
} from "./MeasuringSteps.ts"
import {
  makeRelaxedStep,
  makeTraining,
  makeTrainStep,
  type SiteOptions,
  siteOptionsOf,
  updatedWith,
} from "./OptimizerSteps.ts"
import { passInputs, trainInputs } from "./StepInputs.ts"
import type { TrainSpec } from "./TrainSpec.ts"

export interface Measured {
  /** Mean cross entropy of the batch. */
  readonly loss: number
  /** Share of the batch that is right, 0 to 1. */
  readonly accuracy: number
}

/** What a training step gives beside its update. */
export interface Trained extends Measured {
  /** Of the weights of every layer after the step, in the order of the layer table. */
  readonly weightNorms: Float32Array
}

/** What a step under softmax-weighted formats gives beside its update. */
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
  /** [sites]: the lower end of an activation whose format has a zero point, else 0. */
  readonly leasts: Float32Array
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
   * The same, but `choices` learn what the network of `teacher` says of the batch, and that learns from the labels. Loss
   * and accuracy are those of `choices`, on the labels.
   */
  readonly distill: (
    batch: Batch,
    choices: Choices,
    teacher: Choices,
    learningRate: number,
    seed?: readonly [number, number],
  ) => Trained
  /**
   * The same under every searched format at once, each in the proportion of its probability. Only for spaces without
   * searched sizes.
   */
  readonly trainRelaxed: (
    batch: Batch,
    probabilities: ReadonlyArray<ArrayLike<number>>,
    learningRate: number,
    seed?: readonly [number, number],
  ) => TrainedRelaxed
  /** Quality of the first `images` of a batch, by the statistics that `norms` names; nothing changes. */
  readonly measure: (batch: Batch, choices: Choices) => Measured
  readonly observe: (batch: Batch, choices: Choices) => Statistics
  /** Of the weights of every layer as they are now. */
  readonly weightNorms: () => Float32Array
  /** With running averages and the given activation scales: 1 where an example is right, [batch]. */
  readonly evaluate: (batch: Batch, choices: Choices, frozen: FrozenScales) => Float32Array
  /** Puts the most important channels first, those of the optimizer too; the largest network stays what it is. */
  readonly sortChannels: () => void
  /** Variables of the optimizer, in a fixed order. */
  readonly optimizerState: ReadonlyArray<Variable>
  readonly dispose: () => void
}

const read = <Rest>({
  loss,
  accuracy,
  ...rest
}: Rest & { readonly loss: Float32Array; readonly accuracy: Float32Array }) => ({
  ...rest,
  loss: loss[0]!,
  accuracy: accuracy[0]!,
})

/** Slopes of the sites that share a decision, added up per decision and option. */
const slopesOf = (
  { network, searchedSites }: Supernet,
  { first }: SiteOptions,
  slopes: Float32Array,
): PerOption => {
  const sums = network.space.decisions.map(({ options }) => options.map(() => 0))
  searchedSites.forEach(([, decision], i) => {
    const row = sums[decision]!
    row.forEach((_, k) => (row[k]! += slopes[first[i]! + k]!))
  })
  return sums
}

/** The probabilities of every searched site, one site after the other. */
const siteProbabilities = (
  { searchedSites }: Supernet,
  probabilities: ReadonlyArray<ArrayLike<number>>,
): Float32Array =>
  Float32Array.from(searchedSites.flatMap(([, decision]) => Array.from(probabilities[decision]!)))

/** Values of the activations as those of all sites; 0 for weights. */
const ofSites = (
  { activations, sites }: Supernet,
  values: Float32Array | undefined,
): Float32Array => {
  const all = new Float32Array(sites)
  if (values !== undefined) activations.forEach(({ site }, i) => (all[site] = values[i]!))
  return all
}

/** How proposals are measured. */
export interface Measures {
  /** Of a batch; all of it by default. */
  readonly images?: number
  readonly norms?: Norms | undefined
}

const firstImages = ({ images, labels }: Batch, count: number): Batch => ({
  images: images.subarray(0, (images.length / labels.length) * count),
  labels: labels.subarray(0, count),
})

/** Makes the steps; each is recorded when it first runs. */
export const makeSteps = (
  supernet: Supernet,
  dataset: Images,
  batchSize: number,
  spec: TrainSpec,
  eager: boolean,
  { images = batchSize, norms = "batch" }: Measures = {},
): Steps => {
  const fed = { supernet, dataset, batchSize }
  const training = makeTraining(fed, spec, eager)
  const options = siteOptionsOf(supernet)
  const train = makeTrainStep(training)
  const distill = makeDistillStep(training)
  const relaxed = makeRelaxedStep(training, options)
  const measured = { ...fed, batchSize: images }
  const measure = makeMeasureStep({ ...measured, eager }, norms)
  const observe = makeObserveStep({ ...fed, eager })
  const evaluate = makeEvaluateStep({ ...fed, eager })
  const widest = widestChoices(supernet.network.space)
  return {
    train: (batch, choices, learningRate, seed = [0, 0]) =>
      read(train.run(trainInputs(passInputs(fed, batch, choices), learningRate, seed))),
    distill: (batch, choices, teacher, learningRate, seed = [0, 0]) =>
      read(
        distill.run({
          ...trainInputs(passInputs(fed, batch, choices), learningRate, seed),
          ...teacherInputs(supernet, teacher),
        }),
      ),
    trainRelaxed: (batch, probabilities, learningRate, seed = [0, 0]) => {
      const { slopes, ...measured } = relaxed.run({
        ...trainInputs(passInputs(fed, batch, widest), learningRate, seed),
        probabilities: tf.tensor1d(siteProbabilities(supernet, probabilities)),
      })
      return {
        ...read(measured),
        slopes: slopesOf(supernet, options, slopes),
        copiedBytes: relaxed.copiedBytes(),
      }
    },
    measure: (batch, choices) =>
      read(measure.run(passInputs(measured, firstImages(batch, images), choices))),
    observe: (batch, choices) => {
      const statistics = observe.run(passInputs(fed, batch, choices))
      return {
        amax: ofSites(supernet, statistics[magnitudes]),
        leasts: ofSites(supernet, statistics[leastValues]),
        norms: normsIn(statistics),
      }
    },
    weightNorms: () => {
      const norms = tf.tidy(() => l2Norms(training.layerWeights))
      const values = norms.dataSync() as Float32Array
      norms.dispose()
      return values
    },
    evaluate: (batch, choices, frozen) =>
      evaluate.run(passInputs(fed, batch, choices, frozen)).correct,
    sortChannels: () => sortChannels(supernet, updatedWith(training)),
    optimizerState: training.optimizer.state,
    dispose: () => {
      for (const step of [train, distill, relaxed, measure, observe, evaluate]) step.dispose()
      for (const variable of training.optimizer.state) variable.dispose()
    },
  }
}
