/** Runs that ended without a word are ended in the record by whoever comes next, as what they were. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { hostname } from "node:os"
import { stoppedPage } from "../../src/cli/RunOutcome.ts"
import * as Lock from "../../src/disk/Lock.ts"
import * as EndOfRuns from "../../src/orchestrator/EndOfRuns.ts"
import * as Heartbeat from "../../src/orchestrator/Heartbeat.ts"
import * as Result from "../../src/orchestrator/Result.ts"
import * as TrialIndex from "../../src/orchestrator/TrialIndex.ts"
import * as State from "../../src/orchestrator/State.ts"
import type { Event } from "../../src/track/Event.ts"
import * as Spool from "../../src/track/Spool.ts"
import * as SpoolReader from "../../src/track/SpoolReader.ts"
import { makeFolder, trialOf } from "./folder.ts"

const gridId = "00000000000000ff"
const id = "00000000000000aa"
const page =
  "| trial | state |\n|---|---|\n| a \\| b running | running | 1 |\n| c | finished | running |\n"

const spoolOf = (folder: string) => `${folder}/${Spool.fileName}`
const append = (folder: string, ...events: ReadonlyArray<Event>) => {
  const spool = Spool.open(spoolOf(folder))
  for (const event of events) spool.append(event)
  spool.close()
}
const eventsOf = (folder: string) =>
  Effect.map(SpoolReader.read(spoolOf(folder), 0), ({ events }) => events.map(({ event }) => event))

const start = (trialId?: string): Event => ({
  type: "start",
  time: 100,
  gridId,
  ...(trialId === undefined ? {} : { trialId }),
  experiment: "e",
  name: "n",
  tags: {},
})

const prepare = Effect.gen(function* () {
  const state = yield* makeFolder
  yield* State.writeGrid(state, {
    version: State.version,
    gridId,
    experiment: "e",
    name: "n",
    file: "e.yaml",
    trials: [id],
    startedAt: 100,
  })
  yield* State.writeTrial(state, trialOf(id, {}))
  const folders = { grid: State.gridFolder(state, gridId), trial: State.trialFolder(state, id) }
  append(folders.grid, start(), { type: "tag", key: "mlflow.note.content", value: page })
  append(folders.trial, start(id))
  return { state, ...folders }
})

const beat = (state: string, pid: number, time: number) =>
  Heartbeat.write(State.heartbeatFile(state, id), {
    version: State.version,
    attempt: 0,
    pid,
    host: hostname(),
    time,
    step: 3,
    stepsPerSecond: 1,
    seconds: 1,
    metrics: {},
    warnings: [],
  })

const result = (state: "finished" | "failed"): Result.Result => ({
  version: State.version,
  id,
  state,
  metrics: {},
  assignment: {},
  layers: [],
  steps: 1,
  seconds: 1,
  attempt: 0,
  finishedAt: 400,
  warnings: [],
  ...(state === "failed" ? { cause: "crash" as const, message: "it broke" } : {}),
})

/** No process has this number. */
const nobody = 2 ** 22 + 1

layer(NodeServices.layer)("a run that was killed", (it) => {
  it.effect(
    "is ended with its trials, when the last sign of life was, and its page says stopped",
    () =>
      Effect.gen(function* () {
        const { grid, state, trial } = yield* prepare
        yield* beat(state, nobody, 250)
        yield* EndOfRuns.endRuns(TrialIndex.open(state), stoppedPage)
        const ofTrial = yield* eventsOf(trial)
        assert.deepInclude(ofTrial.at(-1), { type: "end", status: "KILLED", time: 250 })
        const ofGrid = yield* eventsOf(grid)
        assert.deepInclude(ofGrid.at(-1), { type: "end", status: "KILLED", time: 250 })
        assert.deepInclude(ofGrid.at(-2), {
          type: "tag",
          value: page.replace("| running | 1 |", "| stopped | 1 |"),
        })
        yield* EndOfRuns.endRuns(TrialIndex.open(state), stoppedPage)
        assert.deepStrictEqual(yield* eventsOf(grid), ofGrid, "once")
        assert.deepStrictEqual(yield* eventsOf(trial), ofTrial, "once")
      }),
  )

  it.effect("leaves a trial to be sent that ended its own record when nobody could send it", () =>
    Effect.gen(function* () {
      const { state, trial } = yield* prepare
      append(trial, { type: "end", time: 300, status: "KILLED", message: "its parent is gone" })
      const before = yield* eventsOf(trial)
      assert.deepStrictEqual(yield* EndOfRuns.endRuns(TrialIndex.open(state), stoppedPage), {
        gridIds: [gridId],
        trialIds: [id],
      })
      assert.deepStrictEqual(yield* eventsOf(trial), before)
      assert.deepStrictEqual(yield* EndOfRuns.endRuns(TrialIndex.open(state), stoppedPage), {
        gridIds: [],
        trialIds: [],
      })
    }),
  )

  it.effect("leaves alone a trial that still runs", () =>
    Effect.gen(function* () {
      const { grid, state, trial } = yield* prepare
      yield* beat(state, process.pid, Date.now())
      yield* EndOfRuns.endRuns(TrialIndex.open(state), stoppedPage)
      assert.strictEqual((yield* eventsOf(trial)).at(-1)?.type, "start")
      assert.strictEqual((yield* eventsOf(grid)).at(-1)?.type, "end")
    }),
  )

  for (const [kind, status] of [
    ["finished", "FINISHED"],
    ["failed", "FAILED"],
  ] as const)
    it.effect(`ends a trial with its result: ${kind}`, () =>
      Effect.gen(function* () {
        const { state, trial } = yield* prepare
        yield* Result.publish(State.resultFile(state, id), result(kind))
        yield* EndOfRuns.endRuns(TrialIndex.open(state), stoppedPage)
        assert.deepInclude((yield* eventsOf(trial)).at(-1), { type: "end", status, time: 400 })
      }),
    )

  it.effect("leaves alone what has ended, and folders without a spool", () =>
    Effect.gen(function* () {
      const { grid, state, trial } = yield* prepare
      append(grid, { type: "end", time: 9, status: "FINISHED" })
      append(trial, { type: "end", time: 9, status: "FAILED" })
      yield* State.writeTrial(state, trialOf("00000000000000bb", {}))
      const before = [yield* eventsOf(grid), yield* eventsOf(trial)]
      yield* EndOfRuns.endRuns(TrialIndex.open(state), stoppedPage)
      assert.deepStrictEqual([yield* eventsOf(grid), yield* eventsOf(trial)], before)
      const fs = yield* FileSystem.FileSystem
      const none = spoolOf(State.trialFolder(state, "00000000000000bb"))
      assert.isFalse(yield* fs.exists(none))
    }),
  )

  it.effect("is not ended by sync while another run holds the folder", () =>
    Effect.gen(function* () {
      const { grid, state } = yield* prepare
      const sync = EndOfRuns.endRunsUnlessRunning(state, "fliqs sync", stoppedPage)
      yield* Effect.scoped(Effect.andThen(Lock.hold(State.lockFolder(state), "fliqs run"), sync))
      assert.strictEqual((yield* eventsOf(grid)).at(-1)?.type, "tag")
      yield* sync
      assert.strictEqual((yield* eventsOf(grid)).at(-1)?.type, "end")
    }),
  )

  it.effect("does not keep sync from a folder that holds nothing", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      yield* EndOfRuns.endRunsUnlessRunning(`${state}/none`, "fliqs sync", stoppedPage)
      const fs = yield* FileSystem.FileSystem
      assert.isFalse(yield* fs.exists(`${state}/none`))
    }),
  )
})
