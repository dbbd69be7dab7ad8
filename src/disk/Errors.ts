/**
 * What can go wrong with files that are kept: the one family for the state folder, the caches and what is written for a
 * person. Left out: the words for what the file system said (`FileProblem.ts`), the exit codes (`cli/`).
 */
import { Schema } from "effect"
import { pathText } from "../declaration/Errors.ts"
import { describe } from "./FileProblem.ts"

/** The file system refused. `passes`: it may not when asked again later (no space, too many open files). */
export class Unreachable extends Schema.TaggedError<Unreachable>()("Unreachable", {
  message: Schema.String,
  /** `ENOSPC`, ... where the file system gave one. */
  code: Schema.optionalKey(Schema.String),
  fix: Schema.optionalKey(Schema.String),
  passes: Schema.Boolean,
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

/** What a synchronous call of node threw. */
export class Thrown extends Schema.TaggedError<Thrown>()("Thrown", { cause: Schema.Defect() }) {}

/** A file could not be read or written; `path` is the file concerned. */
export class StorageError extends Schema.TaggedError<StorageError>()("StorageError", {
  operation: Schema.String,
  path: Schema.String,
  reason: Schema.Union([Unreachable, Conflict, Damaged, NewerVersion]),
}) {
  /** Whether the same operation may succeed a little later, with nobody changing anything in the folder. */
  get isRetryable(): boolean {
    return this.reason._tag === "Conflict" || this.passes
  }
  /** Whether the machine lacks something that may come back: room, open files, memory, a share. */
  get passes(): boolean {
    return this.reason._tag === "Unreachable" && this.reason.passes
  }
  /** What a person can do about it; undefined when there is no one thing. */
  get fix(): string | undefined {
    return this.reason._tag === "Unreachable" ? this.reason.fix : undefined
  }
  override get message(): string {
    return `${pathText(this.path)}: cannot ${this.operation}: ${this.reason.message}`
  }
}

/** Names the operation and the path of whatever the file system said. */
export const storageError =
  (operation: string, path: string) =>
  (given: unknown): StorageError => {
    const cause = given instanceof Thrown ? given.cause : given
    if (cause instanceof StorageError) return cause
    const { code, fix, passes, words } = describe(cause)
    return new StorageError({
      operation,
      path,
      reason: new Unreachable({
        message: words,
        passes,
        ...(code === undefined ? {} : { code }),
        ...(fix === undefined ? {} : { fix }),
      }),
    })
  }
