/**
 * A machine that runs out of something while trials train: room, open files, memory; for a while and for good. Nothing of
 * it is a crash, no step is lost or told twice, and the same call goes on afterwards.
 */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, FileSystem } from "effect"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import * as Result from "../../src/orchestrator/Result.ts"
import type { Options } from "../../src/orchestrator/GridOptions.ts"
import * as RunGrid from "../../src/orchestrator/RunGrid.ts"
import * as Standing from "../../src/orchestrator/TrialStatus.ts"
import * as State from "../../src/orchestrator/State.ts"
import { countMemoryKills } from "../../src/disk/Shortage.ts"
import { canMount, makeDisk } from "../disk/folder.ts"
import { makeFolder } from "./folder.ts"
import { checkRecord, events, gridOf, id, program, tiny, untilStep } from "./supervised.ts"
import type { Tiny } from "./tinyTrial.ts"

const disk = Effect.acquireRelease(
  Effect.sync(() => makeDisk(1024)),
  ({ remove }) => Effect.sync(remove),
)

const second = { storage: "1 second", outOfMemory: "1 second" } as const

/** A child that waits so many milliseconds by itself. */
const waiting =
  (state: string, patience: number, ...options: ReadonlyArray<string>): Options["command"] =>
  (trial) => [
    process.execPath,
    ...options,
    program,
    "--id",
    trial.id,
    "--state",
    state,
    "--patience",
    String(patience),
  ]

type Events = ReturnType<typeof gridOf>["events"]
const waits = (events: Events) =>
  events.flatMap((event) =>
    event._tag === "Waiting" && event.notice._tag === "Waiting" ? [event.notice.message] : [],
  )
const untilWaiting = Effect.fnUntraced(function* (events: Events) {
  while (waits(events).length === 0) yield* Effect.sleep("20 millis")
})
const crashes = (events: Events) =>
  events.flatMap((event) => (event._tag === "Retrying" ? [event.message] : []))
const tags = (events: Events) => new Set(events.map((event) => event._tag))
const trained = (diary: string) => readFileSync(diary, "utf8").trim().split("\n").length

