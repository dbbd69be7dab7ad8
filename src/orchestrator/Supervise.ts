/**
 * One trial seen from outside: a process that an engine runs, and runs again when it may help. Causes are distinguished (`Death.ts`): wrong input and divergence are not retried; a crash and a
 * lost process are, a few times and later each time; what the machine ran out of is waited for, so long. Left out: which trials (`RunGrid`), how a process is started and watched (`engine/`), what it does (`RunTrial`).
 */
import { Clock, Duration, Effect } from "effect"
import * as Monotonic from "../disk/Monotonic.ts"
import { pauseAfter, withoutWaiting } from "../disk/Patience.ts"
import * as Event from "../track/Event.ts"
import * as Checkpoint from "./Checkpoint.ts"
import { type Death, deathOf, lastLines } from "./Death.ts"
import type { Runner, ShortagePatience, Work } from "./engine/Engine.ts"
import * as Heartbeat from "./Heartbeat.ts"
import * as HeartbeatWriter from "./HeartbeatWriter.ts"
import * as Journal from "./Journal.ts"
import * as Result from "./Result.ts"
import { exitCodes } from "./ExitCode.ts"
import * as State from "./State.ts"

/** How often a trial that makes no progress is started again. */
export const maxRetries = 3
/** How often one that was stopped by somebody else and saved nothing new is started again. */
const maxRestarts = 20
const backoff = (failures: number) => Duration.millis(Math.min(1000 * 2 ** (failures - 1), 30_000))

export const shortagePatience: ShortagePatience = {
  storage: "10 minutes",
  outOfMemory: "3 minutes",
}

export type Ended =
  | { readonly _tag: "Ended"; readonly result: Result.Result }
  /** Another machine or process trains it; its result will be in the folder. */
  | { readonly _tag: "Superseded" }
  /** Its job was cancelled. */
  | { readonly _tag: "Cancelled" }
  /** The machine cannot run trials: the child's last words. */
  | { readonly _tag: "NotReady"; readonly message: string }

/** Gives a trial up in the record, since its process can no longer do it. */
const giveUp = Effect.fnUntraced(function* (work: Work, death: Death) {
  const { state, trial } = work
  const { advice, cause, lastWords = "" } = death
  const message = [
    death.message,
    ...(advice === undefined ? [] : [advice]),
    ...(lastWords === "" ? [] : [`its last words:\n${lastWords}`]),
  ].join("; ")
  const heartbeat = yield* Heartbeat.read(State.heartbeatFile(state, trial.id))
  const said = heartbeat ?? (yield* Journal.reported(State.trialFolder(state, trial.id)))
  yield* Effect.scoped(
    Effect.gen(function* () {
      const spool = yield* Journal.openSpool(State.trialFolder(state, trial.id))
      spool.append({ type: "end", time: Event.now(), status: "FAILED", message })
      yield* Journal.flush(spool)
    }),
  )
  const result: Result.Result = {
    version: State.version,
    id: trial.id,
    state: "failed",
    metrics: HeartbeatWriter.finite(said.metrics),
    assignment: {},
    layers: [],
    steps: heartbeat?.step ?? (yield* savedStep(work)),
    seconds: heartbeat?.seconds ?? 0,
    attempt: heartbeat?.attempt ?? 0,
    finishedAt: yield* Clock.currentTimeMillis,
    warnings: said.warnings,
    ...(heartbeat?.arithmetic === undefined ? {} : { arithmetic: heartbeat.arithmetic }),
    cause,
    message,
  }
  yield* Result.publish(State.resultFile(state, trial.id), result)
  return { _tag: "Ended", result } satisfies Ended
}, withoutWaiting)

const savedStep = ({ state, trial }: Work) =>
  Effect.map(Checkpoint.list(State.checkpointFolder(state, trial.id)), (list) => list[0]?.step ?? 0)

/** Runs a trial until its result is in the folder, or somebody else has it. */
export const supervise = Effect.fnUntraced(function* (runner: Runner, work: Work) {
  const resultPath = State.resultFile(work.state, work.trial.id)
  let failures = 0
  let restarts = 0
  let shortages = 0
  let lackingSince: number | undefined
  let step = yield* savedStep(work)
  for (;;) {
    const ending = yield* runner.runOnce(work)
    const result = yield* Result.read(resultPath)
    if (result !== undefined) return { _tag: "Ended", result } satisfies Ended
    const code = "code" in ending.exit ? ending.exit.code : undefined
    if (code === exitCodes.superseded) return { _tag: "Superseded" } satisfies Ended
    if (code === exitCodes.notReady)
      return { _tag: "NotReady", message: lastLines(ending.output) } satisfies Ended
    const saved = yield* savedStep(work)
    if (saved > step) {
      failures = restarts = shortages = 0
      lackingSince = undefined
    }
    const moved = saved > step
    step = saved
    const scheduled = "scheduler" in ending.exit ? ending.exit.scheduler : undefined
    if (scheduled === "cancelled") return { _tag: "Cancelled" } satisfies Ended
    const death = deathOf(ending)
    if (death.cause === "wrongInput") return yield* giveUp(work, death)
    // Somebody else asked it to stop: it saved and may simply go on, though not for ever.
    const goesOn =
      code === exitCodes.stopped ||
      scheduled === "forgotten" ||
      (scheduled === "timeLimit" && moved)
    if (goesOn && ++restarts <= maxRestarts) continue
    if (death.cause === "outOfMemory" || death.cause === "storage") {
      const now = yield* Monotonic.milliseconds
      lackingSince ??= ending.waitingSince ?? now
      const longest = Duration.toMillis(
        Duration.fromInputUnsafe(work.shortagePatience[death.cause]),
      )
      const left = lackingSince + longest - now
      if (!death.passes || left <= 0) return yield* giveUp(work, death)
      const { message } = death
      yield* work.onWaiting({ _tag: "Waiting", message, secondsLeft: Math.ceil(left / 1000) })
      yield* Effect.sleep(Math.min(2 * pauseAfter(shortages++), left))
      continue
    }
    failures++
    if (failures > maxRetries) return yield* giveUp(work, death)
    const delay = backoff(failures)
    yield* work.onRetry({ message: death.message, failures, delay })
    yield* Effect.sleep(delay)
  }
})
