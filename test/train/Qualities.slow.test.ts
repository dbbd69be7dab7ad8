/** The four qualities, the passes they take, and whole trials under every kind of knob: what each logs and ends with. */
import { NodeServices } from "@effect/platform-node"
import { Effect, Stream } from "effect"
import { beforeAll, describe, expect, it } from "vitest"
import { type Batch, makeBatches } from "../../src/data/Batches.ts"
import type { Quality } from "../../src/reward/Reward.ts"
import { makeSupernet } from "../../src/supernet/Supernet.ts"
import type { Choices } from "../../src/space/Decision.ts"
import { counts, load } from "../../src/tensor/Backend.ts"
import { run } from "../../src/train/OneShot.ts"
import { qualitiesOf } from "../../src/train/Qualities.ts"
import { makeSteps, type Steps } from "../../src/train/Steps.ts"
import type { TrainEvent } from "../../src/train/TrainEvent.ts"
import { buildSpace } from "../network/fixture.ts"
import { makeImages } from "./trained.ts"

beforeAll(() => Effect.runPromise(load({ threads: 1 })))

const spec = {
  steps: 20,
  optimizer: { kind: "sgd", momentum: 0.9, weightDecay: 5e-4 },
  learningRate: { kind: "constant", peak: 0.05, warmupSteps: 0 },
  labelSmoothing: 0,
} as const

const space = `
name: qualities
input: { height: 8, width: 8, channels: 3 }
classes: 10
network:
  - conv: { name: stem, filters: 4, kernel: 3 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
formats: { oneOf: [INT3, INT4, INT8] }
`

interface Passes {
  readonly measured: Array<readonly ["train" | "heldOut", string]>
  heldOutDrawn: number
}

/** Trains two steps and measures proposals as the loop does; every pass is real, and counted. */
const measureAll = async (
  quality: Quality,
  proposals: ReadonlyArray<Choices>,
  trainsProposal = false,
): Promise<{
  readonly qualities: ReadonlyArray<number>
  readonly passes: Passes
  readonly trained: { readonly loss: number; readonly accuracy: number }
  readonly again: (
    batch: "train" | "heldOut",
    choices: Choices,
  ) => {
    readonly loss: number
    readonly accuracy: number
  }
  readonly close: () => void
}> => {
  const supernet = makeSupernet(buildSpace(space), 3)
  const dataset = makeImages({ height: 8, width: 8, channels: 3 }, 256, 8)
  const data = makeBatches(dataset, { batchSize: 16, augment: [], heldOut: 64, seed: 5 })
  const steps = makeSteps(supernet, dataset, 16, spec, false)
  const batches = { train: data.trainBatch(1), heldOut: data.heldOutBatch(1) }
  steps.train(data.trainBatch(0), proposals[0]!, 0.05)
  const trained = steps.train(batches.train, proposals[0]!, 0.05)
  const passes: Passes = { measured: [], heldOutDrawn: 0 }
  const counted: Pick<Steps, "measure"> = {
    measure: (batch: Batch, choices: Choices) => {
      passes.measured.push([batch === batches.heldOut ? "heldOut" : "train", choices.join()])
      return steps.measure(batch, choices)
    },
  }
  const qualities = await qualitiesOf(
    quality,
    counted,
    proposals,
    trainsProposal ? trained : undefined,
    {
      train: () => batches.train,
      heldOut: () => {
        passes.heldOutDrawn++
        return batches.heldOut
      },
    },
  )
  const close = () => {
    steps.dispose()
    supernet.dispose()
  }
  return {
    qualities,
    passes,
    trained,
    again: (batch, choices) => steps.measure(batches[batch], choices),
    close,
  }
}

const [a, b]: [Choices, Choices] = [
  [0, 1],
  [2, 2],
]

