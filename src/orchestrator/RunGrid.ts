/**
 * All trials of one experiment file: which are left, so many at a time, until each has a result. What happened before
 * is read from the folder, so the same call continues where the last one stopped. Interrupting it stops every child
 * with a checkpoint. Left out: one child's life (`Supervise`), the tracker, the terminal.
 */
import { Duration, Effect, Exit, FileSystem, Schema } from "effect"
import * as Event from "../track/Event.ts"
import type * as Spool from "../track/Spool.ts"
import * as Durable from "../disk/Durable.ts"
import type { StorageError } from "../disk/Errors.ts"
import { Patience, stored } from "../disk/Patience.ts"
import * as Lock from "../disk/Lock.ts"
import * as EndOfRuns from "./EndOfRuns.ts"
import * as GridPage from "./GridPage.ts"
import type * as Heartbeat from "./Heartbeat.ts"
import * as Journal from "./Journal.ts"
import type * as Result from "./Result.ts"
import { type Damage, damageOf, stateOf, type TrialState, willRun } from "./Standing.ts"
import * as State from "./State.ts"
import * as Supervise from "./Supervise.ts"
import type * as Waiting from "./Waiting.ts"

/** What a run tells while it goes on. */
export type GridEvent =
  | { readonly _tag: "Skipped"; readonly trial: State.TrialFile; readonly result: Result.Result }
  | {
      readonly _tag: "Started"
      readonly trial: State.TrialFile
      /** Steps that an earlier process saved. */
      readonly fromStep: number
    }
  | {
      readonly _tag: "Progress"
      readonly trial: State.TrialFile
      readonly heartbeat: Heartbeat.Heartbeat
    }
  | {
      readonly _tag: "Retrying"
      readonly trial: State.TrialFile
      readonly message: string
      readonly failures: number
      readonly seconds: number
    }
  /** It waits for room, memory or open files (of the grid itself, without a trial), or goes on after that. */
  | {
      readonly _tag: "Waiting"
      readonly trial: State.TrialFile | undefined
      readonly told: Waiting.Told
    }
  /** A record of it cannot be read; it is left as it is. */
  | { readonly _tag: "Damaged"; readonly trial: State.TrialFile; readonly damage: Damage }
  | { readonly _tag: "Ended"; readonly trial: State.TrialFile; readonly result: Result.Result }
  /** It was asked to stop; so many steps are saved. */
  | { readonly _tag: "Stopped"; readonly trial: State.TrialFile; readonly step: number }
  | { readonly _tag: "Elsewhere"; readonly trial: State.TrialFile }

export interface Options {
  readonly state: string
  readonly grid: Omit<State.GridFile, "version" | "trials" | "startedAt">
  /** Markdown for the grid's page in the tracker, at the start and whenever a trial has begun or ended. */
  readonly note: (summaries: ReadonlyArray<TrialSummary>) => string
  /** The page of a grid whose run was killed. */
  readonly stoppedPage: EndOfRuns.StoppedPage
  /** Told of what was killed before, here, and is ended in the record now. */
  readonly onEndedRuns: (ended: EndOfRuns.EndedRuns) => Effect.Effect<void>
  /** Files that belong to the grid as a whole (name -> text), such as the experiment as it was written. */
  readonly files: Readonly<Record<string, string>>
  readonly tags: Readonly<Record<string, string>>
  readonly trials: ReadonlyArray<State.TrialFile>
  readonly jobs: number
  /** Only these trials (ids); all when undefined. */
  readonly only: ReadonlySet<string> | undefined
  readonly failFast: boolean
  readonly retryFailed: boolean
  readonly restart: boolean
  /** The command a person would type to continue; shown to whoever finds the folder locked. */
  readonly typed: string
  readonly command: (trial: State.TrialFile) => readonly [string, ...Array<string>]
  readonly environment: Readonly<Record<string, string>>
  /** Process groups of the children at work: for who must end them at once. */
  readonly children: Set<number>
  readonly lostAfter?: Duration.Input
  readonly patience?: Duration.Input
  readonly shortagePatience?: Supervise.ShortagePatience
  readonly onEvent: (event: GridEvent) => Effect.Effect<void>
}

export interface TrialSummary {
  readonly trial: State.TrialFile
  readonly state: TrialState
  readonly result: Result.Result | undefined
  readonly damage?: Damage
}

/** The machine cannot run trials at all (no addon, no memory): said by a child, true for all. */
export class NotReady extends Schema.TaggedError<NotReady>()("NotReady", {
  message: Schema.String,
}) {}

class FirstFailure extends Schema.TaggedError<FirstFailure>()("FirstFailure", {}) {}

const exists = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.exists(path).pipe(stored("look at", path))
})

