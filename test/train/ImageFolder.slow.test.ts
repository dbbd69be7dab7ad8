import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { Effect, Exit, Stream } from "effect"
import { describe, expect, it } from "vitest"
import { counts } from "../../src/tensor/Backend.ts"
import { run } from "../../src/train/OneShot.ts"
import type { Snapshot, TrainEvent } from "../../src/train/TrainEvent.ts"
import { temporary, writeClasses } from "../data/imageFolders.ts"

const steps = 24
const trial = (data: object = {}) => ({
  id: "0123456789abcdef",
  declaration: {
    space: {
      name: "tiny",
      input: { height: 16, width: 16, channels: 3 },
      classes: 3,
      network: [
        { conv: { name: "stem", filters: 8, kernel: 3 } },
        { basic: { filters: 8, stride: 2 } },
        { globalAveragePool: {} },
        { dense: { name: "classifier", units: "classes" } },
      ],
      formats: { oneOf: ["INT4", "INT8"] },
    },
    data: {
      kind: "imageFolder",
      path: "images",
      batchSize: 8,
      heldOut: 16,
      height: 16,
      width: 16,
      testShare: 0.2,
      ...data,
    },
    train: { steps, learningRate: { kind: "cosine", peak: 0.05 } },
    finish: { recalibrate: 4 },
    reward: { kind: "absolute", cost: { kind: "gbops", target: { times: 1, uniform: "INT4" } } },
    seed: 3,
  },
})

describe("training on a folder of images", () => {
  it("learns, goes on bit for bit from any step, and tells of broken images", async () => {
    const folder = temporary()
    const images = join(folder, "images")
    await writeClasses(images, [20, 20, 20])
    writeFileSync(join(images, "c1", "003.png"), "broken")
    const context = { threads: 1, cacheDirectory: temporary(), eager: false, folder }
    const collect = async (resume?: Snapshot, data?: object) => {
      const events: Array<TrainEvent> = []
      let kept: Snapshot | undefined
      const exit = await run(trial(data), { ...context, ...(resume && { resume }) }).pipe(
        Stream.runForEach((event) =>
          Effect.sync(() => {
            if (event.type !== "checkpoint") events.push(event)
            else if (event.step === 9) kept = event.snapshot()
          }),
        ),
        Effect.provide(NodeServices.layer),
        Effect.runPromiseExit,
      )
      const finished = events.find((event) => event.type === "finished")
      const late = events.filter((event) => event.type === "metrics" && event.step > 9)
      return { exit, events, kept, finished, late }
    }
    const whole = await collect(undefined, { brokenLimit: 0.02 })
    expect(Exit.isSuccess(whole.exit)).toBe(true)
    const before = counts()
    const resumed = await collect(whole.kept, { brokenLimit: 0.02 })
    expect(counts()).toEqual(before)
    expect(whole.late.length).toBeGreaterThan(0)
    expect([resumed.finished, resumed.late]).toEqual([whole.finished, whole.late])
    expect(whole.kept!.state).toMatchObject({ broken: { "c1/003.png": expect.any(String) } })
    expect(whole.finished?.metrics["final/accuracy"]).toBeGreaterThan(0.6)
    expect(whole.events.filter(({ type }) => type === "warning")).toContainEqual({
      type: "warning",
      alarm: "brokenImages",
      message: expect.stringMatching(/^1 broken image is skipped: c1\/003.png \(not a JPEG/),
    })
    writeFileSync(join(images, "c1", "004.png"), "another")
    expect(JSON.stringify((await collect(whole.kept, { brokenLimit: 0.02 })).exit)).toMatch(
      /DatasetUnusable.*split: is not the one this trial began with/,
    )
    const refused = await collect(undefined, { brokenLimit: 0 })
    expect(JSON.stringify(refused.exit)).toMatch(
      /DatasetUnusable.*[12] broken images?, more than brokenLimit 0/,
    )
  }, 60_000)
})
