/**
 * What a process knows of Slurm's work on a state folder: the batches on record, Slurm's last answer, and the trials whose
 * fibers wait. Left out: what is done about it (`SlurmEngine.ts`).
 */
import { Array as Arrays, type Cause, Clock, type Deferred, Effect, FileSystem } from "effect"
import * as nodePath from "node:path"
import type { StorageError } from "../../disk/Errors.ts"
import * as State from "../State.ts"
import type { EngineError, Grid, Ran, Work } from "./Engine.ts"
import * as SlurmBatch from "./SlurmBatch.ts"
import * as SlurmJobs from "./SlurmJobs.ts"
import * as SlurmPrograms from "./SlurmPrograms.ts"
import * as SlurmQueue from "./SlurmQueue.ts"

/** Milliseconds between two calls of `squeue`: more while nothing changes. */
export const pollEvery = { least: 1000, most: 10_000, growth: 1.5 }

export interface Task {
  readonly batch: SlurmBatch.Batch
  readonly task: number
}

/** A trial whose fiber waits for the end of its task. */
export interface Request {
  readonly work: Work
  readonly deferred: Deferred.Deferred<Ran, StorageError | EngineError>
  task: Task | undefined
  /** Since when Slurm does not know it, and how often it has said so. */
  unknownSince: number | undefined
  unknownAnswers: number
  endedAt: number | undefined
  isRunning: boolean
  hasBegun: boolean
  lastSeenAt: number
  /** The last heartbeat that was reported, and the size of the log. */
  shown: string
  readonly unreadyNodes: Array<string>
  /** What the last of them said. */
  unready: string
}

export interface Session {
  readonly grid: Grid
  readonly state: string
  /** The newest first. */
  batches: ReadonlyArray<SlurmBatch.Batch>
  rows: ReadonlyArray<SlurmQueue.Row>
  /** The same by the name of their batch. */
  rowsOf: Readonly<Record<string, SlurmQueue.Index>>
  readonly requests: Set<Request>
  requestedAt: number
  polledAt: number
  pollEvery: number
  mostTasks: number | undefined
  /** Problems that were told already. */
  readonly told: Set<string>
  failure: Cause.Cause<StorageError | EngineError> | undefined
}

/** The row of a task: its own, else that of the group that waits. */
export const rowOf = ({ rowsOf }: Session, { batch, task }: Task): SlurmQueue.Row | undefined => {
  const index = rowsOf[batch.name]
  return index?.of.get(task) ?? index?.rest
}

export const tasksOfTrial = ({ batches }: Session, id: string): ReadonlyArray<Task> =>
  batches.flatMap((batch) => {
    const task = batch.trials.indexOf(id)
    return task < 0 ? [] : [{ batch, task }]
  })

export const liveTask = (session: Session, id: string): Task | undefined =>
  tasksOfTrial(session, id).find((task) => {
    const row = rowOf(session, task)
    return row !== undefined && SlurmQueue.isLive(row)
  })

/** What an earlier run left of a trial: a task at work, else one whose end nobody has looked at. */
export const earlierTask = Effect.fnUntraced(function* (session: Session, id: string) {
  const live = liveTask(session, id)
  if (live !== undefined && !(yield* SlurmBatch.isForbidden(live.batch, live.task))) return live
  const [newest] = tasksOfTrial(session, id)
  if (newest === undefined || newest === live) return undefined
  const { batch, task } = newest
  if ((yield* SlurmBatch.isJudged(batch, task)) || (yield* SlurmBatch.isForbidden(batch, task)))
    return undefined
  const isKnown =
    rowOf(session, newest) !== undefined || (yield* SlurmBatch.lastExit(batch, task)) !== undefined
  return isKnown ? newest : undefined
})

export const poll = Effect.fnUntraced(function* (session: Session) {
  const before = JSON.stringify(session.rows)
  const names = new Set(session.batches.map(({ name }) => name))
  const rows = yield* SlurmPrograms.untilAnswered(SlurmQueue.read, session.grid.tell)
  session.rows = rows.filter(({ name }) => names.has(name))
  session.rowsOf = Object.fromEntries(
    Object.entries(Arrays.groupBy(session.rows, ({ name }) => name)).map(([name, own]) => [
      name,
      SlurmQueue.indexOf(own),
    ]),
  )
  session.polledAt = yield* Clock.currentTimeMillis
  session.pollEvery =
    JSON.stringify(session.rows) === before
      ? Math.min(session.pollEvery * pollEvery.growth, pollEvery.most)
      : pollEvery.least
})

export const hasResult = Effect.fnUntraced(function* ({ state }: Session, id: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.orElseSucceed(fs.exists(State.resultFile(state, id)), () => false)
})

export const tellOnce = (session: Session, message: string) =>
  Effect.suspend(() => {
    if (session.told.has(message)) return Effect.void
    session.told.add(message)
    return session.grid.tell(message)
  })

/** Removes batches of which nothing is left to be known. */
export const forgetOver = Effect.fnUntraced(function* (session: Session) {
  const kept = yield* Effect.filter(session.batches, (batch) =>
    Effect.gen(function* () {
      if (session.rows.some(({ name }) => name === batch.name)) return true
      const isOver = yield* Effect.forEach(batch.trials, (id) => hasResult(session, id))
      if (!isOver.every(Boolean)) return true
      yield* SlurmBatch.remove(batch)
      return false
    }),
  )
  session.batches = kept
})

/** Reads what is on record, and asks Slurm once. */
export const begin = Effect.fnUntraced(function* (state: string, grid: Grid) {
  const session: Session = {
    grid,
    state: nodePath.resolve(state),
    batches: yield* SlurmBatch.readAll(nodePath.resolve(state)),
    rows: [],
    rowsOf: {},
    requests: new Set(),
    requestedAt: 0,
    polledAt: 0,
    pollEvery: pollEvery.least,
    mostTasks: undefined,
    told: new Set(),
    failure: undefined,
  }
  yield* poll(session)
  return session
})

/** Tasks that wait or run: of these trials, or all. */
const liveTasks = (session: Session, ids?: ReadonlySet<string>): ReadonlyArray<Task> =>
  session.batches.flatMap((batch) =>
    batch.trials.flatMap((id, task) => {
      const row = rowOf(session, { batch, task })
      const isMeant = ids === undefined || ids.has(id)
      return isMeant && row !== undefined && SlurmQueue.isLive(row) ? [{ batch, task }] : []
    }),
  )

export const cancelIn = Effect.fnUntraced(function* (session: Session, ids?: ReadonlySet<string>) {
  yield* poll(session)
  const tasks = liveTasks(session, ids)
  yield* SlurmJobs.cancel(tasks, session.rows, session.grid.tell)
  return tasks
})

/** How long a cancelled trial may take to save, before Slurm kills it or nobody waits for it any more. */
const cancelPatience = 60_000

/**
 * Cancels what Slurm has of a state folder, or of these trials in it, and waits until it has ended. Returns the trials.
 */
export const cancel = Effect.fnUntraced(function* (
  state: string,
  ids: ReadonlySet<string> | undefined,
  tell: (message: string) => Effect.Effect<void>,
) {
  const session = yield* begin(state, { state, name: "", jobs: undefined, tell })
  const tasks = yield* cancelIn(session, ids)
  const cancelled = new Set(tasks.map(({ batch, task }) => batch.trials[task] ?? ""))
  const until = (yield* Clock.currentTimeMillis) + cancelPatience
  while (liveTasks(session, cancelled).length > 0 && (yield* Clock.currentTimeMillis) < until) {
    yield* Effect.sleep(500)
    yield* poll(session)
  }
  return [...cancelled]
})
