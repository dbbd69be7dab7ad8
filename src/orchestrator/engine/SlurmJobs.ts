/** Submits trials to Slurm as job arrays, and cancels them. Left out: watching them (`SlurmEngine.ts`). */
import { type Array as Arrays, Clock, Effect, Ref } from "effect"
import * as nodePath from "node:path"
import { shellCommand } from "../../declaration/Shell.ts"
import { EngineError, type Work } from "./Engine.ts"
import * as SlurmBatch from "./SlurmBatch.ts"
import * as SlurmPrograms from "./SlurmPrograms.ts"
import * as SlurmQueue from "./SlurmQueue.ts"
import { optionsOf, scriptOf } from "./SlurmScript.ts"

type Tell = (message: string) => Effect.Effect<void>

/** What is submitted together: equal needs, and nodes that are left out. */
export interface Group {
  readonly works: Arrays.NonEmptyReadonlyArray<Work>
  readonly avoid: ReadonlyArray<string>
  /** Tasks that may run at a time. */
  readonly atATime: number | undefined
}

export const groupKey = ({ trial: { execution } }: Work, avoid: ReadonlyArray<string>): string =>
  JSON.stringify([execution.resources ?? {}, execution.threads, avoid])

/** Tasks that one array may have. */
export const mostTasks = Effect.fnUntraced(function* (tell: Tell) {
  const config = yield* SlurmPrograms.call("scontrol", ["show", "config"], tell)
  return Number(/^MaxArraySize\s*=\s*(\d+)/m.exec(config)?.[1] ?? 1001)
})

/** Submits the array of a batch; one that was submitted although `sbatch` said otherwise is not submitted twice. */
const submitOnce = Effect.fnUntraced(function* (
  name: string,
  words: ReadonlyArray<string>,
  tell: Tell,
) {
  const doubtful = yield* Ref.make(false)
  yield* SlurmPrograms.untilAnswered(
    Effect.gen(function* () {
      if (yield* Ref.get(doubtful)) {
        const rows = yield* SlurmQueue.read
        if ("away" in rows) return rows
        if (rows.answer.some((row) => row.name === name)) return { answer: undefined }
      }
      const tried = yield* SlurmPrograms.tryOnce("sbatch", words)
      if (!("away" in tried)) return { answer: undefined }
      yield* Ref.set(doubtful, true)
      return tried
    }),
    tell,
  )
})

/** Which key of `resources` a refusal of sbatch is about. */
const keyOf = (message: string): string => {
  const keys = [
    [/partition/i, "resources.partition"],
    [/account/i, "resources.account"],
    [/gres|generic resource/i, "resources.gres"],
    [/time limit/i, "resources.time"],
    [/memory/i, "resources.memory"],
    [/node configuration|cpu/i, "resources.cpus, memory or gres"],
    [/option/i, "resources.extra"],
  ] as const
  const found = keys.find(([words]) => words.test(message))
  return found === undefined ? "" : `; ${found[1]} of the experiment says what is asked for`
}

/** Writes a batch down and submits it. */
export const submit = Effect.fnUntraced(function* (
  { atATime, avoid, works }: Group,
  place: { readonly state: string; readonly name: string },
  tell: Tell,
) {
  const state = nodePath.resolve(place.state)
  const { key, name } = SlurmBatch.newName(place.name)
  const folder = SlurmBatch.placeOf(state, key)
  const [{ command, environment, trial }] = works
  const { resources = {}, threads } = trial.execution
  const cache = process.env["FLIQS_CACHE"] ?? ""
  const options = [
    `--array=0-${works.length - 1}${atATime === undefined ? "" : `%${atATime}`}`,
    ...optionsOf({ resources, threads }),
    ...(avoid.length === 0 ? [] : [`--exclude=${avoid.join(",")}`]),
  ]
  const needed = [...command, cache].filter((word) => nodePath.isAbsolute(word) && word !== state)
  const batch: SlurmBatch.Batch = {
    folder,
    name,
    submittedAt: yield* Clock.currentTimeMillis,
    trials: works.map((work) => work.trial.id),
    options,
  }
  yield* SlurmBatch.write(batch, {
    tasks: works.map((work) => `${work.trial.id}\t${shellCommand(work.command)}\n`).join(""),
    "job.sh": scriptOf({ batch: folder, state, needed, environment }),
  })
  const words = [
    "--parsable",
    `--job-name=${name}`,
    `--output=${folder.replaceAll("%", "%%")}/%a.out`,
    `--chdir=${state}`,
    ...options,
    `${folder}/job.sh`,
  ]
  yield* submitOnce(name, words, tell).pipe(
    Effect.tapError(() => SlurmBatch.remove(batch)),
    Effect.mapError((error) =>
      error._tag === "EngineError" && error.isWrongSetting
        ? new EngineError({ ...error, message: `${error.message}${keyOf(error.message)}` })
        : error,
    ),
  )
  return batch
})

/** Cancels tasks of batches; those at work save first, as long as Slurm's KillWait lets them. */
export const cancel = Effect.fnUntraced(function* (
  tasks: ReadonlyArray<{ readonly batch: SlurmBatch.Batch; readonly task: number }>,
  rows: ReadonlyArray<SlurmQueue.Row>,
  tell: Tell,
) {
  const jobs: Array<string> = []
  for (const { batch, task } of tasks) {
    yield* SlurmBatch.forbid(batch, task)
    for (const row of rows) {
      if (row.name !== batch.name || !SlurmQueue.isLive(row)) continue
      if (row.tasks !== undefined && !row.tasks.includes(task)) continue
      jobs.push(row.job.includes("_") ? row.job : `${row.job}_${task}`)
    }
  }
  const distinct = [...new Set(jobs)]
  for (let from = 0; from < distinct.length; from += 200)
    yield* SlurmPrograms.call("scancel", distinct.slice(from, from + 200), tell).pipe(
      // It has ended meanwhile.
      Effect.catchIf(
        (error) => /already completing or completed|invalid job id/i.test(error.message),
        () => Effect.succeed(""),
      ),
    )
  return distinct.length
})
