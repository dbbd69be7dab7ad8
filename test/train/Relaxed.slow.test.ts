/** Steps under softmax-weighted formats, and whole trials of the differentiable search. */
import { NodeServices } from "@effect/platform-node"
import { Effect, Stream } from "effect"
import { beforeAll, describe, expect, it } from "vitest"
import { makeBatches } from "../../src/data/Batches.ts"
import type { Dataset } from "../../src/data/Dataset.ts"
import { Synthetic } from "../../src/data/Synthetic.ts"
import { makeSupernet } from "../../src/supernet/Supernet.ts"
import { randomStream } from "../../src/space/RandomStream.ts"
import { counts, load } from "../../src/tensor/Backend.ts"
import { run } from "../../src/train/OneShot.ts"
import { makeSteps, type Steps } from "../../src/train/Steps.ts"
import type { Snapshot, TrainEvent } from "../../src/train/TrainEvent.ts"
import { buildSpace } from "../network/fixture.ts"

const spec = {
  steps: 20,
  optimizer: { kind: "sgd", momentum: 0.9, weightDecay: 5e-4 },
  learningRate: { kind: "constant", peak: 0.05, warmupSteps: 0 },
  labelSmoothing: 0.1,
} as const

const size = { height: 16, width: 16, channels: 3, classes: 4 }

const space = (formats: string) => `
name: mixed
input: { height: 16, width: 16, channels: 3 }
classes: 4
network:
  - conv: { name: stem, filters: 4, kernel: 3, stride: 2 }
  - depthwiseConv: { name: depthwise, kernel: 3 }
  - basic: { filters: 8, stride: 2 }
  - globalAveragePool: {}
  - dropout: { rate: 0.2 }
  - dense: { name: classifier, units: classes }
formats: ${formats}
`

/** Every kind of site: scales of channels, tensors and blocks, unsigned inputs, a format that is not searched. */
const mixed = space(`
  oneOf: [INT3, INT4, INT6, INT8, E4M3, MXFP4, BF16]
  scope: block
  scale: { granularity: channel, unsignedAfterRelu: true, sharedExponent: floor }
  overrides: [ { match: classifier, oneOf: [INT8] } ]`)

/** Scales that clip: values beyond them have no gradient. */
const clipped = space(`
  oneOf: [INT3, INT4, E4M3]
  scale: { granularity: channel, rule: mse }`)

/** One layer that mixes, all others exact: the loss is smooth in the probabilities. */
const one = space(`
  oneOf: [FP32]
  overrides: [ { match: stage1.0.conv1, weights: { oneOf: [INT2, INT3, INT8] }, activations: { oneOf: [INT2, E4M3] } } ]`)

let dataset: Dataset
beforeAll(async () => {
  await Effect.runPromise(load({ threads: 1 }))
  const data = { kind: "synthetic", batchSize: 8, augment: [], heldOut: 64, ...size }
  dataset = await Effect.runPromise(
    Synthetic.load({ ...data, train: 256, test: 40, noise: 1, dataSeed: 1 } as never, "", "").pipe(
      Effect.provide(NodeServices.layer),
    ),
  )
})

/** What `use` makes of a fresh network's steps, and its variables afterwards. */
const withSteps = <A>(
  yaml: string,
  eager: boolean,
  use: (steps: Steps, options: ReadonlyArray<number>) => A,
): { readonly result: A; readonly weights: ReadonlyArray<ReadonlyArray<number>> } => {
  const network = buildSpace(yaml)
  const supernet = makeSupernet(network, 7)
  const steps = makeSteps(supernet, dataset, 8, spec, eager)
  const result = use(
    steps,
    network.space.decisions.map(({ options }) => options.length),
  )
  // 0 for -0
  const weights = supernet.variables.map(({ variable }) =>
    Array.from(variable.dataSync(), (v) => v + 0),
  )
  steps.dispose()
  supernet.dispose()
  return { result, weights }
}

const batches = () =>
  makeBatches(dataset, { batchSize: 8, augment: ["flip"], heldOut: 64, seed: 5 })

const randomPolicy = (options: ReadonlyArray<number>, step: number) => {
  const random = randomStream(step, "policy")
  return options.map((count) => {
    const weights = Array.from({ length: count }, () => random.uniform())
    const sum = weights.reduce((a, b) => a + b, 0)
    return weights.map((w) => w / sum)
  })
}

