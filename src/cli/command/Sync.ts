/** `fliqs sync`: sends events that could not be sent to MLflow when they were recorded. */
import { Effect, type Option } from "effect"
import { pathText } from "../../declaration/Errors.ts"
import * as Tracker from "../../track/Tracker.ts"
import * as EndOfRuns from "../../orchestrator/EndOfRuns.ts"
import { requireWritable, stateFolder } from "../Locations.ts"
import { stoppedPage } from "../RunOutcome.ts"
import { note, print, printJson } from "../Output.ts"
import { layerTracker, trackingSettings } from "../Tracking.ts"
import { NotReady } from "../ErrorMessages.ts"

const patience = "10 minutes"

export const run = Effect.fn("sync")(function* (input: {
  readonly state: Option.Option<string>
  readonly json: boolean
}) {
  yield* trackingSettings
  const folder = yield* stateFolder(input.state)
  yield* requireWritable(folder)
  yield* EndOfRuns.endRunsUnlessRunning(folder, "fliqs sync", stoppedPage)
  const outcome = yield* Effect.gen(function* () {
    const tracker = yield* Tracker.Tracker
    yield* tracker.watchAll
    return yield* tracker.flush(patience)
  }).pipe(Effect.provide(layerTracker({ kind: "mlflow" }, folder)))
  const { problem, rejected, server, waiting } = outcome
  // A server that is unreachable matters only if events wait for it.
  const cannotSend = problem?.reason._tag === "Storage" || problem?.reason._tag === "Unusable"
  if (input.json)
    yield* printJson({
      server: server ?? null,
      waiting,
      rejected,
      problem: problem?.message ?? null,
    })
  else if (waiting === 0 && !cannotSend)
    yield* print(
      `everything in ${pathText(folder)} is in MLflow${server === undefined ? "" : `, ${server}`}`,
    )
  if (rejected > 0) yield* note(`MLflow refused ${rejected} events for good`)
  if (waiting > 0 || cannotSend)
    return yield* new NotReady({
      message: `${waiting} events are still waiting${problem === undefined ? "" : `: ${problem.message}`}`,
    })
})
