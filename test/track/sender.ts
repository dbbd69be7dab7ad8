/** Sends everything of a state folder to a server, as `fliqs sync` does: a process for tests to kill. */
import { Effect } from "effect"
import * as Settings from "../../src/track/TrackingSettings.ts"
import { layerMlflow, Tracker } from "../../src/track/Tracker.ts"

const [stateFolder, url] = process.argv.slice(2)

const outcome = await Effect.runPromise(
  Effect.flatMap(Tracker, (tracker) =>
    Effect.andThen(tracker.watchAll, tracker.flush("4 minutes")),
  ).pipe(
    Effect.provide(
      layerMlflow({ stateFolder: stateFolder!, settings: Effect.succeed(Settings.local(url!)) }),
    ),
  ),
)
process.exitCode = outcome.waiting === 0 && outcome.problem === undefined ? 0 : 1
