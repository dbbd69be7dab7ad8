/**
 * The two graphs that change weights: an optimizer step under one assignment, and one under every searched format at
 * once, each in the proportion of its probability.
 */
import type { Images } from "../data/Dataset.ts"
import type { PolicyTensors, Relaxed } from "../supernet/PolicyTensors.ts"
import type { Supernet } from "../supernet/Supernet.ts"
import { tf } from "../tensor/Backend.ts"
import type { Scalar, Tensor, Tensor1D, Variable } from "../tensor/Backend.ts"
import { accuracy, l2Norms, softmaxCrossEntropy } from "../tensor/Kernels.ts"
import { makeAdam, makeRmsProp, makeSgd, type Optimizer } from "../tensor/Optimizers.ts"
import { makeNamedStep, type NamedStep } from "./NamedStep.ts"
import { exampleInputs, type Fed, normalise, type TrainInputs, trainInputs } from "./StepInputs.ts"
import type { TrainSpec } from "./TrainSpec.ts"

export type RelaxedInputs = TrainInputs & {
  /** [options of every searched site, one site after the other] */
  readonly probabilities: Tensor1D
}

/** What both graphs train, and how. */
export interface Training extends Fed {
  readonly spec: TrainSpec
  readonly eager: boolean
  readonly optimizer: Optimizer
  /** The variables that the optimizer updates. */
  readonly trained: ReadonlyArray<Variable>
  /** The weight of every layer, in the order of the layer table. */
  readonly layerWeights: ReadonlyArray<Variable>
}

const makeOptimizer = (spec: TrainSpec["optimizer"], { variables }: Supernet): Optimizer => {
  const trained = variables.filter(({ kind }) => kind === "trained")
  const decays = new Map(trained.map(({ variable, decay }) => [variable, decay]))
  const options = {
    ...spec,
    weightDecay: (variable: Variable) => (decays.get(variable) === true ? spec.weightDecay : 0),
  }
  const updated = trained.map(({ variable }) => variable)
  switch (options.kind) {
    case "sgd":
      return makeSgd(updated, options)
    case "adam":
      return makeAdam(updated, options)
    case "rmsprop":
      return makeRmsProp(updated, options)
  }
}

const layerWeightsOf = ({ network, variables }: Supernet): ReadonlyArray<Variable> => {
  const byName = new Map(variables.map(({ name, variable }) => [name, variable]))
  return network.table.layers.map(({ path }) => byName.get(`${path}.weight`)!)
}

export const makeTraining = (fed: Fed, spec: TrainSpec, eager: boolean): Training => ({
  ...fed,
  spec,
  eager,
  optimizer: makeOptimizer(spec.optimizer, fed.supernet),
  trained: fed.supernet.variables
    .filter(({ kind }) => kind === "trained")
    .map(({ variable }) => variable),
  layerWeights: layerWeightsOf(fed.supernet),
})

/** Variable -> what the optimizer keeps for it. */
export const updatedWith = ({
  optimizer,
  trained,
}: Training): ReadonlyMap<Variable, ReadonlyArray<Variable>> =>
  new Map(trained.map((variable, i) => [variable, optimizer.means.map((means) => means[i]!)]))

/** A tensor that was kept in an inner scope, handed to this one. */
export const release = (kept: Tensor): Tensor => {
  const tensor = kept.clone()
  kept.dispose()
  return tensor
}

/** The loss of a batch, to be differentiated once; then the share of the batch that is right, to be asked for once. */
const trainingLoss = (
  { supernet, spec }: Training,
  dataset: Images,
  { images, labels, seed }: TrainInputs,
  policy: PolicyTensors,
) => {
  let logits: Tensor | undefined
  const loss = (): Scalar => {
    const input = normalise(images, dataset)
    logits = tf.keep(supernet.forward(input, policy, "train", { seed }))
    return softmaxCrossEntropy(logits, labels, spec.labelSmoothing)
  }
  return { loss, accuracy: () => accuracy(release(logits!), labels) }
}

export const stateOf = ({ supernet, optimizer }: Training): ReadonlyArray<Variable> => [
  ...supernet.variables.map(({ variable }) => variable),
  ...optimizer.state,
]

export const exampleOf = (training: Training): TrainInputs =>
  trainInputs(exampleInputs(training), 0, [0, 0])

/** The graph of an optimizer step under one assignment. */
export const makeTrainStep = (
  training: Training,
): NamedStep<TrainInputs, "loss" | "accuracy" | "weightNorms"> => {
  const { dataset, eager, layerWeights, optimizer, trained } = training
  return makeNamedStep({
    state: stateOf(training),
    example: () => exampleOf(training),
    body: (inputs: TrainInputs) => {
      const pass = trainingLoss(training, dataset, inputs, inputs)
      const { value, grads } = tf.variableGrads(pass.loss, [...trained])
      optimizer.update(grads, inputs.learningRate)
      return {
        loss: value,
        accuracy: pass.accuracy(),
        weightNorms: l2Norms(layerWeights),
      }
    },
    eager,
  })
}

/** Where the options of every searched site lie in one flat tensor. */
export interface SiteOptions {
  /** Per searched site. */
  readonly counts: ReadonlyArray<number>
  /** Index of each site's first option. */
  readonly first: ReadonlyArray<number>
  readonly total: number
}

export const siteOptionsOf = ({ network, searchedSites }: Supernet): SiteOptions => {
  const counts = searchedSites.map(
    ([, decision]) => network.space.decisions[decision]!.options.length,
  )
  const first = counts.map((_, i) => counts.slice(0, i).reduce((a, b) => a + b, 0))
  return { counts, first, total: counts.reduce((a, b) => a + b, 0) }
}

export interface RelaxedStep extends NamedStep<
  RelaxedInputs,
  "loss" | "accuracy" | "weightNorms" | "slopes"
> {
  /** Of the roundings that the step holds for its gradient, above what a step under one assignment holds. */
  readonly copiedBytes: () => number
}

/** The graph of an optimizer step under all searched formats; `slopes` is d loss / d probability. */
export const makeRelaxedStep = (training: Training, options: SiteOptions): RelaxedStep => {
  const { dataset, eager, layerWeights, optimizer, supernet, trained } = training
  let copiedBytes = 0
  const step = makeNamedStep({
    state: stateOf(training),
    example: (): RelaxedInputs => ({
      ...exampleOf(training),
      probabilities: tf.zeros([options.total]),
    }),
    body: (inputs: RelaxedInputs) => {
      const probabilities = options.counts.map((count, i) =>
        tf.slice(inputs.probabilities, options.first[i]!, count),
      )
      const relaxed: Relaxed = {
        probabilities: new Map(
          supernet.searchedSites.map(([site], i) => [site, probabilities[i]!]),
        ),
        copied: 0,
      }
      const pass = trainingLoss(training, dataset, inputs, { ...inputs, relaxed })
      const { value, grads } = tf.valueAndGrads(pass.loss)([...trained, ...probabilities])
      optimizer.update(
        Object.fromEntries(trained.map(({ name }, i) => [name, grads[i]!])),
        inputs.learningRate,
      )
      copiedBytes = 4 * relaxed.copied
      return {
        loss: value,
        accuracy: pass.accuracy(),
        weightNorms: l2Norms(layerWeights),
        slopes: tf.concat(grads.slice(trained.length)),
      }
    },
    eager,
  })
  return { ...step, copiedBytes: () => copiedBytes }
}
