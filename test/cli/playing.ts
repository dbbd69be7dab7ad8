/** Plays a made-up grid of trials on the progress display, for tests in a terminal: playing.ts TRIALS JOBS MILLISECONDS. */
import { Effect } from "effect"
import { make } from "../../src/cli/progress/ProgressDisplay.ts"
import type { GridEvent } from "../../src/orchestrator/GridOptions.ts"
import type { TrialFile } from "../../src/orchestrator/State.ts"

const [count = 6, jobs = 2, pause = 20] = process.argv.slice(2).map(Number)
const steps = 400

const names = [
  "peak=0.1 seed=1",
  "探索=小さい seed=2",
  "evolution,population=8 target.times=0.5 seed=3",
]
const trials = Array.from({ length: count }, (_, i) => ({
  id: `${i}`.padStart(16, "0"),
  name: names[i % names.length],
  steps,
  parameters: { "reward.cost.kind": "gbops" },
})) as unknown as ReadonlyArray<TrialFile>

const play = Effect.fnUntraced(function* (
  show: (event: GridEvent) => Effect.Effect<void>,
  trial: TrialFile,
) {
  const tell = (event: object) => show({ trial, ...event } as unknown as GridEvent)
  yield* tell({ _tag: "Started", fromStep: 0 })
  yield* Effect.sleep(pause)
  for (let step = 10; step <= steps; step += 10) {
    const metrics = {
      "train/loss": 2.3 - step / 300,
      "search/cost": 0.0123,
      "search/quality": step / 500,
      "search/reward": step / 500 - 0.01,
      "search/entropy": 1 - step / 500,
    }
    const warnings =
      step < 200
        ? []
        : [{ alarm: "a", message: "the reward does not tell the proposals apart; ".repeat(3) }]
    yield* tell({
      _tag: "Progress",
      heartbeat: { step, stepsPerSecond: 10_000 / pause, metrics, warnings },
    })
    yield* Effect.sleep(pause)
  }
  yield* tell({
    _tag: "Ended",
    result: { state: "finished", metrics: { "final/accuracy": 0.5 }, seconds: 1, warnings: [] },
  })
})

await Effect.gen(function* () {
  const show = yield* make(trials, jobs)
  yield* Effect.forEach(trials, (trial) => play(show, trial), { concurrency: jobs, discard: true })
}).pipe(Effect.scoped, Effect.runPromise)
process.stderr.write("the end\n")
