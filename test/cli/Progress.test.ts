/** What a grid at work says on stderr. */
import { Effect } from "effect"
import { describe, expect, it, vi } from "vitest"
import { make } from "../../src/cli/Progress.ts"
import type { GridEvent } from "../../src/orchestrator/RunGrid.ts"

const trial = { id: "0123456789abcdef", name: "peak=10", steps: 60 }
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
      const onEvent = yield* make(1)
      for (const event of events) yield* onEvent(event as GridEvent)
    }).pipe(Effect.scoped, Effect.runPromise)
  } finally {
    written.mockRestore()
  }
  return lines
}

const started = { _tag: "Started", trial, fromStep: 0 }

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
