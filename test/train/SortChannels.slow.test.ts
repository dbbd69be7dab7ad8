/** What sorted channels are to training: nothing to the largest network, better weights to the narrow ones. */
import { Effect } from "effect"
import { beforeAll, describe, expect, it } from "vitest"
import { makeBatches } from "../../src/data/Batches.ts"
import { narrowestChoices, widestChoices } from "../../src/space/DecisionSpace.ts"
import { makeSupernet } from "../../src/supernet/Supernet.ts"
import { counts, load } from "../../src/tensor/Backend.ts"
import { makeSteps } from "../../src/train/Steps.ts"
import type { TrainSpec } from "../../src/train/TrainSpec.ts"
import { buildSpace } from "../network/fixture.ts"
import * as Trained from "./trained.ts"

beforeAll(() => Effect.runPromise(load({ threads: 1 })))

const network = buildSpace(`
name: wide
input: { height: 16, width: 16, channels: 3 }
classes: 10
network:
  - conv: { name: stem, filters: { oneOf: [8, 16] }, kernel: 3, stride: 2 }
  - basic: { filters: { oneOf: [12, 24] }, stride: 2 }
  - invertedResidual: { filters: { oneOf: [12, 24] }, expansion: { oneOf: [2, 3] }, kernel: 3 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
formats: { oneOf: [FP32] }
`)
const batchSize = 32
const dataset = Trained.makeImages(network.graph.input, 1024, 64)

const optimizers: ReadonlyArray<TrainSpec["optimizer"]> = [
  { kind: "sgd", momentum: 0.9, weightDecay: 5e-4 },
  { kind: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-3, weightDecay: 0 },
  { kind: "rmsprop", momentum: 0.9, decay: 0.9, epsilon: 1, weightDecay: 4e-5 },
]

/** Trains the largest network, sorts its channels or not, and says what comes of it. */
const trained = (optimizer: TrainSpec["optimizer"], seed: number, sorts: boolean) => {
  const data = makeBatches(dataset, { batchSize, augment: [], heldOut: 256, seed })
  const supernet = makeSupernet(network, seed)
  const spec: TrainSpec = {
    steps: 60,
    optimizer,
    learningRate: { kind: "constant", peak: 0.02, warmupSteps: 0 },
    labelSmoothing: 0,
  }
  const steps = makeSteps(supernet, dataset, batchSize, spec, false)
  const widest = widestChoices(network.space)
  const rate = optimizer.kind === "adam" ? 0.003 : 0.02
  for (let i = 0; i < 60; i++) steps.train(data.trainBatch(i), widest, rate)
  if (sorts) steps.sortChannels()
  const lossOf = (choices: ReadonlyArray<number>): number =>
    [0, 1, 2, 3].reduce((sum, i) => sum + steps.measure(data.heldOutBatch(i), choices).loss / 4, 0)
  const losses = { widest: lossOf(widest), narrow: lossOf(narrowestChoices(network.space)) }
  const later = [60, 61, 62].map((i) => steps.train(data.trainBatch(i), widest, rate).loss)
  steps.dispose()
  supernet.dispose()
  return { ...losses, later }
}

describe("sorted channels", () => {
  it.each(optimizers)(
    "leave the largest network and its further training as they are: $kind",
    (optimizer) => {
      const before = counts()
      const plain = trained(optimizer, 1, false)
      const sorted = trained(optimizer, 1, true)
      expect(Math.abs(sorted.widest / plain.widest - 1)).toBeLessThan(1e-4)
      sorted.later.forEach((loss, i) =>
        expect(Math.abs(loss / plain.later[i]! - 1)).toBeLessThan(1e-3),
      )
      expect(counts()).toEqual(before)
    },
    60_000,
  )

  it("give narrow networks of a trained one a lower loss", () => {
    const seeds = [1, 2, 3, 4]
    const gains = seeds.map(
      (seed) =>
        trained(optimizers[0]!, seed, false).narrow - trained(optimizers[0]!, seed, true).narrow,
    )
    expect(gains.reduce((a, b) => a + b) / seeds.length).toBeGreaterThan(0.05)
  }, 120_000)
})
