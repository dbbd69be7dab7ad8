/**
 * How a trial stands in the state folder, by its records: what `list`, `plan`, `compare` and the next `run` go by. A
 * record that cannot be read is this one trial's matter: its state is `damaged`, with the path and what puts it right.
 * Left out: running it (`RunGrid`).
 */
import { Effect, FileSystem } from "effect"
import { hostname, uptime } from "node:os"
import type { StorageError } from "../disk/Errors.ts"
import { stored } from "../disk/Patience.ts"
import * as Process from "../disk/Process.ts"
import { mayPass } from "./Causes.ts"
import * as Checkpoint from "./Checkpoint.ts"
import * as Heartbeat from "./Heartbeat.ts"
import * as Result from "./Result.ts"
import * as State from "./State.ts"
import type * as TrialIndex from "./TrialIndex.ts"

/**
 * `planned`: never started. `stopped`: has begun and is not running. `elsewhere`: a newer attempt has it. `damaged`: a
 * record of it cannot be read.
 */
export const trialStates = [
  "planned",
  "stopped",
  "running",
  "finished",
  "failed",
  "elsewhere",
  "damaged",
] as const
export type TrialState = (typeof trialStates)[number]

/** What is wrong with a record. */
export interface Damage {
  readonly path: string
  readonly message: string
  /** What puts it right. */
  readonly fix: string
}

interface StatusOf<R> {
  readonly state: TrialState
  readonly result: R | undefined
  /** Steps that are done and saved; of a running trial, done. */
  readonly step: number
  readonly damage?: Damage
}

export type TrialStatus = StatusOf<Result.Result>
/** The same, with what is kept in memory of a result. */
export type TrialStanding = StatusOf<Result.Summary>

/** Whether `run` trains it when nothing else is asked for. */
export const willRun = ({ result, state }: Pick<TrialStanding, "result" | "state">): boolean =>
  state === "failed" ? mayPass(result?.cause) : state !== "finished" && state !== "damaged"

const fixOf = (id: string, { fix, reason }: StorageError): string => {
  const run = `\`fliqs run EXPERIMENT --only ${id}\``
  const restart = `${run} with --restart starts the trial from scratch and keeps what is there beside it`
  switch (reason._tag) {
    case "Damaged":
      return `${run} with --retry-failed puts the file aside and goes on from the checkpoint; with --restart it starts the trial from scratch`
    case "NewerVersion":
      return `use the newer fliqs that wrote it; ${restart}`
    case "Conflict":
      return "wait for the other process"
    case "Unreachable":
      return `${fix ?? "make it readable"}; ${restart}`
  }
}

export const damageOf = (id: string, error: StorageError): Damage => ({
  path: error.path,
  message: error.reason.message,
  fix: fixOf(id, error),
})

/** Lacking on the machine, and no fault of the file. */
const isOfTheMachine = ({ reason }: StorageError): boolean =>
  reason._tag === "Unreachable" &&
  ["EMFILE", "ENFILE", "ENOMEM", "EAGAIN"].includes(reason.code ?? "")

/** By its process on this machine; on another one by a heartbeat of the last minutes. */
const seemsAlive = (heartbeat: Heartbeat.Heartbeat): boolean => {
  const { host, pid, processStart = "", time, uptime: at } = heartbeat
  if (host !== hostname()) return Math.abs(Date.now() - time) < 120_000
  const age = at === undefined ? (Date.now() - time) / 1000 : uptime() - at
  return age < 900 && Process.isRunning({ pid, start: processStart })
}

/** How a trial without a result stands, by its heartbeat and its checkpoints. */
const lookAtWork = Effect.fnUntraced(function* (state: string, id: string) {
  const fs = yield* FileSystem.FileSystem
  const heartbeat = yield* Heartbeat.read(State.heartbeatFile(state, id))
  const folder = State.checkpointFolder(state, id)
  const saved = (yield* fs.exists(folder).pipe(stored("look at", folder)))
    ? (yield* Checkpoint.list(folder))[0]?.step
    : undefined
  const isAlive = heartbeat !== undefined && seemsAlive(heartbeat)
  const begun = heartbeat !== undefined || saved !== undefined
  const now: TrialState = isAlive ? "running" : begun ? "stopped" : "planned"
  return { state: now, result: undefined, step: isAlive ? heartbeat.step : (saved ?? 0) }
})

const look = Effect.fnUntraced(function* (state: string, id: string) {
  yield* State.readTrial(State.trialFile(state, id))
  const result = yield* Result.read(State.resultFile(state, id))
  if (result !== undefined) return { state: result.state, result, step: result.steps }
  return yield* lookAtWork(state, id)
})

/** What makes a trial damaged is no error. */
const orDamaged =
  (id: string) =>
  <S extends TrialStanding, R>(effect: Effect.Effect<S, StorageError, R>) =>
    Effect.catchIf(
      effect,
      (error) => !isOfTheMachine(error),
      (error) =>
        Effect.succeed({
          state: "damaged" as const,
          result: undefined,
          step: 0,
          damage: damageOf(id, error),
        }),
    )

/** How a trial stands in the folder, when no `run` of ours is at work on it. */
export const stateOf = (
  state: string,
  id: string,
): Effect.Effect<TrialStatus, StorageError, FileSystem.FileSystem> => orDamaged(id)(look(state, id))

/** The same by the index of the folder, which is looked up in place of records that have not changed. */
export const standingOf = (
  index: TrialIndex.TrialIndex,
  id: string,
): Effect.Effect<TrialStanding, StorageError, FileSystem.FileSystem> =>
  Effect.flatMap(index.find(id), (entry) => {
    const result = entry?.result
    return result === undefined
      ? lookAtWork(index.state, id)
      : Effect.succeed<TrialStanding>({ state: result.state, result, step: result.steps })
  }).pipe(orDamaged(id))
