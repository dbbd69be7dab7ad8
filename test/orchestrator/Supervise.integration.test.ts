/**
 * Trials as real processes: killed at random instants, crashed, hung, stopped, orphaned, superseded. Whatever happens,
 * a trial ends once in the record, with the numbers an undisturbed one has, and every step is told once.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, Exit, Fiber, FileSystem } from "effect"
import { existsSync, readFileSync } from "node:fs"
import * as Lock from "../../src/disk/Lock.ts"
import * as Result from "../../src/orchestrator/Result.ts"
import * as RunGrid from "../../src/orchestrator/RunGrid.ts"
import * as Standing from "../../src/orchestrator/TrialStatus.ts"
import * as State from "../../src/orchestrator/State.ts"
import { makeFolder } from "./folder.ts"
import {
  checkRecord,
  ended,
  events,
  gridOf,
  id,
  program,
  start,
  tiny,
  untilFile,
  untilStep,
} from "./supervised.ts"

layer(NodeServices.layer, { excludeTestServices: true })("a supervised trial", (it) => {
  it.effect("killed at random instants goes on with the same command and finishes once", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      const steps = 250
      const diary = `${state}/diary`
      const trial = tiny({ steps, pause: 8, diary })
      yield* State.writeTrial(state, trial)
      const trained = () =>
        existsSync(diary) ? readFileSync(diary, "utf8").trim().split("\n").length : 0
      for (let kills = 0; kills < 6; kills++) {
        const child = start(state)
        // Most kills hit a trial at work, some one that is still getting ready.
        const before = trained()
        if (kills % 3 !== 2)
          while (trained() === before && trained() < steps) yield* Effect.sleep("5 millis")
        yield* Effect.sleep(Math.random() * 150)
        child.kill("SIGKILL")
        assert.strictEqual(yield* ended(child), "SIGKILL")
      }
      assert.strictEqual(yield* ended(start(state)), 0)
      yield* checkRecord(state, id, steps)
      // At most the steps since a checkpoint (every 5) were trained again, per kill.
      const inAll = trained()
      assert.isAtMost(inAll, steps + 6 * 6)
      assert.strictEqual(yield* ended(start(state)), 0)
      assert.strictEqual(trained(), inAll, "a finished trial is not trained again")
    }),
  )

  it.effect("crashing is started again, a few times, and then failed with its last words", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      const options = gridOf(state, [
        tiny({ steps: 20, pause: 1, misbehave: { kind: "abort", step: 7 } }),
        tiny({ steps: 20, pause: 1 }, "00000000000000bb"),
      ])
      const summaries = yield* RunGrid.run(options)
      assert.deepStrictEqual(
        summaries.map((summary) => summary.state),
        ["failed", "finished"],
      )
      const [crashed] = summaries
      assert.strictEqual(crashed?.result?.cause, "crash")
      assert.include(crashed?.result?.message ?? "", "SIGABRT")
      assert.strictEqual(options.events.filter((event) => event._tag === "Retrying").length, 3)
      const spooled = yield* events(State.trialFolder(state, id))
      assert.deepInclude(spooled.at(-1), { type: "end", status: "FAILED" })
      yield* checkRecord(state, "00000000000000bb", 20)
      const grid = yield* events(State.gridFolder(state, "grid"))
      const pages = grid.flatMap((event) => (event.type === "tag" ? [event.value] : []))
      assert.deepStrictEqual([pages[0], pages.at(-1)], ["planned planned", "failed finished"])
      assert.deepStrictEqual(
        grid.flatMap(({ type }) => (type === "tag" ? [] : [type])),
        ["start", "artifact", "end"],
      )
    }),
  )

  it.effect("that diverges or is wrong fails at once, once", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      const options = gridOf(state, [
        tiny({ steps: 9, pause: 1, misbehave: { kind: "diverge", step: 6 } }),
        tiny({ steps: 9, pause: 1, misbehave: { kind: "invalid", step: 0 } }, "00000000000000bb"),
      ])
      const summaries = yield* RunGrid.run(options)
      assert.deepStrictEqual(
        summaries.map(({ result }) => [result?.cause, result?.message, result?.steps]),
        [
          ["diverged", "made to diverge", 6],
          ["wrongInput", "made to invalid", 0],
        ],
      )
      assert.isFalse(options.events.some((event) => event._tag === "Retrying"))
      // Skipped from now on, until it is asked for again.
      const again = gridOf(state, options.trials)
      yield* RunGrid.run(again)
      assert.deepStrictEqual(
        again.events.map((event) => event._tag),
        ["Skipped", "Skipped"],
      )
      const retried = gridOf(state, options.trials, { retryFailed: true })
      yield* RunGrid.run(retried)
      assert.strictEqual(retried.events.filter((event) => event._tag === "Ended").length, 2)
    }),
  )

  it.effect("that gives no sign of life is lost and started again from its checkpoint", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      const trial = tiny({ steps: 20, pause: 1, misbehave: { kind: "hang", step: 12 } })
      const options = gridOf(state, [trial], { lostAfter: "2 seconds" })
      const [summary] = yield* RunGrid.run(options)
      assert.strictEqual(summary?.result?.cause, "lost")
      const retries = options.events.filter((event) => event._tag === "Retrying")
      assert.isTrue(retries.every((event) => event.message.includes("no sign of life")))
      assert.strictEqual(options.children.size, 0)
    }),
  )

  it.effect("is stopped with a checkpoint when the grid is interrupted, and goes on", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      const steps = 80
      const diary = `${state}/diary`
      const options = gridOf(state, [tiny({ steps, pause: 20, diary })])
      const running = yield* Effect.forkChild(RunGrid.run(options))
      yield* untilStep(state, 8)
      yield* Fiber.interrupt(running)
      assert.strictEqual(options.children.size, 0)
      const standing = yield* Standing.stateOf(state, id)
      assert.strictEqual(standing.state, "stopped")
      const trained = readFileSync(diary, "utf8").trim().split("\n").length
      assert.strictEqual(standing.step, trained, "saved to the very last step")
      const spooled = yield* events(State.trialFolder(state, id))
      assert.deepInclude(spooled.at(-1), { type: "end", status: "KILLED" })
      yield* RunGrid.run(gridOf(state, options.trials))
      yield* checkRecord(state, id, steps)
      assert.strictEqual(readFileSync(diary, "utf8").trim().split("\n").length, steps)
    }),
  )

  it.effect(
    "that ends while the grid is interrupted is told as ended, and stands in its page",
    () =>
      Effect.gen(function* () {
        const state = yield* makeFolder
        const other = "00000000000000bb"
        const options = gridOf(state, [
          tiny({ steps: 10, pause: 1, finishing: 1500 }),
          tiny({ steps: 10_000, pause: 5 }, other),
        ])
        const running = yield* Effect.forkChild(RunGrid.run(options))
        yield* untilStep(state, 10)
        yield* untilFile(State.heartbeatFile(state, other))
        yield* Fiber.interrupt(running)
        const ends = options.events.filter(({ _tag }) => _tag === "Ended" || _tag === "Stopped")
        assert.sameMembers(
          ends.map((event) => `${event.trial?.id} ${event._tag}`),
          [`${id} Ended`, `${other} Stopped`],
        )
        yield* checkRecord(state, id, 10)
        const spooled = yield* events(State.gridFolder(state, "grid"))
        assert.deepInclude(spooled.at(-1), { type: "end", status: "KILLED" })
        assert.deepInclude(spooled.at(-2), { type: "tag", value: "finished stopped" })
      }),
  )

  it.effect("is in the page of its grid while others still run", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      const options = gridOf(state, [
        tiny({ steps: 3, pause: 1 }),
        tiny({ steps: 100_000, pause: 5 }, "00000000000000bb"),
        tiny({ steps: 1, pause: 1 }, "00000000000000cc"),
      ])
      const running = yield* Effect.forkChild(RunGrid.run({ ...options, jobs: 2 }))
      const folder = State.gridFolder(state, "grid")
      const pages = Effect.map(
        Effect.orElseSucceed(events(folder), () => []),
        (all) => all.flatMap((event) => (event.type === "tag" ? [event.value] : [])),
      )
      while (!(yield* pages).includes("finished running finished")) yield* Effect.sleep("50 millis")
      assert.strictEqual((yield* pages)[0], "planned planned planned")
      yield* Fiber.interrupt(running)
      assert.strictEqual((yield* pages).at(-1), "finished stopped finished")
    }),
  )

  it.effect("stops by itself when whoever started it is gone", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      yield* State.writeTrial(state, tiny({ steps: 500, pause: 10 }))
      const child = start(state)
      yield* untilStep(state, 3)
      child.stdin?.end()
      assert.strictEqual(yield* ended(child), 75)
      assert.isAbove((yield* Standing.stateOf(state, id)).step, 0)
    }),
  )

  it.effect("started twice leaves to the newer attempt", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      const steps = 600
      yield* State.writeTrial(state, tiny({ steps, pause: 10 }))
      const older = start(state)
      yield* untilStep(state, 5)
      const newer = start(state)
      assert.strictEqual(yield* ended(older), 76)
      assert.strictEqual(yield* ended(newer), 0)
      const result = yield* Result.read(State.resultFile(state, id))
      assert.strictEqual(result?.attempt, 1)
      yield* checkRecord(state, id, steps)
    }),
  )

  it.effect("with --fail-fast ends the grid; the others are stopped and keep their state", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      const options = gridOf(
        state,
        [
          // seconds, so that the other has begun by then on a busy machine too
          tiny({ steps: 60, pause: 50, misbehave: { kind: "diverge", step: 50 } }),
          tiny({ steps: 5000, pause: 10 }, "00000000000000bb"),
          tiny({ steps: 5, pause: 10 }, "00000000000000cc"),
        ],
        { maxFailed: 1 },
      )
      const summaries = yield* RunGrid.run(options)
      assert.deepStrictEqual(
        summaries.map((summary) => summary.state),
        ["failed", "stopped", "planned"],
      )
    }),
  )

  it.effect("runs only what is asked for, and anew with restart", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const state = yield* makeFolder
      const trials = [
        tiny({ steps: 5, pause: 1 }),
        tiny({ steps: 5, pause: 1 }, "00000000000000bb"),
      ]
      const only = gridOf(state, trials, { only: new Set([id]) })
      const first = yield* RunGrid.run(only)
      assert.deepStrictEqual(
        first.map((summary) => summary.state),
        ["finished", "planned"],
      )
      const restarted = gridOf(state, trials, { only: new Set([id]), restart: true })
      yield* RunGrid.run(restarted)
      assert.deepStrictEqual(
        restarted.events.filter((event) => event._tag !== "Progress").map((event) => event._tag),
        ["Started", "Ended"],
      )
      assert.isTrue(yield* fs.exists(`${State.trialFolder(state, id)}.1/result.json`))
      yield* checkRecord(state, id, 5)
    }),
  )

  it.effect("on a machine that is not ready ends the grid with the reason", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      const options = gridOf(state, [tiny({ steps: 5, pause: 1 })], {
        command: () => [process.execPath, program, "--notReady"],
      })
      const error = yield* Effect.flip(RunGrid.run(options))
      assert.strictEqual(error._tag, "NotReady")
      assert.include(error.message, "the addon is missing")
    }),
  )

  it.effect("a second run on the same folder is refused while the first goes on", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      const options = gridOf(state, [tiny({ steps: 500, pause: 10 })])
      const first = yield* Effect.forkChild(RunGrid.run(options))
      yield* untilFile(`${state}/lock/0.json`)
      const second = yield* Effect.exit(RunGrid.run(gridOf(state, options.trials)))
      assert.isTrue(Exit.isFailure(second))
      assert.include(JSON.stringify(second), "Conflict")
      yield* Fiber.interrupt(first)
      yield* Effect.scoped(Lock.hold(State.lockFolder(state), "free again"))
    }),
  )
})
