/** What an earlier attempt does that was frozen and goes on, and what else must not count: other trials' checkpoints, clocks. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Clock, Effect, Stream } from "effect"
import * as fs from "node:fs"
import * as Checkpoint from "../../src/orchestrator/Checkpoint.ts"
import * as Fence from "../../src/orchestrator/Fence.ts"
import * as Journal from "../../src/orchestrator/Journal.ts"
import * as Result from "../../src/orchestrator/Result.ts"
import * as RunTrial from "../../src/orchestrator/RunTrial.ts"
import * as State from "../../src/orchestrator/State.ts"
import * as Spool from "../../src/track/Spool.ts"
import { spoolOf } from "../../src/track/SpoolPlace.ts"
import type { Train, TrainEvent } from "../../src/train/TrainEvent.ts"
import { makeFolder, trialOf } from "./folder.ts"
import { events } from "./supervised.ts"

const id = "0123456789abcdef"
const trial = trialOf(id, {}, { checkpointEvery: 1 })
const checkpoint = (step: number): TrainEvent => ({
  type: "checkpoint",
  step,
  snapshot: () => ({ step, tensors: {}, state: null }),
})
const metrics = (step: number): TrainEvent => ({ type: "metrics", step, values: { loss: step } })
const finished: TrainEvent = { type: "finished", metrics: {}, assignment: {}, layers: [] }

const runTrial = (state: string, train: Train) =>
  RunTrial.run({ state, id, train, cacheDirectory: state, stop: Effect.never })

layer(NodeServices.layer, { excludeTestServices: true })("an attempt that thaws", (it) => {
  it.effect("reaches nothing that its successor has written", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      yield* State.writeTrial(state, trial)
      const folder = State.trialFolder(state, id)
      const first = yield* Fence.enter(folder)
      const journal = yield* Journal.open(state, trial, first)
      yield* journal.tell(metrics(1))
      // Frozen in the middle of a call: what it does when it thaws asks nobody.
      const frozen = fs.openSync(spoolOf(folder), "a")
      const checkpoints = State.checkpointFolder(state, id)

      yield* runTrial(state, () => Stream.make(metrics(1), metrics(2), checkpoint(2), finished))
      const before = yield* events(folder)
      assert.deepInclude(before.at(-1), { type: "end", status: "FINISHED" })
      assert.strictEqual(
        fs.statSync(spoolOf(folder)).ino,
        fs.statSync(`${folder}/${Spool.fileName}`).ino,
      )

      fs.writeSync(frozen, "half a line")
      yield* journal.tell(metrics(3))
      journal.end("KILLED")
      yield* journal.flush
      yield* Checkpoint.write(checkpoints, {
        step: 3,
        attempt: first.attempt,
        seconds: 1,
        tensors: {},
        state: "frozen",
      })
      assert.deepStrictEqual(yield* events(folder), before)
      assert.strictEqual((yield* Checkpoint.readNewest(checkpoints, "leave", id))?.step, 2)
      // One that was frozen before it opened its journal writes nothing at all.
      yield* Journal.open(state, trial, first)
      assert.deepStrictEqual(yield* events(folder), before)
    }).pipe(Effect.scoped),
  )

  it.effect("a checkpoint of another trial is refused by its id", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      yield* State.writeTrial(state, trial)
      const folder = State.checkpointFolder(state, id)
      const of = (step: number, of?: string) =>
        Checkpoint.write(folder, {
          step,
          attempt: 0,
          seconds: 1,
          tensors: {},
          state: null,
          ...(of === undefined ? {} : { trial: of }),
        })
      yield* of(1)
      yield* of(2, "ffffffffffffffff")
      assert.strictEqual((yield* Checkpoint.readNewest(folder, "setAside", id))?.step, 1)
      assert.isTrue(fs.existsSync(`${folder}/2-0.safetensors.corrupt`))
    }).pipe(Effect.scoped),
  )

  it.effect("a lost heartbeat loses no warning", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      yield* State.writeTrial(state, trial)
      const alarm = { alarm: "narrow", message: "too narrow" }
      const dies = Stream.die(new Error("the machine went down"))
      const begun = [checkpoint(1), { type: "warning", ...alarm } as const, checkpoint(2)]
      yield* Effect.exit(runTrial(state, () => Stream.concat(Stream.fromIterable(begun), dies)))
      fs.rmSync(State.heartbeatFile(state, id))
      yield* runTrial(state, () => Stream.make(finished))
      const result = yield* Result.read(State.resultFile(state, id))
      assert.deepStrictEqual(result?.warnings, [alarm])
    }).pipe(Effect.scoped),
  )

  it.effect("a clock that jumps makes no time negative", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      yield* State.writeTrial(state, trial)
      const clock = yield* Clock.Clock
      let asked = 0
      // An hour back and a day forth, again and again.
      const jumping = () => Date.now() + [0, -3_600_000, 86_400_000][asked++ % 3]!
      const steps = [1, 2, 3, 4].flatMap((step) => [metrics(step), checkpoint(step)])
      yield* runTrial(state, () => Stream.fromIterable([...steps, finished])).pipe(
        Effect.provideService(Clock.Clock, {
          ...clock,
          sleep: (duration) => clock.sleep(duration),
          monotonicTimeNanos: clock.monotonicTimeNanos,
          monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
          currentTimeNanos: clock.currentTimeNanos,
          currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
          currentTimeMillis: Effect.sync(jumping),
          currentTimeMillisUnsafe: jumping,
        }),
      )
      const { seconds = -1 } = (yield* Result.read(State.resultFile(state, id))) ?? {}
      assert.isTrue(seconds >= 0 && seconds < 100, String(seconds))
    }).pipe(Effect.scoped),
  )
})
