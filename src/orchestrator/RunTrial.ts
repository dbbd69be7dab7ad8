/**
 * One trial in one process: what `fliqs trial --id ID --state DIR` does, and all that any engine starts.
 *
 * The way of the data, one name per station:
 *
 *     experiments/x.yaml
 *       -> declaration/Document.read        YAML with positions
 *       -> experiment/Experiment            decoded, defaults filled
 *       -> experiment/Plan.expand           matrix x seeds x controls; trial ids
 *       -> orchestrator/RunGrid, Supervise  trial.json; a child process per trial
 *       -> orchestrator/RunTrial            <- here: fence, resume, journal, checkpoints, result
 *       -> train/OneShot.run                Stream<TrainEvent>
 *       -> orchestrator/Journal             track/Spool: the journal on disk
 *       -> track/Tracker                    batches, in the parent
 *       -> MLflow
 *
 * Results leave as the assignment (path -> choice) in result.json. Left out: starting processes, retries, the network.
 */
import { Clock, type Duration, Effect, type FileSystem, Ref, type Scope, Stream } from "effect"
import { Damaged, StorageError } from "../disk/Errors.ts"
import { withoutWaiting } from "../disk/Patience.ts"
import * as Shortage from "../disk/Shortage.ts"
import type { TrialError } from "../train/Errors.ts"
import type { Train, TrainEvent } from "../train/TrainEvent.ts"
import * as Checkpoint from "./Checkpoint.ts"
import * as Fence from "./Fence.ts"
import * as InitialWeights from "./InitialWeights.ts"
import * as Journal from "./Journal.ts"
import { finite, makePulse } from "./Pulse.ts"
import * as Result from "./Result.ts"
import * as State from "./State.ts"
import { waitAloud } from "./Waiting.ts"

/** Exit codes of `fliqs trial`, which every engine understands. */
export const exitCodes = {
  done: 0,
  failed: 1,
  wrongInput: 2,
  notReady: 3,
  /** A mistake in fliqs; it may pass when it is tried again. */
  retry: 70,
  /** Memory ran out: tried again after a pause, never a crash. */
  outOfMemory: 71,
  /** A file cannot be written or read, and waiting for it was in vain: as above where it may pass. */
  storage: 74,
  /** Checkpointed: run me again. */
  stopped: 75,
  /** A newer attempt has taken over; never retried, never a failure. */
  superseded: 76,
} as const

export type Outcome =
  | { readonly _tag: "Done" }
  | { readonly _tag: "Failed"; readonly cause: (typeof Result.causes)[number] }
  | { readonly _tag: "Stopped"; readonly step: number; readonly reason: string }
  | { readonly _tag: "Superseded" }

export interface Options<E, R> {
  readonly state: string
  readonly id: string
  readonly train: Train<E, R>
  readonly cacheDirectory: string
  /** Ends, with the reason, when the trial is asked to save and go. */
  readonly stop: Effect.Effect<string>
  /** How long one operation on the state folder waits for room, open files, a file system that is away. */
  readonly storagePatience?: Duration.Input
}

/** How long after a request to stop the next step may take before the trial goes without saving. */
const patience = "10 seconds"

const failureCause = (error: TrialError): (typeof Result.causes)[number] => {
  switch (error.reason._tag) {
    case "Diverged":
      return "diverged"
    case "OutOfMemory":
      return "outOfMemory"
    case "DatasetUnusable":
      return "dataset"
    case "InvalidTrial":
      return "wrongInput"
    case "StorageUnusable":
      return "storage"
  }
}

/** The exit code for what the machine ran out of; undefined for an error that is something else. */
export const shortageCode = (error: unknown): number | undefined => {
  const shortage = isTrialError(error)
    ? shortageOf(error)
    : (Shortage.of(error) ?? (error instanceof StorageError ? "storage" : undefined))
  return shortage === undefined ? undefined : exitCodes[shortage]
}

const shortageOf = (error: TrialError): Shortage.Shortage | undefined => {
  const cause = failureCause(error)
  return cause === "outOfMemory" || cause === "storage" ? cause : undefined
}

