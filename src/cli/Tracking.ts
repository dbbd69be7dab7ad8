/** The tracking settings of the environment, looked at before anything is started. */
import { Effect } from "effect"
import * as Settings from "../track/Settings.ts"
import { note } from "./Output.ts"

/** The settings, if a server is named; fails on what can never work, and says what was read otherwise than written. */
export const trackingSettings = Settings.read.pipe(
  Effect.tap(({ notes }) => Effect.forEach(notes, (text) => note(`warning: ${text}`))),
  Effect.map(({ settings }) => settings),
)
