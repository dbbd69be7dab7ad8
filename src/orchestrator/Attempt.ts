/**
 * One attempt at a trial, step by step: events of the training become the journal, heartbeats, checkpoints and the result,
 * until the trial is done, failed, asked to stop, or superseded. Left out: beginning it (`RunTrial.ts`).
 */
import { Clock, Effect, type FileSystem, Ref, Stream } from "effect"
import * as Durable from "../disk/Durable.ts"
import type { StorageError } from "../disk/Errors.ts"
import * as Monotonic from "../disk/Monotonic.ts"
import * as Installation from "../disk/Installation.ts"
import { withoutWaiting } from "../disk/Patience.ts"
import type { TrialError } from "../train/Errors.ts"
import * as KeptModel from "../train/KeptModel.ts"
import type { Train, TrainEvent } from "../train/TrainEvent.ts"
import type { Cause } from "./Causes.ts"
import * as Checkpoint from "./Checkpoint.ts"
import { failureCause, isTrialError } from "./ExitCode.ts"
import * as Fence from "./Fence.ts"
import * as HeartbeatWriter from "./HeartbeatWriter.ts"
import * as InitialWeights from "./InitialWeights.ts"
import type * as Journal from "./Journal.ts"
import * as Result from "./Result.ts"
import * as State from "./State.ts"
import * as SystemMetrics from "./SystemMetrics.ts"
import { tellNote, tellResult } from "./TellResult.ts"
import type { TrialPage } from "./TrialPage.ts"

export type Outcome =
  | { readonly _tag: "Done" }
  | { readonly _tag: "Failed"; readonly cause: Cause }
  | { readonly _tag: "Stopped"; readonly step: number; readonly reason: string }
  | { readonly _tag: "Superseded" }

/** What an attempt is given. */
export interface Options<E, R> {
  readonly state: string
  readonly train: Train<E, R>
  readonly cacheDirectory: string
  readonly page: TrialPage
  /** Ends, with the reason, when the trial is asked to save and go. */
  readonly stop: Effect.Effect<string>
  readonly trial: State.TrialFile
  readonly fence: Fence.Fence
  readonly resume: Checkpoint.Checkpoint | undefined
  readonly journal: Journal.Journal
}

/** An attempt at work. */
interface Attempt {
  readonly state: string
  readonly trial: State.TrialFile
  readonly fence: Fence.Fence
  readonly journal: Journal.Journal
  readonly heartbeat: HeartbeatWriter.HeartbeatWriter
  readonly page: TrialPage
  readonly meter: SystemMetrics.SystemMeter
  /** By the clock that only goes forward. */
  readonly startedAt: number
  /** Seconds of training of earlier attempts. */
  readonly secondsBefore: number
  /** Completed steps. */
  step: number
  /** Steps that the newest checkpoint has. */
  savedStep: number
  /** Whether this attempt has completed a step. */
  isTraining: boolean
  /** Whether this attempt has kept the network that was found. */
  hasModel: boolean
  /** Why it was asked to stop. */
  stopReason: string | undefined
}

/** How long after a request to stop the next step may take before the trial goes without saving. */
const patience = "10 seconds"

const secondsOf = ({ secondsBefore, startedAt }: Attempt) =>
  Effect.map(Monotonic.milliseconds, (now) => secondsBefore + (now - startedAt) / 1000)

const beat = Effect.fnUntraced(function* (attempt: Attempt, when: "due" | "now") {
  const { heartbeat, step } = attempt
  yield* HeartbeatWriter.beat(heartbeat, step, yield* secondsOf(attempt), when)
})

const publish = Effect.fnUntraced(function* (
  attempt: Attempt,
  part: Pick<Result.Result, "state" | "metrics" | "assignment" | "layers"> &
    Partial<Pick<Result.Result, "cause" | "message">>,
) {
  const { fence, heartbeat, state, step, trial } = attempt
  if (Fence.isSupersededNow(fence)) return false
  yield* Result.publish(State.resultFile(state, trial.id), {
    version: State.version,
    id: trial.id,
    ...part,
    steps: step,
    seconds: yield* secondsOf(attempt),
    attempt: fence.attempt,
    finishedAt: yield* Clock.currentTimeMillis,
    warnings: [...heartbeat.warnings],
    ...HeartbeatWriter.arithmeticOf(heartbeat),
  })
  return true
})

