/**
 * One trial as a stream of events: checked, its data loaded, trained, its failures named. No file, process or tracker
 * is seen from here.
 *
 * Left out: the training itself (`Loop.ts`).
 */
import { Effect, Result, Schema, Stream } from "effect"
import { pathText, problemText } from "../declaration/Errors.ts"
import { StorageError } from "../disk/Errors.ts"
import { describe } from "../disk/FileProblem.ts"
import * as Shortage from "../disk/Shortage.ts"
import type { DataServices } from "../data/Dataset.ts"
import * as Datasets from "../data/Datasets.ts"
import { DatasetCorrupt, type DatasetError } from "../data/Errors.ts"
import { variablesOf } from "../tensor/Arithmetic.ts"
import { load } from "../tensor/Backend.ts"
import type { BackendError } from "../tensor/Errors.ts"
import {
  DatasetUnusable,
  Diverged,
  InvalidTrial,
  OutOfMemory,
  StorageUnusable,
  TrialError,
} from "./Errors.ts"
import { loop } from "./Loop.ts"
import { NotFinite } from "./Phase.ts"
import { SessionState } from "./Session.ts"
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
      if (Result.isFailure(prepared))
        return yield* failed(
          trial,
          0,
          new InvalidTrial({ message: prepared.failure.map(problemText).join("; ") }),
        )
      yield* load({ threads: context.threads, ...(yield* variablesFor(context)) })
      const dataset = yield* Datasets.load(
        declaration.data,
        context.cacheDirectory,
        context.folder ?? ".",
      ).pipe(Effect.mapError((error) => failed(trial, 0, unusable(error))))
      return Stream.fromAsyncIterable(
        loop(prepared.success, dataset, context),
        (cause) => cause,
      ).pipe(Stream.catch((cause) => Stream.fromEffect(raise(trial, cause))))
    }),
  )

/**
 * A begun trial keeps the variables that it began with. One from before they were recorded has those of the environment
 * and nothing switched on, as it had then.
 */
const variablesFor = Effect.fnUntraced(function* ({ resume }: TrainContext) {
  if (resume === undefined) return {}
  const { arithmetic } = Schema.decodeUnknownSync(SessionState)(resume.state)
  const here = variablesOf(process.env)
  const variables = arithmetic?.variables ?? here
  for (const [name, value] of Object.entries(here))
    if (variables[name] !== value)
      yield* Effect.logWarning(
        `${name}=${value} is not followed: the trial began with ${variables[name] ?? "none"} and keeps it; --restart begins it anew`,
      )
  return { variables }
})

const failed = (trial: ResolvedTrial, step: number, reason: TrialError["reason"]): TrialError =>
  new TrialError({ trialId: trial.id, step, reason })

const lacking = (shortage: Shortage.Shortage, message: string) =>
  shortage === "outOfMemory" ? new OutOfMemory({ message }) : new StorageUnusable({ message })

const unusable = ({ isRetryable, message, shortage }: DatasetError) =>
  shortage === undefined
    ? new DatasetUnusable({ message, retryable: isRetryable })
    : lacking(shortage, message)

/** An error of the machine in words, with the path where it has one. */
const wordsOf = (cause: unknown): string => {
  const { code, path, words } = describe(cause)
  if (code === undefined) return cause instanceof Error ? cause.message : String(cause)
  return path === undefined ? words : `${pathText(path)}: ${words}`
}

/** What stopped the loop, as an error of the trial; anything unforeseen is a defect. */
const raise = (trial: ResolvedTrial, cause: unknown): Effect.Effect<never, TrialError> => {
  if (cause instanceof NotFinite)
    return Effect.fail(failed(trial, cause.step, new Diverged({ message: cause.message })))
  if (cause instanceof DatasetCorrupt) return Effect.fail(failed(trial, 0, unusable(cause)))
  if (cause instanceof WrongWeights)
    return Effect.fail(failed(trial, 0, new InvalidTrial({ message: cause.message })))
  const shortage = Shortage.of(cause)
  if (shortage === undefined) return Effect.die(cause)
  const message = cause instanceof StorageError ? cause.message : wordsOf(cause)
  return Effect.fail(failed(trial, 0, lacking(shortage, message)))
}