const readTrial = Effect.fnUntraced(function* (state: string, id: string) {
  const path = State.trialFile(state, id)
  const trial = yield* State.readTrial(path)
  if (trial !== undefined) return trial
  return yield* new StorageError({
    operation: "read",
    path,
    reason: new Damaged({ message: "there is no such trial" }),
  })
})

/** Trains (or goes on with) one trial until it is done, failed, asked to stop, or superseded. */
export const run = <E, R>(
  options: Options<E, R>,
): Effect.Effect<
  Outcome,
  StorageError | TrialError | E,
  FileSystem.FileSystem | Exclude<R, Scope.Scope>
> => Effect.scoped(begin(options)).pipe(waitAloud(options.storagePatience ?? "10 minutes"))

const begin = Effect.fnUntraced(function* <E, R>(options: Options<E, R>) {
  const { id, state } = options
  const asked = Effect.map(
    options.stop,
    (reason) => ({ _tag: "Stopped", step: 0, reason }) as const,
  )
  const begun = yield* Effect.raceFirst(prepare(state, id), asked)
  if (begun._tag !== "Prepared") return begun
  const { fence, resume, trial } = begun
  yield* resume === undefined
    ? Effect.logInfo(`attempt ${fence.attempt}: starting`)
    : Effect.logInfo(`attempt ${fence.attempt}: going on from step ${resume.step}`)
  const journal = yield* Effect.raceFirst(Journal.open(state, trial), asked)
  if ("_tag" in journal) return journal
  return yield* attempt({ ...options, fence, journal, resume, trial })
})

const prepare = Effect.fnUntraced(function* (state: string, id: string) {
  const trial = yield* readTrial(state, id)
  if ((yield* Result.read(State.resultFile(state, id))) !== undefined)
    return { _tag: "Done" } as const
  const fence = yield* Fence.enter(State.trialFolder(state, id))
  const resume = yield* Checkpoint.readNewest(State.checkpointFolder(state, id), "setAside")
  return { _tag: "Prepared", trial, fence, resume } as const
})

interface Attempt<E, R> extends Options<E, R> {
  readonly trial: State.TrialFile
  readonly fence: Fence.Fence
  readonly resume: Checkpoint.Checkpoint | undefined
  readonly journal: Journal.Journal
}

