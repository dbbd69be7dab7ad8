/**
 * What `squeue --json` says of our jobs. Its shape changes with the release: states and numbers were plain in 22.05, and are
 * lists and `{ set, number }` later; tasks of an array that wait for their turn are one row. Left out: what follows from it
 * (`SlurmEngine.ts`).
 */
import { Effect, Option, Schema } from "effect"
import { EngineError } from "./Engine.ts"
import { tryOnce } from "./SlurmPrograms.ts"

const Count = Schema.NullOr(
  Schema.Union([
    Schema.Finite,
    Schema.Struct({
      set: Schema.optionalKey(Schema.Boolean),
      number: Schema.optionalKey(Schema.Finite),
    }),
  ]),
)

const ExitCode = Schema.Union([
  Schema.Finite,
  Schema.Struct({
    return_code: Schema.optionalKey(Count),
    signal: Schema.optionalKey(
      Schema.NullOr(
        Schema.Struct({ id: Schema.optionalKey(Count), signal_id: Schema.optionalKey(Count) }),
      ),
    ),
  }),
])

const Job = Schema.Struct({
  name: Schema.String,
  job_id: Count,
  array_job_id: Schema.optionalKey(Count),
  array_task_id: Schema.optionalKey(Count),
  array_task_string: Schema.optionalKey(Schema.NullOr(Schema.String)),
  job_state: Schema.Union([Schema.String, Schema.Array(Schema.String)]),
  state_reason: Schema.optionalKey(Schema.NullOr(Schema.String)),
  nodes: Schema.optionalKey(Schema.NullOr(Schema.String)),
  exit_code: Schema.optionalKey(ExitCode),
})
type Job = typeof Job.Type

const decodeAll = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({ jobs: Schema.Array(Schema.Unknown) })),
)
const decodeJob = Schema.decodeUnknownOption(Job)

/** One task of an array, or a group of those that wait. */
export interface Row {
  readonly name: string
  /** How `scancel` names it. */
  readonly job: string
  /** The tasks; undefined where the list was cut: then all of the array that have no row of their own. */
  readonly tasks: ReadonlyArray<number> | undefined
  /** In capital letters: `RUNNING`, `COMPLETED`, `NODE_FAIL`, ... */
  readonly states: ReadonlyArray<string>
  readonly reason: string
  readonly node: string
  readonly code: number
  readonly signal: number
}

const numberOf = (count: typeof Count.Type | undefined): number | undefined => {
  if (count === undefined || count === null) return undefined
  if (typeof count === "number") return count
  return count.set === false ? undefined : count.number
}

/** The numbers of `0-3,7%2`; undefined if the list was cut. */
export const tasksOf = (list: string): ReadonlyArray<number> | undefined => {
  const tasks: Array<number> = []
  for (const part of list.replace(/%\d+$/, "").split(",")) {
    const [, first, last = first, step = "1"] = /^(\d+)(?:-(\d+))?(?::(\d+))?$/.exec(part) ?? []
    if (first === undefined) return undefined
    for (let task = Number(first); task <= Number(last); task += Number(step)) tasks.push(task)
  }
  return tasks
}

const exitOf = (exit: typeof ExitCode.Type | undefined) => {
  if (exit === undefined) return { code: 0, signal: 0 }
  if (typeof exit === "number") return { code: exit >> 8, signal: exit & 127 }
  const { return_code, signal } = exit
  return {
    code: numberOf(return_code) ?? 0,
    signal: numberOf(signal?.id ?? signal?.signal_id) ?? 0,
  }
}

const rowOf = (job: Job): Row => {
  const task = numberOf(job.array_task_id)
  const list = job.array_task_string ?? ""
  const id = numberOf(job.job_id) ?? 0
  const array = numberOf(job.array_job_id) ?? 0
  return {
    name: job.name,
    job: task !== undefined && array > 0 ? `${array}_${task}` : String(array > 0 ? array : id),
    tasks: task !== undefined ? [task] : list === "" ? undefined : tasksOf(list),
    states: [job.job_state].flat().map((state) => state.toUpperCase()),
    reason: job.state_reason ?? "",
    node: job.nodes ?? "",
    ...exitOf(job.exit_code),
  }
}

/** The rows of an answer of `squeue --json`; undefined when it is no such answer. */
export const parse = (answer: string): ReadonlyArray<Row> | undefined =>
  Option.getOrUndefined(
    Option.map(decodeAll(answer), ({ jobs }) =>
      jobs.flatMap((job) => Option.toArray(Option.map(decodeJob(job), rowOf))),
    ),
  )

const ended =
  /^(?:COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL|OUT_OF_MEMORY|BOOT_FAIL|DEADLINE|PREEMPTED|REVOKED|LAUNCH_FAILED)$/

/** Whether it waits, runs or is about to: then it may still do something. */
export const isLive = ({ states }: Row): boolean =>
  !ended.test(states[0] ?? "") ||
  states.some((state) => /^(?:REQUEUED|COMPLETING|STAGE_OUT)$/.test(state))

export const isRunning = ({ states }: Row): boolean => states.includes("RUNNING")

/** The rows of one array by task; `rest` stands for tasks that have none of their own, where a list was cut. */
export interface Index {
  readonly of: ReadonlyMap<number, Row>
  readonly rest: Row | undefined
}

export const indexOf = (rows: ReadonlyArray<Row>): Index => {
  const groups = rows.filter(({ tasks }) => tasks?.length !== 1)
  const own = rows.filter(({ tasks }) => tasks?.length === 1)
  return {
    of: new Map(
      [...groups, ...own].flatMap((row) => (row.tasks ?? []).map((task) => [task, row] as const)),
    ),
    rest: rows.find(({ tasks }) => tasks === undefined),
  }
}

/** All rows of our jobs, once; `away` when Slurm does not answer now. */
export const read = Effect.gen(function* () {
  const tried = yield* tryOnce("squeue", ["--json", "-t", "all", "--me"])
  if ("away" in tried) return tried
  const rows = parse(tried.output)
  if (rows !== undefined) return { answer: rows }
  return yield* new EngineError({
    engine: "slurm",
    message: "squeue --json gives no JSON; Slurm 21.08 or newer would be right",
    isWrongSetting: false,
  })
})
