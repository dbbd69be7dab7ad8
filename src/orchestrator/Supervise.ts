/**
 * One trial seen from outside: a child process that is started, watched through the folder, and started again when it
 * may help. Causes are told apart: wrong input and divergence are not retried, a crash and a lost process are, a few
 * times and later each time. Interrupting the effect asks the child to save and go (SIGTERM), and waits for it.
 * Left out: which trials (`RunGrid`), what the child does (`RunTrial`).
 */
import { Clock, Duration, Effect, FileSystem, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import * as Event from "../track/Event.ts"
import * as Spool from "../track/Spool.ts"
import * as Checkpoint from "./Checkpoint.ts"
import { orUnreachable } from "../disk/Errors.ts"
import * as Heartbeat from "./Heartbeat.ts"
import * as Result from "./Result.ts"
import { exitCodes } from "./RunTrial.ts"
import * as State from "./State.ts"

/** How often a trial that makes no progress is started again. */
export const maxRetries = 3
const backoff = (failures: number) => Duration.millis(Math.min(1000 * 2 ** (failures - 1), 30_000))

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
  /** Process groups of the children at work: for who must end them at once. */
  readonly children: Set<number>
  readonly onProgress: (heartbeat: Heartbeat.Heartbeat) => Effect.Effect<void>
  readonly onRetry: (retry: {
    readonly message: string
    readonly failures: number
    readonly delay: Duration.Duration
  }) => Effect.Effect<void>
}

export type Ended =
  | { readonly _tag: "Ended"; readonly result: Result.Result }
  /** Another machine or process trains it; its result will be in the folder. */
  | { readonly _tag: "Superseded" }
  /** The machine cannot run trials: the child's last words. */
  | { readonly _tag: "NotReady"; readonly message: string }

interface Death {
  readonly cause: (typeof Result.causes)[number]
  readonly message: string
}

type Exit = { readonly code: number } | { readonly signal: string } | { readonly lost: number }

const watchEvery = "500 millis"

/** Tells progress until the child has given no sign of life for `lostAfter`; then ends. */
const watch = Effect.fnUntraced(function* (options: Options) {
  const path = State.heartbeatFile(options.state, options.trial.id)
  const patience = Duration.toMillis(Duration.fromInputUnsafe(options.lostAfter))
  const startedAt = yield* Clock.currentTimeMillis
  const before = yield* Heartbeat.read(path)
  let told = `${before?.attempt} ${before?.time}`
  let signAt = startedAt
  for (;;) {
    yield* Effect.sleep(watchEvery)
    const heartbeat = yield* Heartbeat.read(path)
    const now = yield* Clock.currentTimeMillis
    const sign = `${heartbeat?.attempt} ${heartbeat?.time}`
    if (heartbeat !== undefined && sign !== told) {
      told = sign
      signAt = now
      yield* options.onProgress(heartbeat)
    }
    if (now - signAt > patience) return { lost: (now - signAt) / 1000 }
  }
})

const signalPattern = /signal: '(\w+)'/

/** Runs the child once, to its end. */
const runOnce = Effect.fnUntraced(function* (options: Options) {
  const fs = yield* FileSystem.FileSystem
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const [program, ...words] = options.command
  const child = yield* spawner
    .spawn(
      ChildProcess.make(program, words, {
        // Its end tells the child that we are gone.
        stdin: "pipe",
        env: { ...options.environment },
        extendEnv: true,
        killSignal: "SIGTERM",
        forceKillAfter: options.patience,
      }),
    )
    .pipe(orUnreachable("start", program))
  yield* Effect.acquireRelease(
    Effect.sync(() => options.children.add(child.pid)),
    () => Effect.sync(() => options.children.delete(child.pid)),
  )
  const log = State.logFile(options.state, options.trial.id)
  yield* child.all.pipe(
    // A log that cannot be written must not stop the child, which would wait for its pipe to be read.
    Stream.runForEach((bytes) => Effect.ignore(fs.writeFile(log, bytes, { flag: "a" }))),
    Effect.ignore,
    Effect.forkScoped,
  )
  const exit = child.exitCode.pipe(
    Effect.map((code): Exit => ({ code })),
    Effect.catch((error) =>
      Effect.succeed<Exit>({
        signal: signalPattern.exec(String(error.reason.cause))?.[1] ?? "an unknown signal",
      }),
    ),
  )
  const ended: Exit = yield* Effect.raceFirst(exit, watch(options))
  if ("lost" in ended) yield* Effect.ignore(child.kill({ killSignal: "SIGKILL" }))
  return ended
}, Effect.scoped)

const lastWords = Effect.fnUntraced(function* (options: Options) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs
    .readFileString(State.logFile(options.state, options.trial.id))
    .pipe(Effect.orElseSucceed(() => ""))
  return text.trimEnd().split("\n").slice(-8).join("\n")
})

const deathOf = (exit: Exit): Death => {
  if ("lost" in exit)
    return { cause: "lost", message: `gave no sign of life for ${Math.round(exit.lost)} s` }
  if ("signal" in exit)
    return exit.signal === "SIGKILL"
      ? { cause: "crash", message: "was killed (SIGKILL): most often memory ran out" }
      : { cause: "crash", message: `died of ${exit.signal}` }
  return { cause: "crash", message: `ended with exit code ${exit.code}` }
}

/** Gives a trial up in the record, since its process can no longer do it. */
const giveUp = Effect.fnUntraced(function* (options: Options, death: Death) {
  const { state, trial } = options
  const heartbeat = yield* Heartbeat.read(State.heartbeatFile(state, trial.id))
  const words = yield* lastWords(options)
  const message = words === "" ? death.message : `${death.message}; its last words:\n${words}`
  yield* Effect.sync(() => {
    const spool = Spool.open(`${State.trialFolder(state, trial.id)}/${Spool.fileName}`)
    spool.append({ type: "end", time: Event.now(), status: "FAILED", message })
    spool.close()
  })
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
    cause: death.cause,
    message,
  }
  yield* Result.publish(State.resultFile(state, trial.id), result)
  return result
})

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
  let step = yield* savedStep(options)
  for (;;) {
    const exit = yield* runOnce(options)
    const result = yield* Result.read(resultPath)
    if (result !== undefined) return { _tag: "Ended", result } satisfies Ended
    const code = "code" in exit ? exit.code : undefined
    if (code === exitCodes.superseded) return { _tag: "Superseded" } satisfies Ended
    if (code === exitCodes.notReady)
      return { _tag: "NotReady", message: yield* lastWords(options) } satisfies Ended
    const now = yield* savedStep(options)
    if (now > step) failures = 0
    step = now
    const death = deathOf(exit)
    if (code === exitCodes.wrongInput)
      return {
        _tag: "Ended",
        result: yield* giveUp(options, { ...death, cause: "wrongInput" }),
      } satisfies Ended
    // Somebody else asked it to stop: it saved and may simply go on, though not for ever.
    const stopped = code === exitCodes.stopped && ++restarts <= 20
    if (stopped) continue
    failures++
    if (failures > maxRetries)
      return { _tag: "Ended", result: yield* giveUp(options, death) } satisfies Ended
    const delay = backoff(failures)
    yield* options.onRetry({ message: death.message, failures, delay })
    yield* Effect.sleep(delay)
  }
})