describe("the quality of proposals", () => {
  it.each([
    ["heldOutAccuracy", ({ accuracy }: { accuracy: number }) => accuracy],
    ["heldOutLoss", ({ loss }: { loss: number }) => -loss],
  ] as const)(
    "%s is of the held-out batch, a pass for each that differs",
    async (quality, value) => {
      const before = counts()
      const { again, close, passes, qualities } = await measureAll(quality, [a, b, a, b])
      expect(passes.measured).toEqual([
        ["heldOut", "0,1"],
        ["heldOut", "2,2"],
      ])
      const [first, second] = [value(again("heldOut", a)), value(again("heldOut", b))]
      expect(qualities).toEqual([first, second, first, second])
      expect(first).not.toBe(value(again("train", a)))
      close()
      expect(counts()).toEqual(before)
    },
  )

  it.each([
    ["trainAccuracy", ({ accuracy }: { accuracy: number }) => accuracy],
    ["trainLoss", ({ loss }: { loss: number }) => -loss],
  ] as const)(
    "%s of a proposal that every step trains is that of its own step: no pass; others are measured alike",
    async (quality, value) => {
      const alone = await measureAll(quality, [a], true)
      expect(alone.passes).toEqual({ measured: [], heldOutDrawn: 0 })
      expect(alone.qualities).toEqual([value(alone.trained)])
      alone.close()
      for (const same of [[a], [a, a, a]]) {
        const after = await measureAll(quality, same)
        expect(after.passes).toEqual({ measured: [["train", "0,1"]], heldOutDrawn: 0 })
        expect(after.qualities).toEqual(same.map(() => value(after.again("train", a))))
        after.close()
      }
      const several = await measureAll(quality, [a, b, a, b])
      expect(several.passes.measured.map(([batch]) => batch)).toEqual(["train", "train"])
      expect(several.passes.heldOutDrawn).toBe(0)
      const [first, second] = [value(several.again("train", a)), value(several.again("train", b))]
      expect(several.qualities).toEqual([first, second, first, second])
      several.close()
    },
  )
})

/** Of a whole trial of 40 steps: all metrics by step, the warnings, the end. */
const trial = async (changes: object) => {
  const events: Array<TrainEvent> = []
  const declaration = {
    space: {
      name: "tiny",
      input: { height: 8, width: 8, channels: 3 },
      classes: 4,
      network: [
        { conv: { name: "stem", filters: 4, kernel: 3 } },
        { globalAveragePool: {} },
        { dense: { name: "classifier", units: "classes" } },
      ],
      formats: { oneOf: ["INT3", "INT4", "INT8"] },
    },
    data: {
      kind: "synthetic",
      batchSize: 16,
      heldOut: 64,
      height: 8,
      width: 8,
      channels: 3,
      classes: 4,
      train: 256,
      test: 48,
    },
    train: { steps: 40, learningRate: { kind: "cosine", peak: 0.05, warmupSteps: 2 } },
    reward: { kind: "absolute", cost: { kind: "gbops", target: { times: 1, uniform: "INT4" } } },
    finish: { recalibrate: 2 },
    seed: 3,
    ...changes,
  }
  await run(
    { id: "0123456789abcdef", declaration },
    { threads: 1, cacheDirectory: ".cache", eager: false },
  ).pipe(
    Stream.runForEach((event) => Effect.sync(() => events.push(event))),
    Effect.provide(NodeServices.layer),
    Effect.runPromise,
  )
  const metrics = events.flatMap((event) => (event.type === "metrics" ? [event.values] : []))
  const end = events.find((event) => event.type === "finished")
  if (end?.type !== "finished") throw new Error("the trial did not finish")
  return { metrics, end }
}

const target = { kind: "gbops", target: { times: 1, uniform: "INT4" } }

