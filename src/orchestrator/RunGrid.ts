/**
 * All trials of one experiment file: which are left, so many at a time, until each has a result. What happened before
 * is read from the folder, so the same call continues where the last one stopped. Interrupting it stops every child
 * with a checkpoint. Left out: one trial of it (`GridTrial`), one child's life (`Supervise`), the
 * tracker, the terminal.
 */
import * as nodePath from "node:path"
import { Effect, Exit, FileSystem } from "effect"
import * as Durable from "../disk/Durable.ts"
import * as Lock from "../disk/Lock.ts"
import { stored } from "../disk/Patience.ts"
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
  const writeMetrics = makeMetrics(options, spool)
  const writeHeadline = makeHeadline(options, spool)
  const render = Effect.map(summarize(options), (summaries) => {
    writeMetrics(summaries)
    writeHeadline(summaries)
    return options.note(
      summaries.map((summary) =>
        // Its heartbeat comes with its first step.
        summary.result === undefined && atWork.has(summary.trial.id)
          ? { ...summary, state: "running" }
          : summary,
      ),
    )
  })
  const page = yield* GridPage.keep(render, (value) =>
    spool.append({ type: "tag", key: noteKey, value }),
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
  const known = (yield* Journal.beginning(folder)).parameters
  const shared = Object.entries(options.parameters ?? {}).filter(([name]) => !(name in known))
  if (shared.length > 0) spool.append({ type: "parameters", values: Object.fromEntries(shared) })
  if (options.views !== undefined) spool.append({ type: "views", ...options.views })
  yield* writeFiles(folder, spool, options.files)
  return spool
})

/** Keeps files beside the record of the grid, for its run in the tracker. */
const writeFiles = Effect.fnUntraced(function* (
  folder: string,
  spool: Spool.Spool,
  files: Readonly<Record<string, string | Uint8Array>>,
) {
  const fs = yield* FileSystem.FileSystem
  for (const [file, content] of Object.entries(files)) {
    const path = `${folder}/${file}`
    const parent = nodePath.dirname(path)
    yield* fs.makeDirectory(parent, { recursive: true }).pipe(stored("create", parent))
    yield* Durable.replace(path, [
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    ])
    spool.append({ type: "artifact", path: file, file })
  }
})

/** Pictures and the report, as the trials stand. Without them the grid ends all the same. */
const writeEndFiles = Effect.fnUntraced(
  function* (
    { endFiles, grid, state }: Options,
    spool: Spool.Spool,
    summaries: ReadonlyArray<TrialSummary>,
  ) {
    if (endFiles === undefined) return
    const files = yield* endFiles(summaries)
    yield* writeFiles(State.gridFolder(state, grid.gridId), spool, files)
  },
  Effect.catch((error) => Effect.logWarning(`no pictures of the grid: ${error.message}`)),
)

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
  yield* writeEndFiles(options, spool, summaries)
  yield* end(summaries.some((summary) => summary.state === "failed") ? "FAILED" : "FINISHED")
  yield* options.index.save
  yield* Journal.flush(spool).pipe(GridTrial.waitAloud(options, undefined))
  return summaries
}, Effect.scoped)
