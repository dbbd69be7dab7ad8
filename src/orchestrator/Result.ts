/**
 * How a trial ended. Published by exclusive creation: once in the record, even if the work was done twice.
 */
import { Effect, Schema } from "effect"
import * as Record from "../disk/JsonRecord.ts"
import { OptionValue } from "../space/Option.ts"
import { scrub } from "../track/Secrets.ts"
import { Arithmetic } from "../train/ArithmeticRecord.ts"
import { causes } from "./Causes.ts"
import * as State from "./State.ts"

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

/** What is kept in memory of thousands. */
export type Summary = Omit<Result, "arithmetic">

export const read = Record.reader(Result)

/** What a process or a server said may hold a secret. */
const withoutSecrets = ({ message, warnings, ...rest }: Result): Result => ({
  ...rest,
  warnings: warnings.map((warning) => ({ ...warning, message: scrub(warning.message) })),
  ...(message === undefined ? {} : { message: scrub(message) }),
})

/** Publishes a result; true when it is the one in the record, false when another was there first. */
export const publish = Effect.fnUntraced(function* (path: string, result: Result) {
  return yield* Record.create(path, withoutSecrets(result)).pipe(
    Effect.as(true),
    Effect.catchIf(
      (error) => error.reason._tag === "Conflict",
      () => Effect.succeed(false),
    ),
  )
})
