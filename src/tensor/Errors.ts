/**
 * What can go wrong with the tensor backend, one family: the native parts are missing, something is not supported on
 * this machine or in this process, or TensorFlow failed while running a step. Words for people are made in `cli/`.
 */
import { Schema } from "effect"

/** A native file is not where the set-up puts it, or cannot be loaded. */
export class NativeMissing extends Schema.TaggedError<NativeMissing>()("NativeMissing", {
  file: Schema.String,
  message: Schema.String,
}) {}

/** The process or the machine cannot do what was asked. */
export class Unsupported extends Schema.TaggedError<Unsupported>()("Unsupported", {
  message: Schema.String,
}) {}

/**
 * TensorFlow failed inside a step. Its inputs are leaked by the binding, so a process that saw this must end.
 */
export class StepFailed extends Schema.TaggedError<StepFailed>()("StepFailed", {
  message: Schema.String,
}) {}

export class BackendError extends Schema.TaggedError<BackendError>()("BackendError", {
  reason: Schema.Union([NativeMissing, Unsupported, StepFailed]),
}) {
  override get message(): string {
    return this.reason.message
  }

  get isRetryable(): boolean {
    return false
  }
}
