import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import * as State from "../../src/orchestrator/State.ts"
import { makeFolder, trialOf } from "./folder.ts"

layer(NodeServices.layer)("the state folder", (it) => {
  it.effect("is that of the nearest ancestor of the experiment file", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const root = yield* makeFolder
      yield* fs.makeDirectory(`${root}/a/b/c`, { recursive: true })
      yield* fs.makeDirectory(`${root}/other`)
      assert.strictEqual(
        yield* State.locate("a/b/c/x.yaml", root),
        `${root}/.fliqs`,
        "without any: the working folder's",
      )
      yield* fs.makeDirectory(`${root}/a/.fliqs`)
      assert.strictEqual(yield* State.locate("a/b/c/x.yaml", root), `${root}/a/.fliqs`)
      assert.strictEqual(
        yield* State.locate(`${root}/a/b/c/x.yaml`, `${root}/other`),
        `${root}/a/.fliqs`,
      )
      yield* fs.writeFileString(`${root}/a/b/.fliqs`, "a file is no state folder")
      assert.strictEqual(yield* State.locate("a/b/c/x.yaml", root), `${root}/a/.fliqs`)
      yield* fs.makeDirectory(`${root}/a/b/c/.fliqs`)
      assert.strictEqual(yield* State.locate("a/b/c/x.yaml", root), `${root}/a/b/c/.fliqs`)
    }),
  )

  it.effect("tells trial ids from paths", () =>
    Effect.sync(() => {
      assert.isTrue(State.isTrialId("0123456789abcdef"))
      for (const text of ["../../../../etc/x", "0123456789abcde", "0123456789ABCDEF", ""])
        assert.isFalse(State.isTrialId(text), text)
    }),
  )

  it.effect("gives a trial back as it was written and keeps the grid that first planned it", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      const trial = trialOf("0123456789abcdef", { steps: 7, "a b": [1, null, { c: "d" }] })
      yield* State.writeTrial(state, trial)
      yield* State.writeTrial(state, { ...trial, gridId: "another", name: "renamed" })
      const read = yield* State.readTrial(State.trialFile(state, trial.id))
      assert.deepStrictEqual(read, { ...trial, name: "renamed" })
      assert.deepStrictEqual(yield* State.trialIds(state), [trial.id])
    }),
  )

  it.effect("refuses files of a newer version by name, and torn ones", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const state = yield* makeFolder
      const path = `${state}/trial.json`
      yield* fs.writeFileString(path, JSON.stringify({ version: 2 }))
      const newer = yield* Effect.flip(State.readTrial(path))
      assert.strictEqual(newer.reason._tag, "NewerVersion")
      assert.include(newer.message, path)
      assert.include(newer.message, "version 2")
      yield* fs.writeFileString(path, '{ "version": 1, "id')
      assert.strictEqual((yield* Effect.flip(State.readTrial(path))).reason._tag, "Damaged")
      assert.isUndefined(yield* State.readTrial(`${state}/none.json`))
    }),
  )
})
