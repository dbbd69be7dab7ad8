/** Training that does diverge: INT2 behind a stem of INT8, what is said of it, and whether the advice helps. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Exit, Stream } from "effect"
import { describe, expect, it } from "vitest"
import { run } from "../../src/train/OneShot.ts"
import type { TrainEvent } from "../../src/train/TrainEvent.ts"

/** ResNet-8 of 8 to 32 channels, INT8 at both ends. */
const trialOf = (formats: object, peak: number) => ({
  id: "divergence0000",
  declaration: {
    space: {
      name: "narrow",
      input: { height: 16, width: 16, channels: 3 },
      classes: 10,
      network: [
        { conv: { name: "stem", filters: 8, kernel: 3 } },
        { basic: { filters: 8 } },
        { basic: { filters: 16, stride: 2 } },
        { basic: { filters: 32, stride: 2 } },
        { globalAveragePool: {} },
        { dense: { name: "classifier", units: "classes" } },
      ],
      formats: {
        ...formats,
        overrides: [
          { match: "stem", oneOf: ["INT8"] },
          { match: "classifier", oneOf: ["INT8"] },
        ],
      },
    },
    data: {
      kind: "synthetic",
      height: 16,
      width: 16,
      channels: 3,
      classes: 10,
      train: 2048,
      test: 256,
      heldOut: 256,
      batchSize: 64,
    },
    train: { steps: 60, learningRate: { kind: "constant", peak, warmupSteps: 0 } },
    search: { kind: "fixed", assignment: {} },
    finish: { recalibrate: 3 },
    seed: 2,
  },
})

/** What was said of divergence, and the last loss. */
const told = async (formats: object, peak = 0.1) => {
  const events: Array<TrainEvent> = []
  const context = { threads: 1, cacheDirectory: ".cache", eager: false }
  const exit = await run(trialOf(formats, peak) as never, context).pipe(
    Stream.runForEach((event) => Effect.sync(() => events.push(event))),
    Effect.provide(NodeServices.layer),
    Effect.runPromiseExit,
  )
  const alarms = events.flatMap((event) =>
    event.type === "warning" && event.alarm === "divergingFormat" ? [event.message] : [],
  )
  return { alarms, failed: Exit.isFailure(exit) ? JSON.stringify(exit) : "" }
}

const cause =
  /under INT2 in (?:stage\S+ itself, )?(?:in stage[^;]* upstream(?:, )?)?(?:in )?stage\d[^;]*; a scale from the largest value makes 0 of most numbers in INT2; in the space set formats\.scale\.rule: mse, or name formats wider than INT2 at formats\.oneOf; a lower learning rate does not help/u

describe("INT2 behind a stem of INT8", () => {
  it("is named as the cause, and the stem is not", async () => {
    const { alarms } = await told({ oneOf: ["INT2"] })
    expect(alarms[0]).toMatch(cause)
    expect(alarms[0]!.split("under ")[1]).not.toMatch(/stem|classifier|INT8/u)
  })

  it("diverges at a hundredth of the rate too", async () => {
    const { alarms } = await told({ oneOf: ["INT2"] }, 0.001)
    expect(alarms[0]).toMatch(cause)
  })

  it.each([
    ["scales of least error", { oneOf: ["INT2"], scale: { rule: "mse" } }],
    ["wider formats", { oneOf: ["INT3"] }],
    [
      "scales of channels, of weights alone",
      { weights: "INT2", activations: "INT8", scale: { granularity: "channel" } },
    ],
  ])("is helped by what is advised: %s", async (_, formats) => {
    expect(await told(formats)).toEqual({ alarms: [], failed: "" })
  })
})

describe("a learning rate that is far too high", () => {
  it("is the advice where all formats are wide", async () => {
    const { alarms, failed } = await told({ oneOf: ["INT8"] }, 1e4)
    expect(alarms.join() + failed).toMatch(/under INT8; lower train\.learningRate\.peak/u)
  })
})
