/**
 * All trials of one experiment file: which are left, so many at a time, until each has a result. What happened before
 * is read from the folder, so the same call continues where the last one stopped. Interrupting it stops every child
 * with a checkpoint. Left out: one trial of it (`GridTrial`), one child's life (`Supervise`), the
 * tracker, the terminal.
 */
import { Effect, Exit } from "effect"
import * as Durable from "../disk/Durable.ts"
import * as Lock from "../disk/Lock.ts"
import * as Event from "../track/Event.ts"
import type * as Spool from "../track/Spool.ts"
import * as EndOfRuns from "./EndOfRuns.ts"
import { LocalEngine } from "./engine/LocalEngine.ts"
import type { GridEvent, Options, TrialSummary } from "./GridOptions.ts"
import * as GridPage from "./GridPage.ts"
import * as GridTrial from "./GridTrial.ts"
import * as Journal from "./Journal.ts"
import { standingOf } from "./TrialStatus.ts"
import * as State from "./State.ts"

/** How all trials of a plan stand, also those that were not touched. */
export const summarize = ({ index, trials }: Pick<Options, "index" | "trials">) =>
  Effect.forEach(trials, (trial) =>
    Effect.map(standingOf(index, trial.id), ({ damage, result, state }): TrialSummary => ({
      trial,
      state,
      result,
      ...(damage === undefined ? {} : { damage }),
    })),
  )

/** Events after which nobody is at work on the trial. */
const endOfWork = new Set<GridEvent["_tag"]>([
  "Skipped",
  "Damaged",
  "Ended",
  "Stopped",
  "Elsewhere",
])

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
    else if (endOfWork.has(event._tag) && event.trial !== undefined) atWork.delete(event.trial.id)
    if (event._tag !== "Progress") yield* page.touch
    yield* options.onEvent(event)
  })
  return { page, watched: { ...options, onEvent } }
})

/** The records that are of the grid as a whole, and the spool of its run. */
const openGrid = Effect.fnUntraced(function* (options: Options) {
  const { grid, state } = options
  const startedAt = Event.now()
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
  const { index, state } = options
  const unsettled = (yield* State.trialIds(state)).filter((id) => !index.hasEnded(id))
  yield* State.sweep(state, unsettled)
  yield* options.onEndedRuns(yield* EndOfRuns.endRuns(options.index, options.stoppedPage))
  const spool = yield* openGrid(options)
  const { page, watched } = yield* keepPage(options, spool)
  const end = (status: Event.End["status"]) =>
    Effect.andThen(
      page.update,
      Effect.sync(() => spool.append({ type: "end", time: Event.now(), status })),
    )

  const engine = options.engine ?? LocalEngine
  const runner = yield* engine.open({
    state: options.state,
    name: options.grid.name,
    jobs: options.jobs,
    tell: (message) => watched.onEvent({ _tag: "Engine", trial: undefined, message }),
  })
  const chosen = options.trials.filter((trial) => options.only?.has(trial.id) ?? true)
  yield* Effect.forEach(chosen, (trial) => GridTrial.run(watched, runner, trial), {
    concurrency: runner.concurrency,
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
  yield* options.index.save
  yield* Journal.flush(spool).pipe(GridTrial.waitAloud(options, undefined))
  return summaries
}, Effect.scoped)
