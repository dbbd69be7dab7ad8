/** What a plan takes for one trial trains to the same bits, however it is declared. */
import { NodeServices } from "@effect/platform-node"
import { Effect, Schema, Stream } from "effect"
import { describe, expect, it } from "vitest"
import { builtOf } from "../../src/experiment/Checks.ts"
import { alike } from "../../src/experiment/Identity.ts"
import { isLearnedScale } from "../../src/supernet/OperandScale.ts"
import { run } from "../../src/train/OneShot.ts"
import type { Snapshot } from "../../src/train/TrainEvent.ts"
import { Trial } from "../../src/train/Trial.ts"
import { digest } from "../../src/train/Weights.ts"

const steps = 30
const space = {
  name: "tiny",
  input: { height: 16, width: 16, channels: 3 },
  classes: 4,
  network: [
    { conv: { name: "stem", filters: 8, kernel: 3 } },
    { basic: { filters: 8, stride: 2 } },
    { globalAveragePool: {} },
    { dense: { name: "classifier", units: "classes" } },
  ],
  formats: { oneOf: ["INT3", "INT4", "INT8"] },
}
const layers = ["stem", "stage1.0.conv1", "stage1.0.conv2", "stage1.0.projection", "classifier"]
const withFormats = (formats: object) => ({ space: { ...space, formats } })
const reward = { cost: { kind: "gbops", target: { times: 1, uniform: "INT4" } } }
const fixed = (more: object = { uniform: "INT4" }) => ({ search: { kind: "fixed", ...more } })

const declared = (changes: object) =>
  Schema.decodeUnknownSync(Trial)({
    space,
    data: {
      kind: "synthetic",
      batchSize: 16,
      heldOut: 64,
      height: 16,
      width: 16,
      classes: 4,
      train: 512,
      test: 80,
    },
    train: { steps, learningRate: { kind: "cosine", peak: 0.05, warmupSteps: 5 } },
    finish: { recalibrate: 3 },
    reward,
    seed: 3,
    ...changes,
  })

/** Losses, accuracy and the weights in the end. */
const bitsOf = async (declaration: Trial) => {
  const losses: Array<unknown> = []
  let last: Snapshot | undefined
  let accuracy: number | undefined
  await run(
    { id: "0123456789abcdef", declaration },
    { threads: 1, cacheDirectory: ".cache", eager: false },
  ).pipe(
    Stream.runForEach((event) =>
      Effect.sync(() => {
        if (event.type === "metrics") losses.push(event.values["train/loss"])
        if (event.type === "finished") accuracy = event.metrics["final/accuracy"]
        if (event.type === "checkpoint" && event.step === steps) last = event.snapshot()
      }),
    ),
    Effect.provide(NodeServices.layer),
    Effect.runPromise,
  )
  const weights = new Map(
    Object.entries(last!.tensors).filter(
      // a learned scale has an element for each format that is offered
      ([name]) => !name.startsWith("optimizer.") && !isLearnedScale(name),
    ),
  )
  return { losses, accuracy, weights: digest(weights, [...weights.keys()].sort()) }
}

const trainingOf = (trial: Trial) => alike(trial, builtOf(trial.space).network!).training

describe("trials that are taken for one", () => {
  it.each<[string, object, ReadonlyArray<object>]>([
    [
      "one format everywhere",
      fixed(),
      [
        { ...fixed(), reward: { quality: "heldOutLoss", beta: 3, cost: { target: 0.001 } } },
        { ...fixed(), reward: { cost: { kind: "memory", target: 2000 } } },
        { ...fixed(), ...withFormats({ oneOf: ["INT3", "INT4", "INT8"], scope: "model" }) },
        { ...fixed(), ...withFormats({ oneOf: ["INT4", "INT6"] }) },
        fixed({
          assignment: Object.fromEntries(layers.map((layer) => [`${layer}.format`, "INT4"])),
        }),
      ],
    ],
    [
      "one format after wide training",
      fixed({ uniform: "INT4", widest: 0.5 }),
      [
        {
          ...fixed({ uniform: "INT4", widest: 0.5 }),
          ...withFormats({ oneOf: ["INT4", "INT6", "INT8"], scope: "stage" }),
        },
      ],
    ],
    [
      "the widest format, wide before or not",
      fixed({ uniform: "INT8" }),
      [fixed({ uniform: "INT8", widest: 0.5 })],
    ],
    [
      "learned scales",
      { ...fixed(), ...withFormats({ oneOf: ["INT3", "INT4"], scale: { rule: "learned" } }) },
      [{ ...fixed(), ...withFormats({ oneOf: ["INT4", "INT8"], scale: { rule: "learned" } }) }],
    ],
    [
      "a sensitivity search",
      { search: { kind: "sensitivity" } },
      [
        {
          search: { kind: "sensitivity" },
          reward: { ...reward, quality: "trainAccuracy", beta: 2 },
        },
      ],
    ],
    [
      "a random assignment",
      { search: { kind: "random", candidates: 1 } },
      [
        {
          search: { kind: "random", candidates: 1 },
          reward: { ...reward, kind: "softExponential", quality: "trainAccuracy" },
        },
      ],
    ],
    [
      "evolution",
      { search: { kind: "evolution", population: 4, batches: 4 } },
      [
        {
          search: { kind: "evolution", population: 4, batches: 4 },
          reward: { ...reward, kind: "hardExponential" },
        },
      ],
    ],
  ])("train to the same bits: %s", async (_what, first, others) => {
    const trial = declared(first)
    const bits = await bitsOf(trial)
    expect(bits.losses.length).toBeGreaterThan(2)
    for (const changes of others) {
      const other = declared(changes)
      expect(trainingOf(other)).toBe(trainingOf(trial))
      expect(await bitsOf(other)).toEqual(bits)
    }
  })

  it("are not those that train otherwise", async () => {
    const trial = declared(fixed())
    const bits = await bitsOf(trial)
    for (const changes of [
      fixed({ uniform: "INT3" }),
      fixed({ uniform: "INT4", widest: 0.5 }),
      { ...fixed(), seed: 4 },
      { ...fixed(), ...withFormats({ oneOf: ["INT4", "INT8"], scale: { rule: "mse" } }) },
    ]) {
      const other = declared(changes)
      expect(trainingOf(other)).not.toBe(trainingOf(trial))
      expect((await bitsOf(other)).weights).not.toBe(bits.weights)
    }
  })
})
