/**
 * Trials that a state folder knows by an id of an earlier version: they keep that id, so results are found and unfinished
 * trials go on.
 *
 * Earlier versions gave trials that train alike one id for each target and each cell. If the folder has one of these ids and
 * not the shared id of today, the planned trial takes the earlier id and its declaration.
 */
import { Effect } from "effect"
import type { FileSystem } from "effect"
import { trialId } from "./Identity.ts"
import { asFormer, type PlannedTrial } from "./PlannedTrial.ts"

export type Standing = "finished" | "begun" | "unknown"

/** Reads the state of a trial in a state folder. */
export type StandingOf = (id: string) => Effect.Effect<Standing, never, FileSystem.FileSystem>

const useEarlierId = Effect.fnUntraced(function* (trial: PlannedTrial, standingOf: StandingOf) {
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

/** Each trial under the id that the folder knows; a finished trial is preferred to a begun one. */
export const useEarlierIds = (
  trials: ReadonlyArray<PlannedTrial>,
  standingOf: StandingOf | undefined,
): Effect.Effect<ReadonlyArray<PlannedTrial>, never, FileSystem.FileSystem> =>
  standingOf === undefined
    ? Effect.succeed(trials)
    : Effect.forEach(trials, (trial) =>
        trial.former.length === 0 ? Effect.succeed(trial) : useEarlierId(trial, standingOf),
      )
