/**
 * Trains in a process of its own: `continued.ts begin FILE` the first steps of a trial, whose snapshot it keeps in FILE;
 * `continued.ts continue FILE [forget]` the rest from there, as if its record of what bits depend on had never been kept
 * with `forget`. Prints that record, the alarms and what was logged.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer, Logger, Stream } from "effect"
import { readFileSync, writeFileSync } from "node:fs"
import { deserialize, serialize } from "node:v8"
import type { Arithmetic } from "../../src/train/ArithmeticRecord.ts"
import { run } from "../../src/train/OneShot.ts"
import type { Snapshot } from "../../src/train/TrainEvent.ts"

const [mode = "begin", file = "", ...words] = process.argv.slice(2)
const trial = {
  id: "0123456789abcdef",
  declaration: {
    space: {
      name: "tiny",
      input: { height: 8, width: 8, channels: 3 },
      classes: 4,
      network: [
        { conv: { name: "stem", filters: 8, kernel: 3 } },
        { globalAveragePool: {} },
        { dense: { name: "classifier", units: "classes" } },
      ],
      formats: { oneOf: ["INT4", "INT8"] },
    },
    data: {
      kind: "synthetic",
      batchSize: 8,
      heldOut: 16,
      height: 8,
      width: 8,
      channels: 3,
      classes: 4,
      train: 64,
      test: 16,
    },
    train: { steps: 4 },
    reward: { kind: "absolute", cost: { kind: "gbops", target: { times: 1, uniform: "INT4" } } },
    finish: { recalibrate: 1 },
  },
}

const before = mode === "begin" ? undefined : (deserialize(readFileSync(file)) as Snapshot)
const forgotten = (snapshot: Snapshot): Snapshot => {
  const { arithmetic: _, ...state } = snapshot.state as Record<string, unknown>
  return { ...snapshot, state }
}
const resume = before && (words.includes("forget") ? forgotten(before) : before)
const told = {
  arithmetic: undefined as Arithmetic | undefined,
  alarms: [] as Array<string>,
  log: [] as Array<string>,
}
const logger = Logger.make<unknown, void>(({ message }) => {
  told.log.push(String(message))
})
await Effect.runPromise(
  run(trial, {
    threads: 1,
    cacheDirectory: ".cache",
    eager: true,
    ...(resume === undefined ? {} : { resume }),
  }).pipe(
    Stream.runForEach((event) =>
      Effect.sync(() => {
        if (event.type === "arithmetic") told.arithmetic = event.arithmetic
        if (event.type === "warning") told.alarms.push(`${event.alarm}: ${event.message}`)
        if (event.type === "checkpoint" && event.step === 2 && mode === "begin")
          writeFileSync(file, serialize(event.snapshot()))
      }),
    ),
    Effect.provide(Layer.mergeAll(NodeServices.layer, Logger.layer([logger]))),
  ),
)
console.log(JSON.stringify(told))