/** Waits, and says so, while what a trial or the grid needs is away. */
const waitAloud = (options: Options, trial: State.TrialFile | undefined) =>
  Effect.provideService(Patience, {
    limit: Duration.fromInputUnsafe(
      (options.shortagePatience ?? Supervise.shortagePatience).storage,
    ),
    onWait: ({ error, secondsLeft }) =>
      options.onEvent({
        _tag: "Waiting",
        trial,
        told: { _tag: "Waiting", message: error.message, secondsLeft: Math.ceil(secondsLeft) },
      }),
    onOver: (seconds) =>
      options.onEvent({ _tag: "Waiting", trial, told: { _tag: "Over", seconds } }),
  })

/** How a trial stands that was interrupted: its process is gone, and may have finished while it was asked to stop. */
const tellStopped = Effect.fnUntraced(function* (
  { onEvent, state }: Options,
  trial: State.TrialFile,
) {
  const { result, step } = yield* stateOf(state, trial.id)
  yield* onEvent(
    result === undefined ? { _tag: "Stopped", trial, step } : { _tag: "Ended", trial, result },
  )
})

/** Puts damaged records of a trial aside (`result.1.json`, ...), one after the other, and says how it stands then. */
const repaired = Effect.fnUntraced(function* (state: string, id: string) {
  let standing = yield* stateOf(state, id)
  const records = [State.trialFile(state, id), State.resultFile(state, id)]
  for (const path of records) {
    if (standing.damage?.path !== path) continue
    yield* Durable.setAside(path)
    standing = yield* stateOf(state, id)
  }
  return standing
})

/** The trial as it goes on: one whose `trial.json` is gone keeps the threads that its journal tells of. */
const begun = Effect.fnUntraced(function* (state: string, trial: State.TrialFile) {
  if (yield* exists(State.trialFile(state, trial.id))) return trial
  const { parameters } = yield* Journal.beginning(State.trialFolder(state, trial.id))
  const threads = Number(parameters["threads"])
  return Number.isInteger(threads) && threads > 0
    ? { ...trial, execution: { ...trial.execution, threads } }
    : trial
})

/** How a trial stands once what the flags ask for is put aside; its result when it is not to be run. */
const prepare = Effect.fnUntraced(function* (options: Options, trial: State.TrialFile) {
  const { restart, retryFailed, state } = options
  const folder = State.trialFolder(state, trial.id)
  if (restart && (yield* exists(folder))) yield* Durable.setAside(folder)
  const standing = yield* retryFailed ? repaired(state, trial.id) : stateOf(state, trial.id)
  const { damage, result } = standing
  if (damage !== undefined) return standing
  if (result === undefined) return undefined
  if (result.state === "finished" || !(retryFailed || willRun(standing))) return standing
  yield* Durable.setAside(State.resultFile(state, trial.id))
  return undefined
})

const supervise = (options: Options, trial: State.TrialFile) =>
  Supervise.supervise({
    state: options.state,
    trial,
    command: options.command(trial),
    environment: options.environment,
    children: options.children,
    lostAfter: options.lostAfter ?? "15 minutes",
    patience: options.patience ?? "30 seconds",
    shortagePatience: options.shortagePatience ?? Supervise.shortagePatience,
    onProgress: (heartbeat) => options.onEvent({ _tag: "Progress", trial, heartbeat }),
    onRetry: ({ delay, failures, message }) =>
      options.onEvent({
        _tag: "Retrying",
        trial,
        message,
        failures,
        seconds: Duration.toSeconds(delay),
      }),
    onWaiting: (told) => options.onEvent({ _tag: "Waiting", trial, told }),
  })

const runTrial = Effect.fnUntraced(function* (options: Options, trial: State.TrialFile) {
  const { onEvent, state } = options
  const before = yield* prepare(options, trial)
  if (before?.damage !== undefined)
    return yield* onEvent({ _tag: "Damaged", trial, damage: before.damage })
  if (before?.result !== undefined) {
    // Its damaged file was put aside.
    if (!(yield* exists(State.trialFile(state, trial.id))))
      yield* State.writeTrial(state, yield* begun(state, trial))
    return yield* onEvent({ _tag: "Skipped", trial, result: before.result })
  }
  yield* State.writeTrial(state, yield* begun(state, trial))
  for (const folder of [
    State.trialFolder(state, trial.id),
    State.checkpointFolder(state, trial.id),
  ])
    yield* Durable.sweep(folder, "all")
  const { step } = yield* stateOf(state, trial.id)
  yield* onEvent({ _tag: "Started", trial, fromStep: step })
  const ended = yield* supervise(options, trial).pipe(
    Effect.onInterrupt(() => Effect.ignore(tellStopped(options, trial))),
  )
  if (ended._tag === "NotReady") return yield* new NotReady({ message: ended.message })
  if (ended._tag === "Superseded") return yield* onEvent({ _tag: "Elsewhere", trial })
  yield* onEvent({ _tag: "Ended", trial, result: ended.result })
  if (options.failFast && ended.result.state === "failed") return yield* new FirstFailure()
})

