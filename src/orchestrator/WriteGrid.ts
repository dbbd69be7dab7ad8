/**
 * A grid whose trials somebody else starts: its records and those of its trials are written, and nothing is run. Left out:
 * what is written for whom (`engine/`).
 */
import { Effect } from "effect"
import * as Lock from "../disk/Lock.ts"
import * as GridRecord from "./GridRecord.ts"
import * as GridTrial from "./GridTrial.ts"
import type { Options } from "./GridOptions.ts"
import * as Journal from "./Journal.ts"
import * as State from "./State.ts"
import { stateOf } from "./TrialStatus.ts"

/** Writes the records and returns the trials that are left; those at work somewhere are not among them. */
export const write = Effect.fnUntraced(function* (options: Options, engine: string) {
  yield* Lock.hold(State.lockFolder(options.state), options.typed)
  const spool = yield* GridRecord.open(options, engine)
  const chosen = options.trials.filter((trial) => options.only?.has(trial.id) ?? true)
  const left = yield* Effect.filter(chosen, (trial) =>
    Effect.gen(function* () {
      const before = yield* GridTrial.prepare(options, () => Effect.void, trial)
      if (before !== undefined) return false
      if ((yield* stateOf(options.state, trial.id)).state === "running") return false
      yield* GridTrial.makeReady(options.state, trial)
      return true
    }),
  )
  yield* Journal.flush(spool)
  return left
}, Effect.scoped)
