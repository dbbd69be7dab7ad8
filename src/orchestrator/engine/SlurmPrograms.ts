/**
 * The command line programs of Slurm. Slurm's daemons may be away for a while (restarted, busy): then a program is called
 * again, with pauses, until it answers. Left out: what is asked of them (`SlurmQueue.ts`, `SlurmJobs.ts`).
 */
import { Clock, Effect, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { printable } from "../../declaration/Errors.ts"
import { scrub } from "../../track/Secrets.ts"
import { EngineError, type Needs } from "./Engine.ts"

/** How long a program is called again while Slurm does not answer. */
export const patience = 600_000

/** Words of Slurm's programs for what passes. */
const awayWords =
  /unable to contact slurm controller|slurm_load|socket timed out|timed out|temporarily unable|connection refused|connect failure|communications? (?:connection|failure|shutdown)|zero bytes|controller (?:is )?not responding|protocol authentication error|munge|backup controller|in standby mode|try again|transport endpoint/i

/** The environment of the programs: without secrets, and without what a job that `run` is part of would hand on. */
const environment = (): Record<string, string> =>
  Object.fromEntries([
    ...Object.entries(process.env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined &&
        !entry[0].startsWith("MLFLOW_") &&
        (!entry[0].startsWith("SLURM_") || /^SLURM_(?:CONF|CLUSTERS)$/.test(entry[0])),
    ),
    // Lists of array tasks are not to be cut.
    ["SLURM_BITSTR_LEN", "0"],
    ["LC_ALL", "C"],
  ])

interface Answer {
  readonly code: number
  readonly output: string
  readonly errors: string
}

const text = <E>(stream: Stream.Stream<Uint8Array, E>) =>
  stream.pipe(
    Stream.decodeText(),
    Stream.mkString,
    Effect.orElseSucceed(() => ""),
  )

const callOnce = Effect.fnUntraced(function* (program: string, words: ReadonlyArray<string>) {
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const child = yield* spawner
    .spawn(ChildProcess.make(program, words, { env: environment(), extendEnv: false }))
    .pipe(
      Effect.mapError(
        () =>
          new EngineError({
            engine: "slurm",
            message: `${program} cannot be started; --on slurm runs on a machine that has Slurm's programs (sbatch, squeue, scancel), such as a login node`,
            isWrongSetting: false,
          }),
      ),
    )
  const [output, errors, code] = yield* Effect.all(
    [text(child.stdout), text(child.stderr), Effect.orElseSucceed(child.exitCode, () => 1)],
    { concurrency: "unbounded" },
  )
  return { code: Number(code), output, errors } satisfies Answer
}, Effect.scoped)

/** What went wrong in one line, without the program's own prefix. */
const reasonOf = ({ code, errors, output }: Answer): string => {
  const lines = scrub(errors.trim() === "" ? output : errors)
    .split("\n")
    .map((line) => printable(line.replace(/^\w+: (?:error|fatal): /, "").trim()))
    .filter((line) => line !== "")
  return lines.length === 0 ? `exit code ${code}` : lines.slice(0, 4).join("; ")
}

/** One try: its output; undefined, with the reason told, when Slurm is away. */
export const tryOnce = Effect.fnUntraced(function* (
  program: string,
  words: ReadonlyArray<string>,
): Effect.fn.Return<{ readonly output: string } | { readonly away: string }, EngineError, Needs> {
  const answer = yield* callOnce(program, words).pipe(
    Effect.timeoutOrElse({
      duration: "1 minute",
      orElse: () => Effect.succeed<Answer>({ code: 1, output: "", errors: "timed out after 60 s" }),
    }),
  )
  if (answer.code === 0) return { output: answer.output }
  const reason = reasonOf(answer)
  if (awayWords.test(reason)) return { away: reason }
  return yield* new EngineError({
    engine: "slurm",
    message: `${program}: ${reason}`,
    isWrongSetting: true,
  })
})

/**
 * Tries until Slurm answers, at most `patience`. `again` looks before each further try whether it still has to be made.
 * Says when it begins to wait and when it goes on.
 */
export const untilAnswered = Effect.fnUntraced(function* <A, E, R>(
  attempt: Effect.Effect<{ readonly away: string } | { readonly answer: A }, E, R>,
  tell: (message: string) => Effect.Effect<void>,
): Effect.fn.Return<A, E | EngineError, R> {
  const begun = yield* Clock.currentTimeMillis
  for (let tries = 0; ; tries++) {
    const tried = yield* attempt
    const waited = (yield* Clock.currentTimeMillis) - begun
    if ("answer" in tried) {
      if (tries > 0) yield* tell(`Slurm answers again after ${Math.round(waited / 1000)} s`)
      return tried.answer
    }
    if (waited > patience)
      return yield* new EngineError({
        engine: "slurm",
        message: `Slurm has not answered for ${Math.round(waited / 1000)} s (${tried.away}); its jobs go on, and the same command watches them again`,
        isWrongSetting: false,
      })
    if (tries === 0) yield* tell(`Slurm does not answer (${tried.away}); trying again`)
    yield* Effect.sleep(Math.min(500 * 2 ** tries, 5000))
  }
})

/** Calls a program until Slurm answers. */
export const call = (
  program: string,
  words: ReadonlyArray<string>,
  tell: (message: string) => Effect.Effect<void>,
) =>
  untilAnswered(
    Effect.map(tryOnce(program, words), (tried) =>
      "away" in tried ? tried : { answer: tried.output },
    ),
    tell,
  )
