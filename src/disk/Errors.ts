/**
 * What can go wrong with the state folder. Left out: the words a person reads (`cli/`).
 */
import { Effect, type PlatformError, Schema } from "effect"
import { pathText } from "../declaration/Errors.ts"

/** The file system refused: no space, no permission, a disk that fails, a share that is away. */
export class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", {
  message: Schema.String,
}) {}

/** Somebody else holds, or has already written, what only one may. */
export class Conflict extends Schema.TaggedError<Conflict>()("Conflict", {
  message: Schema.String,
}) {}

/** A file is not what was written: torn, flipped or not ours. */
export class Damaged extends Schema.TaggedError<Damaged>()("Damaged", { message: Schema.String }) {}

/** A newer fliqs wrote it; this one does not know the layout. */
export class NewerVersion extends Schema.TaggedError<NewerVersion>()("NewerVersion", {
  message: Schema.String,
  found: Schema.Int,
  known: Schema.Int,
}) {}

/** The state folder could not be read or written; `path` is the file concerned. */
export class StorageError extends Schema.TaggedError<StorageError>()("StorageError", {
  operation: Schema.String,
  path: Schema.String,
  reason: Schema.Union([Unreachable, Conflict, Damaged, NewerVersion]),
}) {
  /** Whether the same operation may succeed a little later. */
  get isRetryable(): boolean {
    return this.reason._tag === "Unreachable" || this.reason._tag === "Conflict"
  }
  override get message(): string {
    return `${pathText(this.path)}: cannot ${this.operation}: ${this.reason.message}`
  }
}

/** Names the operation of a file-system failure. */
export const unreachable =
  (operation: string, path: string) =>
  (cause: PlatformError.PlatformError): StorageError =>
    new StorageError({
      operation,
      path,
      reason: new Unreachable({ message: pathText(cause.message) }),
    })

export const orUnreachable = (operation: string, path: string) =>
  Effect.mapError(unreachable(operation, path))
