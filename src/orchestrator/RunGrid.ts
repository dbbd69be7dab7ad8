/**
 * All trials of one experiment file: which are left, so many at a time, until each has a result. What happened before
 * is read from the folder, so the same call continues where the last one stopped. Interrupting it stops every child
 * with a checkpoint. Left out: one trial of it (`GridTrial`), one child's life (`Supervise`), the
 * tracker, the terminal.
 */
import { type Duration, Effect, Exit } from "effect"
import * as Durable from "../disk/Durable.ts"
import * as Lock from "../disk/Lock.ts"
import * as Event from "../track/Event.ts"
import type * as Spool from "../track/Spool.ts"
import * as EndOfRuns from "./EndOfRuns.ts"
import * as GridPage from "./GridPage.ts"
import * as GridTrial from "./GridTrial.ts"
import type * as Heartbeat from "./Heartbeat.ts"
import * as Journal from "./Journal.ts"
import type * as Result from "./Result.ts"
import { type Damage, stateOf, type TrialState } from "./Standing.ts"
import * as State from "./State.ts"
import type { ShortagePatience } from "./Supervise.ts"
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
  readonly shortagePatience?: ShortagePatience
  readonly onEvent: (event: GridEvent) => Effect.Effect<void>
}

export interface TrialSummary {
  readonly trial: State.TrialFile
  readonly state: TrialState
  readonly result: Result.Result | undefined
  readonly damage?: Damage
}

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
  yield* Effect.forEach(chosen, (trial) => GridTrial.run(watched, trial), {
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
  yield* Journal.flush(spool).pipe(GridTrial.waitAloud(options, undefined))
  return summaries
}, Effect.scoped)
