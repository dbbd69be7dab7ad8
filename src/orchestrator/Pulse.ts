/**
 * The pulse of one attempt: latest metrics, speed, the warnings of all attempts, put into the heartbeat about once a
 * second. Left out: what the heartbeat says and who reads it (`Heartbeat.ts`).
 */
import { Clock, Effect } from "effect"
import { hostname } from "node:os"
import * as Process from "../disk/Process.ts"
import type { Arithmetic } from "../train/Arithmetic.ts"
import * as Heartbeat from "./Heartbeat.ts"
import * as State from "./State.ts"

const heartbeatEvery = 1000
/** Milliseconds over which the speed is averaged. */
const speedWindow = 10_000

/** The values that JSON has. */
export const finite = (values: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => Number.isFinite(value)))

/** Keeps the heartbeat: latest metrics, speed, warnings of all attempts. */
export const makePulse = Effect.fnUntraced(function* (path: string, attempt: number) {
  const before = yield* Heartbeat.read(path)
  const warnings = [...(before?.warnings ?? [])]
  let metrics: Record<string, number> = { ...before?.metrics }
  // Counted from the end of the first step, which gets everything ready.
  let last: { readonly time: number; readonly step: number } | undefined
  let stepsPerSecond = 0
  let arithmetic: Pick<Heartbeat.Heartbeat, "arithmetic"> = {}
  let isRefused = false
  const { pid, start: processStart } = Process.self()
  /** Losing a heartbeat loses nothing: said once, and training goes on. */
  const write = Effect.fnUntraced(function* (heartbeat: Heartbeat.Heartbeat) {
    const result = yield* Effect.result(Heartbeat.write(path, heartbeat))
    const wasRefused = isRefused
    isRefused = result._tag === "Failure"
    if (result._tag === "Failure" && !wasRefused)
      yield* Effect.logWarning(`no heartbeat for now: ${result.failure.message}`)
  })
  return {
    arithmetic: () => arithmetic,
    reckon: (told: Arithmetic) => {
      arithmetic = { arithmetic: told }
    },
    warnings: () => [...warnings],
    metrics: () => metrics,
    warn: ({ alarm, message }: { readonly alarm: string; readonly message: string }) => {
      const known = warnings.findIndex((before) => before.alarm === alarm)
      warnings.splice(known < 0 ? warnings.length : known, 1, { alarm, message })
    },
    tell: (values: Readonly<Record<string, number>>) => {
      metrics = { ...metrics, ...finite(values) }
    },
    beat: Effect.fnUntraced(function* (step: number, seconds: number, force: boolean) {
      const time = yield* Clock.currentTimeMillis
      const isFirst = last === undefined
      last ??= { time, step }
      const milliseconds = time - last.time
      if (!force && !isFirst && milliseconds < heartbeatEvery) return
      if (step > last.step) {
        const speed = ((step - last.step) * 1000) / Math.max(milliseconds, 1)
        const weight = stepsPerSecond === 0 ? 1 : 1 - Math.exp(-milliseconds / speedWindow)
        stepsPerSecond += weight * (speed - stepsPerSecond)
      }
      last = { time, step }
      yield* write({
        version: State.version,
        attempt,
        pid,
        processStart,
        host: hostname(),
        time,
        step,
        stepsPerSecond,
        seconds,
        metrics,
        warnings,
        ...arithmetic,
      })
    }),
  }
})
