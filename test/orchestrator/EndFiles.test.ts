/** The files of a grid's end: made once for what its trials came to. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as fs from "node:fs"
import * as EndFiles from "../../src/orchestrator/EndFiles.ts"
import type { TrialSummary } from "../../src/orchestrator/GridOptions.ts"
import * as Journal from "../../src/orchestrator/Journal.ts"
import * as State from "../../src/orchestrator/State.ts"
import { makeFolder, trialOf } from "./folder.ts"
import { gridOf, id } from "./supervised.ts"

const finished = (attempt: number): TrialSummary => ({
  trial: trialOf(id, {}),
  state: "finished",
  result: {
    version: 1,
    id,
    state: "finished",
    metrics: {},
    assignment: {},
    layers: [],
    steps: 1,
    seconds: 1,
    attempt,
    finishedAt: 1,
    warnings: [],
  },
})

const unfinished: TrialSummary = { trial: trialOf(id, {}), state: "stopped", result: undefined }

describe("EndFiles", () => {
  it.effect("makes them again only when there is a reason to", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      const folder = State.gridFolder(state, "grid")
      fs.mkdirSync(folder, { recursive: true })
      const spool = yield* Journal.openSpool(folder)
      const there: Array<ReadonlyArray<string>> = []
      let made = 0
      const write = (summary: TrialSummary, files: Readonly<Record<string, string>> = {}) =>
        EndFiles.write(
          gridOf(state, [], {
            files,
            endFiles: {
              make: () => Effect.sync(() => ({ "pictures/a.svg": `made ${++made}` })),
              onThere: (paths) => void there.push(paths),
            },
          }),
          spool,
          [summary],
        )
      const text = () => fs.readFileSync(`${folder}/pictures/a.svg`, "utf8")

      yield* write(finished(0))
      yield* write(finished(0))
      assert.deepStrictEqual(there, [["pictures/a.svg"], ["pictures/a.svg"]])
      assert.strictEqual(text(), "made 1")

      // Another result, another experiment text.
      yield* write(finished(1))
      assert.strictEqual(text(), "made 2")
      yield* write(finished(1), { "x.yaml": "description: new" })
      assert.strictEqual(text(), "made 3")

      // A file that was cut or removed, a record that is damaged.
      fs.writeFileSync(`${folder}/pictures/a.svg`, "")
      yield* write(finished(1), { "x.yaml": "description: new" })
      assert.strictEqual(text(), "made 4")
      fs.rmSync(`${folder}/pictures/a.svg`)
      yield* write(finished(1), { "x.yaml": "description: new" })
      assert.strictEqual(text(), "made 5")
      fs.writeFileSync(`${folder}/end-files.json`, "{")
      yield* write(finished(1), { "x.yaml": "description: new" })
      assert.strictEqual(text(), "made 6")

      // Curves of a trial without a result may have grown.
      yield* write(unfinished)
      yield* write(unfinished)
      assert.strictEqual(text(), "made 8")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
  )
})
