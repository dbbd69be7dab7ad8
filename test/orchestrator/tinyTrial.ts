/**
 * A trial without a network, as a process of its own: `node tinyTrial.ts --id ID --state DIR`. Its state is a few
 * numbers that only come out right when every step was done exactly once, in order; what it should do wrong is in its
 * declaration. Stands in for `fliqs trial` in the tests of whoever supervises.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Deferred, Effect, Exit, Stream } from "effect"
import { appendFileSync, closeSync, existsSync, openSync } from "node:fs"
import { setTimeout } from "node:timers/promises"
import { parseArgs } from "node:util"
import { exitCodes, shortageCode } from "../../src/orchestrator/ExitCode.ts"
import * as RunTrial from "../../src/orchestrator/RunTrial.ts"
import {
  DatasetUnusable,
  Diverged,
  InvalidTrial,
  OutOfMemory,
  TrialError,
} from "../../src/train/Errors.ts"
import type { Snapshot, Train, TrainEvent } from "../../src/train/TrainEvent.ts"

export interface Tiny {
  readonly steps: number
  /** Milliseconds a step takes. */
  readonly pause: number
  readonly misbehave?:
    | {
        readonly kind:
          | "diverge"
          | "invalid"
          | "memory"
          | "abort"
          | "hang"
          | "heap"
          | "kill"
          | "files"
          | "dataset"
          | "address"
        readonly step: number
        /** It behaves once this file is there. */
        readonly until?: string
      }
    | { readonly kind: "notReady" }
  /** The step after which it is warned of something. */
  readonly alarm?: number
  /** Milliseconds between the last step and the end: evaluating, say. */
  readonly finishing?: number
  /** A file that gets a line for every step that was trained. */
  readonly diary?: string
}

const size = 64

/** One step on the state; order and number of the steps show in the result. */
export const advance = (values: Float32Array, step: number): Float32Array =>
  values.map((x, i) => Math.fround(x * 0.75 + Math.sin(step * 1.7 + i)))

export const initial = (): Float32Array => Float32Array.from({ length: size }, (_, i) => i)

/** The final accuracy of a trial of so many steps. */
export const expected = (steps: number): number => {
  let values = initial()
  for (let step = 0; step < steps; step++) values = advance(values, step)
  return values.reduce((a, b) => Math.fround(a + b))
}

/** Until V8 gives up. */
const fillHeap = () => {
  const all: Array<unknown> = []
  for (;;) all.push(Array.from({ length: 1000 }, (_, i) => ({ i })))
}

/** Until the system gives no more addresses; the pages are not touched, so that it takes no memory. */
const fillAddresses = () => {
  const all: Array<ArrayBuffer> = []
  for (;;) all.push(new ArrayBuffer(2 ** 30))
}

/** Holds every file descriptor the process may have until the file is there; the last ones are for looking. */
const openAllFiles = (until: string) => {
  const all: Array<number> = []
  try {
    for (;;) all.push(openSync("/dev/null", "r"))
  } catch {
    // All are open.
  }
  const watch = setInterval(() => {
    if (!existsSync(until)) return
    clearInterval(watch)
    for (const file of all) closeSync(file)
  }, 50)
}

async function* events(
  declaration: Tiny,
  resume: Snapshot | undefined,
  fail: (step: number, reason: TrialError["reason"]) => TrialError,
): AsyncGenerator<TrainEvent> {
  const { diary, misbehave, pause, steps } = declaration
  let values = resume?.tensors["values"]?.values ?? initial()
  yield { type: "dataset", name: "tiny", digest: "0", context: "train" }
  for (let step = resume?.step ?? 0; step < steps; step++) {
    const isDue = misbehave !== undefined && "step" in misbehave && misbehave.step === step
    if (isDue && !(misbehave.until !== undefined && existsSync(misbehave.until))) {
      const message = `made to ${misbehave.kind}`
      if (misbehave.kind === "diverge") throw fail(step, new Diverged({ message }))
      if (misbehave.kind === "invalid") throw fail(step, new InvalidTrial({ message }))
      if (misbehave.kind === "memory") throw fail(step, new OutOfMemory({ message }))
      if (misbehave.kind === "dataset")
        throw fail(step, new DatasetUnusable({ message, retryable: false }))
      if (misbehave.kind === "abort") process.abort()
      if (misbehave.kind === "kill") process.kill(process.pid, "SIGKILL")
      if (misbehave.kind === "heap") fillHeap()
      if (misbehave.kind === "address") fillAddresses()
      if (misbehave.kind === "files") openAllFiles(misbehave.until ?? "")
      if (misbehave.kind === "hang") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    }
    await setTimeout(pause)
    values = advance(values, step)
    const done = step + 1
    if (diary !== undefined) appendFileSync(diary, `${process.pid} ${done}\n`)
    const now = values
    yield { type: "metrics", step: done, values: { "train/loss": now[0]! } }
    if (declaration.alarm === done)
      yield { type: "warning", alarm: "tiny", message: `at step ${done}` }
    yield {
      type: "checkpoint",
      step: done,
      snapshot: () => ({
        step: done,
        tensors: { values: { shape: [size], values: now.slice() } },
        state: { last: now[0]! },
      }),
    }
  }
  await setTimeout(declaration.finishing ?? 0)
  yield {
    type: "finished",
    metrics: { "final/accuracy": values.reduce((a, b) => Math.fround(a + b)) },
    assignment: { "a.format": "INT4" },
    layers: [{ path: "a", weightFormat: "INT4", activationFormat: "INT4", macs: 1, costShare: 1 }],
  }
}

const train: Train = (trial, { resume }) => {
  const fail = (step: number, reason: TrialError["reason"]) =>
    new TrialError({ trialId: trial.id, step, reason })
  return Stream.fromAsyncIterable(
    events(trial.declaration as Tiny, resume, fail),
    (cause) => cause as TrialError,
  )
}

const main = async (id: string, state: string, storagePatience: number, isDetached: boolean) => {
  const stop = Deferred.makeUnsafe<string>()
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () => Deferred.doneUnsafe(stop, Effect.succeed(signal)))
  if (!isDetached)
    process.stdin.on("end", () => Deferred.doneUnsafe(stop, Effect.succeed("orphan"))).resume()
  process.stderr.on("error", () => {})
  const exit = await Effect.runPromiseExit(
    RunTrial.run({
      state,
      id,
      train,
      cacheDirectory: state,
      storagePatience,
      stop: Deferred.await(stop),
    }).pipe(Effect.provide(NodeServices.layer)),
  )
  if (Exit.isFailure(exit)) {
    const error = Cause.squash(exit.cause)
    console.error(error instanceof TrialError ? error.reason.message : String(error))
    process.exit(shortageCode(error) ?? exitCodes.retry)
  }
  const outcome = exit.value
  const codes = {
    Done: 0,
    Failed: outcome._tag === "Failed" && outcome.cause === "wrongInput" ? 2 : 1,
    Stopped: 75,
    Superseded: 76,
  }
  process.exit(codes[outcome._tag])
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      id: { type: "string" },
      state: { type: "string" },
      notReady: { type: "boolean" },
      /** It goes on when whoever started it is gone. */
      detached: { type: "boolean" },
      /** Milliseconds. */
      patience: { type: "string" },
    },
  })
  if (values.notReady === true) {
    console.error("the addon is missing")
    process.exit(exitCodes.notReady)
  }
  await main(values.id!, values.state!, Number(values.patience ?? 60_000), values.detached === true)
}
