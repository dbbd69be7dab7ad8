/** The causes that are not of the machine's room or of a process that dies, and what the run at work and the next do about each. */
import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { table } from "../../src/orchestrator/Causes.ts"
import * as RunGrid from "../../src/orchestrator/RunGrid.ts"
import { makeFolder, trialOf } from "./folder.ts"
import { checkRecord, gridOf, id, program, tiny } from "./supervised.ts"
import type { Tiny } from "./tinyTrial.ts"

const tags = (options: ReturnType<typeof gridOf>) => options.events.map(({ _tag }) => _tag)
const lines = (path: string) => readFileSync(path, "utf8").trim().split("\n").length

layer(NodeServices.layer, { excludeTestServices: true })("a trial that failed", (it) => {
  it.effect("for its timeout goes on from that step with a longer one, when it is asked to", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      const diary = `${state}/diary`
      const steps = 60
      const declaration: Tiny = { steps, pause: 50, diary }
      const first = gridOf(state, [trialOf(id, declaration, { timeout: 1 })])
      const [summary] = yield* RunGrid.run(first)
      assert.strictEqual(summary?.result?.cause, "timeLimit")
      assert.match(
        summary?.result?.message ?? "",
        /^has trained for \d+ s at step \d+ of 60, and timeout allows 1 s; raise timeout, then --retry-failed goes on from this step$/,
      )
      assert.notInclude(tags(first), "Retrying")
      const reached = summary?.result?.steps ?? 0
      assert.isAbove(reached, 0)
      assert.isBelow(reached, steps)
      assert.strictEqual(lines(diary), reached)

      const longer = [trialOf(id, declaration, { timeout: 600 })]
      const again = gridOf(state, longer)
      yield* RunGrid.run(again)
      assert.deepStrictEqual(tags(again), ["Skipped"])

      yield* RunGrid.run(gridOf(state, longer, { retryFailed: true }))
      yield* checkRecord(state, id, steps)
      assert.strictEqual(lines(diary), steps, "no step was trained twice")
    }),
  )

  it.effect("for its images is not tried again before somebody asks", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      const trials = [tiny({ steps: 9, pause: 1, misbehave: { kind: "dataset", step: 0 } })]
      const options = gridOf(state, trials)
      const [summary] = yield* RunGrid.run(options)
      assert.strictEqual(summary?.result?.cause, "dataset")
      assert.strictEqual(summary?.result?.message, "made to dataset")
      assert.notInclude(tags(options), "Retrying")
      assert.isFalse(table.dataset.passes)
      const again = gridOf(state, trials)
      yield* RunGrid.run(again)
      assert.deepStrictEqual(tags(again), ["Skipped"])
    }),
  )

  it.effect("under `ulimit -v` ran out of memory, which the next run tries again", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      const trials = [tiny({ steps: 9, pause: 1, misbehave: { kind: "address", step: 6 } })]
      const limited = () =>
        gridOf(state, trials, {
          shortagePatience: { storage: "1 second", outOfMemory: "1 second" },
          command: (trial) => [
            "sh",
            "-c",
            // Node reserves some 10 GB of addresses for itself.
            'ulimit -v 33554432; exec "$@"',
            "sh",
            process.execPath,
            program,
            "--id",
            trial.id,
            "--state",
            state,
            "--patience",
            "500",
          ],
        })
      const options = limited()
      const [summary] = yield* RunGrid.run(options)
      assert.strictEqual(summary?.result?.cause, "outOfMemory")
      assert.match(
        summary?.result?.message ?? "",
        /ran out of memory: .*allocation failed.*fewer --jobs/i,
      )
      assert.include(tags(options), "Waiting")
      assert.notInclude(tags(options), "Retrying")
      const again = limited()
      yield* RunGrid.run(again)
      assert.include(tags(again), "Started")
    }),
  )

  it.effect("is counted by --max-failed, and those that have not begun then do not", () =>
    Effect.gen(function* () {
      const state = yield* makeFolder
      const failing: Tiny = { steps: 9, pause: 1, misbehave: { kind: "diverge", step: 2 } }
      const trials = [
        tiny(failing, "00000000000000a1"),
        tiny({ steps: 9, pause: 1 }, "00000000000000a2"),
        tiny(failing, "00000000000000a3"),
        tiny(failing, "00000000000000a4"),
        tiny({ steps: 9, pause: 1 }, "00000000000000a5"),
      ]
      const states = (options: ReturnType<typeof gridOf>) =>
        Effect.map(RunGrid.run(options), (all) => all.map((summary) => summary.state))
      const options = gridOf(state, trials, { jobs: 1, maxFailed: 2 })
      assert.deepStrictEqual(yield* states(options), [
        "failed",
        "finished",
        "failed",
        "planned",
        "planned",
      ])
      // Those that had failed before do not count against the next run.
      const next = gridOf(state, trials, { jobs: 1, maxFailed: 2 })
      assert.deepStrictEqual(yield* states(next), [
        "failed",
        "finished",
        "failed",
        "failed",
        "finished",
      ])
    }),
  )
})
