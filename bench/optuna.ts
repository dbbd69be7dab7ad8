/**
 * How many trials that do nothing are recorded a second, beside Optuna's with SQLite storage.
 *
 *     npm run bench:optuna [-- TRIALS]
 *
 * A trial of ours is one step without a network, one after the other in this process: its `trial.json`, its attempt, its
 * journal with one metric, one checkpoint, its result, each synced to the disk as in any run. No process is started for
 * it: `fliqs run` starts one for each trial, which takes far longer than the record. A trial of Optuna's is one parameter,
 * one reported value, one result. Both write to the same file system, one after the other.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { performance } from "node:perf_hooks"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, References, Stream } from "effect"
import * as RunTrial from "../src/orchestrator/RunTrial.ts"
import * as State from "../src/orchestrator/State.ts"
import * as Result from "../src/orchestrator/Result.ts"
import type { Train, TrainEvent } from "../src/train/TrainEvent.ts"
import { optuna, optunaStudy } from "./peers/Optuna.ts"

const count = Number(process.argv[2] ?? 1000)

const events: ReadonlyArray<TrainEvent> = [
  { type: "dataset", name: "none", digest: "0", context: "train" },
  { type: "metrics", step: 1, values: { "train/loss": 0 } },
  {
    type: "checkpoint",
    step: 1,
    snapshot: () => ({
      step: 1,
      tensors: { values: { shape: [1], values: new Float32Array(1) } },
      state: {},
    }),
  },
  { type: "finished", metrics: { "final/accuracy": 0 }, assignment: {}, layers: [] },
]
const train: Train = () => Stream.fromIterable(events)

const trialOf = (i: number): State.TrialFile => ({
  version: State.version,
  id: i.toString(16).padStart(16, "0"),
  gridId: "grid",
  experiment: "bench",
  name: `seed=${i}`,
  cell: { seed: String(i) },
  parameters: { seed: String(i) },
  declaration: {},
  steps: 1,
  tags: {},
  execution: { threads: 1, checkpointEvery: 1, eager: false },
})

/** Seconds. */
const ours = async (folder: string): Promise<number> => {
  const state = join(folder, "state")
  const program = Effect.gen(function* () {
    for (let i = 0; i < count; i++) {
      const trial = trialOf(i)
      yield* State.writeTrial(state, trial)
      yield* RunTrial.run({
        state,
        id: trial.id,
        train,
        cacheDirectory: folder,
        stop: Effect.never,
      })
    }
  })
  const began = performance.now()
  await Effect.runPromise(
    program.pipe(
      Effect.provideService(References.MinimumLogLevel, "None"),
      Effect.provide(NodeServices.layer),
    ),
  )
  const seconds = (performance.now() - began) / 1000
  const result = await Effect.runPromise(
    Result.read(State.resultFile(state, trialOf(count - 1).id)).pipe(
      Effect.provide(NodeServices.layer),
    ),
  )
  if (result?.state !== "finished") throw new Error("the last trial has no result")
  return seconds
}

/** Seconds. */
const theirs = (folder: string): number => {
  optuna.ensure()
  const words = [optunaStudy, String(count), join(folder, "study.db")]
  const { status, stderr, stdout } = spawnSync(optuna.python, words, { encoding: "utf8" })
  if (status !== 0) throw new Error(`Optuna ended with ${status}: ${stderr}`)
  return Number(stdout)
}

const folder = mkdtempSync(join(tmpdir(), "fliqs-optuna-"))
try {
  const peer = count / theirs(folder)
  const own = count / (await ours(folder))
  console.log(`${count} trials that do nothing`)
  console.log(`  Optuna, SQLite  ${peer.toFixed(1).padStart(7)} a second`)
  console.log(`  the record      ${own.toFixed(1).padStart(7)} a second`)
  console.log(`  ratio           ${(own / peer).toFixed(2).padStart(7)}`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
