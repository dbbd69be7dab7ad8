/**
 * What can go wrong between a run and its tracker. None of these ever reaches a training loop: the sender retries what
 * `isRetryable` says can be retried, and the spool keeps everything for `fliqs sync`. Texts in here are already free of
 * passwords and tokens (`Secrets.ts` removes them).
 */
import { Schema } from "effect"
import { pathText } from "../declaration/Errors.ts"
import type { StorageError } from "../disk/Errors.ts"

/** The server cannot be reached, is too slow, overloaded, or answers what no MLflow server answers. */
export class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", {
  detail: Schema.String,
  status: Schema.optionalKey(Schema.Int),
  /** Milliseconds the server asked us to wait (Retry-After). */
  retryAfter: Schema.optionalKey(Schema.Finite),
}) {
  readonly isRetryable = true
}

/** The server understood and said no: asking the same again gives the same answer. */
export class Rejected extends Schema.TaggedError<Rejected>()("Rejected", {
  detail: Schema.String,
  status: Schema.optionalKey(Schema.Int),
  /** MLflow's own word, e.g. `RESOURCE_DOES_NOT_EXIST`. */
  code: Schema.optionalKey(Schema.String),
}) {
  readonly isRetryable = false
}

/** There is no local server to start: no Python, no virtual environment, or it does not come up. */
export class ServerMissing extends Schema.TaggedError<ServerMissing>()("ServerMissing", {
  detail: Schema.String,
  /** Its log, where there is one. */
  log: Schema.optionalKey(Schema.String),
}) {
  readonly isRetryable = false
}

/** A spool that cannot be used: written by a newer version. */
export class Unusable extends Schema.TaggedError<Unusable>()("Unusable", {
  detail: Schema.String,
}) {
  readonly isRetryable = false
}

/** A variable of the environment says what can never work; a person must change it. */
export class WrongSetting extends Schema.TaggedError<WrongSetting>()("WrongSetting", {
  detail: Schema.String,
}) {
  readonly isRetryable = false
}

/** A file that is kept cannot be read or written: the spool, how far it was sent, the local server's. */
export class Storage extends Schema.TaggedError<Storage>()("Storage", {
  detail: Schema.String,
  /** It may when asked again later: no space, too many open files. */
  passes: Schema.Boolean,
}) {
  get isRetryable(): boolean {
    return this.passes
  }
}

/** The family: what was being done, and why it did not work. */
export class TrackerError extends Schema.TaggedError<TrackerError>()("TrackerError", {
  operation: Schema.String,
  reason: Schema.Union([Unreachable, Rejected, ServerMissing, Unusable, WrongSetting, Storage]),
}) {
  /** True when the same request may succeed later. */
  get isRetryable(): boolean {
    return this.reason.isRetryable
  }

  override get message(): string {
    return pathText(`${this.operation}: ${this.reason.detail}`)
  }
}

/** A storage error as one of the tracker's. */
export const ofStorage =
  (operation: string) =>
  (error: StorageError): TrackerError =>
    new TrackerError({
      operation,
      reason: new Storage({ detail: error.message, passes: error.passes }),
    })
