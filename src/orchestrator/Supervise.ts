/**
 * One trial seen from outside: a child process that is started, watched through the folder and its output, and started
 * again when it may help. Causes are distinguished (`Death.ts`): wrong input and divergence are not retried; a crash and a
 * lost process are, a few times and later each time; what the machine ran out of is waited for, so long. Interrupting the
 * effect asks the child to save and go (SIGTERM), and waits for it. Left out: which trials (`RunGrid`), what the child
 * does (`RunTrial`).
 */
import { Clock, Duration, Effect, Fiber, FileSystem, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { pauseAfter, stored, withoutWaiting } from "../disk/Patience.ts"
import { countMemoryKills, type Shortage } from "../disk/Shortage.ts"
import * as Event from "../track/Event.ts"
import * as Checkpoint from "./Checkpoint.ts"
import { type Death, deathOf, type Ending, lastLines } from "./Death.ts"
import * as Heartbeat from "./Heartbeat.ts"
import * as Journal from "./Journal.ts"
import * as Result from "./Result.ts"
import { exitCodes } from "./ExitCode.ts"
import * as State from "./State.ts"
import * as Waiting from "./Waiting.ts"

/** How often a trial that makes no progress is started again. */
export const maxRetries = 3
const backoff = (failures: number) => Duration.millis(Math.min(1000 * 2 ** (failures - 1), 30_000))

/** How long a trial waits, in all and without progress, for what the machine ran out of. */
export type ShortagePatience = Readonly<Record<Shortage, Duration.Input>>
export const shortagePatience: ShortagePatience = {
  storage: "10 minutes",
  outOfMemory: "3 minutes",
}

export interface Options {
  readonly state: string
  readonly trial: State.TrialFile
  /** The program and its arguments that run one trial: `node .../main.ts trial --id ID --state DIR`. */
  readonly command: readonly [string, ...Array<string>]
  readonly environment: Readonly<Record<string, string>>
  /** A child without a sign of life for so long is lost; its first step may load data and record the graph. */
  readonly lostAfter: Duration.Input
  /** How long a child that is asked to stop may take to save. */
  readonly patience: Duration.Input
  readonly shortagePatience: ShortagePatience
  /** Process groups of the children at work: for who must end them at once. */
  readonly children: Set<number>
  readonly onProgress: (heartbeat: Heartbeat.Heartbeat) => Effect.Effect<void>
  readonly onRetry: (retry: {
    readonly message: string
    readonly failures: number
    readonly delay: Duration.Duration
  }) => Effect.Effect<void>
  /** It waits for room, memory, open files; or goes on after that. */
  readonly onWaiting: (notice: Waiting.Notice) => Effect.Effect<void>
}

export type Ended =
  | { readonly _tag: "Ended"; readonly result: Result.Result }
  /** Another machine or process trains it; its result will be in the folder. */
  | { readonly _tag: "Superseded" }
  /** The machine cannot run trials: the child's last words. */
  | { readonly _tag: "NotReady"; readonly message: string }

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
const watch = Effect.fnUntraced(function* (options: Options, life: ChildLife) {
  const path = State.heartbeatFile(options.state, options.trial.id)
  const patience = Duration.toMillis(Duration.fromInputUnsafe(options.lostAfter))
  const before = yield* Heartbeat.read(path)
  let reported = `${before?.attempt} ${before?.time}`
  for (;;) {
    yield* Effect.sleep(watchEvery)
    const heartbeat = yield* Heartbeat.read(path)
    const now = yield* Clock.currentTimeMillis
    const shown = `${heartbeat?.attempt} ${heartbeat?.time}`
    if (heartbeat !== undefined && shown !== reported) {
      reported = shown
      life.lastSeenAt = now
      yield* options.onProgress(heartbeat)
    }
    if (now - life.lastSeenAt > patience) return { lost: (now - life.lastSeenAt) / 1000 }
  }
})

/** Keeps the end of what the child prints, in the log too; what it says of waiting is passed on. */
const listen = (options: Options, life: ChildLife, output: Stream.Stream<Uint8Array, unknown>) => {
  const log = State.logFile(options.state, options.trial.id)
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
      life.lastSeenAt = yield* Clock.currentTimeMillis
      const lines = (line + text).split("\n")
      line = lines.pop()!.slice(-longestTail)
      for (const notice of lines.map(Waiting.read)) {
        if (notice === undefined) continue
        life.waitingSince =
          notice._tag === "Over" ? undefined : (life.waitingSince ?? life.lastSeenAt)
        yield* options.onWaiting(notice)
      }
    }),
  ).pipe(Effect.ignore)
}

const signalPattern = /signal: '(\w+)'/

