/** What batch norms go by where a proposal is measured: the batch, or the running averages. */
import { Effect } from "effect"
import { beforeAll, describe, expect, it } from "vitest"
import type { Batch } from "../../src/data/Batches.ts"
import { makeBatches } from "../../src/data/Batches.ts"
import type { Dataset } from "../../src/data/Dataset.ts"
import { makeSupernet, type Supernet } from "../../src/supernet/Supernet.ts"
import type { Norms } from "../../src/search/policy/CommonKnobs.ts"
import { counts, load, tf } from "../../src/tensor/Backend.ts"
import type { Variable } from "../../src/tensor/Backend.ts"
import { makeSteps, type Steps } from "../../src/train/Steps.ts"
import { buildSpace } from "../network/fixture.ts"
import { makeImages } from "./trained.ts"

/** Not rounded, so that no scale depends on the batch; half of every width is the narrow choice, [0, 0]. */
const space = `
name: plain
input: { height: 16, width: 16, channels: 3 }
classes: 10
network:
  - conv: { name: stem, filters: { oneOf: [4, 8] }, kernel: 3, stride: 2 }
  - basic: { filters: { oneOf: [4, 8] }, stride: 2 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
formats: { oneOf: [FP32] }
`
const spec = {
  steps: 20,
  optimizer: { kind: "sgd", momentum: 0.9, weightDecay: 5e-4 },
  learningRate: { kind: "constant", peak: 0.05, warmupSteps: 0 },
  labelSmoothing: 0,
} as const
const size = 8

let dataset: Dataset
beforeAll(async () => {
  await Effect.runPromise(load({ threads: 1 }))
  dataset = makeImages({ height: 16, width: 16, channels: 3 }, 256, 8)
})

/** A network trained for some steps on either width, and the steps over it. */
const withTrained = (norms: Norms | undefined, use: (net: Supernet, steps: Steps) => void) => {
  const before = counts()
  const net = makeSupernet(buildSpace(space), 7)
  const steps = makeSteps(net, dataset, size, spec, false, { norms })
  const data = makeBatches(dataset, { batchSize: size, augment: [], heldOut: 64, seed: 5 })
  for (let i = 0; i < 20; i++) steps.train(data.trainBatch(i), [i % 2, i % 2], 0.05)
  use(net, steps)
  steps.dispose()
  net.dispose()
  expect(counts()).toEqual(before)
}

/** The examples of `batch` that `of` names, in that order. */
const pick = ({ images, labels }: Batch, of: ReadonlyArray<number>): Batch => {
  const pixels = images.length / labels.length
  const rows = of.map((i) => images.subarray(i * pixels, (i + 1) * pixels))
  return {
    images: Uint8Array.from(rows.flatMap((row) => [...row])),
    labels: Int32Array.from(of, (i) => labels[i]!),
  }
}

/** How far the loss of a batch is from the mean of its examples', each measured in a batch of its own. */
const dependence = (norms: Norms | undefined): number => {
  let distance = Number.NaN
  withTrained(norms, (_, steps) => {
    const data = makeBatches(dataset, { batchSize: size, augment: [], heldOut: 64, seed: 6 })
    const batch = data.heldOutBatch(0)
    const whole = steps.measure(batch, [1, 1]).loss
    const alone = Array.from({ length: size }, (_, i) =>
      steps.measure(pick(batch, Array<number>(size).fill(i)), [1, 1]),
    )
    distance = Math.abs(whole - alone.reduce((sum, { loss }) => sum + loss, 0) / size)
  })
  return distance
}

/** The values of all variables. */
const bitsOf = ({ variables }: Supernet) =>
  variables.map(({ variable }) => [...(variable.dataSync() as Float32Array)])

describe("norms where proposals are measured", () => {
  it("are those of the batch unless running is asked for, so that its examples depend on each other", () => {
    expect(dependence(undefined)).toBe(dependence("batch"))
    expect(dependence("batch")).toBeGreaterThan(0.02)
    expect(dependence("running")).toBeLessThan(1e-4)
  })

  it("leave the running averages as they are, either way", () => {
    for (const norms of ["batch", "running"] as const)
      withTrained(norms, (net, steps) => {
        const data = makeBatches(dataset, { batchSize: size, augment: [], heldOut: 64, seed: 6 })
        const before = bitsOf(net)
        for (let i = 0; i < 4; i++) steps.measure(data.heldOutBatch(i), [i % 2, 1])
        expect(bitsOf(net)).toEqual(before)
      })
  })

  it("read the averages of a narrower network's own channels, the first, and no others", () => {
    for (const norms of ["batch", "running"] as const)
      withTrained(norms, (net, steps) => {
        const data = makeBatches(dataset, { batchSize: size, augment: [], heldOut: 64, seed: 6 })
        const batch = data.heldOutBatch(0)
        const narrow = steps.measure(batch, [0, 0])
        for (const { kind, variable } of net.variables)
          if (kind === "average") {
            const values = [...(variable.dataSync() as Float32Array)]
            const spoilt = values.map((value, i) => (i < 4 ? value : Number.NaN))
            tf.tidy(() => variable.assign(tf.tensor1d(spoilt) as unknown as Variable))
          }
        expect(steps.measure(batch, [0, 0])).toEqual(narrow)
        expect(Number.isNaN(steps.measure(batch, [1, 1]).loss)).toBe(norms === "running")
      })
  })
})
