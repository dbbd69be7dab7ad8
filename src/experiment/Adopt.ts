/**
 * A trial that a state folder knows by an id from before: it is found there, and goes on under that id.
 *
 * Trials that train alike had an id for each target and each cell once. Where the folder has one of these and not the one
 * that they share now, the planned trial is that one, with its declaration: results are found, begun ones go on.
 */
import { Effect } from "effect"
import type { FileSystem } from "effect"
import { trialId } from "./Identity.ts"
import { asFormer, type PlannedTrial } from "./PlannedTrial.ts"

export type Standing = "finished" | "begun" | "unknown"

/** How a trial stands in a state folder. */
export type StandingOf = (id: string) => Effect.Effect<Standing, never, FileSystem.FileSystem>

const adoptOne = Effect.fnUntraced(function* (trial: PlannedTrial, standingOf: StandingOf) {
  const known = yield* Effect.forEach([undefined, ...trial.former], (former) =>
    Effect.map(standingOf(former === undefined ? trial.id : trialId(former)), (standing) => ({
      former,
      standing,
    })),
  )
  const found =
    known.find(({ standing }) => standing === "finished") ??
    known.find(({ standing }) => standing === "begun")
  return found?.former === undefined ? trial : asFormer(trial, found.former)
})

/** Each trial under the id by which the folder knows it, finished ones before begun ones. */
export const adopt = (
  trials: ReadonlyArray<PlannedTrial>,
  standingOf: StandingOf | undefined,
): Effect.Effect<ReadonlyArray<PlannedTrial>, never, FileSystem.FileSystem> =>
  standingOf === undefined
    ? Effect.succeed(trials)
    : Effect.forEach(trials, (trial) =>
        trial.former.length === 0 ? Effect.succeed(trial) : adoptOne(trial, standingOf),
      )
