/**
 * One trial as a stream of events: checked, its data loaded, trained, its failures named. No file, process or tracker
 * is seen from here.
 *
 * Left out: the training itself (`Loop.ts`).
 */
import { Effect, Schema, Stream } from "effect"
import type { DataServices } from "../data/Dataset.ts"
import * as Datasets from "../data/Datasets.ts"
import { DatasetCorrupt, type DatasetError } from "../data/Errors.ts"
import { load } from "../tensor/Backend.ts"
import type { BackendError } from "../tensor/Errors.ts"
import { DatasetUnusable, Diverged, InvalidTrial, OutOfMemory, TrialError } from "./Errors.ts"
import { loop } from "./Loop.ts"
import { NotFinite } from "./Phase.ts"
import type { ResolvedTrial, TrainContext, TrainEvent } from "./TrainEvent.ts"
import { prepare, Trial } from "./Trial.ts"
import { WrongWeights } from "./Weights.ts"

/** Trains one trial. Needs the native backend, which it loads with `context.threads`. */
export const run = (
  trial: ResolvedTrial,
  context: TrainContext,
): Stream.Stream<TrainEvent, TrialError | BackendError, DataServices> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const declaration = yield* Schema.decodeUnknownEffect(Trial)(trial.declaration).pipe(
        Effect.mapError((error) => failed(trial, 0, new InvalidTrial({ message: error.message }))),
      )
      const prepared = prepare(declaration)
      if ("problem" in prepared)
        return yield* failed(trial, 0, new InvalidTrial({ message: prepared.problem }))
      yield* load({ threads: context.threads })
      const dataset = yield* Datasets.load(
        declaration.data,
        context.cacheDirectory,
        context.folder ?? ".",
      ).pipe(Effect.mapError((error) => failed(trial, 0, unusable(error))))
      return Stream.fromAsyncIterable(loop(prepared, dataset, context), (cause) => cause).pipe(
        Stream.catch((cause) => Stream.fromEffect(raise(trial, cause))),
      )
    }),
  )

const failed = (trial: ResolvedTrial, step: number, reason: TrialError["reason"]): TrialError =>
  new TrialError({ trialId: trial.id, step, reason })

const unusable = ({ isRetryable, message }: DatasetError) =>
  new DatasetUnusable({ message, retryable: isRetryable })

const outOfMemory = /out of memory|OOM when allocating|Array buffer allocation failed/i

/** What stopped the loop, as an error of the trial; anything unforeseen is a defect. */
const raise = (trial: ResolvedTrial, cause: unknown): Effect.Effect<never, TrialError> => {
  if (cause instanceof NotFinite)
    return Effect.fail(failed(trial, cause.step, new Diverged({ message: cause.message })))
  if (cause instanceof DatasetCorrupt) return Effect.fail(failed(trial, 0, unusable(cause)))
  if (cause instanceof WrongWeights)
    return Effect.fail(failed(trial, 0, new InvalidTrial({ message: cause.message })))
  const message = cause instanceof Error ? cause.message : String(cause)
  return outOfMemory.test(message)
    ? Effect.fail(failed(trial, 0, new OutOfMemory({ message })))
    : Effect.die(cause)
}
