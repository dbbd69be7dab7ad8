/**
 * How a trial stands in the state folder, by its records: what `list`, `plan`, `compare` and the next `run` go by.
 * Left out: running it (`RunGrid`).
 */
import { Effect, FileSystem } from "effect"
import { hostname } from "node:os"
import { orUnreachable } from "../disk/Errors.ts"
import * as Lock from "../disk/Lock.ts"
import * as Checkpoint from "./Checkpoint.ts"
import * as Heartbeat from "./Heartbeat.ts"
import * as Result from "./Result.ts"
import * as State from "./State.ts"

/** `planned`: never started. `stopped`: has begun and is not running. `elsewhere`: a newer attempt has it. */
export const trialStates = [
  "planned",
  "stopped",
  "running",
  "finished",
  "failed",
  "elsewhere",
] as const
export type TrialState = (typeof trialStates)[number]

/** By its process on this machine; on another one by a heartbeat of the last minutes. */
const seemsAlive = ({ host, pid, time }: Heartbeat.Heartbeat): boolean =>
  host === hostname()
    ? Lock.isRunning(pid) && Date.now() - time < 900_000
    : Date.now() - time < 120_000

/** How a trial stands in the folder, when no `run` of ours is at work on it. */
export const stateOf = Effect.fnUntraced(function* (state: string, id: string) {
  const fs = yield* FileSystem.FileSystem
  const result = yield* Result.read(State.resultFile(state, id))
  if (result !== undefined)
    return { state: result.state satisfies TrialState, result, step: result.steps }
  const heartbeat = yield* Heartbeat.read(State.heartbeatFile(state, id))
  const folder = State.checkpointFolder(state, id)
  const saved = (yield* fs.exists(folder).pipe(orUnreachable("look at", folder)))
    ? (yield* Checkpoint.list(folder))[0]?.step
    : undefined
  const isAlive = heartbeat !== undefined && seemsAlive(heartbeat)
  const begun = heartbeat !== undefined || saved !== undefined
  const now: TrialState = isAlive ? "running" : begun ? "stopped" : "planned"
  return { state: now, result: undefined, step: isAlive ? heartbeat.step : (saved ?? 0), heartbeat }
})
