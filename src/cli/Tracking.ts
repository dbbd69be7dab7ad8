/** The tracker of a command: its settings, checked before anything starts, and sending it the records of the state folder. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import * as Grids from "../orchestrator/Grids.ts"
import * as Settings from "../track/TrackingSettings.ts"
import { layerOf, type TrackSpec } from "../track/Trackers.ts"
import { note } from "./Output.ts"

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