const attempt = Effect.fnUntraced(function* <E, R>(options: Attempt<E, R>) {
  const { fence, id, journal, resume, state, trial } = options
  const checkpoints = State.checkpointFolder(state, id)
  const pulse = yield* makePulse(State.heartbeatFile(state, id), fence.attempt)
  const startedAt = yield* Clock.currentTimeMillis
  const elapsed = Effect.map(
    Clock.currentTimeMillis,
    (now) => (resume?.seconds ?? 0) + (now - startedAt) / 1000,
  )
  let step = resume?.step ?? 0
  let saved = step
  let training = false
  let stopReason: string | undefined

  const conclude = Effect.fnUntraced(function* (
    part: Pick<Result.Result, "state" | "metrics" | "assignment" | "layers"> &
      Partial<Pick<Result.Result, "cause" | "message">>,
  ) {
    yield* Result.publish(State.resultFile(state, id), {
      version: State.version,
      id,
      ...part,
      steps: step,
      seconds: yield* elapsed,
      attempt: fence.attempt,
      finishedAt: yield* Clock.currentTimeMillis,
      warnings: pulse.warnings(),
      ...pulse.arithmetic(),
    })
  })

  const finish = Effect.fnUntraced(function* (event: Extract<TrainEvent, { type: "finished" }>) {
    journal.metrics(step, event.metrics)
    yield* journal.artifact("assignment.json", `${JSON.stringify(event.assignment, null, 2)}\n`)
    yield* journal.artifact("layers.json", `${JSON.stringify(event.layers, null, 2)}\n`)
    yield* pulse.beat(step, yield* elapsed, true)
    journal.end("FINISHED")
    // No result stands before all that led to it is written down.
    yield* journal.flush
    yield* conclude({
      state: "finished",
      metrics: finite(event.metrics),
      assignment: event.assignment,
      layers: event.layers,
    })
    return { _tag: "Done" } as const
  })

  const save = Effect.fnUntraced(function* (event: Extract<TrainEvent, { type: "checkpoint" }>) {
    const snapshot = event.snapshot()
    yield* journal.flush
    yield* Checkpoint.write(checkpoints, {
      ...snapshot,
      attempt: fence.attempt,
      seconds: yield* elapsed,
    })
    saved = event.step
  })

  /** The outcome when this event ends the attempt. */
  const handle = Effect.fnUntraced(function* (
    event: TrainEvent,
  ): Effect.fn.Return<Outcome | undefined, StorageError, FileSystem.FileSystem> {
    if (yield* Fence.isSuperseded(fence)) return { _tag: "Superseded" }
    if (event.type === "finished") return yield* finish(event)
    yield* journal.tell(event)
    if (event.type === "arithmetic") pulse.reckon(event.arithmetic)
    if (event.type === "warning") {
      pulse.warn(event)
      // At once: a trial that goes on from the checkpoint after this step is not warned again.
      yield* pulse.beat(step, yield* elapsed, true)
      yield* Effect.logWarning(event.message)
    }
    if (event.type === "metrics") pulse.tell(event.values)
    if (event.type !== "checkpoint") return undefined
    training = true
    step = event.step
    yield* pulse.beat(step, yield* elapsed, false)
    const due = step - saved >= trial.execution.checkpointEvery || step >= trial.steps
    if ((due && step > saved) || stopReason !== undefined) yield* save(event)
    return stopReason === undefined
      ? undefined
      : ({ _tag: "Stopped", step, reason: stopReason } as const)
  })

  const consume = Effect.gen(function* () {
    const initial = trial.execution.initial
    const read = initial === undefined ? Effect.undefined : InitialWeights.read(initial)
    // A trial that goes on needs them for its retraining only.
    const weights = yield* resume === undefined ? read : Effect.orElseSucceed(read, () => undefined)
    const outcome = yield* Ref.make<Outcome | undefined>(undefined)
    const events = options.train(
      { id, declaration: trial.declaration },
      {
        ...(resume === undefined ? {} : { resume }),
        ...(weights === undefined ? {} : { initial: weights }),
        threads: trial.execution.threads,
        cacheDirectory: options.cacheDirectory,
        eager: trial.execution.eager,
        ...(trial.execution.folder === undefined ? {} : { folder: trial.execution.folder }),
      },
    )
    yield* Stream.runForEachWhile(events, (event) =>
      Effect.gen(function* () {
        const ended = yield* handle(event)
        yield* Ref.set(outcome, ended)
        return ended === undefined
      }),
    )
    const ended = yield* Ref.get(outcome)
    return ended ?? (yield* Effect.die(new Error("training ended without `finished`")))
  })

  const asked = Effect.gen(function* () {
    stopReason = yield* options.stop
    yield* Effect.logInfo(`asked to stop: ${stopReason}`)
    if (training) yield* Effect.sleep(patience)
    return { _tag: "Stopped", step: saved, reason: stopReason } as const
  })

  const outcome: Outcome = yield* Effect.raceFirst(consume, asked).pipe(
    Effect.catchIf(
      (error): error is TrialError => isTrialError(error) && !error.isRetryable,
      Effect.fnUntraced(function* (error) {
        if (yield* Fence.isSuperseded(fence)) return { _tag: "Superseded" } as const
        const message = error.reason.message
        yield* Effect.logError(`failed at step ${error.step}: ${message}`)
        const cause = failureCause(error)
        journal.end("FAILED", message)
        yield* journal.flush
        yield* conclude({
          state: "failed",
          metrics: pulse.metrics(),
          assignment: {},
          layers: [],
          cause,
          message,
        })
        return { _tag: "Failed", cause } as const
      }),
    ),
  )
  if (outcome._tag === "Stopped") {
    journal.end("KILLED", outcome.reason)
    yield* Effect.ignore(withoutWaiting(journal.flush))
  }
  return outcome
})

const isTrialError = (error: unknown): error is TrialError =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "TrialError"
