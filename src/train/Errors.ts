/**
 * What can go wrong while one trial trains, by who can fix it.
 *
 * Left out: errors of the files that declare it (`declaration/`) and of the machine (`tensor/`).
 */
import { Schema } from "effect"

/** The loss or a weight stopped being finite: the declaration must change, a retry would do the same. */
export class Diverged extends Schema.TaggedError<Diverged>()("Diverged", {
  message: Schema.String,
}) {}

/** The process could not get the memory it asked for. */
export class OutOfMemory extends Schema.TaggedError<OutOfMemory>()("OutOfMemory", {
  message: Schema.String,
}) {}

/** The data set is missing, short, corrupt, or cannot serve what the declaration asks of it. */
export class DatasetUnusable extends Schema.TaggedError<DatasetUnusable>()("DatasetUnusable", {
  message: Schema.String,
  retryable: Schema.Boolean,
}) {}

/** A file cannot be written or read for now: no space, too many open files, a share that is away. */
export class StorageUnusable extends Schema.TaggedError<StorageUnusable>()("StorageUnusable", {
  message: Schema.String,
}) {}

/** The resolved trial cannot be trained as it is declared. */
export class InvalidTrial extends Schema.TaggedError<InvalidTrial>()("InvalidTrial", {
  message: Schema.String,
}) {}

/** A trial could not be trained to its end; `step` is the last one completed. */
export class TrialError extends Schema.TaggedError<TrialError>()("TrialError", {
  trialId: Schema.String,
  step: Schema.Int,
  reason: Schema.Union([Diverged, OutOfMemory, DatasetUnusable, StorageUnusable, InvalidTrial]),
}) {
  /** Whether the same trial may succeed when it is started again. */
  get isRetryable(): boolean {
    return (
      this.reason._tag === "OutOfMemory" ||
      this.reason._tag === "StorageUnusable" ||
      (this.reason._tag === "DatasetUnusable" && this.reason.retryable)
    )
  }
}