describe("a step under softmax-weighted formats", () => {
  it.each([
    ["every kind of site", mixed],
    ["scales that clip", clipped],
  ])("has the same bits recorded and eager, and leaves no tensor: %s", (_, yaml) => {
    const before = counts()
    const train = (eager: boolean) =>
      withSteps(yaml, eager, (steps, options) =>
        Array.from({ length: 4 }, (_, i) =>
          steps.trainRelaxed(batches().trainBatch(i), randomPolicy(options, i), 0.05, [i, -i]),
        ),
      )
    const graph = train(false)
    expect(graph).toEqual(train(true))
    expect(graph.result.every(({ loss }) => Number.isFinite(loss))).toBe(true)
    expect(graph.result[0]!.copiedBytes).toBeGreaterThan(0)
    expect(counts()).toEqual(before)
  })

  it.each([
    ["every kind of site", mixed],
    ["scales that clip", clipped],
  ])("equals a step under one assignment, bit for bit, when all weight is on it: %s", (_, yaml) => {
    const choicesAt = (options: ReadonlyArray<number>, step: number) => {
      const random = randomStream(step, "choices")
      return options.map((count) => random.integer(count))
    }
    const losses = ({ loss, accuracy }: { loss: number; accuracy: number }) => [loss, accuracy]
    const hard = withSteps(yaml, false, (steps, options) =>
      Array.from({ length: 3 }, (_, i) =>
        losses(steps.train(batches().trainBatch(i), choicesAt(options, i), 0.05, [i, -i])),
      ),
    )
    const relaxed = withSteps(yaml, false, (steps, options) =>
      Array.from({ length: 3 }, (_, i) => {
        const choices = choicesAt(options, i)
        const p = options.map((count, d) =>
          Array.from({ length: count }, (_, k) => (k === choices[d] ? 1 : 0)),
        )
        return losses(steps.trainRelaxed(batches().trainBatch(i), p, 0.05, [i, -i]))
      }),
    )
    expect(relaxed).toEqual(hard)
  })

  it("has the slopes of finite differences", () => {
    withSteps(one, false, (steps, options) => {
      const batch = batches().trainBatch(0)
      const p = randomPolicy(options, 1)
      const { slopes } = steps.trainRelaxed(batch, p, 0)
      expect(slopes.map((row) => row.length)).toEqual([3, 2])
      const h = 0.02
      p.forEach((row, i) =>
        row.forEach((_, k) => {
          const at = (d: number) =>
            steps.trainRelaxed(
              batch,
              p.map((r, j) => (j === i ? r.map((v, l) => (l === k ? v + d : v)) : r)),
              0,
            ).loss
          const found = (at(h) - at(-h)) / (2 * h)
          expect(Math.abs(slopes[i]![k]! - found)).toBeLessThan(0.002 + 0.02 * Math.abs(found))
        }),
      )
      expect(slopes.flat().some((slope) => Math.abs(slope) > 0.02)).toBe(true)
    })
  })
})

const trial = {
  id: "0123456789abcdef",
  declaration: {
    space: {
      name: "tiny",
      input: { height: 16, width: 16, channels: 3 },
      classes: 4,
      network: [
        { conv: { name: "stem", filters: 8, kernel: 3 } },
        { basic: { filters: 8, stride: 2, repeats: 2 } },
        { globalAveragePool: {} },
        { dense: { name: "classifier", units: "classes" } },
      ],
      formats: { oneOf: ["INT3", "INT4", "INT6", "INT8"] },
    },
    data: {
      kind: "synthetic",
      batchSize: 16,
      augment: ["flip"],
      heldOut: 64,
      ...size,
      train: 512,
      test: 80,
    },
    train: { steps: 120, learningRate: { kind: "cosine", peak: 0.05, warmupSteps: 5 } },
    search: { kind: "differentiable" },
    reward: { kind: "absolute", cost: { kind: "gbops", target: { times: 1, uniform: "INT4" } } },
    seed: 3,
  },
}

const collect = async (resume?: Snapshot, keepAt: ReadonlyArray<number> = []) => {
  const events: Array<TrainEvent> = []
  const kept: Array<Snapshot> = []
  const context = { threads: 1, cacheDirectory: ".cache", eager: false }
  await run(trial, { ...context, ...(resume === undefined ? {} : { resume }) }).pipe(
    Stream.runForEach((event) =>
      Effect.sync(() => {
        if (event.type !== "checkpoint") events.push(event)
        else if (keepAt.includes(event.step)) kept.push(event.snapshot())
      }),
    ),
    Effect.provide(NodeServices.layer),
    Effect.runPromise,
  )
  const finished = events.find((event) => event.type === "finished")!
  return { events, kept, metrics: finished.metrics, assignment: finished.assignment }
}

describe("a differentiable search", () => {
  it("lands near the target, and goes on from any step bit for bit", async () => {
    const at = [30, 100]
    const whole = await collect(undefined, at)
    expect(whole.metrics["final/cost_over_target"]).toBeLessThanOrEqual(1)
    expect(whole.metrics["final/cost_over_target"]).toBeGreaterThan(0.9)
    expect(new Set(Object.values(whole.assignment)).size).toBeGreaterThan(1)
    for (const { tensors, ...rest } of whole.kept) {
      const resumed = await collect({ ...JSON.parse(JSON.stringify(rest)), tensors })
      expect(resumed.metrics).toEqual(whole.metrics)
      expect(resumed.assignment).toEqual(whole.assignment)
      const after = (events: ReadonlyArray<TrainEvent>) =>
        events.filter((event) => event.type === "metrics" && event.step > rest.step)
      expect(after(resumed.events)).toEqual(after(whole.events))
    }
  }, 120_000)
})