/** Runs the child once, to its end. */
const runOnce = Effect.fnUntraced(function* (options: Options) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const [program, ...words] = options.command
  const memoryKills = countMemoryKills()
  const child = yield* spawner
    .spawn(
      ChildProcess.make(program, words, {
        // Its end is how the child knows that we are gone.
        stdin: "pipe",
        env: { ...options.environment },
        extendEnv: true,
        killSignal: "SIGTERM",
        forceKillAfter: options.patience,
      }),
    )
    .pipe(
      // Node throws for some of what the system refuses and reports the rest.
      Effect.catchDefect((defect) => Effect.fail(defect)),
      stored("start", program),
    )
  yield* Effect.acquireRelease(
    Effect.sync(() => options.children.add(child.pid)),
    () => Effect.sync(() => options.children.delete(child.pid)),
  )
  const life: ChildLife = {
    tail: "",
    lastSeenAt: yield* Clock.currentTimeMillis,
    waitingSince: undefined,
  }
  const listening = yield* Effect.forkScoped(listen(options, life, child.all))
  const exit = child.exitCode.pipe(
    Effect.map((code): Ending["exit"] => ({ code })),
    Effect.catch((error) =>
      Effect.succeed<Ending["exit"]>({
        signal: signalPattern.exec(String(error.reason.cause))?.[1] ?? "an unknown signal",
      }),
    ),
  )
  const ended: Ending["exit"] = yield* Effect.raceFirst(exit, watch(options, life))
  if ("lost" in ended) yield* Effect.ignore(child.kill({ killSignal: "SIGKILL" }))
  // Its last words may still be in the pipe.
  yield* Fiber.await(listening).pipe(Effect.timeoutOption("1 second"))
  const kills = countMemoryKills()
  return {
    exit: ended,
    output: life.tail,
    memoryKills: kills === undefined ? undefined : kills - (memoryKills ?? 0),
    waitingSince: life.waitingSince,
  } satisfies Ending & { readonly waitingSince: number | undefined }
}, Effect.scoped)

/** Gives a trial up in the record, since its process can no longer do it. */
const giveUp = Effect.fnUntraced(function* (options: Options, death: Death) {
  const { state, trial } = options
  const { advice, cause, lastWords = "" } = death
  const message = [
    death.message,
    ...(advice === undefined ? [] : [advice]),
    ...(lastWords === "" ? [] : [`its last words:\n${lastWords}`]),
  ].join("; ")
  const heartbeat = yield* Heartbeat.read(State.heartbeatFile(state, trial.id))
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
    metrics: heartbeat?.metrics ?? {},
    assignment: {},
    layers: [],
    steps: heartbeat?.step ?? 0,
    seconds: heartbeat?.seconds ?? 0,
    attempt: heartbeat?.attempt ?? 0,
    finishedAt: yield* Clock.currentTimeMillis,
    warnings: heartbeat?.warnings ?? [],
    ...(heartbeat?.arithmetic === undefined ? {} : { arithmetic: heartbeat.arithmetic }),
    cause,
    message,
  }
  yield* Result.publish(State.resultFile(state, trial.id), result)
  return { _tag: "Ended", result } satisfies Ended
}, withoutWaiting)

const savedStep = (options: Options) =>
  Effect.map(
    Checkpoint.list(State.checkpointFolder(options.state, options.trial.id)),
    (list) => list[0]?.step ?? 0,
  )

/** Runs a trial until its result is in the folder, or somebody else has it. */
export const supervise = Effect.fnUntraced(function* (options: Options) {
  const resultPath = State.resultFile(options.state, options.trial.id)
  let failures = 0
  let restarts = 0
  let shortages = 0
  let lackingSince: number | undefined
  let step = yield* savedStep(options)
  for (;;) {
    const ending = yield* runOnce(options)
    const result = yield* Result.read(resultPath)
    if (result !== undefined) return { _tag: "Ended", result } satisfies Ended
    const code = "code" in ending.exit ? ending.exit.code : undefined
    if (code === exitCodes.superseded) return { _tag: "Superseded" } satisfies Ended
    if (code === exitCodes.notReady)
      return { _tag: "NotReady", message: lastLines(ending.output) } satisfies Ended
    const saved = yield* savedStep(options)
    if (saved > step) {
      failures = shortages = 0
      lackingSince = undefined
    }
    step = saved
    const death = deathOf(ending)
    if (death.cause === "wrongInput") return yield* giveUp(options, death)
    // Somebody else asked it to stop: it saved and may simply go on, though not for ever.
    const stopped = code === exitCodes.stopped && ++restarts <= 20
    if (stopped) continue
    if (death.cause === "outOfMemory" || death.cause === "storage") {
      const now = yield* Clock.currentTimeMillis
      lackingSince ??= ending.waitingSince ?? now
      const longest = Duration.toMillis(
        Duration.fromInputUnsafe(options.shortagePatience[death.cause]),
      )
      const left = lackingSince + longest - now
      if (!death.passes || left <= 0) return yield* giveUp(options, death)
      const { message } = death
      yield* options.onWaiting({ _tag: "Waiting", message, secondsLeft: Math.ceil(left / 1000) })
      yield* Effect.sleep(Math.min(2 * pauseAfter(shortages++), left))
      continue
    }
    failures++
    if (failures > maxRetries) return yield* giveUp(options, death)
    const delay = backoff(failures)
    yield* options.onRetry({ message: death.message, failures, delay })
    yield* Effect.sleep(delay)
  }
})
