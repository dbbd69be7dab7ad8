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
 *       -> orchestrator/RunTrial, Attempt   <- here: fence, resume, journal, checkpoints, result
 *       -> train/OneShot.run                Stream<TrainEvent>
 *       -> orchestrator/Journal             track/Spool: the journal on disk
 *       -> track/Tracker                    batches, in the parent
 *       -> MLflow
 *
 * Results leave as the assignment (path -> choice) in result.json. Left out: starting processes, retries, the network.
 */
import { type Duration, Effect, type FileSystem, type Scope } from "effect"
import { Damaged, StorageError } from "../disk/Errors.ts"
import type { TrialError } from "../train/Errors.ts"
import type { Train } from "../train/TrainEvent.ts"
import * as Attempt from "./Attempt.ts"
import * as Checkpoint from "./Checkpoint.ts"
import * as Fence from "./Fence.ts"
import * as Journal from "./Journal.ts"
import * as Result from "./Result.ts"
import * as State from "./State.ts"
import { emptyPage, type TrialPage } from "./TrialPage.ts"
import { waitAloud } from "./Waiting.ts"

export interface Options<E, R> {
  readonly state: string
  readonly id: string
  readonly train: Train<E, R>
  readonly cacheDirectory: string
  /** What the tracker is told beyond the events; nothing by default. */
  readonly page?: TrialPage
  /** Ends, with the reason, when the trial is asked to save and go. */
  readonly stop: Effect.Effect<string>
  /** How long one operation on the state folder waits for room, open files, a file system that is away. */
  readonly storagePatience?: Duration.Input
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
  Attempt.Outcome,
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
  const journal = yield* Effect.raceFirst(Journal.open(state, trial, fence), asked)
  if ("_tag" in journal) return journal
  return yield* Attempt.run({ page: emptyPage, ...options, fence, journal, resume, trial })
})

const prepare = Effect.fnUntraced(function* (state: string, id: string) {
  const trial = yield* readTrial(state, id)
  if ((yield* Result.read(State.resultFile(state, id))) !== undefined)
    return { _tag: "Done" } as const
  const fence = yield* Fence.enter(State.trialFolder(state, id))
  const resume = yield* Checkpoint.readNewest(State.checkpointFolder(state, id), "setAside", id)
  if (fence.attempt > 0)
    yield* Checkpoint.noteOrigin(
      State.checkpointFolder(state, id),
      fence.attempt,
      resume?.step ?? 0,
    )
  return { _tag: "Prepared", trial, fence, resume } as const
})
