/**
 * The rounds in which a process sends what is spooled: again and again in the background, once more at the end (`flush`).
 * Nothing here fails the training. Left out: what is known meanwhile (`Sending.ts`), one run (`MlflowSender.ts`).
 */
import { Cause, type Duration, Effect, Schedule } from "effect"
import * as Lock from "../disk/Lock.ts"
import { ofStorage, TrackerError, Unusable } from "./Errors.ts"
import type { MlflowHttp } from "./mlflow/MlflowHttp.ts"
import * as MlflowSender from "./mlflow/MlflowSender.ts"
import { gridsLeft } from "./RunFolder.ts"
import {
  connect,
  runFolderOf,
  type Sending,
  sentOf,
  type Status,
  statusOf,
  type Watched,
} from "./Sending.ts"
import { spoolOf } from "./SpoolPlace.ts"
import * as SpoolReader from "./SpoolReader.ts"

/** What `flush` reached. */
export interface Outcome extends Status {
  /** Events of watched runs that are not on the server. */
  readonly waiting: number
  /** Events the server refused for good. */
  readonly rejected: number
}

const between = "1 second"
const pauseAfterFailure = Schedule.min([
  Schedule.exponential("1 second"),
  Schedule.spaced("30 seconds"),
])

const sendRun = Effect.fnUntraced(function* (sending: Sending, to: MlflowHttp, run: Watched) {
  const folder = yield* runFolderOf(sending, run)
  if (!run.isVerified) yield* MlflowSender.verify(to, folder)
  run.isVerified = true
  yield* MlflowSender.send(to, folder)
})

/** A spool of a newer fliqs, or one that cannot be read: its run alone cannot be sent. */
const isOfTheRun = ({ isRetryable, reason }: TrackerError): boolean =>
  !isRetryable && (reason._tag === "Unusable" || reason._tag === "Storage")

/** Everything that is spooled and not sent, grids before their trials. */
const sendWatched = Effect.fnUntraced(function* (sending: Sending) {
  const grids = [...sending.watched.values()].filter(({ kind }) => kind === "grid")
  const trials = [...sending.watched.values()].filter(({ kind }) => kind === "trial")
  const to = yield* connect(sending)
  for (const run of [...grids, ...trials])
    yield* sendRun(sending, to, run).pipe(
      Effect.catchIf(isOfTheRun, (error) => {
        sending.watched.delete(run.folder)
        sending.unsendable ??= error
        return Effect.logWarning(error.message)
      }),
    )
  for (const grid of grids) yield* MlflowSender.relink(to, yield* runFolderOf(sending, grid))
})

const noteFailure = (sending: Sending, error: TrackerError): void => {
  sending.problem = error
  // A local server that is gone comes back on another port, when it is asked for.
  const isLocal = sending.connection?.settings.target === "local"
  // One that has lost its database answers 5xx for ever; it is started anew.
  if (isLocal && error.reason._tag === "Unreachable" && (error.reason.status ?? 500) >= 500)
    sending.connection = undefined
}

const ofDefect = (defect: unknown): TrackerError =>
  new TrackerError({
    operation: "send to the tracker",
    reason: new Unusable({ detail: defect instanceof Error ? defect.message : "it broke" }),
  })

const sendAll = (sending: Sending) =>
  sendWatched(sending).pipe(
    // Two processes (a run and a `sync`) never send at the same time; each reads how far the other came.
    Lock.withLock(`${sending.stateFolder}/sending.lock`, "sending to MLflow"),
    Effect.catchTag("StorageError", (error) => Effect.fail(ofStorage("send")(error))),
    Effect.catchDefect((defect) => Effect.fail(ofDefect(defect))),
    Effect.tap(() => Effect.sync(() => (sending.problem = undefined))),
    Effect.tapError((error) => Effect.sync(() => noteFailure(sending, error))),
    sending.oneAtATime.withPermits(1),
  )

/** One round; nothing is touched before a run is watched: the state folder may not be there yet. */
const round = (sending: Sending) =>
  Effect.suspend(() => (sending.watched.size === 0 ? Effect.void : sendAll(sending)))

/** Rounds without end; they end for good only where there is no server to send to. */
export const background = (sending: Sending) =>
  round(sending).pipe(
    Effect.tapCause((cause) =>
      Cause.hasInterrupts(cause) ? Effect.void : Effect.logDebug("not sent", Cause.pretty(cause)),
    ),
    Effect.retry({
      schedule: pauseAfterFailure,
      while: (error) => error.reason._tag !== "ServerMissing",
    }),
    Effect.repeat(Schedule.spaced(between)),
  )

/** Events of one run that are not on the server (a tag of a grid counts as one), and those it refused. */
const count = Effect.fnUntraced(
  function* (sending: Sending, run: Watched) {
    const sent = yield* sentOf(sending, run.folder)
    const folder = yield* runFolderOf(sending, run)
    let waiting = sent === undefined ? 0 : gridsLeft(folder, sent).length
    const spool = spoolOf(run.folder)
    for (let offset = sent?.offset ?? 0; ;) {
      const part = yield* SpoolReader.read(spool, offset)
      if (part.offset === offset) return { waiting, rejected: sent?.rejected ?? 0 }
      waiting += part.events.length
      offset = part.offset
    }
  },
  Effect.orElseSucceed(() => ({ waiting: 0, rejected: 0 })),
)

/** Tries, at most so long, until everything spooled by now is sent. */
export const flush = Effect.fnUntraced(function* (sending: Sending, timeout: Duration.Input) {
  yield* round(sending).pipe(
    Effect.retry({ schedule: Schedule.spaced("500 millis"), while: (error) => error.isRetryable }),
    Effect.timeoutOption(timeout),
    Effect.ignore,
  )
  const counts = yield* Effect.forEach([...sending.watched.values()], (run) => count(sending, run))
  return {
    ...(yield* statusOf(sending)),
    waiting: counts.reduce((sum, one) => sum + one.waiting, 0),
    rejected: counts.reduce((sum, one) => sum + one.rejected, 0),
  } satisfies Outcome
})
