/**
 * All trials of one experiment file: which are left, so many at a time, until each has a result. What happened before
 * is read from the folder, so the same call continues where the last one stopped. Interrupting it stops every child
 * with a checkpoint. Left out: one child's life (`Supervise`), the tracker, the terminal.
 */
import { Duration, Effect, Exit, FileSystem, Schema } from "effect"
import * as Event from "../track/Event.ts"
import * as Spool from "../track/Spool.ts"
import * as Durable from "../disk/Durable.ts"
import { orUnreachable } from "../disk/Errors.ts"
import * as EndOfRuns from "./EndOfRuns.ts"
import * as GridPage from "./GridPage.ts"
import type * as Heartbeat from "./Heartbeat.ts"
import * as Lock from "../disk/Lock.ts"
import * as Result from "./Result.ts"
import { stateOf, type TrialState } from "./Standing.ts"
import * as State from "./State.ts"
import * as Supervise from "./Supervise.ts"

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
  readonly onEvent: (event: GridEvent) => Effect.Effect<void>
}

export interface TrialSummary {
  readonly trial: State.TrialFile
  readonly state: TrialState
  readonly result: Result.Result | undefined
}

/** The machine cannot run trials at all (no addon, no memory): said by a child, true for all. */
export class NotReady extends Schema.TaggedError<NotReady>()("NotReady", {
  message: Schema.String,
}) {}

class FirstFailure extends Schema.TaggedError<FirstFailure>()("FirstFailure", {}) {}

/** Puts everything of a trial aside (`<id>.1`, ...), so that it starts anew. */
const setTrialAside = Effect.fnUntraced(function* (state: string, id: string) {
  const fs = yield* FileSystem.FileSystem
  const folder = State.trialFolder(state, id)
  if (!(yield* fs.exists(folder).pipe(orUnreachable("look at", folder)))) return
  for (let n = 1; ; n++) {
    const aside = `${folder}.${n}`
    if (yield* fs.exists(aside).pipe(orUnreachable("look at", aside))) continue
    return yield* fs.rename(folder, aside).pipe(orUnreachable("rename", folder))
  }
})

const openGridSpool = (options: Options) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      Spool.open(`${State.gridFolder(options.state, options.grid.gridId)}/${Spool.fileName}`),
    ),
    (spool) => Effect.sync(() => spool.close()),
  )

const supervise = (options: Options, trial: State.TrialFile) =>
  Supervise.supervise({
    state: options.state,
    trial,
    command: options.command(trial),
    environment: options.environment,
    children: options.children,
    lostAfter: options.lostAfter ?? "15 minutes",
    patience: options.patience ?? "30 seconds",
    onProgress: (heartbeat) => options.onEvent({ _tag: "Progress", trial, heartbeat }),
    onRetry: ({ delay, failures, message }) =>
      options.onEvent({
        _tag: "Retrying",
        trial,
        message,
        failures,
        seconds: Duration.toSeconds(delay),
      }),
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

const runTrial = Effect.fnUntraced(function* (options: Options, trial: State.TrialFile) {
  const { onEvent, state } = options
  const path = State.resultFile(state, trial.id)
  if (options.restart) yield* setTrialAside(state, trial.id)
  const before = yield* Result.read(path)
  if (before?.state === "finished" || (before?.state === "failed" && !options.retryFailed)) {
    yield* onEvent({ _tag: "Skipped", trial, result: before })
    return { trial, state: before.state, result: before } satisfies TrialSummary
  }
  if (before !== undefined) yield* Result.setAside(path)
  yield* State.writeTrial(state, trial)
  for (const folder of [
    State.trialFolder(state, trial.id),
    State.checkpointFolder(state, trial.id),
  ])
    yield* Durable.sweep(folder)
  const { step } = yield* stateOf(state, trial.id)
  yield* onEvent({ _tag: "Started", trial, fromStep: step })
  const ended = yield* supervise(options, trial).pipe(
    Effect.onInterrupt(() => Effect.ignore(tellStopped(options, trial))),
  )
  if (ended._tag === "NotReady") return yield* new NotReady({ message: ended.message })
  if (ended._tag === "Superseded") {
    yield* onEvent({ _tag: "Elsewhere", trial })
    return { trial, state: "elsewhere", result: undefined } satisfies TrialSummary
  }
  yield* onEvent({ _tag: "Ended", trial, result: ended.result })
  if (options.failFast && ended.result.state === "failed") return yield* new FirstFailure()
  return { trial, state: ended.result.state, result: ended.result } satisfies TrialSummary
})

/** How all trials of a plan stand, also those that were not touched. */
export const summarize = ({ state, trials }: Pick<Options, "state" | "trials">) =>
  Effect.forEach(trials, (trial) =>
    Effect.map(stateOf(state, trial.id), ({ result, state }): TrialSummary => ({
      trial,
      state,
      result,
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
    else if (event._tag !== "Progress" && event._tag !== "Retrying") atWork.delete(event.trial.id)
    if (event._tag !== "Progress") yield* page.touch
    yield* options.onEvent(event)
  })
  return { page, watched: { ...options, onEvent } }
})

/**
 * Runs what is left of a grid. One run per state folder at a time: a second one fails with a `StorageError` whose reason
 * is Conflict. The summary has every trial of the plan, also those that were not touched.
 */
export const run = Effect.fnUntraced(function* (options: Options) {
  const { grid, state } = options
  yield* Lock.hold(state, options.typed)
  yield* options.onEndedRuns(yield* EndOfRuns.endRuns(state, options.stoppedPage))
  const startedAt = Event.now()
  yield* State.writeGrid(state, {
    ...grid,
    version: State.version,
    trials: options.trials.map((trial) => trial.id),
    startedAt,
  })
  const spool = yield* openGridSpool(options)
  spool.append({
    type: "start",
    time: startedAt,
    gridId: grid.gridId,
    experiment: grid.experiment,
    name: grid.name,
    tags: { ...options.tags },
  })
  for (const [file, text] of Object.entries(options.files)) {
    const path = `${State.gridFolder(state, grid.gridId)}/${file}`
    yield* Durable.replace(path, [new TextEncoder().encode(text)])
    spool.append({ type: "artifact", path: file, file })
  }
  const { page, watched } = yield* keepPage(options, spool)
  const end = (status: Event.End["status"]) =>
    Effect.andThen(
      page.update,
      Effect.sync(() => spool.append({ type: "end", time: Event.now(), status })),
    )

  const chosen = options.trials.filter((trial) => options.only?.has(trial.id) ?? true)
  yield* Effect.forEach(chosen, (trial) => runTrial(watched, trial), {
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
  return summaries
}, Effect.scoped)
