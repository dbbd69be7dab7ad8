import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, Exit, Stream } from "effect"
import * as Result from "../../src/orchestrator/Result.ts"
import * as RunTrial from "../../src/orchestrator/RunTrial.ts"
import * as State from "../../src/orchestrator/State.ts"
import type { Train, TrainEvent } from "../../src/train/TrainEvent.ts"
import { makeFolder, trialOf } from "./folder.ts"

const checkpoint = (step: number): TrainEvent => ({
  type: "checkpoint",
  step,
  snapshot: () => ({ step, tensors: {}, state: null }),
})
const alarm = { alarm: "narrow", message: "too narrow" }
const first: ReadonlyArray<TrainEvent> = [
  checkpoint(1),
  { type: "warning", ...alarm },
  checkpoint(2),
]
const last: TrainEvent = { type: "finished", metrics: {}, assignment: {}, layers: [] }

layer(NodeServices.layer)("a trial", (it) => {
  it.effect("that dies right after a checkpoint keeps the warnings before it", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      const trial = trialOf("0123456789abcdef", {}, { checkpointEvery: 1 })
      yield* State.writeTrial(state, trial)
      const run = (train: Train) =>
        RunTrial.run({ state, id: trial.id, train, cacheDirectory: state, stop: Effect.never })
      const dies: Train = () =>
        Stream.concat(Stream.fromIterable(first), Stream.die(new Error("the machine went down")))
      assert.isTrue(Exit.isFailure(yield* Effect.exit(run(dies))))
      yield* run((_, { resume }) => {
        assert.strictEqual(resume?.step, 2)
        return Stream.make(last)
      })
      const result = yield* Result.read(State.resultFile(state, trial.id))
      assert.deepStrictEqual(result?.warnings, [alarm])
    }),
  )
})
