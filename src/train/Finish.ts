/**
 * After the search: re-estimate norms and activation scales under the final assignment, freeze them, evaluate.
 *
 * Norms get the plain mean of the statistics of `recalibrate` training batches, activation scales the mean of their
 * magnitudes that their rule gives them, zero points that of the lower ends; so one image's prediction does not depend on its neighbours, and an exported file gives the same.
 */
import type { Batches } from "../data/Batches.ts"
import type { FrozenScales } from "../supernet/FrozenScales.ts"
import type { Supernet } from "../supernet/Supernet.ts"
import type { Choices } from "../space/Decision.ts"
import { valueOf } from "../space/Quantity.ts"
import { tf } from "../tensor/Backend.ts"
import type { Variable } from "../tensor/Backend.ts"
import { setValues } from "../tensor/Kernels.ts"
import type { Steps } from "./Steps.ts"
import type { FinishSpec } from "./TrainSpec.ts"

export interface Finished {
  /** Share of the split that is right, 0 to 1. */
  readonly accuracy: number
  readonly examples: number
  /** Of the activations. */
  readonly frozen: FrozenScales
}

const addTo = (sum: Float64Array, values: Float32Array): void => {
  for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!
}

/** Writes the means of the active channels; those of channels that are cut away stay. */
const assign = (variable: Variable, sum: Float64Array, count: number): void =>
  tf.tidy(() => {
    const values = (variable.dataSync() as Float32Array).slice()
    sum.forEach((total, i) => (values[i] = total / count))
    setValues(variable, values)
  })

/** Re-estimates norms and activation scales from `batches` training batches that the steps before did not draw. */
export const recalibrate = async (
  supernet: Supernet,
  steps: Steps,
  data: Batches,
  choices: Choices,
  firstStep: number,
  batches: number,
): Promise<FrozenScales> => {
  const { nodes } = supernet.network.graph
  const active = new Set(
    nodes.filter((node) => valueOf(node.active, choices) === 1).map(({ path }) => path),
  )
  const amaxes = new Float64Array(supernet.sites)
  const leasts = new Float64Array(supernet.sites)
  const norms = new Map<string, readonly [Float64Array, Float64Array]>()
  for (let i = 0; i < batches; i++) {
    const seen = steps.observe(await data.trainBatch(firstStep + i), choices)
    addTo(amaxes, seen.amax)
    addTo(leasts, seen.leasts)
    for (const [path, [mean, variance]] of seen.norms) {
      if (!active.has(path)) continue
      const sums = norms.get(path) ?? [new Float64Array(mean.length), new Float64Array(mean.length)]
      addTo(sums[0], mean)
      addTo(sums[1], variance)
      norms.set(path, sums)
    }
  }
  const variables = new Map(supernet.variables.map(({ name, variable }) => [name, variable]))
  for (const [path, [mean, variance]] of norms) {
    assign(variables.get(`${path}.mean`)!, mean, batches)
    assign(variables.get(`${path}.variance`)!, variance, batches)
  }
  const mean = (sums: Float64Array) => Float32Array.from(sums, (v) => v / batches)
  const amax = mean(amaxes)
  if (!supernet.hasZeroPoints) return { amax }
  return { amax, zeroPoints: supernet.zeroPointsOf(choices, amax, mean(leasts)) }
}

/** Freezes the network under `choices` and measures it on the split that `spec` names. */
export const finish = async (
  supernet: Supernet,
  steps: Steps,
  data: Batches,
  choices: Choices,
  spec: FinishSpec,
  firstStep: number,
  batchSize: number,
): Promise<Finished> => {
  const frozen = await recalibrate(supernet, steps, data, choices, firstStep, spec.recalibrate)
  const split =
    spec.evaluate === "test" ? data.testBatches(batchSize) : data.heldOutBatches(batchSize)
  let right = 0
  let examples = 0
  for await (const batch of split) {
    const correct = steps.evaluate(batch, choices, frozen)
    for (let i = 0; i < batch.count; i++) right += correct[i]!
    examples += batch.count
  }
  return { accuracy: right / examples, examples, frozen }
}
