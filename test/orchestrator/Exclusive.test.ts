/** What only one of many may do: number an attempt, publish a result. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as Durable from "../../src/disk/Durable.ts"
import * as Fence from "../../src/orchestrator/Fence.ts"
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
      yield* Durable.setAside(path)
      assert.isTrue(yield* Result.publish(path, resultOf(9)))
      yield* Durable.setAside(path)
      assert.deepStrictEqual((yield* fs.readDirectory(folder)).sort(), [
        "result.1.json",
        "result.2.json",
      ])
    }),
  )
})