layer(NodeServices.layer, { excludeTestServices: true })("room for files", (it) => {
  const cases = [
    { what: "full", code: "ENOSPC", words: "no space is left on the disk" },
    { what: "read-only", code: "EROFS", words: "the file system is read-only" },
  ] as const
  for (const { code, what, words } of cases)
    it.effect.skipIf(!canMount)(`on a disk that is ${what} for a while is waited for`, () =>
      Effect.gen(function* () {
        const { fill, free, place, setReadOnly } = yield* disk
        const state = `${place}/state`
        const diary = `${yield* makeFolder}/diary`
        const steps = 200
        const options = gridOf(state, [tiny({ steps, pause: 5, diary })])
        const running = yield* Effect.forkChild(RunGrid.run(options))
        yield* untilStep(state, 12)
        if (what === "full") fill()
        else setReadOnly(true)
        yield* untilWaiting(options.events)
        const before = trained(diary)
        yield* Effect.sleep("1 second")
        assert.strictEqual(trained(diary), before, "training stands still")
        if (what === "full") free()
        else setReadOnly(false)
        const [summary] = yield* Fiber.join(running)
        assert.strictEqual(summary?.state, "finished")
        yield* checkRecord(state, id, steps)
        assert.strictEqual(trained(diary), steps, "no step was trained twice")
        const [message] = waits(options.events)
        assert.include(message, `${state}/trials/${id}/`)
        assert.include(message, `${words} (${code})`)
        assert.isTrue(
          options.events.some((event) => event._tag === "Waiting" && event.notice._tag === "Over"),
        )
        assert.deepStrictEqual(crashes(options.events), [])
      }),
    )

  it.effect.skipIf(!canMount)(
    "on a disk that stays full ends the run, and the same call goes on",
    () =>
      Effect.gen(function* () {
        const { fill, free, place } = yield* disk
        const state = `${place}/state`
        const diary = `${yield* makeFolder}/diary`
        const steps = 100
        const trials = [tiny({ steps, pause: 5, diary })]
        const options = gridOf(state, trials, {
          shortagePatience: second,
          command: waiting(state, 500),
        })
        const running = yield* Effect.forkChild(Effect.flip(RunGrid.run(options)))
        yield* untilStep(state, 12)
        fill()
        const error = yield* Fiber.join(running)
        assert.strictEqual(error._tag, "StorageError")
        assert.match(error.message, /: cannot [a-z ]+: no space is left on the disk \(ENOSPC\)/)
        assert.deepStrictEqual(crashes(options.events), [])
        assert.strictEqual((yield* Standing.stateOf(state, id)).state, "stopped")
        free()
        const again = gridOf(state, trials)
        yield* RunGrid.run(again)
        assert.isTrue(tags(again.events).has("Started"))
        yield* checkRecord(state, id, steps)
        // At most the steps since the last checkpoint (every 5) were trained again.
        assert.isAtMost(trained(diary), steps + 6)
      }),
  )

  it.effect("of an artifact alone fails that trial, with the path, and no other", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      const other = "00000000000000bb"
      const trials = [tiny({ steps: 10, pause: 1 }), tiny({ steps: 10, pause: 1 }, other)]
      mkdirSync(`${State.trialFolder(state, id)}/artifacts/assignment.json`, { recursive: true })
      const options = gridOf(state, trials)
      const summaries = yield* RunGrid.run(options)
      assert.deepStrictEqual(
        summaries.map(({ state }) => state),
        ["failed", "finished"],
      )
      const { result } = summaries[0]!
      assert.strictEqual(result?.cause, "storage")
      assert.match(
        result?.message ?? "",
        /artifacts\/assignment\.json: cannot write: .*\((EISDIR|EEXIST|ENOTEMPTY)\)/,
      )
      assert.deepStrictEqual(crashes(options.events), [])
      assert.deepStrictEqual(waits(options.events), [])
      // Put right, the same call goes on.
      const fs = yield* FileSystem.FileSystem
      yield* fs.remove(`${State.trialFolder(state, id)}/artifacts/assignment.json`, {
        recursive: true,
      })
      yield* RunGrid.run(gridOf(state, trials))
      assert.strictEqual((yield* Standing.stateOf(state, id)).state, "finished")
    }),
  )

  it.effect(
    "for events is not gone without: a spool that is a folder is a failure, said at once",
    () =>
      Effect.gen(function* () {
        const state = yield* makeFolder
        mkdirSync(`${State.trialFolder(state, id)}/spool.jsonl`, { recursive: true })
        const options = gridOf(state, [tiny({ steps: 10, pause: 1 })])
        yield* RunGrid.run(options)
        const damaged = options.events.find((event) => event._tag === "Damaged")
        assert.match(JSON.stringify(damaged), /spool\.jsonl.*it is a folder, not a file \(EISDIR\)/)
        assert.deepStrictEqual(crashes(options.events), [])
      }),
  )

  it.effect("for a heartbeat is no reason to end a trial", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      mkdirSync(`${State.heartbeatFile(state, id)}/inside`, { recursive: true })
      const steps = 30
      yield* RunGrid.run(gridOf(state, [tiny({ steps, pause: 1 })]))
      yield* checkRecord(state, id, steps)
      const log = readFileSync(State.logFile(state, id), "utf8")
      assert.strictEqual(log.match(/no heartbeat for now/g)?.length, 1)
    }),
  )
})

layer(NodeServices.layer, { excludeTestServices: true })("other shortages", (it) => {
  it.effect("too many open files are waited for inside the trial", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      const until = `${state}/until`
      const steps = 60
      const options = gridOf(
        state,
        [tiny({ steps, pause: 5, misbehave: { kind: "files", step: 7, until } })],
        {
          command: (trial) => [
            "sh",
            "-c",
            `ulimit -n 64; exec "$@"`,
            "sh",
            ...waiting(state, 60_000)(trial),
          ],
        },
      )
      const running = yield* Effect.forkChild(RunGrid.run(options))
      yield* untilWaiting(options.events)
      writeFileSync(until, "")
      yield* Fiber.join(running)
      yield* checkRecord(state, id, steps)
      assert.match(waits(options.events)[0]!, /too many files open \(EMFILE\)/)
      assert.deepStrictEqual(crashes(options.events), [])
    }),
  )

  it.effect("memory that comes back is waited for, and the trial goes on", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      const until = `${state}/until`
      const steps = 30
      const options = gridOf(state, [
        tiny({ steps, pause: 1, misbehave: { kind: "memory", step: 12, until } }),
      ])
      const running = yield* Effect.forkChild(RunGrid.run(options))
      yield* untilWaiting(options.events)
      writeFileSync(until, "")
      yield* Fiber.join(running)
      yield* checkRecord(state, id, steps)
      assert.include(waits(options.events)[0], "ran out of memory: made to memory")
      assert.deepStrictEqual(crashes(options.events), [])
    }),
  )

  const ends: ReadonlyArray<{
    readonly what: string
    readonly misbehave: NonNullable<Tiny["misbehave"]>
    readonly options: ReadonlyArray<string>
    readonly words: RegExp
  }> = [
    {
      what: "as TensorFlow says it",
      misbehave: { kind: "memory", step: 3 },
      options: [],
      words: /ran out of memory: made to memory; fewer --jobs/,
    },
    {
      what: "of V8's heap",
      misbehave: { kind: "heap", step: 3 },
      options: ["--max-old-space-size=40"],
      words: /ran out of memory: .*heap out of memory.*SIGABRT/,
    },
  ]
  for (const { misbehave, options: nodeOptions, what, words } of ends)
    it.effect(`memory that stays away, ${what}, fails the trial with its cause`, () =>
      Effect.gen(function* () {
        const state = yield* makeFolder
        const trials = [tiny({ steps: 30, pause: 1, misbehave })]
        const options = gridOf(state, trials, {
          shortagePatience: second,
          command: waiting(state, 500, ...nodeOptions),
        })
        const [summary] = yield* RunGrid.run(options)
        assert.strictEqual(summary?.result?.cause, "outOfMemory")
        assert.match(summary?.result?.message ?? "", words)
        assert.isAbove(waits(options.events).length, 0)
        assert.deepStrictEqual(crashes(options.events), [])
        const spooled = yield* events(State.trialFolder(state, id))
        assert.deepInclude(spooled.at(-1), { type: "end", status: "FAILED" })
        // The same call tries it again.
        const again = gridOf(state, trials, {
          shortagePatience: second,
          command: waiting(state, 500, ...nodeOptions),
        })
        yield* RunGrid.run(again)
        assert.isFalse(tags(again.events).has("Skipped"))
        assert.isTrue(tags(again.events).has("Started"))
      }),
    )

  it.effect.skipIf(countMemoryKills() === undefined)(
    "a process that somebody killed is a crash, not a shortage",
    () =>
      Effect.gen(function* () {
        const state = yield* makeFolder
        const options = gridOf(state, [
          tiny({ steps: 30, pause: 1, misbehave: { kind: "kill", step: 3 } }),
        ])
        const [summary] = yield* RunGrid.run(options)
        assert.strictEqual(summary?.result?.cause, "crash")
        assert.match(summary?.result?.message ?? "", /was killed \(SIGKILL\), and not for memory/)
        assert.strictEqual(options.events.filter((event) => event._tag === "Retrying").length, 3)
      }),
  )
})

