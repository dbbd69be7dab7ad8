/** What a trial takes of its machine, every so often: processor, memory, speed. */
import { system } from "../metric/Metrics.ts"

const every = 10_000

interface Sample {
  readonly time: number
  /** Microseconds of processor time. */
  readonly processor: number
}

/** What was measured last. */
export interface SystemMeter {
  last: Sample
}

const processorTime = (): number => {
  const { system: inSystem, user } = process.cpuUsage()
  return inSystem + user
}

/** Begins to measure. */
export const open = (time: number): SystemMeter => ({ last: { time, processor: processorTime() } })

/** The metrics since the last call that gave any; undefined while it is not time yet. */
export const measure = (
  meter: SystemMeter,
  time: number,
  stepsPerSecond: number,
  when: "due" | "now",
): Readonly<Record<string, number>> | undefined => {
  const milliseconds = time - meter.last.time
  if (milliseconds <= 0 || (when === "due" && milliseconds < every)) return undefined
  const processor = processorTime()
  const used = (processor - meter.last.processor) / 1000 / milliseconds
  meter.last = { time, processor }
  return {
    [system.cpuPercent.key]: Math.round(100 * used),
    [system.memoryMegabytes.key]: Math.round(process.memoryUsage.rss() / 1e6),
    ...(stepsPerSecond > 0
      ? { [system.stepsPerSecond.key]: Number(stepsPerSecond.toPrecision(4)) }
      : {}),
  }
}
