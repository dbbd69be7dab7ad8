import { NodeServices } from "@effect/platform-node"
import { Effect, Exit, Result, Stream } from "effect"
import { describe, expect, it } from "vitest"
import { run } from "../../src/train/OneShot.ts"
import { fromAssignment } from "../../src/space/DecisionSpace.ts"
import type { Tensors } from "../../src/train/Safetensors.ts"
import type { Snapshot, TrainEvent } from "../../src/train/TrainEvent.ts"
import { digest } from "../../src/train/Weights.ts"
import { buildSpace, decodeSpace, joint } from "../network/fixture.ts"

const space = {
  name: "tiny",
  input: { height: 16, width: 16, channels: 3 },
  classes: 4,
  network: [
    { conv: { name: "stem", filters: 8, kernel: 3 } },
    { basic: { filters: 8, stride: 2, repeats: { oneOf: [1, 2] } } },
    { globalAveragePool: {} },
    { dense: { name: "classifier", units: "classes" } },
  ],
  formats: { oneOf: ["INT3", "INT4", "INT8"] },
}
const data = {
  kind: "synthetic",
  batchSize: 16,
  augment: ["flip"],
  heldOut: 64,
  height: 16,
  width: 16,
  channels: 3,
  classes: 4,
  train: 512,
  test: 80,
}
const trial = (changes: object = {}) => ({
  id: "0123456789abcdef",
  declaration: {
    space,
    data,
    train: { steps: 60, learningRate: { kind: "cosine", peak: 0.05, warmupSteps: 5 } },
    reward: { kind: "absolute", cost: { kind: "gbops", target: { times: 1, uniform: "INT4" } } },
    seed: 3,
    ...changes,
  },
})

/** The weights of a snapshot, without the optimizer's. */
const weightsOf = ({ tensors }: Snapshot): Tensors =>
  new Map(Object.entries(tensors).filter(([name]) => !name.startsWith("optimizer.")))

const context = { threads: 1, cacheDirectory: ".cache", eager: false }

const collect = (
  declared: ReturnType<typeof trial>,
  resume?: Snapshot,
  keepAt?: number,
  initial?: Tensors,
): Promise<{ readonly events: Array<TrainEvent>; readonly kept: Snapshot | undefined }> => {
  const events: Array<TrainEvent> = []
  let kept: Snapshot | undefined
  return run(declared, {
    ...context,
    ...(resume === undefined ? {} : { resume }),
    ...(initial === undefined ? {} : { initial }),
  }).pipe(
    Stream.runForEach((event) =>
      Effect.sync(() => {
        if (event.type !== "checkpoint") events.push(event)
        else if (event.step === keepAt) kept = event.snapshot()
      }),
    ),
    Effect.provide(NodeServices.layer),
    Effect.runPromise,
    (done) => done.then(() => ({ events, kept })),
  )
}

const divergingIn = (events: ReadonlyArray<TrainEvent>): ReadonlyArray<string> =>
  events.flatMap((event) =>
    event.type === "warning" && event.alarm === "divergingFormat" ? [event.message] : [],
  )

const finished = (events: ReadonlyArray<TrainEvent>) => {
  const last = events.find((event) => event.type === "finished")
  if (last?.type !== "finished") throw new Error("the trial did not finish")
  return last
}

