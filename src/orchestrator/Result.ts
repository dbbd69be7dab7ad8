/**
 * How a trial ended. Published by exclusive creation: once in the record, even if the work was done twice.
 */
import { Effect, FileSystem, Schema } from "effect"
import * as Durable from "../disk/Durable.ts"
import { orUnreachable } from "../disk/Errors.ts"
import * as Record from "../disk/Record.ts"
import { OptionValue } from "../space/Option.ts"
import { scrub } from "../track/Secrets.ts"
import { Arithmetic } from "../train/Arithmetic.ts"
import * as State from "./State.ts"

/** Why a trial failed, by what to do about it. */
export const causes = [
  "wrongInput",
  "diverged",
  "outOfMemory",
  "dataset",
  "crash",
  "lost",
  "storage",
] as const

export class Result extends Schema.Opaque<Result>()(
  Schema.Struct({
    version: Schema.Literal(State.version),
    id: Schema.String,
    state: Schema.Literals(["finished", "failed"]),
    metrics: Schema.Record(Schema.String, Schema.Finite),
    assignment: Schema.Record(Schema.String, OptionValue),
    layers: Schema.Array(
      Schema.Struct({
        path: Schema.String,
        weightFormat: Schema.String,
        activationFormat: Schema.String,
        macs: Schema.Finite,
        costShare: Schema.Finite,
      }),
    ),
    /** Steps completed. */
    steps: Schema.Int,
    /** Seconds of training, all attempts together. */
    seconds: Schema.Finite,
    attempt: Schema.Int,
    /** Milliseconds since 1970. */
    finishedAt: Schema.Int,
    warnings: Schema.Array(Schema.Struct({ alarm: Schema.String, message: Schema.String })),
    /** Of the last attempt; absent in records from before it was kept. */
    arithmetic: Schema.optionalKey(Arithmetic),
    cause: Schema.optionalKey(Schema.Literals(causes)),
    message: Schema.optionalKey(Schema.String),
  }),
) {}

export const read = Record.readJson(Result)

/** What a process or a server said may hold a secret. */
const withoutSecrets = ({ message, warnings, ...rest }: Result): Result => ({
  ...rest,
  warnings: warnings.map((warning) => ({ ...warning, message: scrub(warning.message) })),
  ...(message === undefined ? {} : { message: scrub(message) }),
})

/** Publishes a result; true when it is the one in the record, false when another was there first. */
export const publish = Effect.fnUntraced(function* (path: string, result: Result) {
  return yield* Durable.create(path, [Durable.jsonBytes(withoutSecrets(result))]).pipe(
    Effect.as(true),
    Effect.catchIf(
      (error) => error.reason._tag === "Conflict",
      () => Effect.succeed(false),
    ),
  )
})

/** Puts a result aside (`result.1.json`, ...) so that the trial can be tried again. */
export const setAside = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  for (let n = 1; ; n++) {
    const aside = path.replace(/\.json$/, `.${n}.json`)
    if (yield* fs.exists(aside).pipe(orUnreachable("look at", aside))) continue
    return yield* fs.rename(path, aside).pipe(orUnreachable("rename", path))
  }
})
