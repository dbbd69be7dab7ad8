/** The tracker of a command: its settings, looked at before anything is started, and what it is told of the state folder. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import * as Grids from "../orchestrator/Grids.ts"
import * as Settings from "../track/TrackingSettings.ts"
import { layerOf, type TrackSpec } from "../track/Trackers.ts"
import { note } from "./Output.ts"

/** The settings, if a server is named; fails on what can never work, and says what was read otherwise than written. */
export const trackingSettings = Settings.read.pipe(
  Effect.tap(({ notes }) => Effect.forEach(notes, (text) => note(`warning: ${text}`))),
  Effect.map(({ settings }) => settings),
)

/** Sends what the state folder holds, as a block of an experiment says. */
export const layerTracker = (track: Pick<TrackSpec, "kind">, stateFolder: string) =>
  layerOf(track, {
    stateFolder,
    memberships: Grids.memberships(stateFolder).pipe(Effect.provide(NodeServices.layer)),
  })