describe("a whole trial", () => {
  it("logs everything that the method names", async () => {
    const { end, metrics } = await trial({ finish: { recalibrate: 2, retrain: true } })
    const logged = new Set(metrics.flatMap((values) => Object.keys(values)))
    for (const key of [
      "train/loss",
      "train/accuracy",
      "search/reward",
      "search/quality",
      "search/cost",
      "search/baseline",
      "search/advantage",
      "search/entropy",
      "search/commitment",
      "search/switching",
      "search/argmax_probability",
    ])
      expect(logged).toContain(key)
    for (const key of [
      "final/accuracy",
      "final/cost",
      "final/gbops",
      "final/memory_bytes",
      "final/cost_over_target",
      "final/retrain_gap",
      "best/quality",
    ])
      expect(end.metrics[key]).toBeTypeOf("number")
  })

  it("with preset fliqs learns from the loss of its own training step", async () => {
    const { metrics } = await trial({
      search: { kind: "reinforce", preset: "fliqs" },
      reward: { kind: "absolute", quality: "trainLoss", cost: target },
    })
    // a point for every step; the first quarter of the steps is the delay
    expect(metrics).toHaveLength(40)
    expect(metrics.map((values) => values["search/quality"])).toEqual(
      metrics.map((values, step) => (step < 10 ? undefined : -values["train/loss"]!)),
    )
  })

  it("measures one proposal after the step, in every step alike, where it is not always trained as drawn", async () => {
    const { metrics } = await trial({
      search: { kind: "reinforce", proposals: 1, stopAt: "off" },
      reward: { kind: "absolute", quality: "trainLoss", cost: target },
    })
    for (const values of metrics.slice(10))
      expect(values["search/quality"]).not.toBe(-values["train/loss"]!)
  })

  it.each([
    ["preset tunas", { preset: "tunas" }, { beta: 0.1 }],
    ["one proposal", { proposals: 1 }, {}],
    ["eight proposals", { proposals: 8 }, { quality: "heldOutLoss" }],
    [
      "norms that run, two proposals",
      { norms: "running", proposals: 2 },
      { quality: "heldOutLoss" },
    ],
    [
      "sampled cost, sum, a temperature",
      { costGradient: "sampled", reduce: "sum", temperature: 2, stopAt: "off" },
      { kind: "absoluteOneSided", quality: "trainAccuracy" },
    ],
    [
      "a sandwich, a linear commitment",
      { delaySampling: "sandwich", commitment: { schedule: "linear" } },
      { kind: "softExponential", quality: "trainAccuracy" },
    ],
    [
      "uniform draws, a commitment from the middle on",
      { delaySampling: "uniform", commitment: { schedule: "step", max: 1 }, delay: 0.1 },
      { kind: "hardExponential" },
    ],
  ] as const)("ends in figures with %s", async (_, search, reward) => {
    const { end, metrics } = await trial({
      search: { kind: "reinforce", ...search },
      reward: { kind: "absolute", cost: target, ...reward },
    })
    expect(Object.values(end.metrics).every(Number.isFinite)).toBe(true)
    expect(end.metrics["final/accuracy"]).toBeGreaterThan(0)
    const late = metrics.at(-1)!
    expect(Object.values(metrics.flatMap(Object.values)).every(Number.isFinite)).toBe(true)
    expect(late["search/argmax_probability"]).toBeGreaterThan(1 / 3)
  })
})

describe("a share of a batch", () => {
  it("measures its first images, as steps of that size would", () => {
    const supernet = makeSupernet(buildSpace(space), 3)
    const dataset = makeImages({ height: 8, width: 8, channels: 3 }, 256, 8)
    const data = makeBatches(dataset, { batchSize: 16, augment: [], heldOut: 64, seed: 5 })
    const { images, labels } = data.trainBatch(0)
    const first = { images: images.subarray(0, images.length / 4), labels: labels.subarray(0, 4) }
    const shared = makeSteps(supernet, dataset, 16, spec, false, { images: 4 })
    const small = makeSteps(supernet, dataset, 4, spec, false)
    const measured = shared.measure({ images, labels }, a)
    expect(measured).toEqual(small.measure(first, a))
    expect(measured).not.toEqual(shared.measure({ images: images.toReversed(), labels }, a))
    for (const part of [shared, small, supernet]) part.dispose()
  })
})
