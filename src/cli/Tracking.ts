/**
 * The tracker of a command: its settings, checked before anything starts, sending it the records of the state folder, and
 * the link to what it shows.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { type Duration, Effect, Option, Schedule } from "effect"
import * as Grids from "../orchestrator/Grids.ts"
import type { Tracker } from "../track/Tracker.ts"
import * as Settings from "../track/TrackingSettings.ts"
import { layerOf, type TrackSpec } from "../track/Trackers.ts"
import { hyperlink } from "./Hyperlinks.ts"
import { note, print } from "./Output.ts"

/** The settings, if a server is named; fails on settings that can never work, and warns of settings read otherwise than written. */
export const trackingSettings = Settings.read.pipe(
  Effect.tap(({ notes }) => Effect.forEach(notes, (text) => note(`warning: ${text}`))),
  Effect.map(({ settings }) => settings),
)

/** Sends what the state folder holds, as an experiment's `track` block says. */
export const layerTracker = (track: Pick<TrackSpec, "kind">, stateFolder: string) =>
  layerOf(track, {
    stateFolder,
    memberships: Grids.memberships(stateFolder).pipe(Effect.provide(NodeServices.layer)),
  })

const linkWord = "MLflow  "

/** `MLflow  http://127.0.0.1:5000/grid/1/0123456789abcdef` */
const linkLine = (link: string, stream: NodeJS.WriteStream): string =>
  linkWord + hyperlink(link, "accuracy against cost", stream, linkWord.length)

/** Sends what is left, says what could not be sent, and prints the link to the grid. */
export const sendRest = Effect.fnUntraced(function* (
  tracker: Tracker["Service"],
  gridFolder: string,
  patience: Duration.Input,
) {
  if (!tracker.sends) return
  if ((yield* tracker.status).server === undefined) yield* note("waiting for the MLflow server")
  const { problem, rejected, waiting } = yield* tracker.flush(patience)
  if (waiting > 0)
    yield* note(
      `${waiting} events are not in MLflow yet${problem === undefined ? "" : ` (${problem.message})`}; they are kept, \`fliqs sync\` sends them`,
    )
  else if (problem?.reason._tag === "Storage")
    yield* note(`not all is in MLflow: ${problem.message}`)
  if (rejected > 0) yield* note(`MLflow refused ${rejected} events for good`)
  const link = yield* tracker.gridLink(gridFolder)
  if (Option.isSome(link)) yield* print(linkLine(link.value, process.stdout))
})

/** Prints the link to the grid as soon as the tracker has it. */
export const sayLink = Effect.fnUntraced(function* (
  tracker: Tracker["Service"],
  gridFolder: string,
) {
  if (!tracker.sends) return
  const link = yield* tracker
    .gridLink(gridFolder)
    .pipe(Effect.repeat({ until: Option.isSome, schedule: Schedule.spaced("500 millis") }))
  if (Option.isNone(link)) return
  // Its views are written right after the run itself.
  yield* Effect.sleep("2 seconds")
  const settled = yield* tracker.gridLink(gridFolder)
  yield* note(
    linkLine(
      Option.getOrElse(settled, () => link.value),
      process.stderr,
    ),
  )
})
