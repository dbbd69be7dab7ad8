/**
 * One trial of a grid: what the flags ask for is put aside, what is left is supervised. Left out: which trials
 * (`RunGrid`), one child's life (`Supervise`).
 */
import { Duration, Effect, FileSystem, Schema } from "effect"
import * as Durable from "../disk/Durable.ts"
import type { StorageError } from "../disk/Errors.ts"
import { Patience, stored } from "../disk/Patience.ts"
import * as Journal from "./Journal.ts"
import type { Options } from "./GridOptions.ts"
import { damageOf, stateOf, willRun } from "./TrialStatus.ts"
import { labelsText, relabel } from "./Relabel.ts"
import * as State from "./State.ts"
import type { Runner } from "./engine/Engine.ts"
import * as Supervise from "./Supervise.ts"

/** The machine cannot run trials at all (no addon, no memory): one child reports it, it holds for all. */
export class NotReady extends Schema.TaggedError<NotReady>()("NotReady", {
  message: Schema.String,
}) {}

const exists = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.exists(path).pipe(stored("look at", path))
})

/** Waits, and says so, while what a trial or the grid needs is away. */
export const waitAloud = (options: Options, trial: State.TrialFile | undefined) =>
  Effect.provideService(Patience, {
    limit: Duration.fromInputUnsafe(
      (options.shortagePatience ?? Supervise.shortagePatience).storage,
    ),
    onWait: ({ error, secondsLeft }) =>
      options.onEvent({
        _tag: "Waiting",
        trial,
        notice: { _tag: "Waiting", message: error.message, secondsLeft: Math.ceil(secondsLeft) },
      }),
    onOver: (seconds) =>
      options.onEvent({ _tag: "Waiting", trial, notice: { _tag: "Over", seconds } }),
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

/** The trial as it goes on: one whose `trial.json` is gone keeps the threads that its journal names. */
const begun = Effect.fnUntraced(function* (state: string, trial: State.TrialFile) {
  if (yield* exists(State.trialFile(state, trial.id))) return trial
  const { parameters } = yield* Journal.beginning(State.trialFolder(state, trial.id))
  const threads = Number(parameters["threads"])
  return Number.isInteger(threads) && threads > 0
    ? { ...trial, execution: { ...trial.execution, threads } }
    : trial
})

/** How a trial stands once what the flags ask for is put aside; its result when it is not to be run. */
export const prepare = Effect.fnUntraced(function* (
  options: Options,
  withdraw: Runner["withdraw"],
  trial: State.TrialFile,
) {
  const { restart, retryFailed, state } = options
  const folder = State.trialFolder(state, trial.id)
  if (restart) yield* withdraw(trial.id)
  if (restart && (yield* exists(folder))) yield* Durable.setAside(folder)
  const standing = yield* retryFailed ? repaired(state, trial.id) : stateOf(state, trial.id)
  const { damage, result } = standing
  if (damage !== undefined) return standing
  if (result === undefined) return undefined
  if (result.state === "finished" || !(retryFailed || willRun(standing))) return standing
  yield* Durable.setAside(State.resultFile(state, trial.id))
  return undefined
})

const supervise = (
  options: Options,
  runner: Runner,
  trial: State.TrialFile,
  onBegin: Effect.Effect<void>,
) =>
  Supervise.supervise(runner, {
    state: options.state,
    trial,
    command: options.command(trial),
    environment: options.environment,
    children: options.children,
    lostAfter: options.lostAfter ?? "15 minutes",
    patience: options.patience ?? "30 seconds",
    shortagePatience: options.shortagePatience ?? Supervise.shortagePatience,
    onBegin,
    onProgress: (heartbeat) => options.onEvent({ _tag: "Progress", trial, heartbeat }),
    onRetry: ({ delay, failures, message }) =>
      options.onEvent({
        _tag: "Retrying",
        trial,
        message,
        failures,
        seconds: Duration.toSeconds(delay),
      }),
    onWaiting: (notice) => options.onEvent({ _tag: "Waiting", trial, notice }),
  })

/** Makes the folder ready for a new process; one at work keeps its files. */
export const makeReady = Effect.fnUntraced(function* (state: string, trial: State.TrialFile) {
  yield* State.writeTrial(state, yield* begun(state, trial))
  for (const folder of [
    State.trialFolder(state, trial.id),
    State.checkpointFolder(state, trial.id),
  ])
    yield* Durable.sweep(folder, "all")
})

/** The result of a trial that is finished and has its labels, by the index: nothing of it is read or written. */
const settledResult = Effect.fnUntraced(function* (
  { index, restart }: Options,
  trial: State.TrialFile,
) {
  if (restart) return undefined
  const found = yield* Effect.orElseSucceed(index.find(trial.id), () => undefined)
  if (found?.trial === undefined || found.result?.state !== "finished") return undefined
  const isLabelled = trial.labels === undefined || found.labels === labelsText(trial)
  return isLabelled ? found.result : undefined
})

const runTrial = Effect.fnUntraced(function* (
  options: Options,
  runner: Runner,
  trial: State.TrialFile,
) {
  const { onEvent, state } = options
  const settled = yield* settledResult(options, trial)
  if (settled !== undefined) return yield* onEvent({ _tag: "Skipped", trial, result: settled })
  const before = yield* prepare(options, runner.withdraw, trial)
  if (before?.damage !== undefined)
    return yield* onEvent({ _tag: "Damaged", trial, damage: before.damage })
  if (before?.result !== undefined) {
    // Its damaged file was put aside.
    if (!(yield* exists(State.trialFile(state, trial.id))))
      yield* State.writeTrial(state, yield* begun(state, trial))
    yield* relabel(state, trial, before.result)
    return yield* onEvent({ _tag: "Skipped", trial, result: before.result })
  }
  if (!runner.isAtWork(trial.id)) yield* makeReady(state, trial)
  let isBegun = false
  const begin = Effect.gen(function* () {
    if (isBegun) return
    isBegun = true
    const fromStep = yield* Effect.map(stateOf(state, trial.id), ({ step }) => step).pipe(
      Effect.orElseSucceed(() => 0),
    )
    yield* onEvent({ _tag: "Started", trial, fromStep })
  })
  const context = yield* Effect.context<FileSystem.FileSystem>()
  const supervised = supervise(options, runner, trial, Effect.provideContext(begin, context))
  const ended = yield* runner.outlivesRun
    ? supervised
    : supervised.pipe(Effect.onInterrupt(() => Effect.ignore(tellStopped(options, trial))))
  if (ended._tag === "NotReady") return yield* new NotReady({ message: ended.message })
  if (ended._tag === "Cancelled") return yield* tellStopped(options, trial)
  if (ended._tag === "Superseded") return yield* onEvent({ _tag: "Elsewhere", trial })
  yield* onEvent({ _tag: "Ended", trial, result: ended.result })
  return ended.result.state === "failed" ? "failed" : "over"
})

/**
 * Runs a trial. What its own files refuse is its own matter; only what they all need (a full disk) ends the grid.
 */
export const run = (options: Options, runner: Runner, trial: State.TrialFile) =>
  runTrial(options, runner, trial).pipe(
    waitAloud(options, trial),
    Effect.catchIf(
      (error): error is StorageError => error._tag === "StorageError" && !error.passes,
      (error) => options.onEvent({ _tag: "Damaged", trial, damage: damageOf(trial.id, error) }),
    ),
  )
