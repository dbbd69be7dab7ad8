/**
 * The parent of a round, as `fliqs run` is: runs a grid of tiny trials in a state folder and sends it to a tracker.
 * `node grid.ts STATE URL TRIALS STEPS [CHILD] [PAUSE]`, where CHILD is the environment of the trials as JSON and PAUSE the milliseconds of a step. Prints the process of
 * each trial as it begins.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer } from "effect"
import * as Grids from "../../src/orchestrator/Grids.ts"
import * as RunGrid from "../../src/orchestrator/RunGrid.ts"
import * as State from "../../src/orchestrator/State.ts"
import * as Settings from "../../src/track/TrackingSettings.ts"
import { layerMlflow, Tracker } from "../../src/track/Tracker.ts"
import { trialOf } from "../orchestrator/folder.ts"
import { gridOf } from "../orchestrator/supervised.ts"

export const gridId = "00000000000000ff"
export const trialIdOf = (i: number): string => (0xaa + i).toString(16).padStart(16, "0")
export const checkpointEvery = 5

const [state = "", url = "", trials = "1", steps = "20", child = "{}", pause = "2"] =
  process.argv.slice(2)

const program = Effect.gen(function* () {
  const tracker = yield* Tracker
  const all = Array.from({ length: Number(trials) }, (_, i) => ({
    ...trialOf(
      trialIdOf(i),
      { steps: Number(steps), pause: Number(pause), alarm: 3, diary: `diary-${i}` },
      { checkpointEvery },
    ),
    gridId,
  }))
  const children = new Set<number>()
  let isWatched = false
  const options = gridOf(state, all, {
    grid: { gridId, experiment: "tiny", name: "tiny", file: "tiny.yaml" },
    jobs: 2,
    retryFailed: true,
    children,
    environment: JSON.parse(child) as Record<string, string>,
    lostAfter: "30 seconds",
    shortagePatience: { storage: "6 seconds", outOfMemory: "6 seconds" },
    onEvent: (event) =>
      Effect.gen(function* () {
        if (event._tag === "Retrying") console.error(event.message)
        if (isWatched) return
        isWatched = true
        yield* tracker.startGrid(State.gridFolder(state, gridId))
        for (const { id } of all) yield* tracker.watchTrial(State.trialFolder(state, id))
      }),
  })
  const summaries = yield* Effect.scoped(RunGrid.run(options))
  const outcome = yield* tracker.flush("15 seconds")
  for (const { result, state: standing, trial } of summaries)
    console.error(`${trial.id} ${standing} ${result?.message ?? ""}`)
  console.error(`waiting ${outcome.waiting} rejected ${outcome.rejected}`)
  return summaries.every(({ state: standing }) => standing === "finished") && outcome.waiting === 0
})

if (import.meta.main) {
  const settings = { ...Settings.local(url), target: url, timeout: 2000 }
  const isDone = await Effect.runPromise(
    program.pipe(
      Effect.provide(
        Layer.merge(
          NodeServices.layer,
          layerMlflow({
            stateFolder: state,
            settings: Effect.succeed(settings),
            memberships: Grids.memberships(state).pipe(Effect.provide(NodeServices.layer)),
          }),
        ),
      ),
    ),
  )
  process.exit(isDone ? 0 : 1)
}
