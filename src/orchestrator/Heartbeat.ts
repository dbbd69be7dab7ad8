/**
 * What a trial's process is doing now, for whoever reads the folder: the parent, `fliqs list`, another machine.
 * Replaced in place at most about once a second; losing it loses nothing.
 */
import { Effect, Schema } from "effect"
import { withoutWaiting } from "../disk/Patience.ts"
import * as Record from "../disk/JsonRecord.ts"
import { Arithmetic } from "../train/ArithmeticRecord.ts"
import * as State from "./State.ts"

export class Heartbeat extends Schema.Opaque<Heartbeat>()(
  Schema.Struct({
    version: Schema.Literal(State.version),
    attempt: Schema.Int,
    pid: Schema.Int,
    /** Distinguishes the process from a later one with the same number; earlier versions did not write it. */
    processStart: Schema.optionalKey(Schema.String),
    host: Schema.String,
    /** Milliseconds since 1970. */
    time: Schema.Int,
    /** Seconds since its machine was started, which no setting of the clock changes; earlier versions did not write it. */
    uptime: Schema.optionalKey(Schema.Finite),
    step: Schema.Int,
    stepsPerSecond: Schema.Finite,
    /** Seconds of training, all attempts together. */
    seconds: Schema.Finite,
    /** The last value of each metric; those that are not finite are left out. */
    metrics: Schema.Record(Schema.String, Schema.Finite),
    warnings: Schema.Array(Schema.Struct({ alarm: Schema.String, message: Schema.String })),
    /** Of this attempt; absent in records from before it was kept. */
    arithmetic: Schema.optionalKey(Arithmetic),
  }),
) {}

const readRecord = Record.reader(Heartbeat)

/** The last heartbeat; undefined when there is none or it cannot be read. */
export const read = Effect.fnUntraced(function* (path: string) {
  return yield* Effect.orElseSucceed(readRecord(path), () => undefined)
})

/** Neither synced nor waited for: it is written again in a second. */
export const write = (path: string, heartbeat: Heartbeat) =>
  Record.write(path, heartbeat, { synced: false }).pipe(withoutWaiting)
