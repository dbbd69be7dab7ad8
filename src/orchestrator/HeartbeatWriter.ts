/**
 * The heartbeat of one attempt, kept up to date: latest metrics, speed and the warnings of all attempts, written about once
 * a second. Left out: what the heartbeat says and who reads it (`Heartbeat.ts`).
 */
import { Clock, Effect } from "effect"
import { uptime } from "node:os"
import { hostname } from "node:os"
import * as Monotonic from "../disk/Monotonic.ts"
import * as Process from "../disk/Process.ts"
import type { Arithmetic } from "../train/ArithmeticRecord.ts"
import * as Fence from "./Fence.ts"
import * as Heartbeat from "./Heartbeat.ts"
import * as Journal from "./Journal.ts"
import * as State from "./State.ts"

const heartbeatEvery = 1000
/** Milliseconds over which the speed is averaged. */
const speedWindow = 10_000

interface Warning {
  readonly alarm: string
  readonly message: string
}

/** What the next heartbeat will say, and when the last one was. */
export interface HeartbeatWriter {
  readonly path: string
  readonly attempt: number
  readonly fence: Fence.Fence
  readonly process: Process.Identity
  /** One for each alarm. */
  readonly warnings: Array<Warning>
  metrics: Record<string, number>
  arithmetic: Arithmetic | undefined
  /** Counted from the end of the first step, which gets everything ready. */
  last: { readonly time: number; readonly step: number } | undefined
  stepsPerSecond: number
  /** The last one could not be written; said once. */
  isRefused: boolean
}

/** The values that JSON has. */
export const finite = (values: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => Number.isFinite(value)))

/** Goes on from what earlier attempts left. */
export const open = Effect.fnUntraced(function* (state: string, id: string, fence: Fence.Fence) {
  const path = State.heartbeatFile(state, id)
  const { attempt } = fence
  const last = yield* Heartbeat.read(path)
  const before =
    last ?? (attempt === 0 ? undefined : yield* Journal.reported(State.trialFolder(state, id)))
  const writer: HeartbeatWriter = {
    path,
    attempt,
    fence,
    process: Process.self(),
    warnings: [...(before?.warnings ?? [])],
    metrics: finite(before?.metrics ?? {}),
    arithmetic: undefined,
    last: undefined,
    stepsPerSecond: 0,
    isRefused: false,
  }
  return writer
})

/** Puts a warning in place of an earlier one of the same alarm. */
export const addWarning = ({ warnings }: HeartbeatWriter, { alarm, message }: Warning): void => {
  const known = warnings.findIndex((before) => before.alarm === alarm)
  warnings.splice(known < 0 ? warnings.length : known, 1, { alarm, message })
}

export const addMetrics = (
  writer: HeartbeatWriter,
  values: Readonly<Record<string, number>>,
): void => {
  writer.metrics = { ...writer.metrics, ...finite(values) }
}

/** The arithmetic as a record keeps it: absent until it is known. */
export const arithmeticOf = ({
  arithmetic,
}: HeartbeatWriter): { readonly arithmetic?: Arithmetic } =>
  arithmetic === undefined ? {} : { arithmetic }

/** A heartbeat that is lost loses nothing: said once, and training goes on. */
const write = Effect.fnUntraced(function* (
  writer: HeartbeatWriter,
  heartbeat: Heartbeat.Heartbeat,
) {
  const result = yield* Effect.result(Heartbeat.write(writer.path, heartbeat))
  if (result._tag === "Failure" && !writer.isRefused)
    yield* Effect.logWarning(`no heartbeat for now: ${result.failure.message}`)
  writer.isRefused = result._tag === "Failure"
})

const updateSpeed = (writer: HeartbeatWriter, steps: number, milliseconds: number): void => {
  const speed = (steps * 1000) / Math.max(milliseconds, 1)
  const weight = writer.stepsPerSecond === 0 ? 1 : 1 - Math.exp(-milliseconds / speedWindow)
  writer.stepsPerSecond += weight * (speed - writer.stepsPerSecond)
}

/** Writes the heartbeat when it is due, or at once. */
export const beat = Effect.fnUntraced(function* (
  writer: HeartbeatWriter,
  step: number,
  seconds: number,
  when: "due" | "now",
) {
  const time = yield* Monotonic.milliseconds
  const isFirst = writer.last === undefined
  const last = writer.last ?? { time, step }
  writer.last = last
  const milliseconds = time - last.time
  if (when === "due" && !isFirst && milliseconds < heartbeatEvery) return
  if (step > last.step) updateSpeed(writer, step - last.step, milliseconds)
  writer.last = { time, step }
  if (Fence.isSupersededNow(writer.fence)) return
  yield* write(writer, {
    version: State.version,
    attempt: writer.attempt,
    pid: writer.process.pid,
    processStart: writer.process.start,
    host: hostname(),
    time: yield* Clock.currentTimeMillis,
    uptime: uptime(),
    step,
    stepsPerSecond: writer.stepsPerSecond,
    seconds,
    metrics: writer.metrics,
    warnings: writer.warnings,
    ...arithmeticOf(writer),
  })
})
