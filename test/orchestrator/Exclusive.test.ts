/** What only one of many may do: number an attempt, publish a result, hold the state folder. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { hostname } from "node:os"
import * as Durable from "../../src/disk/Durable.ts"
import * as Fence from "../../src/orchestrator/Fence.ts"
import * as Lock from "../../src/disk/Lock.ts"
import * as Result from "../../src/orchestrator/Result.ts"
import { makeFolder } from "./folder.ts"

const resultOf = (attempt: number): Result.Result => ({
  version: 1,
  id: "0123456789abcdef",
  state: "finished",
  metrics: { "final/accuracy": 0.5 },
  assignment: { "stem.format": "INT4", "stage1.kernel": 3, "a.b": [1, 3] },
  layers: [],
  steps: 10,
  seconds: 2.5,
  attempt,
  finishedAt: 1,
  warnings: [],
})

const deadHolder = {
  version: 1,
  // Above the largest process number Linux gives out.
  pid: 2 ** 22 + 1,
  host: hostname(),
  processStart: "1",
  command: "fliqs run old.yaml",
  since: 0,
  released: false,
}

layer(NodeServices.layer)("exclusive", (it) => {
  it.effect("attempts get different numbers, and the newest supersedes the others", () =>
    Effect.gen(function* () {
      const folder = yield* makeFolder
      const fences = yield* Effect.forEach(Array.from({ length: 8 }), () => Fence.enter(folder), {
        concurrency: "unbounded",
      })
      const sorted = fences.toSorted((a, b) => a.attempt - b.attempt)
      assert.deepStrictEqual(
        sorted.map((fence) => fence.attempt),
        [0, 1, 2, 3, 4, 5, 6, 7],
      )
      for (const fence of sorted)
        assert.strictEqual(yield* Fence.isSuperseded(fence), fence.attempt !== 7)
    }),
  )

  it.effect("results: the first one published stays", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* makeFolder
      const path = `${folder}/result.json`
      const won = yield* Effect.forEach([0, 1, 2, 3], (n) => Result.publish(path, resultOf(n)), {
        concurrency: "unbounded",
      })
      assert.strictEqual(won.filter(Boolean).length, 1)
      assert.deepStrictEqual(yield* Result.read(path), resultOf(won.indexOf(true)))
      assert.deepStrictEqual(yield* fs.readDirectory(folder), ["result.json"], "nothing left over")
      yield* Result.setAside(path)
      assert.isTrue(yield* Result.publish(path, resultOf(9)))
      yield* Result.setAside(path)
      assert.deepStrictEqual((yield* fs.readDirectory(folder)).sort(), [
        "result.1.json",
        "result.2.json",
      ])
    }),
  )

  it.effect("the state folder is held by one and free when it lets go", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      const contend = Effect.gen(function* () {
        yield* Lock.hold(state, "fliqs run a.yaml")
        const second = yield* Effect.flip(Effect.scoped(Lock.hold(state, "fliqs run b.yaml")))
        assert.strictEqual(second.reason._tag, "Conflict")
        assert.include(second.message, `process ${process.pid}`)
        assert.include(second.message, "fliqs run a.yaml")
        assert.include(second.message, "--state DIR")
      })
      yield* Effect.scoped(contend)
      yield* Effect.scoped(contend)
    }),
  )

  it.effect("a dead holder's lock is taken over by exactly one", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const state = yield* makeFolder
      yield* fs.makeDirectory(`${state}/lock`)
      yield* Durable.create(`${state}/lock/0.json`, [Durable.jsonBytes(deadHolder)])
      const tries = yield* Effect.forEach(
        Array.from({ length: 6 }),
        () => Effect.exit(Lock.hold(state, "fliqs run new.yaml")),
        { concurrency: "unbounded" },
      )
      assert.strictEqual(tries.filter((exit) => exit._tag === "Success").length, 1)
      assert.deepStrictEqual(yield* fs.readDirectory(`${state}/lock`), ["1.json"])
    }),
  )

  it.effect("a holder whose number another process has by now is dead", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const state = yield* makeFolder
      yield* fs.makeDirectory(`${state}/lock`)
      const reused = { ...deadHolder, pid: process.pid, processStart: "1" }
      yield* Durable.create(`${state}/lock/0.json`, [Durable.jsonBytes(reused)])
      yield* Effect.scoped(Lock.hold(state, "fliqs run new.yaml"))
    }),
  )
})
