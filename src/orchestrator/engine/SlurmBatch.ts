/**
 * One job array on record: which trial each of its tasks runs. Written before `sbatch` is called and never changed, so it is
 * known whatever dies when. The job is found by its name, which is the batch's own: a slurmctld that is killed just after
 * `sbatch` forgets the array and gives its number to the next job.
 *
 *     slurm/<key>/batch.json          this record
 *     slurm/<key>/tasks               a line for each task: the trial's id, a tab, its command
 *     slurm/<key>/job.sh              what each task runs (`SlurmScript.ts`)
 *     slurm/<key>/<task>.out          what Slurm or the script said before the trial began
 *     slurm/<key>/<task>.<n>.exit     how the n-th start of a task ended
 *     slurm/<key>/<task>.judged       that end was taken into account
 *     slurm/<key>/cancelled           it was cancelled: nothing of it is queued again
 */
import { Effect, FileSystem, Schema } from "effect"
import { randomBytes } from "node:crypto"
import * as Durable from "../../disk/Durable.ts"
import * as Record from "../../disk/JsonRecord.ts"
import { stored } from "../../disk/Patience.ts"

const BatchRecord = Schema.Struct({
  version: Schema.Literal(Record.version),
  /** The name of the job. */
  name: Schema.String,
  /** Milliseconds since 1970. */
  submittedAt: Schema.Int,
  /** The trial of each task. */
  trials: Schema.Array(Schema.String),
  /** The options of `sbatch`, for whoever wants to know. */
  options: Schema.Array(Schema.String),
})

export interface Batch extends Omit<typeof BatchRecord.Type, "version"> {
  readonly folder: string
}

const readRecord = Record.reader(BatchRecord)

const folderOf = (state: string): string => `${state}/slurm`

/** A name that nobody else has, with the experiment's for whoever reads `squeue`. */
export const newName = (experiment: string): { readonly key: string; readonly name: string } => {
  const key = randomBytes(6).toString("hex")
  const words = experiment.replace(/[^A-Za-z0-9_-]+/g, "-").slice(0, 40)
  return { key, name: `${words}.${key}` }
}

export const placeOf = (state: string, key: string): string => `${folderOf(state)}/${key}`

/** Writes a batch with the files of its job. */
export const write = Effect.fnUntraced(function* (
  batch: Batch,
  files: Readonly<Record<string, string>>,
) {
  const fs = yield* FileSystem.FileSystem
  const { folder, ...record } = batch
  yield* fs.makeDirectory(folder, { recursive: true }).pipe(stored("create", folder))
  for (const [name, text] of Object.entries(files))
    yield* Durable.replace(`${folder}/${name}`, [new TextEncoder().encode(text)])
  yield* Record.write(`${folder}/batch.json`, { version: Record.version, ...record })
})

const names = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.orElseSucceed(fs.readDirectory(folder), () => [])
})

/** All batches of a state folder, the newest first; one that cannot be read is left out: its trials are submitted anew. */
export const readAll = Effect.fnUntraced(function* (state: string) {
  const keys = (yield* names(folderOf(state))).filter((name) => /^[0-9a-f]{12}$/.test(name))
  const found = yield* Effect.forEach(
    keys,
    (key) => {
      const folder = placeOf(state, key)
      return readRecord(`${folder}/batch.json`).pipe(
        Effect.map((record): Batch | undefined => record && { ...record, folder }),
        Effect.catch((error) => Effect.as(Effect.logWarning(error.message), undefined)),
      )
    },
    { concurrency: 16 },
  )
  return found.filter((batch) => batch !== undefined).sort((a, b) => b.submittedAt - a.submittedAt)
})

const touch = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.writeFileString(path, "").pipe(stored("write", path))
})

const exists = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.exists(path).pipe(stored("look at", path))
})

/** From now on the end of this task counts for nothing. */
export const judge = ({ folder }: Batch, task: number) => touch(`${folder}/${task}.judged`)
export const isJudged = ({ folder }: Batch, task: number) => exists(`${folder}/${task}.judged`)

/** From now on nothing of it is queued again; of one task, or of all. */
export const forbid = ({ folder }: Batch, task?: number) =>
  touch(`${folder}/${task === undefined ? "" : `${task}.`}cancelled`)
export const isForbidden = ({ folder }: Batch, task: number) =>
  Effect.map(
    Effect.all([exists(`${folder}/cancelled`), exists(`${folder}/${task}.cancelled`)]),
    ([all, one]) => all || one,
  )

/** What a start of a task left behind. */
export interface Exit {
  readonly code: number
  /** Processes of its group that the system killed for memory meanwhile. */
  readonly memoryKills: number
  readonly node: string
  /** Why the node cannot run trials. */
  readonly unready: string
}

/** How the last start of a task ended, if its script lived to write it down. */
export const lastExit = Effect.fnUntraced(function* ({ folder }: Batch, task: number) {
  const fs = yield* FileSystem.FileSystem
  const starts = (yield* names(folder)).flatMap((name) => {
    const [, of, start] = /^(\d+)\.(\d+)\.exit$/.exec(name) ?? []
    return Number(of) === task ? [Number(start)] : []
  })
  if (starts.length === 0) return undefined
  const path = `${folder}/${task}.${Math.max(...starts)}.exit`
  const text = yield* Effect.orElseSucceed(fs.readFileString(path), () => "")
  const [code = "", kills = "", node = "", ...unready] = text.trim().split(" ")
  if (!/^\d+$/.test(code)) return undefined
  return {
    code: Number(code),
    memoryKills: Number(kills) || 0,
    node,
    unready: unready.join(" "),
  } satisfies Exit
})

/** What Slurm or the script said before the trial began. */
export const outputOf = Effect.fnUntraced(function* ({ folder }: Batch, task: number) {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.orElseSucceed(fs.readFileString(`${folder}/${task}.out`), () => "")
})

/** Removes a batch of which nothing is left to be known. */
export const remove = Effect.fnUntraced(function* ({ folder }: Batch) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.ignore(fs.remove(folder, { recursive: true }))
})
