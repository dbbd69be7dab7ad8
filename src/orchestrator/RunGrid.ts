/**
 * All trials of one experiment file: which are left, so many at a time, until each has a result. What happened before
 * is read from the folder, so the same call continues where the last one stopped. Interrupting it stops every child
 * with a checkpoint. Left out: one trial of it (`GridTrial`), one child's life (`Supervise`), the
 * tracker, the terminal.
 */
import { Effect, Exit, Schema } from "effect"
import * as Lock from "../disk/Lock.ts"
import * as Event from "../track/Event.ts"
import type * as Spool from "../track/Spool.ts"
import * as EndFiles from "./EndFiles.ts"
import * as EndOfRuns from "./EndOfRuns.ts"
import { LocalEngine } from "./engine/LocalEngine.ts"
import type { GridEvent, Options, TrialSummary } from "./GridOptions.ts"
import * as GridRecord from "./GridRecord.ts"
import * as GridPage from "./GridPage.ts"
import * as GridTrial from "./GridTrial.ts"
import * as Journal from "./Journal.ts"
import { standingOf } from "./TrialStatus.ts"
import * as State from "./State.ts"
import { noteKey } from "./TellResult.ts"

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

/** Ends the grid when as many trials have failed as `maxFailed` says. */
class EnoughFailed extends Schema.TaggedError<EnoughFailed>()("EnoughFailed", {}) {}

/** Events after which nobody is at work on the trial. */
const endOfWork = new Set<GridEvent["_tag"]>([
  "Skipped",
  "Damaged",
  "Ended",
  "Stopped",
  "Elsewhere",
])

/** Writes metrics of the grid that have changed, at the number of trials that have ended. */
const makeMetrics = ({ metrics }: Options, spool: Spool.Spool) => {
  let known: Readonly<Record<string, number>> = {}
  return (summaries: ReadonlyArray<TrialSummary>): void => {
    const values = metrics?.(summaries) ?? {}
    const changed = Object.entries(values).filter(([key, value]) => known[key] !== value)
    if (changed.length === 0) return
    known = values
    const step = summaries.filter(({ result }) => result !== undefined).length
    spool.append({
      type: "metrics",
      step,
      time: Event.now(),
      values: Object.fromEntries(changed),
    })
  }
}

/** Writes the result in a sentence when it has changed. */
const makeHeadline = ({ headline }: Options, spool: Spool.Spool) => {
  let known: string | undefined
  return (summaries: ReadonlyArray<TrialSummary>): void => {
    const text = headline?.(summaries)
    if (text === undefined || text === known) return
    known = text
    spool.append({ type: "headline", text })
  }
}

/** The page of the grid, and the options with which every event brings it up to date. */
const keepPage = Effect.fnUntraced(function* (options: Options, spool: Spool.Spool) {
  const atWork = new Set<string>()
  let isStopped = false
  const writeMetrics = makeMetrics(options, spool)
  const writeHeadline = makeHeadline(options, spool)
  const render = Effect.map(summarize(options), (summaries) => {
    writeMetrics(summaries)
    writeHeadline(summaries)
    // Its heartbeat comes with its first step.
    const isStarting = ({ result, trial }: TrialSummary) =>
      result === undefined && atWork.has(trial.id)
    return options.note(
      summaries.some(isStarting)
        ? summaries.map((summary) =>
            isStarting(summary) ? { ...summary, state: "running" } : summary,
          )
        : summaries,
    )
  })
  const page = yield* GridPage.keep(render, (value) =>
    spool.append({ type: "tag", key: noteKey, value }),
  )
  const onEvent: Options["onEvent"] = Effect.fnUntraced(function* (event) {
    if (event._tag === "Started") atWork.add(event.trial.id)
    else if (endOfWork.has(event._tag) && event.trial !== undefined) atWork.delete(event.trial.id)
    if (event._tag === "Stopped") isStopped = true
    if (event._tag !== "Progress") yield* page.touch
    yield* options.onEvent(event)
  })
  return { page, wasCancelled: () => isStopped, watched: { ...options, onEvent } }
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
  const engine = options.engine ?? LocalEngine
  const spool = yield* GridRecord.open(options, engine.kind)
  const { page, wasCancelled, watched } = yield* keepPage(options, spool)
  const end = (status: Event.End["status"]) =>
    Effect.andThen(
      page.update,
      Effect.sync(() => spool.append({ type: "end", time: Event.now(), status })),
    )

  const runner = yield* engine.open({
    state: options.state,
    name: options.grid.name,
    jobs: options.jobs,
    tell: (message) => watched.onEvent({ _tag: "Engine", trial: undefined, message }),
  })
  const chosen = options.trials.filter((trial) => options.only?.has(trial.id) ?? true)
  let failed = 0
  const runOne = Effect.fnUntraced(function* (trial: State.TrialFile) {
    if ((yield* GridTrial.run(watched, runner, trial)) !== "failed") return
    failed++
    if (failed >= (options.maxFailed ?? Infinity)) return yield* new EnoughFailed()
  })
  yield* Effect.forEach(chosen, runOne, { concurrency: runner.concurrency, discard: true }).pipe(
    Effect.catchIf(
      (error) => error._tag === "EnoughFailed",
      () => runner.cancel,
    ),
    Effect.onExit((exit) => {
      if (Exit.isSuccess(exit)) return Effect.void
      const isInterrupted = Exit.hasInterrupts(exit)
      if (isInterrupted && runner.outlivesRun) return page.update
      // What no node can run is not to be tried on all of them.
      if (!isInterrupted && runner.outlivesRun)
        return Effect.andThen(Effect.ignore(runner.cancel), end("FAILED"))
      return end(isInterrupted ? "KILLED" : "FAILED")
    }),
  )
  const summaries = yield* summarize(options)
  yield* EndFiles.write(options, spool, summaries)
  const isCancelled = wasCancelled()
  yield* end(
    summaries.some((summary) => summary.state === "failed")
      ? "FAILED"
      : isCancelled
        ? "KILLED"
        : "FINISHED",
  )
  yield* options.index.save
  yield* Journal.flush(spool).pipe(GridTrial.waitAloud(options, undefined))
  return summaries
}, Effect.scoped)
