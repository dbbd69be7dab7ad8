/** Grids of tiny trials as real processes, and what their record must be: for the tests of whoever supervises. */
import { assert } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import * as Result from "../../src/orchestrator/Result.ts"
import type { GridEvent, Options } from "../../src/orchestrator/GridOptions.ts"
import * as TrialIndex from "../../src/orchestrator/TrialIndex.ts"
import * as State from "../../src/orchestrator/State.ts"
import type { Event } from "../../src/track/Event.ts"
import { spoolOf } from "../../src/track/SpoolPlace.ts"
import * as SpoolReader from "../../src/track/SpoolReader.ts"
import { trialOf } from "./folder.ts"
import { expected, type Tiny } from "./tinyTrial.ts"

export const program = fileURLToPath(new URL("./tinyTrial.ts", import.meta.url))
export const id = "00000000000000aa"

export const gridOf = (
  state: string,
  trials: ReadonlyArray<State.TrialFile>,
  options: Partial<Options> = {},
): Options & { readonly events: Array<GridEvent> } => {
  const events: Array<GridEvent> = []
  return {
    state,
    index: TrialIndex.open(state),
    grid: { gridId: "grid", experiment: "tiny", name: "tiny", file: "tiny.yaml" },
    note: (summaries) => summaries.map((summary) => summary.state).join(" "),
    onEndedRuns: () => Effect.void,
    stoppedPage: (page) => page.replaceAll("running", "stopped"),
    files: { "tiny.yaml": "name: tiny" },
    tags: {},
    trials,
    jobs: 2,
    only: undefined,
    retryFailed: false,
    restart: false,
    typed: "fliqs run tiny.yaml",
    command: (trial) => [process.execPath, program, "--id", trial.id, "--state", state],
    environment: {},
    children: new Set(),
    onEvent: (event) => Effect.sync(() => void events.push(event)),
    events,
    ...options,
  }
}

export const events = Effect.fnUntraced(function* (folder: string) {
  const all: Array<Event> = []
  for (let offset = 0; ;) {
    const read = yield* SpoolReader.read(spoolOf(folder), offset)
    all.push(...read.events.map(({ event }) => event))
    if (read.offset === offset) return all
    offset = read.offset
  }
})

/** The record of a trial of so many steps that went through whatever it went through. */
export const checkRecord = Effect.fnUntraced(function* (
  state: string,
  trial: string,
  steps: number,
) {
  const result = yield* Result.read(State.resultFile(state, trial))
  assert.strictEqual(result?.state, "finished")
  assert.strictEqual(result?.metrics["final/accuracy"], expected(steps))
  assert.strictEqual(result?.steps, steps)
  const spooled = yield* events(State.trialFolder(state, trial))
  const sent = spooled.flatMap((event) =>
    event.type === "metrics" && "train/loss" in event.values ? [event.step] : [],
  )
  assert.deepStrictEqual(
    sent,
    Array.from({ length: steps }, (_, i) => i + 1),
  )
  assert.strictEqual(spooled.filter((event) => event.type === "parameters").length, 1)
  assert.strictEqual(spooled.at(-1)?.type, "end")
})

/** Starts the tiny trial by itself, as a remote engine would. */
export const start = (state: string, trial = id): ChildProcess =>
  spawn(process.execPath, [program, "--id", trial, "--state", state], {
    stdio: ["pipe", "ignore", "ignore"],
  })

export const ended = (child: ChildProcess) =>
  Effect.callback<number | string>((resume) => {
    child.on("exit", (code, signal) => resume(Effect.succeed(code ?? signal ?? "")))
  })

export const untilFile = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  while (!(yield* fs.exists(path))) yield* Effect.sleep("20 millis")
})

export const untilStep = Effect.fnUntraced(function* (state: string, step: number) {
  for (;;) {
    const spooled = yield* Effect.orElseSucceed(events(State.trialFolder(state, id)), () => [])
    if (spooled.some((event) => event.type === "metrics" && event.step >= step)) return
    yield* Effect.sleep("20 millis")
  }
})

export const tiny = (declaration: Tiny, name = id) => trialOf(name, declaration)