/**
 * Runs a trial. What its own files refuse is its own matter; only what they all need (a full disk) ends the grid.
 */
const runApart = (options: Options, trial: State.TrialFile) =>
  runTrial(options, trial).pipe(
    waitAloud(options, trial),
    Effect.catchIf(
      (error): error is StorageError => error._tag === "StorageError" && !error.passes,
      (error) => options.onEvent({ _tag: "Damaged", trial, damage: damageOf(trial.id, error) }),
    ),
  )

/** How all trials of a plan stand, also those that were not touched. */
export const summarize = ({ state, trials }: Pick<Options, "state" | "trials">) =>
  Effect.forEach(trials, (trial) =>
    Effect.map(stateOf(state, trial.id), ({ damage, result, state }): TrialSummary => ({
      trial,
      state,
      result,
      ...(damage === undefined ? {} : { damage }),
    })),
  )

/** The page of the grid, and the options with which every event brings it up to date. */
const keepPage = Effect.fnUntraced(function* (options: Options, spool: Spool.Spool) {
  const atWork = new Set<string>()
  const render = Effect.map(summarize(options), (summaries) =>
    options.note(
      summaries.map((summary) =>
        // Its heartbeat comes with its first step.
        summary.result === undefined && atWork.has(summary.trial.id)
          ? { ...summary, state: "running" }
          : summary,
      ),
    ),
  )
  const page = yield* GridPage.keep(render, (value) =>
    spool.append({ type: "tag", key: "mlflow.note.content", value }),
  )
  const onEvent: Options["onEvent"] = Effect.fnUntraced(function* (event) {
    if (event._tag === "Started") atWork.add(event.trial.id)
    else if (event._tag !== "Progress" && event._tag !== "Retrying" && event._tag !== "Waiting")
      atWork.delete(event.trial.id)
    if (event._tag !== "Progress") yield* page.touch
    yield* options.onEvent(event)
  })
  return { page, watched: { ...options, onEvent } }
})

/** The records that are of the grid as a whole, and the spool of its run. */
const openGrid = Effect.fnUntraced(function* (options: Options) {
  const { grid, state } = options
  const startedAt = Event.now()
  yield* State.sweep(state)
  yield* State.writeGrid(state, {
    ...grid,
    version: State.version,
    trials: options.trials.map((trial) => trial.id),
    startedAt,
  })
  const folder = State.gridFolder(state, grid.gridId)
  const spool = yield* Journal.openSpool(folder)
  spool.append({
    type: "start",
    time: startedAt,
    gridId: grid.gridId,
    experiment: grid.experiment,
    name: grid.name,
    tags: { ...options.tags },
  })
  for (const [file, text] of Object.entries(options.files)) {
    yield* Durable.replace(`${folder}/${file}`, [new TextEncoder().encode(text)])
    spool.append({ type: "artifact", path: file, file })
  }
  return spool
})

/**
 * Runs what is left of a grid. One run per state folder at a time: a second one fails with a `StorageError` whose reason
 * is Conflict. The summary has every trial of the plan, also those that were not touched.
 */
export const run = Effect.fnUntraced(function* (options: Options) {
  yield* Lock.hold(State.lockFolder(options.state), options.typed)
  yield* options.onEndedRuns(yield* EndOfRuns.endRuns(options.state, options.stoppedPage))
  const spool = yield* openGrid(options)
  const { page, watched } = yield* keepPage(options, spool)
  const end = (status: Event.End["status"]) =>
    Effect.andThen(
      page.update,
      Effect.sync(() => spool.append({ type: "end", time: Event.now(), status })),
    )

  const chosen = options.trials.filter((trial) => options.only?.has(trial.id) ?? true)
  yield* Effect.forEach(chosen, (trial) => runApart(watched, trial), {
    concurrency: options.jobs,
    discard: true,
  }).pipe(
    Effect.catchIf(
      (error) => error._tag === "FirstFailure",
      () => Effect.void,
    ),
    Effect.onExit((exit) => {
      if (Exit.isSuccess(exit)) return Effect.void
      return end(Exit.hasInterrupts(exit) ? "KILLED" : "FAILED")
    }),
  )
  const summaries = yield* summarize(options)
  yield* end(summaries.some((summary) => summary.state === "failed") ? "FAILED" : "FINISHED")
  yield* Journal.flush(spool).pipe(waitAloud(options, undefined))
  return summaries
}, Effect.scoped)