layer(NodeServices.layer, { excludeTestServices: true })("damaged records", (it) => {
  const other = "00000000000000bb"
  const trials = [tiny({ steps: 20, pause: 1 }), tiny({ steps: 20, pause: 1 }, other)]
  const damages: ReadonlyArray<readonly [what: string, file: (state: string) => string]> = [
    ["trial.json", (state) => State.trialFile(state, id)],
    ["result.json", (state) => State.resultFile(state, id)],
  ]
  for (const [what, file] of damages)
    it.effect(`a damaged ${what} stops its own trial until it is put aside`, () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const state = yield* makeFolder
        yield* RunGrid.run(gridOf(state, trials, { only: new Set([id]) }))
        const bytes = readFileSync(file(state))
        bytes[bytes.length >> 1]! ^= 4
        writeFileSync(file(state), bytes)
        const options = gridOf(state, trials)
        const summaries = yield* RunGrid.run(options)
        assert.deepStrictEqual(
          summaries.map(({ state }) => state),
          ["damaged", "finished"],
        )
        const { damage } = summaries[0]!
        assert.strictEqual(damage?.path, file(state))
        assert.include(damage?.fix, `--only ${id}`)
        assert.include(damage?.fix, "--restart")
        // Put aside and kept, the trial goes on from its checkpoint.
        const repaired = gridOf(state, trials, { retryFailed: true })
        yield* RunGrid.run(repaired)
        yield* checkRecord(state, id, 20)
        const aside = file(state).replace(/\.json$/, ".1.json")
        assert.deepStrictEqual(Buffer.from(yield* fs.readFile(aside)), bytes)
        const trial = yield* State.readTrial(State.trialFile(state, id))
        assert.strictEqual(trial?.execution.threads, trials[0]!.execution.threads)
        // Or anew, with all of it kept beside.
        writeFileSync(file(state), "")
        const restarted = gridOf(state, trials, { restart: true, only: new Set([id]) })
        yield* RunGrid.run(restarted)
        yield* checkRecord(state, id, 20)
        assert.isTrue(yield* fs.exists(`${State.trialFolder(state, id)}.1/trial.json`))
      }),
    )

  it.effect("a trial whose trial.json is gone keeps the threads it began with", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const state = yield* makeFolder
      const begun = { ...trials[0]!, execution: { ...trials[0]!.execution, threads: 3 } }
      yield* RunGrid.run(gridOf(state, [begun]))
      yield* fs.remove(State.trialFile(state, id))
      yield* RunGrid.run(gridOf(state, [trials[0]!]))
      const trial = yield* State.readTrial(State.trialFile(state, id))
      assert.strictEqual(trial?.execution.threads, 3)
      assert.strictEqual((yield* Result.read(State.resultFile(state, id)))?.attempt, 0)
    }),
  )
})
