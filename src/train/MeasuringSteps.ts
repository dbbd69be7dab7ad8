/** The three graphs that change nothing: measure, observe, evaluate. */
import type { Norms } from "../search/policy/CommonKnobs.ts"
import type { Observed } from "../supernet/PolicyTensors.ts"
import { tf } from "../tensor/Backend.ts"
import type { Tensor } from "../tensor/Backend.ts"
import { accuracy, correct, softmaxCrossEntropy } from "../tensor/Kernels.ts"
import { makeNamedStep, type NamedStep } from "./NamedStep.ts"
import { release } from "./OptimizerSteps.ts"
import { exampleInputs, type Fed, normalise, type PassInputs } from "./StepInputs.ts"

interface Measuring extends Fed {
  readonly eager: boolean
}

/** What all three have in common. */
const passOf = ({ supernet, ...fed }: Measuring) => ({
  state: supernet.variables.map(({ variable }) => variable),
  example: () => exampleInputs({ supernet, ...fed }),
  eager: fed.eager,
})

/** Mean loss and accuracy of a batch; norms go by the statistics that `norms` names. */
export const makeMeasureStep = (
  measuring: Measuring,
  norms: Norms,
): NamedStep<PassInputs, "loss" | "accuracy"> => {
  const { dataset, supernet } = measuring
  return makeNamedStep({
    ...passOf(measuring),
    body: (inputs: PassInputs) => {
      const mode = norms === "running" ? "measureRunning" : "measure"
      const logits = supernet.forward(normalise(inputs.images, dataset), inputs, mode)
      return {
        loss: softmaxCrossEntropy(logits, inputs.labels),
        accuracy: accuracy(logits, inputs.labels),
      }
    },
  })
}

/** Name of the output with the magnitudes of the activations, [activations]. */
export const magnitudes = "magnitudes"
/** Name of the output with their lower ends, [activations]; there where a format has a zero point. */
export const leastValues = "leasts"
const meanOf = (path: string): string => `${path}.mean`
const varianceOf = (path: string): string => `${path}.variance`

/** Batch statistics of every norm, and the magnitude that every activation's scale comes from. */
export const makeObserveStep = (measuring: Measuring): NamedStep<PassInputs, string> => {
  const { dataset, supernet } = measuring
  return makeNamedStep({
    ...passOf(measuring),
    body: (inputs: PassInputs) => {
      const observed: Observed = { norms: new Map(), activations: new Map(), leasts: new Map() }
      supernet.forward(normalise(inputs.images, dataset), inputs, "measure", { observed })
      const largest = supernet.activations.map(({ site }) => observed.activations.get(site)!)
      const statistics: Record<string, Tensor> = { [magnitudes]: tf.stack(largest) }
      if (supernet.hasZeroPoints)
        statistics[leastValues] = tf.stack(
          supernet.activations.map(({ site }) => observed.leasts.get(site) ?? tf.scalar(0)),
        )
      for (const [path, [mean, variance]] of observed.norms) {
        statistics[meanOf(path)] = release(mean)
        statistics[varianceOf(path)] = release(variance)
      }
      return statistics
    },
  })
}

/** The norms among what an observe step gives. */
export const normsIn = (
  statistics: Readonly<Record<string, Float32Array>>,
): ReadonlyMap<string, readonly [mean: Float32Array, variance: Float32Array]> =>
  new Map(
    Object.keys(statistics)
      .filter((name) => name.endsWith(meanOf("")))
      .map((name) => {
        const path = name.slice(0, -meanOf("").length)
        return [path, [statistics[meanOf(path)]!, statistics[varianceOf(path)]!]]
      }),
  )

/** 1 where an example is right, with running averages and frozen activation scales. */
export const makeEvaluateStep = (measuring: Measuring): NamedStep<PassInputs, "correct"> => {
  const { dataset, supernet } = measuring
  return makeNamedStep({
    ...passOf(measuring),
    body: (inputs: PassInputs) => {
      const logits = supernet.forward(normalise(inputs.images, dataset), inputs, "infer")
      return { correct: correct(logits, inputs.labels) }
    },
  })
}