describe("one-shot search", () => {
  it.each([1, 17, 45])(
    "goes on from step %i bit for bit",
    async (step) => {
      const whole = await collect(trial(), undefined, step)
      // as a checkpoint would: through JSON
      const { tensors, ...rest } = whole.kept!
      const resumed = await collect(trial(), { ...JSON.parse(JSON.stringify(rest)), tensors })
      expect(finished(resumed.events)).toEqual(finished(whole.events))
      const after = (events: ReadonlyArray<TrainEvent>) =>
        events.filter((event) => event.type === "metrics" && event.step > step)
      expect(after(resumed.events)).toEqual(after(whole.events))
      const policy = (events: ReadonlyArray<TrainEvent>) =>
        events.find((event) => event.type === "artifact" && event.path === "policy.json")
      expect(policy(resumed.events)).toEqual(policy(whole.events))
    },
    120_000,
  )

  it.each([20, 40])(
    "starts the learning rate again at the freeze, and goes on from step %i bit for bit",
    async (step) => {
      const restart = { factor: 2, at: "frozen" }
      const train = (more: object) => ({
        steps: 60,
        learningRate: { kind: "cosine", peak: 0.05, warmupSteps: 5, ...more },
      })
      const search = { kind: "random", candidates: 4, freezeAt: 0.5 }
      const through = await collect(trial({ search, train: train({ restart }) }), undefined, step)
      expect((through.kept!.state as { frozenAt?: number }).frozenAt).toBe(
        step === 40 ? 30 : undefined,
      )
      const { tensors, ...rest } = through.kept!
      const resumed = await collect(trial({ search, train: train({ restart }) }), {
        ...JSON.parse(JSON.stringify(rest)),
        tensors,
      })
      expect(finished(resumed.events)).toEqual(finished(through.events))
      const losses = (events: ReadonlyArray<TrainEvent>, after: number) =>
        events.flatMap((event) =>
          event.type === "metrics" && event.step > after ? [event.values["train/loss"]] : [],
        )
      expect(losses(resumed.events, step)).toEqual(losses(through.events, step))
      const plain = await collect(trial({ search, train: train({}) }))
      const upTo = (events: ReadonlyArray<TrainEvent>) => losses(events, 0).slice(0, 31)
      expect(upTo(plain.events)).toEqual(upTo(through.events))
      expect(losses(plain.events, 31)).not.toEqual(losses(through.events, 31))
    },
    120_000,
  )

  describe("with channels sorted at the delay's end", () => {
    const widths = {
      ...space,
      network: [
        { conv: { name: "stem", filters: { oneOf: [2, 4, 8] }, kernel: 3 } },
        { basic: { filters: { oneOf: [4, 8, 12] }, stride: 2 } },
        { globalAveragePool: {} },
        { dense: { name: "classifier", units: "classes" } },
      ],
    }
    const declared = (more: object) =>
      trial({
        space: widths,
        search: { kind: "reinforce", delay: 0.5 },
        train: {
          steps: 40,
          learningRate: { kind: "cosine", peak: 0.05, warmupSteps: 5 },
          ...more,
        },
      })
    const losses = (events: ReadonlyArray<TrainEvent>, after: number) =>
      events.flatMap((event) =>
        event.type === "metrics" && event.step > after ? [event.values["train/loss"]] : [],
      )

    it.each([20, 21])(
      "goes on from step %i bit for bit",
      async (step) => {
        const sorted = declared({ sortChannels: "delayEnd" })
        const through = await collect(sorted, undefined, step)
        const { tensors, ...rest } = through.kept!
        const goneOn = await collect(sorted, { ...JSON.parse(JSON.stringify(rest)), tensors })
        expect(finished(goneOn.events)).toEqual(finished(through.events))
        expect(losses(goneOn.events, step)).toEqual(losses(through.events, step))
        const plain = await collect(declared({}))
        expect(losses(plain.events, 0).slice(0, 20)).toEqual(losses(through.events, 0).slice(0, 20))
        expect(losses(plain.events, 20)).not.toEqual(losses(through.events, 20))
      },
      120_000,
    )
  })

  it.each([15, 45])(
    "learns from the largest network, and goes on from step %i bit for bit",
    async (step) => {
      const taught = trial({
        search: { kind: "random", candidates: 4, freezeAt: 0.5 },
        train: {
          steps: 60,
          learningRate: { kind: "cosine", peak: 0.05, warmupSteps: 5 },
          distill: "widest",
        },
      })
      const through = await collect(taught, undefined, step)
      const { tensors, ...rest } = through.kept!
      const goneOn = await collect(taught, { ...JSON.parse(JSON.stringify(rest)), tensors })
      expect(finished(goneOn.events)).toEqual(finished(through.events))
      const after = (events: ReadonlyArray<TrainEvent>) =>
        events.filter((event) => event.type === "metrics" && event.step > step)
      expect(after(goneOn.events)).toEqual(after(through.events))
    },
    120_000,
  )

  const whole = trial({
    train: { steps: 30, learningRate: { kind: "cosine", peak: 0.05, warmupSteps: 5 } },
    finish: { recalibrate: 3, fineTune: 12, retrain: true },
  })

  it("retrains exactly as a fixed search with the assignment it found would train", async () => {
    const { events } = await collect(whole)
    const { assignment, metrics } = finished(events)
    const { declaration } = whole
    const fixed = await collect({
      ...whole,
      declaration: {
        ...declaration,
        search: { kind: "fixed", assignment },
        finish: { recalibrate: 3 },
      } as typeof declaration,
    })
    const scratch = finished(fixed.events).metrics["final/accuracy"]!
    expect(metrics["final/retrain_accuracy"]).toBe(scratch)
    expect(metrics["final/retrain_gap"]).toBe(scratch - metrics["final/accuracy"]!)
    expect(metrics["final/fine_tuned_accuracy"]).toBeTypeOf("number")
    const losses = (all: ReadonlyArray<TrainEvent>, key: string) =>
      all.flatMap((event) =>
        event.type === "metrics" && key in event.values ? [event.values[key]] : [],
      )
    expect(losses(events, "retrain/loss")).toEqual(losses(fixed.events, "train/loss"))
    expect(losses(events, "fine_tune/loss")).toHaveLength(12)
  }, 120_000)

  it("leaves the search as it is without the phases after it", async () => {
    const { events } = await collect(whole)
    const alone = await collect(trial({ ...whole.declaration, finish: { recalibrate: 3 } }))
    const { metrics } = finished(events)
    for (const [key, value] of Object.entries(finished(alone.events).metrics))
      expect(metrics[key]).toBe(value)
    expect(metrics["final/switching"]).toBeGreaterThanOrEqual(0)
    const steps = events.flatMap((event) => (event.type === "metrics" ? [event.step] : []))
    expect(steps).toEqual(Array.from({ length: 72 }, (_, i) => i + 1))
  }, 120_000)

  it.each([31, 42, 60])(
    "goes on from step %i of search, fine-tuning and retraining bit for bit",
    async (step) => {
      const through = await collect(whole, undefined, step)
      const { tensors, ...rest } = through.kept!
      const goneOn = await collect(whole, { ...JSON.parse(JSON.stringify(rest)), tensors })
      expect(finished(goneOn.events)).toEqual(finished(through.events))
      const after = (events: ReadonlyArray<TrainEvent>) =>
        events.filter((event) => event.type === "metrics" && event.step > step)
      expect(after(goneOn.events)).toEqual(after(through.events))
    },
    120_000,
  )

  it("tells finite metrics, cost shares that add up, and an assignment of active decisions only", async () => {
    const { events } = await collect(trial())
    const { metrics, assignment, layers } = finished(events)
    expect(Object.values(metrics).every(Number.isFinite)).toBe(true)
    expect(layers.reduce((sum, { costShare }) => sum + costShare, 0)).toBeCloseTo(1, 9)
    const deep = assignment["stage1.repeats"] === 2
    expect("stage1.1.conv1.format" in assignment).toBe(deep)
    expect(layers.some(({ path }) => path === "stage1.1.conv1")).toBe(deep)
    const steps = events.flatMap((event) => (event.type === "metrics" ? [event.step] : []))
    expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b))
    expect(steps.at(-1)).toBe(60)
  })

  it("starts from trained weights, and goes on from them bit for bit", async () => {
    const first = await collect(trial(), undefined, 60)
    const weights = weightsOf(first.kept!)
    const names = [...weights.keys()]
    const starting = (spec: object) =>
      trial({
        train: {
          steps: 30,
          learningRate: { kind: "constant", peak: 1e-6, warmupSteps: 0 },
          initial: { digest: digest(weights, names), ...spec },
        },
      })
    const second = await collect(starting({}), undefined, 10, weights)
    const accuracy = ({ events }: typeof second) =>
      events.find((event) => event.type === "metrics")!.values["train/accuracy"]!
    const fresh = await collect(
      trial({ train: { steps: 30, learningRate: { kind: "constant", peak: 1e-6 } } }),
    )
    expect(accuracy(second)).toBeGreaterThan(accuracy(fresh) + 0.3)
    expect(second.events).toContainEqual(
      expect.objectContaining({ type: "artifact", path: "initial-weights.txt" }),
    )
    const resumed = await collect(starting({}), second.kept!)
    expect(finished(resumed.events)).toEqual(finished(second.events))

    const other = new Map(weights)
    const { shape, values } = weights.get("stem.weight")!
    other.set("stem.weight", { shape, values: values.map((value) => value * 2) })
    for (const wrong of [other, undefined])
      await expect(collect(starting({}), undefined, undefined, wrong)).rejects.toMatchObject({
        reason: { message: expect.stringContaining("initial weights") },
      })
    const skipped = {
      digest: digest(
        weights,
        names.filter((name) => name !== "stem.weight"),
      ),
      skip: ["stem.weight"],
    }
    finished((await collect(starting(skipped), undefined, undefined, other)).events)
  }, 120_000)

  describe("with learned scales, in one choice with formats that have none", () => {
    const formats = { oneOf: ["INT4", "NVFP4", "E4M3", "BF16"], scale: { rule: "learned" } }
    const learning = trial({
      space: { ...space, formats },
      train: { steps: 24, learningRate: { kind: "cosine", peak: 0.05, warmupSteps: 2 } },
      reward: { kind: "absolute", cost: { kind: "gbops", target: { times: 1, uniform: "E4M3" } } },
      finish: { recalibrate: 2, fineTune: 8, retrain: true },
    })
    const scalesOf = ({ tensors }: Snapshot) =>
      Object.entries(tensors).filter(([name]) => /^[^:]*Scale$/u.test(name))

    it.each([11, 28])(
      "goes on from step %i of search and fine-tuning bit for bit",
      async (step) => {
        const through = await collect(learning, undefined, step)
        const { tensors, ...rest } = through.kept!
        const learnt = scalesOf(through.kept!).flatMap(([, { values }]) => [...values])
        expect(learnt.some((scale) => scale > 0)).toBe(true)
        const goneOn = await collect(learning, { ...JSON.parse(JSON.stringify(rest)), tensors })
        expect(finished(goneOn.events)).toEqual(finished(through.events))
        const after = (events: ReadonlyArray<TrainEvent>) =>
          events.filter((event) => event.type === "metrics" && event.step > step)
        expect(after(goneOn.events)).toEqual(after(through.events))
      },
      120_000,
    )

    it("starts from trained weights, but sets the scales anew", async () => {
      const first = await collect(learning, undefined, 24)
      const weights = weightsOf(first.kept!)
      const names = [...weights.keys()].filter((name) => !name.endsWith("Scale"))
      expect(names.length).toBeLessThan(weights.size)
      const { declaration } = learning
      const starting = trial({
        ...declaration,
        train: { ...declaration.train, initial: { digest: digest(weights, names) } },
        finish: { recalibrate: 2 },
      })
      const second = await collect(starting, undefined, 10, weights)
      const others = new Map(
        [...weights].map(([name, tensor]) => [
          name,
          name.endsWith("Scale") ? { ...tensor, values: tensor.values.map(() => 77) } : tensor,
        ]),
      )
      const same = await collect(starting, undefined, undefined, others)
      expect(finished(same.events)).toEqual(finished(second.events))
      const resumed = await collect(starting, second.kept!)
      expect(finished(resumed.events)).toEqual(finished(second.events))
    }, 120_000)
  })

  it("trains one format everywhere when the search is fixed", async () => {
    const flat = {
      ...space,
      network: space.network.map((item) =>
        "basic" in item ? { basic: { filters: 8, stride: 2 } } : item,
      ),
    }
    const { events } = await collect(
      trial({ space: flat, search: { kind: "fixed", uniform: "INT8" } }),
    )
    const { metrics, layers } = finished(events)
    expect(metrics["final/argmax_probability"]).toBe(1)
    expect(new Set(layers.flatMap((l) => [l.weightFormat, l.activationFormat]))).toEqual(
      new Set(["INT8"]),
    )
  })

  it("trains the joint sample of the space language as it is written", async () => {
    const sample = decodeSpace(joint)
    const { events } = await collect(
      trial({
        space: sample,
        data: { kind: "synthetic", batchSize: 8, heldOut: 32, train: 256, test: 32 },
        train: { steps: 8, learningRate: { kind: "cosine", peak: 0.02, warmupSteps: 1 } },
        reward: {
          kind: "absolute",
          cost: { kind: "gbops", target: { times: 0.5, uniform: "INT8" } },
        },
        finish: { recalibrate: 2 },
      }),
    )
    const { space: decided } = buildSpace(joint)
    expect(decided.decisions).toHaveLength(28)
    const { assignment, metrics } = finished(events)
    expect(Result.isSuccess(fromAssignment(decided, assignment))).toBe(true)
    expect(Object.values(metrics).every(Number.isFinite)).toBe(true)
  }, 120_000)

  it("fails the trial when the loss is not finite, naming the layer that ran away and its format", async () => {
    const exploding = trial({
      train: { steps: 60, learningRate: { kind: "constant", peak: 1e30, warmupSteps: 0 } },
    })
    const events: Array<TrainEvent> = []
    const exit = await run(exploding, context).pipe(
      Stream.runForEach((event) => Effect.sync(() => events.push(event))),
      Effect.provide(NodeServices.layer),
      Effect.runPromiseExit,
    )
    expect(Exit.isFailure(exit)).toBe(true)
    const [first] = divergingIn(events)
    expect(first).toMatch(/^diverging format: the weights of [a-z]\S* are .* under .*INT\d/)
    expect(JSON.stringify(exit)).toMatch(/Diverged.*the loss is not finite at step \d+; diverging /)
    expect(JSON.stringify(exit)).toContain(first!)
  })

  it("warns once of a layer whose weights run away under INT2, though the loss stays finite", async () => {
    const two = trial({
      space: { ...space, formats: { oneOf: ["INT2"] } },
      train: { steps: 40, learningRate: { kind: "constant", peak: 10, warmupSteps: 0 } },
      search: { kind: "fixed", uniform: "INT2" },
      reward: { kind: "absolute", cost: { kind: "gbops", target: { times: 1, uniform: "INT2" } } },
    })
    const whole = await collect(two, undefined, 30)
    const [alarm, ...more] = divergingIn(whole.events)
    expect(alarm).toMatch(/^diverging format: the weights of \S+ are .* under INT2/)
    expect(more).toEqual([])
    expect(finished(whole.events).metrics["final/accuracy"]).toBeLessThan(0.6)
    // the checkpoint knows that it was told
    const rest = await collect(two, whole.kept)
    expect(divergingIn(rest.events)).toEqual([])
    expect(finished(rest.events)).toEqual(finished(whole.events))
    const calm = await collect(trial())
    expect(divergingIn(calm.events)).toEqual([])
  }, 60_000)
})
