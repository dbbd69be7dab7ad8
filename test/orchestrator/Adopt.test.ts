/** A state folder from before trials that train alike were one: its results are found, and go on under their ids. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { parse } from "../../src/declaration/Document.ts"
import { trialId } from "../../src/experiment/Identity.ts"
import { expand } from "../../src/experiment/Plan.ts"
import * as Planned from "../../src/orchestrator/Planned.ts"
import * as Result from "../../src/orchestrator/Result.ts"
import * as State from "../../src/orchestrator/State.ts"
import { makeFolder, trialOf } from "./folder.ts"

const text = `
space: ../spaces/resnet8.yaml
data: { kind: synthetic }
train: { steps: 100 }
reward: { cost: { target: { times: 1.5, uniform: INT4 } } }
matrix: { seed: [1, 2] }
controls: [uniform]
`

layer(NodeServices.layer)("a state folder from before", (it) => {
  it.effect("has what was trained under another target, and what has begun", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      const document = yield* parse("experiments/x.yaml", text)
      const planned = expand(document, { standing: Planned.standing(state) })
      const before = yield* planned
      const [first, second] = before.trials.filter(({ name }) => name.startsWith("uniform INT5"))
      const [old, begun] = [first!.former[0]!, second!.former[0]!]
      yield* State.writeTrial(state, trialOf(trialId(old), old))
      yield* State.writeTrial(state, trialOf(trialId(begun), begun))
      yield* Result.publish(State.resultFile(state, trialId(old)), {
        version: State.version,
        id: trialId(old),
        state: "finished",
        metrics: { "final/accuracy": 0.5 },
        assignment: {},
        layers: [],
        steps: 100,
        seconds: 1,
        attempt: 1,
        finishedAt: 1,
        warnings: [],
      })
      const after = yield* planned
      assert.deepStrictEqual(
        after.trials.map(({ name }) => name),
        before.trials.map(({ name }) => name),
      )
      const idOf = (name: string) => after.trials.find((trial) => trial.name === name)!.id
      assert.strictEqual(idOf("uniform INT5 seed=1"), trialId(old))
      assert.strictEqual(idOf("uniform INT5 seed=2"), trialId(begun))
      assert.notStrictEqual(after.gridId, before.gridId)
      const standing = Planned.standing(state)
      assert.strictEqual(yield* standing(trialId(old)), "finished")
      assert.strictEqual(yield* standing(trialId(begun)), "begun")
      assert.strictEqual(yield* standing("0123456789abcdef"), "unknown")
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFileString(State.trialFile(state, trialId(begun)), "{")
      assert.strictEqual(yield* standing(trialId(begun)), "begun", "a damaged record is told later")
    }),
  )
})
