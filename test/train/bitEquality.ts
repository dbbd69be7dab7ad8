/** Graph against eager: every CIFAR-size space under random policies, with the threads a test file asks for. */
import { readdirSync } from "node:fs"
import { readFileSync } from "node:fs"
import { NodeServices } from "@effect/platform-node"
import { Effect } from "effect"
import { beforeAll, describe, expect, it } from "vitest"
import { makeBatches } from "../../src/data/Batches.ts"
import type { Dataset } from "../../src/data/Dataset.ts"
import { Synthetic } from "../../src/data/Synthetic.ts"
import { makeSupernet } from "../../src/model/Supernet.ts"
import { randomStream } from "../../src/space/Random.ts"
import { counts, load } from "../../src/tensor/Backend.ts"
import { finish } from "../../src/train/Finish.ts"
import { makeSteps } from "../../src/train/Steps.ts"
import { buildSpace } from "../model/fixture.ts"
import * as tiny from "../model/tiny.ts"

const spec = {
  steps: 20,
  optimizer: { kind: "sgd", momentum: 0.9, weightDecay: 5e-4 },
  learningRate: { kind: "constant", peak: 0.05, warmupSteps: 0 },
  labelSmoothing: 0.1,
} as const

let dataset: Dataset

export const loadAll = async (threads: number, native = true): Promise<void> => {
  await Effect.runPromise(load({ threads, native }))
  const data = {
    kind: "synthetic",
    batchSize: 8,
    augment: [],
    heldOut: 64,
    height: 32,
    width: 32,
    channels: 3,
    classes: 10,
    train: 512,
    test: 96,
    noise: 1,
    dataSeed: 1,
  } as never
  dataset = await Effect.runPromise(
    Synthetic.load(data, "").pipe(Effect.provide(NodeServices.layer)),
  )
}

/** Trains on random policies and finishes: everything that must have equal bits. */
export const trained = async (yaml: string, eager: boolean, steps: number) => {
  const network = buildSpace(yaml)
  const random = randomStream(3, "policies")
  const choices = () => network.space.decisions.map((d) => random.integer(d.options.length))
  const data = makeBatches(dataset, {
    batchSize: 8,
    augment: ["flip", "crop"],
    heldOut: 64,
    seed: 5,
  })
  const supernet = makeSupernet(network, 7)
  const graphs = makeSteps(supernet, dataset, 8, spec, eager)
  const losses: Array<number> = []
  for (let i = 0; i < steps; i++) {
    losses.push(graphs.train(data.trainBatch(i), choices(), 0.05, [i, -i]).loss)
    losses.push(graphs.measure(data.heldOutBatch(i), choices()).loss)
  }
  const weights = supernet.variables.map(({ variable }) => Array.from(variable.dataSync()))
  const final = choices()
  const { accuracy, amax } = await finish(
    supernet,
    graphs,
    data,
    final,
    { recalibrate: 4, evaluate: "test" },
    steps,
    8,
  )
  const scores = Array.from(graphs.evaluate({ ...data.trainBatch(0) }, final, amax))
  graphs.dispose()
  supernet.dispose()
  return { losses, weights, accuracy, amax: Array.from(amax), scores }
}

/** Every shipped space of CIFAR size. */
const files = readdirSync("spaces")
  .filter((file) => /height: 32,/.test(readFileSync(`spaces/${file}`, "utf8")))
  .map((file) => file.replace(".yaml", ""))

/** Declares the tests; a process has one number of threads, so a file calls this once. */
export const testBitEquality = (threads: number): void => {
  beforeAll(() => loadAll(threads))
  describe(`the recorded steps with ${threads} threads`, () => {
    it.each(files)(
      "equal the eager ones bit for bit under random policies: %s",
      async (file) => {
        const before = counts()
        const yaml = readFileSync(`spaces/${file}.yaml`, "utf8")
        const graph = await trained(yaml, false, 20)
        const eager = await trained(yaml, true, 20)
        expect(graph).toEqual(eager)
        expect(graph.losses.every(Number.isFinite)).toBe(true)
        expect(counts()).toEqual(before)
      },
      240_000,
    )

    it.each(Object.entries(tiny))(
      "equal the eager ones on a tiny network of each kind: %s",
      async (_, yaml) => {
        const before = counts()
        const graph = await trained(yaml, false, 8)
        expect(graph).toEqual(await trained(yaml, true, 8))
        expect(graph.losses.every(Number.isFinite)).toBe(true)
        expect(counts()).toEqual(before)
      },
      60_000,
    )
  })
}