const finish = Effect.fnUntraced(function* (
  attempt: Attempt,
  { assignment, layers, metrics }: Extract<TrainEvent, { type: "finished" }>,
) {
  const { hasModel, heartbeat, journal, page, step, trial } = attempt
  yield* journal.artifact("assignment.json", `${JSON.stringify(assignment, null, 2)}\n`)
  yield* journal.artifact("layers.json", `${JSON.stringify(layers, null, 2)}\n`)
  yield* beat(attempt, "now")
  yield* measureSystem(attempt, "now")
  const { warnings } = heartbeat
  const ended = { state: "finished", metrics, assignment, layers, warnings } as const
  yield* tellResult(journal, page, trial, { ...ended, step, hasModel })
  journal.end("FINISHED")
  // No result stands before all that led to it is written down.
  yield* journal.flush
  const isPublished = yield* publish(attempt, {
    state: "finished",
    metrics: HeartbeatWriter.finite(metrics),
    assignment,
    layers,
  })
  return { _tag: isPublished ? "Done" : "Superseded" } as const
})

/** Reports what the process takes of the machine, when it is due or at once. */
const measureSystem = Effect.fnUntraced(function* (attempt: Attempt, when: "due" | "now") {
  const { heartbeat, journal, meter, step } = attempt
  const time = yield* Monotonic.milliseconds
  const values = SystemMetrics.measure(meter, time, heartbeat.stepsPerSecond, when)
  if (values !== undefined) journal.metrics(step, values)
})

const save = Effect.fnUntraced(function* (
  attempt: Attempt,
  event: Extract<TrainEvent, { type: "checkpoint" }>,
) {
  const { fence, journal, state, trial } = attempt
  const snapshot = event.snapshot()
  yield* journal.flush
  const checkpoint = {
    ...snapshot,
    trial: trial.id,
    attempt: fence.attempt,
    seconds: yield* secondsOf(attempt),
  }
  yield* Checkpoint.write(State.checkpointFolder(state, trial.id), checkpoint, {
    may: () => !Fence.isSupersededNow(fence),
  })
  attempt.savedStep = event.step
})

/** After a step. Returns the outcome when the attempt was asked to stop. */
const completeStep = Effect.fnUntraced(function* (
  attempt: Attempt,
  event: Extract<TrainEvent, { type: "checkpoint" }>,
) {
  const { step } = event
  attempt.isTraining = true
  attempt.step = step
  yield* beat(attempt, "due")
  yield* measureSystem(attempt, "due")
  const { savedStep, stopReason: reason, trial } = attempt
  const isDue = step - savedStep >= trial.execution.checkpointEvery || step >= trial.steps
  const over = yield* overtime(attempt)
  if ((isDue && step > savedStep) || reason !== undefined || over !== undefined)
    yield* save(attempt, event)
  if (over !== undefined) return yield* failWith(attempt, "timeLimit", over)
  return reason === undefined ? undefined : ({ _tag: "Stopped", step, reason } as const)
})

/** What to say of a trial that has trained for longer than `timeout`; undefined while it may go on. */
const overtime = Effect.fnUntraced(function* (attempt: Attempt) {
  const { step, trial } = attempt
  const { timeout } = trial.execution
  if (timeout === undefined || step >= trial.steps) return undefined
  const seconds = yield* secondsOf(attempt)
  return seconds <= timeout
    ? undefined
    : `has trained for ${Math.round(seconds)} s at step ${step} of ${trial.steps}, and timeout allows ${timeout} s; raise timeout, then --retry-failed goes on from this step`
})

const warn = Effect.fnUntraced(function* (
  attempt: Attempt,
  event: Extract<TrainEvent, { type: "warning" }>,
) {
  HeartbeatWriter.addWarning(attempt.heartbeat, event)
  // At once: a trial that goes on from the checkpoint after this step is not warned again.
  yield* beat(attempt, "now")
  yield* Effect.logWarning(event.message)
})

const keep = Effect.fnUntraced(function* (
  attempt: Attempt,
  { model }: Extract<TrainEvent, { type: "model" }>,
) {
  const { fence, state, trial } = attempt
  const parts = KeptModel.encode(model, Installation.version())
  const may = () => !Fence.isSupersededNow(fence)
  yield* Durable.replace(State.modelFile(state, trial.id), parts, { may })
  attempt.hasModel = true
})

