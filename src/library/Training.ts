/**
 * A trial trained inside the caller's own process, as a stream of events.
 *
 * Left out: processes, checkpoints on disk, retries and trackers: `fliqs run` has them (`orchestrator/`).
 */
import { dirname } from "node:path"
import { availableParallelism } from "node:os"
import { Effect, Stream } from "effect"
import { cacheDirectory } from "../disk/Installation.ts"
import type { StorageError } from "../disk/Errors.ts"
import * as InitialWeights from "../orchestrator/InitialWeights.ts"
import type { BackendError } from "../tensor/Errors.ts"
import type { TrialError } from "../train/Errors.ts"
import * as OneShot from "../train/OneShot.ts"
import type { Snapshot, TrainEvent } from "../train/TrainEvent.ts"
import type { ExperimentTrial } from "./ExperimentPlan.ts"
import { services } from "./Services.ts"

export interface TrainOptions {
  /** Threads of TensorFlow; all by default. Results depend on it in their last bits. One number for the whole process. */
  readonly threads?: number
  /** What an event `checkpoint` gave: training goes on from there, bit for bit. */
  readonly resume?: Snapshot
  /** Where data sets are kept; `FLIQS_CACHE` by default, else the package's own. */
  readonly cacheDirectory?: string
}

/**
 * Trains a trial from its first step to its last; a stream that is not read to its end stops training.
 *
 * The data set is fetched first where the cache has none. TensorFlow is set up by `fliqs run`, or by
 * `sh node_modules/fliqs/scripts/setup.sh tensors`.
 *
 * @returns events in the order of the steps; fails with `TrialError` (diverged, no data, no memory), `BackendError`
 *   (TensorFlow is not set up) or `StorageError` (the initial weights are gone)
 */
export const train = (
  trial: ExperimentTrial,
  options: TrainOptions = {},
): Stream.Stream<TrainEvent, TrialError | BackendError | StorageError> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { file, planned } = trial
      const weights =
        planned.initial === undefined ? undefined : yield* InitialWeights.read(planned.initial.file)
      return OneShot.run(planned, {
        threads: options.threads ?? planned.execution.threads ?? availableParallelism(),
        cacheDirectory: options.cacheDirectory ?? cacheDirectory(),
        eager: false,
        folder: dirname(file),
        ...(weights === undefined ? {} : { initial: weights }),
        ...(options.resume === undefined ? {} : { resume: options.resume }),
      })
    }),
  ).pipe(Stream.provide(services))
