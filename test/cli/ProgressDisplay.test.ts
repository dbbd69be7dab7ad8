/** What a grid at work says on stderr. */
import { Effect } from "effect"
import { describe, expect, it, vi } from "vitest"
import { make } from "../../src/cli/progress/ProgressDisplay.ts"
import type { GridEvent } from "../../src/orchestrator/GridOptions.ts"
import type { TrialFile } from "../../src/orchestrator/State.ts"

const trial = { id: "0123456789abcdef", name: "peak=10", steps: 60, parameters: {} }
const warning = (alarm: string) => ({ alarm, message: `what ${alarm} says` })
const beat = (...alarms: ReadonlyArray<string>) => ({
  _tag: "Progress",
  trial,
  heartbeat: { step: 30, stepsPerSecond: 1, metrics: {}, warnings: alarms.map(warning) },
})
const ended = (...alarms: ReadonlyArray<string>) => ({
  _tag: "Ended",
  trial,
  result: { state: "finished", metrics: {}, seconds: 6, warnings: alarms.map(warning) },
})

const linesOf = async (events: ReadonlyArray<object>): Promise<ReadonlyArray<string>> => {
  const lines: Array<string> = []
  const written = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    lines.push(String(text).trimEnd())
    return true
  })
  try {
    await Effect.gen(function* () {
      const onEvent = yield* make([trial as unknown as TrialFile], 1)
      const begin = Date.now()
      for (const event of events) {
        if ("second" in event) vi.setSystemTime(begin + 1000 * Number(event.second))
        yield* onEvent(event as GridEvent)
      }
    }).pipe(Effect.scoped, Effect.runPromise)
  } finally {
    written.mockRestore()
  }
  return lines
}

const started = { _tag: "Started", trial, fromStep: 0 }

describe("where nobody looks", () => {
  it("is a plain line per trial every ten seconds, every minute after two", async () => {
    vi.useFakeTimers({ toFake: ["Date"] })
    try {
      const at = (second: number) => {
        const heartbeat = { ...beat().heartbeat, step: second }
        return { ...beat(), heartbeat, second }
      }
      const seconds = Array.from({ length: 300 }, (_, i) => i + 1)
      const long = { ...started, trial: { ...trial, steps: 1000 } }
      const told = await linesOf([long, ...seconds.map(at)])
      const steps = told.slice(1).map((line) => Number(/step (\d+)\/1000/.exec(line)?.[1]))
      expect(steps).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 170, 230, 290])
      expect(told[1]).toBe("peak=10: step 10/1000, 17 min left, 1 steps/s")
      expect(told.join("")).not.toContain("\u001b")
    } finally {
      vi.useRealTimers()
    }
  })
})

describe("warnings of a trial", () => {
  it("are told once each, as heartbeats bring them", async () => {
    const told = await linesOf([started, beat("a"), beat("a", "b"), ended("a", "b")])
    expect(told.slice(1)).toEqual([
      "peak=10: what a says",
      "peak=10: what b says",
      "peak=10: finished after 6 s",
    ])
  })

  it("are told at its end when no heartbeat came between", async () => {
    const told = await linesOf([started, beat("a"), ended("a", "b")])
    expect(told.slice(1)).toEqual([
      "peak=10: what a says",
      "peak=10: what b says",
      "peak=10: finished after 6 s",
    ])
    expect((await linesOf([started, ended("a")]))[1]).toBe("peak=10: what a says")
  })
})