/** Returns the outcome when this event ends the attempt. */
const handle = Effect.fnUntraced(function* (
  attempt: Attempt,
  event: TrainEvent,
): Effect.fn.Return<Outcome | undefined, StorageError, FileSystem.FileSystem> {
  const { fence, heartbeat, journal } = attempt
  if (yield* Fence.isSuperseded(fence)) return { _tag: "Superseded" }
  if (event.type === "finished") return yield* finish(attempt, event)
  yield* journal.tell(event)
  if (event.type === "arithmetic") heartbeat.arithmetic = event.arithmetic
  if (event.type === "warning") yield* warn(attempt, event)
  if (event.type === "model") yield* keep(attempt, event)
  if (event.type === "metrics") HeartbeatWriter.addMetrics(heartbeat, event.values)
  return event.type === "checkpoint" ? yield* completeStep(attempt, event) : undefined
})

/** The events of the training, from where it goes on. */
const train = Effect.fnUntraced(function* <E, R>(options: Options<E, R>) {
  const { cacheDirectory, resume, trial } = options
  const { eager, folder, initial, threads } = trial.execution
  const read = initial === undefined ? Effect.undefined : InitialWeights.read(initial)
  // A trial that goes on needs them for its retraining only.
  const weights = yield* resume === undefined ? read : Effect.orElseSucceed(read, () => undefined)
  return options.train(
    { id: trial.id, declaration: trial.declaration },
    {
      ...(resume === undefined ? {} : { resume }),
      ...(weights === undefined ? {} : { initial: weights }),
      threads,
      cacheDirectory,
      eager,
      ...(folder === undefined ? {} : { folder }),
    },
  )
})

/** Trains until an event ends the attempt. */
const consume = Effect.fnUntraced(function* <E, R>(attempt: Attempt, options: Options<E, R>) {
  const outcome = yield* Ref.make<Outcome | undefined>(undefined)
  yield* Stream.runForEachWhile(yield* train(options), (event) =>
    Effect.gen(function* () {
      const ended = yield* handle(attempt, event)
      yield* Ref.set(outcome, ended)
      return ended === undefined
    }),
  )
  const ended = yield* Ref.get(outcome)
  return ended ?? (yield* Effect.die(new Error("training ended without `finished`")))
})

/** Ends some time after the request to stop, unless a step that saves comes first. */
const waitForStop = Effect.fnUntraced(function* (attempt: Attempt, stop: Effect.Effect<string>) {
  const reason = yield* stop
  attempt.stopReason = reason
  yield* Effect.logInfo(`asked to stop: ${reason}`)
  if (attempt.isTraining) yield* Effect.sleep(patience)
  return { _tag: "Stopped", step: attempt.savedStep, reason } as const
})

/** Puts the failure of a trial that no retry would change on record. */
const fail = Effect.fnUntraced(function* (attempt: Attempt, error: TrialError) {
  if (yield* Fence.isSuperseded(attempt.fence)) return { _tag: "Superseded" } as const
  const { message } = error.reason
  yield* Effect.logError(`failed at step ${error.step}: ${message}`)
  return yield* failWith(attempt, failureCause(error), message)
})

const failWith = Effect.fnUntraced(function* (attempt: Attempt, cause: Cause, message: string) {
  const { heartbeat, journal, page, trial } = attempt
  const { metrics, warnings } = heartbeat
  const ended = { state: "failed", metrics, assignment: {}, layers: [] } as const
  tellNote(journal, page, trial, { ...ended, warnings, message })
  journal.end("FAILED", message)
  yield* journal.flush
  return (yield* publish(attempt, { ...ended, cause, message }))
    ? ({ _tag: "Failed", cause } as const)
    : ({ _tag: "Superseded" } as const)
})

/** Works on the trial until it ends in one of the ways of `Outcome`. */
export const run = Effect.fnUntraced(function* <E, R>(options: Options<E, R>) {
  const { fence, journal, page, resume, state, stop, trial } = options
  const step = resume?.step ?? 0
  const now = yield* Monotonic.milliseconds
  tellNote(journal, page, trial, undefined)
  const attempt: Attempt = {
    state,
    trial,
    fence,
    journal,
    heartbeat: yield* HeartbeatWriter.open(state, trial.id, fence),
    page,
    meter: SystemMetrics.open(now),
    startedAt: now,
    secondsBefore: resume?.seconds ?? 0,
    step,
    savedStep: step,
    isTraining: false,
    hasModel: false,
    stopReason: undefined,
  }
  const outcome: Outcome = yield* Effect.raceFirst(
    consume(attempt, options),
    waitForStop(attempt, stop),
  ).pipe(
    Effect.catchIf(
      (error): error is TrialError => isTrialError(error) && !error.isRetryable,
      (error) => fail(attempt, error),
    ),
  )
  if (outcome._tag === "Stopped") {
    journal.end("KILLED", outcome.reason)
    yield* Effect.ignore(withoutWaiting(journal.flush))
  }
  return outcome
})
