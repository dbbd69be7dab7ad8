/** One state folder taken into another, and room made in one. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import * as fs from "node:fs"
import * as Result from "../../src/orchestrator/Result.ts"
import * as State from "../../src/orchestrator/State.ts"
import * as StateFolders from "../../src/orchestrator/StateFolders.ts"
import { makeFolder, trialOf } from "./folder.ts"

const [a, b, c, d] = ["a", "b", "c", "d"].map((letter) => letter.repeat(16)) as [
  string,
  string,
  string,
  string,
]

/** A trial with a checkpoint, and its result if there is one. */
const make = Effect.fnUntraced(function* (state: string, id: string, accuracy?: number) {
  yield* State.writeTrial(state, trialOf(id, {}))
  fs.writeFileSync(`${State.checkpointFolder(state, id)}/5-0.safetensors`, "x".repeat(1000))
  if (accuracy === undefined) return
  yield* Result.publish(State.resultFile(state, id), {
    version: 1,
    id,
    state: accuracy < 0 ? "failed" : "finished",
    metrics: { "final/accuracy": accuracy },
    assignment: {},
    layers: [],
    steps: 1,
    seconds: 1,
    attempt: 0,
    finishedAt: 1,
    warnings: [],
  })
})

const grid = (state: string, gridId: string, trials: ReadonlyArray<string>) =>
  State.writeGrid(state, {
    version: 1,
    gridId,
    experiment: "tiny",
    name: "tiny",
    file: "tiny.yaml",
    trials: [...trials],
    startedAt: 1,
  })

const accuracyOf = (state: string, id: string) =>
  Effect.map(
    Result.read(State.resultFile(state, id)),
    (result) => result?.metrics["final/accuracy"],
  )

layer(NodeServices.layer)("a state folder", (it) => {
  it.effect("takes in what another has further, and leaves that as it is", () =>
    Effect.gen(function* () {
      const [state, other] = [yield* makeFolder, yield* makeFolder]
      yield* make(state, a, 0.1)
      yield* make(state, b, -1)
      yield* make(other, a, 0.9)
      yield* make(other, b, 0.5)
      yield* make(other, c, 0.7)
      yield* make(other, d)
      fs.writeFileSync(State.trialFile(other, d), "damaged")
      fs.symlinkSync("/etc/passwd", `${State.trialFolder(other, c)}/link`)
      yield* grid(other, "1".repeat(16), [a, c])
      const before = fs.readdirSync(other, { recursive: true }).length
      const merged = yield* StateFolders.merge(state, other)
      assert.deepStrictEqual(merged, {
        added: [c],
        replaced: [b],
        kept: [a],
        left: [{ id: d, state: "damaged" }],
        grids: 1,
      })
      assert.strictEqual(yield* accuracyOf(state, a), 0.1)
      assert.strictEqual(yield* accuracyOf(state, b), 0.5)
      assert.strictEqual(yield* accuracyOf(state, c), 0.7)
      assert.isFalse(fs.existsSync(`${State.trialFolder(state, c)}/link`))
      assert.isTrue(fs.existsSync(`${State.trialFolder(state, b)}.1`), "what was there is kept")
      assert.strictEqual(fs.readdirSync(other, { recursive: true }).length, before)
      const again = yield* StateFolders.merge(state, other)
      assert.deepStrictEqual([again.added, again.replaced, again.grids], [[], [], 0])
    }).pipe(Effect.scoped),
  )

  it.effect("is cleaned of what it says, and of nothing else", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      yield* make(state, a, 0.3)
      yield* make(state, b, 0.4)
      yield* make(state, c)
      yield* make(state, d, 0.1)
      fs.writeFileSync(State.trialFile(state, d), "damaged")
      yield* grid(state, "1".repeat(16), [a, b, c, d])
      const finished = yield* StateFolders.removals(state, "finished", "final/accuracy")
      assert.deepStrictEqual(
        finished.map(({ path, what }) => [path.slice(state.length), what]),
        [
          [`/trials/${a}/checkpoint`, "checkpoints"],
          [`/trials/${b}/checkpoint`, "checkpoints"],
          [`/trials/${c}`, "trial"],
        ],
      )
      assert.isAtLeast(finished[0]!.bytes, 1000)
      const best = yield* StateFolders.removals(state, "best", "final/accuracy")
      assert.isTrue(fs.existsSync(State.trialFolder(state, a)), "nothing is removed by asking")
      yield* StateFolders.remove(best)
      assert.deepStrictEqual(yield* State.trialIds(state), [b, d])
      assert.strictEqual(yield* accuracyOf(state, b), 0.4)
      assert.deepStrictEqual(fs.readdirSync(State.checkpointFolder(state, b)), [])
    }).pipe(Effect.scoped),
  )
})
