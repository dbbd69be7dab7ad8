/**
 * Trials as child processes on this machine: started, watched through the folder and their output. Interrupting one asks the
 * child to save and go (SIGTERM), and waits for it. Left out: what follows from an end (`orchestrator/Supervise.ts`).
 */
import { Duration, Effect, Fiber, FileSystem, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import * as Monotonic from "../../disk/Monotonic.ts"
import { stored } from "../../disk/Patience.ts"
import { countMemoryKills } from "../../disk/Shortage.ts"
import type { Ending } from "../Death.ts"
import * as Heartbeat from "../Heartbeat.ts"
import * as State from "../State.ts"
import * as Waiting from "../Waiting.ts"
import type { Ran, RunningEngine, Runner, Work } from "./Engine.ts"

/** What is known of a child while it runs: the end of its output, and when it was last seen to live. */
interface ChildLife {
  tail: string
  lastSeenAt: number
  /** Since when it waits for something the machine ran out of. */
  waitingSince: number | undefined
}

const watchEvery = "500 millis"
const longestTail = 32_768

/** Reports progress until the child has given no sign of life for `lostAfter`; then ends. */
const watch = Effect.fnUntraced(function* (work: Work, life: ChildLife) {
  const path = State.heartbeatFile(work.state, work.trial.id)
  const patience = Duration.toMillis(Duration.fromInputUnsafe(work.lostAfter))
  const before = yield* Heartbeat.read(path)
  let reported = `${before?.attempt} ${before?.time}`
  for (;;) {
    yield* Effect.sleep(watchEvery)
    const heartbeat = yield* Heartbeat.read(path)
    const now = yield* Monotonic.milliseconds
    const shown = `${heartbeat?.attempt} ${heartbeat?.time}`
    if (heartbeat !== undefined && shown !== reported) {
      reported = shown
      life.lastSeenAt = now
      yield* work.onProgress(heartbeat)
    }
    if (now - life.lastSeenAt > patience) return { lost: (now - life.lastSeenAt) / 1000 }
  }
})

/** Keeps the end of what the child prints, in the log too; what it says of waiting is passed on. */
const listen = (work: Work, life: ChildLife, output: Stream.Stream<Uint8Array, unknown>) => {
  const log = State.logFile(work.state, work.trial.id)
  const decoder = new TextDecoder()
  let line = ""
  return Stream.runForEach(
    output,
    Effect.fnUntraced(function* (bytes) {
      const fs = yield* FileSystem.FileSystem
      // A log that cannot be written must not stop the child, which would wait for its pipe to be read.
      yield* Effect.ignore(fs.writeFile(log, bytes, { flag: "a" }))
      const text = decoder.decode(bytes, { stream: true })
      life.tail = (life.tail + text).slice(-longestTail)
      life.lastSeenAt = yield* Monotonic.milliseconds
      const lines = (line + text).split("\n")
      line = lines.pop()!.slice(-longestTail)
      for (const notice of lines.map(Waiting.read)) {
        if (notice === undefined) continue
        life.waitingSince =
          notice._tag === "Over" ? undefined : (life.waitingSince ?? life.lastSeenAt)
        yield* work.onWaiting(notice)
      }
    }),
  ).pipe(Effect.ignore)
}

const signalPattern = /signal: '(\w+)'/

/** Runs the child once, to its end. */
const runOnce = Effect.fnUntraced(function* (work: Work) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const [program, ...words] = work.command
  const memoryKills = countMemoryKills()
  const child = yield* spawner
    .spawn(
      ChildProcess.make(program, words, {
        // Its end is how the child knows that we are gone.
        stdin: "pipe",
        env: { ...work.environment },
        extendEnv: true,
        killSignal: "SIGTERM",
        forceKillAfter: work.patience,
      }),
    )
    .pipe(
      // Node throws for some of what the system refuses and reports the rest.
      Effect.catchDefect((defect) => Effect.fail(defect)),
      stored("start", program),
    )
  yield* work.onBegin
  yield* Effect.acquireRelease(
    Effect.sync(() => work.children.add(child.pid)),
    () => Effect.sync(() => work.children.delete(child.pid)),
  )
  const life: ChildLife = {
    tail: "",
    lastSeenAt: yield* Monotonic.milliseconds,
    waitingSince: undefined,
  }
  const listening = yield* Effect.forkScoped(listen(work, life, child.all))
  const exit = child.exitCode.pipe(
    Effect.map((code): Ending["exit"] => ({ code })),
    Effect.catch((error) =>
      Effect.succeed<Ending["exit"]>({
        signal: signalPattern.exec(String(error.reason.cause))?.[1] ?? "an unknown signal",
      }),
    ),
  )
  const ended: Ending["exit"] = yield* Effect.raceFirst(exit, watch(work, life))
  if ("lost" in ended) yield* Effect.ignore(child.kill({ killSignal: "SIGKILL" }))
  // Its last words may still be in the pipe.
  yield* Fiber.await(listening).pipe(Effect.timeoutOption("1 second"))
  const kills = countMemoryKills()
  return {
    exit: ended,
    output: life.tail,
    memoryKills: kills === undefined ? undefined : kills - (memoryKills ?? 0),
    waitingSince: life.waitingSince,
  } satisfies Ran
}, Effect.scoped)

export const LocalEngine: RunningEngine = {
  kind: "local",
  open: ({ jobs = 1 }) =>
    Effect.succeed<Runner>({
      concurrency: jobs,
      outlivesRun: false,
      isAtWork: () => false,
      withdraw: () => Effect.void,
      runOnce,
      cancel: Effect.void,
    }),
}
