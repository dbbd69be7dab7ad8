/**
 * Trials as tasks of Slurm job arrays. One loop serves all trials of a run: it submits those that have no job, asks `squeue`
 * how all stand, reads their heartbeats, and tells each trial's fiber when its task has ended. What is on record in the
 * state folder is enough to go on: a `run` that comes later follows the tasks that an earlier one submitted. Interrupted, it
 * leaves them at work. Left out: submitting (`SlurmJobs.ts`), what an end means (`SlurmEnd.ts`).
 */
import { Array as Arrays, Clock, Deferred, Duration, Effect, FileSystem } from "effect"
import type { StorageError } from "../../disk/Errors.ts"
import { exitCodes } from "../ExitCode.ts"
import * as Heartbeat from "../Heartbeat.ts"
import * as State from "../State.ts"
import type { EngineError, Grid, Ran, RunningEngine, Runner, Work } from "./Engine.ts"
import * as SlurmBatch from "./SlurmBatch.ts"
import { endOf } from "./SlurmEnd.ts"
import * as SlurmJobs from "./SlurmJobs.ts"
import * as SlurmQueue from "./SlurmQueue.ts"
import * as SlurmSession from "./SlurmSession.ts"

/** Milliseconds between two looks at the folder. */
const lookEvery = 500
/** Trials that come within so many milliseconds of each other are submitted together. */
const settlesAfter = 300
/** A result may come into sight so many milliseconds after its process has ended: file systems remember what was not there. */
const resultAfter = 90_000
/** A task that Slurm does not know is given up after so many milliseconds and answers. */
const unknownFor = { milliseconds: 8000, answers: 3 }
/** On so many nodes a trial is tried that cannot run any. */
const mostUnreadyNodes = 3

/** Submits all trials that have no task: an array for each kind of needs, in parts as large as Slurm takes. */
const submit = Effect.fnUntraced(function* (session: SlurmSession.Session) {
  const waiting = [...session.requests].filter(({ task }) => task === undefined)
  const now = yield* Clock.currentTimeMillis
  if (waiting.length === 0 || now - session.requestedAt < settlesAfter) return
  session.mostTasks ??= yield* SlurmJobs.mostTasks(session.grid.tell)
  const groups = Arrays.groupBy(waiting, ({ unreadyNodes, work }) =>
    SlurmJobs.groupKey(work, unreadyNodes),
  )
  for (const requests of Object.values(groups))
    for (const part of Arrays.chunksOf(requests, session.mostTasks)) {
      const { jobs } = session.grid
      const avoid = part[0].unreadyNodes
      const batch = yield* SlurmJobs.submit(
        {
          works: Arrays.map(part, ({ work }) => work),
          avoid,
          atATime:
            jobs === undefined
              ? undefined
              : Math.max(1, Math.floor((jobs * part.length) / waiting.length)),
        },
        { state: session.state, name: session.grid.name },
        session.grid.tell,
      )
      session.batches = [batch, ...session.batches]
      for (const [task, request] of part.entries()) {
        request.task = { batch, task }
        request.unknownSince = undefined
        request.unknownAnswers = 0
        request.endedAt = undefined
        request.isRunning = false
      }
      session.pollEvery = SlurmSession.pollEvery.least
      session.polledAt = 0
      yield* session.grid.tell(
        `${part.length} ${part.length === 1 ? "trial" : "trials"} submitted to Slurm as ${batch.name}`,
      )
    }
})

const resolve = Effect.fnUntraced(function* (
  session: SlurmSession.Session,
  request: SlurmSession.Request,
  ran: Ran,
) {
  session.requests.delete(request)
  if (request.task !== undefined) yield* SlurmBatch.judge(request.task.batch, request.task.task)
  yield* Deferred.succeed(request.deferred, ran)
})

const begin = Effect.fnUntraced(function* (request: SlurmSession.Request) {
  if (request.hasBegun) return
  request.hasBegun = true
  yield* request.work.onBegin
})

/** Acts on the end of a task; on a node that cannot run trials another one is tried. */
const end = Effect.fnUntraced(function* (
  session: SlurmSession.Session,
  request: SlurmSession.Request,
  task: SlurmSession.Task,
  row: SlurmQueue.Row | undefined,
) {
  const found = yield* endOf(session.state, task.batch, task.task, row)
  if (found._tag === "Ran") {
    const { exit } = found.ran
    const isDone = "code" in exit && exit.code === exitCodes.done
    const now = yield* Clock.currentTimeMillis
    request.endedAt ??= now
    const isInSight = yield* SlurmSession.hasResult(session, request.work.trial.id)
    if (isDone && !isInSight && now - request.endedAt < resultAfter) return
    return yield* resolve(session, request, found.ran)
  }
  const { message, node } = found
  request.unreadyNodes.push(node)
  request.unready = message
  yield* SlurmBatch.judge(task.batch, task.task)
  request.task = undefined
  if (request.unreadyNodes.length < mostUnreadyNodes)
    return yield* SlurmSession.tellOnce(session, `${message}; trying another node`)
  yield* endUnready(session, request, message)
})

/** No node can run it. */
const endUnready = (
  session: SlurmSession.Session,
  request: SlurmSession.Request,
  message: string,
) =>
  resolve(session, request, {
    exit: { code: exitCodes.notReady },
    output: message,
    memoryKills: undefined,
    waitingSince: undefined,
  })

/** What Slurm's last answer means for one trial. */
const followQueue = Effect.fnUntraced(function* (
  session: SlurmSession.Session,
  request: SlurmSession.Request,
) {
  const { task } = request
  if (task === undefined) return
  const now = yield* Clock.currentTimeMillis
  const row = SlurmSession.rowOf(session, task)
  if (row === undefined) {
    request.unknownSince ??= now
    request.unknownAnswers++
    const isOver =
      now - request.unknownSince >= unknownFor.milliseconds &&
      request.unknownAnswers >= unknownFor.answers
    const hasEnded = (yield* SlurmBatch.lastExit(task.batch, task.task)) !== undefined
    if (!isOver && !hasEnded) return
    if (hasEnded || request.isRunning) return yield* end(session, request, task, undefined)
    yield* session.grid.tell("Slurm does not know a job that it took; it is submitted again")
    return yield* resolve(session, request, {
      exit: { scheduler: "forgotten", words: "was forgotten by Slurm before it began" },
      output: "",
      memoryKills: undefined,
      waitingSince: undefined,
    })
  }
  request.unknownSince = undefined
  request.unknownAnswers = 0
  if (!SlurmQueue.isLive(row)) return yield* end(session, request, task, row)
  const isRunning = SlurmQueue.isRunning(row)
  if (isRunning && !request.isRunning) request.lastSeenAt = now
  request.isRunning = isRunning
  if (isRunning) yield* begin(request)
  // The nodes that are left out are all there are.
  if (request.unready !== "" && /ReqNodeNotAvail/.test(row.reason)) {
    yield* SlurmJobs.cancel([task], session.rows, session.grid.tell)
    return yield* endUnready(session, request, request.unready)
  }
  if (/held/i.test(row.reason))
    yield* SlurmSession.tellOnce(
      session,
      `Slurm holds job ${row.job} (${row.reason}); \`scontrol show job ${row.job}\` says why, \`scontrol release ${row.job}\` lets it go on`,
    )
})

const sizeOf = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.orElseSucceed(
    Effect.map(fs.stat(path), ({ size }) => Number(size)),
    () => 0,
  )
})

/** What the folder says of a trial at work: a result, a heartbeat, a log that grows; or nothing for too long. */
const followFolder = Effect.fnUntraced(function* (
  session: SlurmSession.Session,
  request: SlurmSession.Request,
) {
  const { isRunning, task, work } = request
  const { id } = work.trial
  const { state } = session
  if (task === undefined || !isRunning) return
  if (yield* SlurmSession.hasResult(session, id))
    return yield* resolve(session, request, {
      exit: { code: 0 },
      output: "",
      memoryKills: undefined,
      waitingSince: undefined,
    })
  const now = yield* Clock.currentTimeMillis
  const heartbeat = yield* Heartbeat.read(State.heartbeatFile(state, id))
  const shown = `${heartbeat?.attempt} ${heartbeat?.time}`
  const size = yield* sizeOf(State.logFile(state, id))
  const seen = `${shown} ${size}`
  if (seen !== request.shown) {
    const isNew = !request.shown.startsWith(`${shown} `)
    request.shown = seen
    request.lastSeenAt = now
    if (isNew && heartbeat !== undefined) yield* work.onProgress(heartbeat)
  }
  const silent = now - request.lastSeenAt
  if (silent < Duration.toMillis(Duration.fromInputUnsafe(work.lostAfter))) return
  yield* SlurmJobs.cancel([task], session.rows, session.grid.tell)
  yield* resolve(session, request, {
    exit: { lost: silent / 1000 },
    output: "",
    memoryKills: undefined,
    waitingSince: undefined,
  })
})

const look = Effect.fnUntraced(function* (session: SlurmSession.Session) {
  yield* submit(session)
  const now = yield* Clock.currentTimeMillis
  const isDue = session.requests.size > 0 && now - session.polledAt >= session.pollEvery
  if (isDue) yield* SlurmSession.poll(session)
  for (const request of session.requests) {
    if (isDue) yield* followQueue(session, request)
    if (session.requests.has(request)) yield* followFolder(session, request)
  }
})

/** Looks again and again; what fails here fails for all trials. */
const keepLooking = (session: SlurmSession.Session) =>
  look(session).pipe(
    Effect.andThen(Effect.sleep(lookEvery)),
    Effect.forever,
    Effect.catchCause((cause) =>
      Effect.gen(function* () {
        session.failure = cause
        for (const { deferred } of session.requests) yield* Deferred.failCause(deferred, cause)
      }),
    ),
  )

const runOnce = Effect.fnUntraced(function* (session: SlurmSession.Session, work: Work) {
  if (session.failure !== undefined) return yield* Effect.failCause(session.failure)
  const request: SlurmSession.Request = {
    work,
    deferred: yield* Deferred.make<Ran, StorageError | EngineError>(),
    task: yield* SlurmSession.earlierTask(session, work.trial.id),
    unknownSince: undefined,
    unknownAnswers: 0,
    endedAt: undefined,
    isRunning: false,
    hasBegun: false,
    lastSeenAt: yield* Clock.currentTimeMillis,
    shown: "",
    unreadyNodes: [],
    unready: "",
  }
  session.requests.add(request)
  session.requestedAt = request.lastSeenAt
  return yield* Deferred.await(request.deferred).pipe(
    Effect.ensuring(Effect.sync(() => session.requests.delete(request))),
  )
})

const open = Effect.fnUntraced(function* (grid: Grid) {
  const session = yield* SlurmSession.begin(grid.state, grid)
  yield* SlurmSession.forgetOver(session)
  yield* Effect.forkScoped(keepLooking(session))
  const following = new Set(
    session.batches
      .flatMap(({ trials }) => trials)
      .filter((id) => SlurmSession.liveTask(session, id)),
  ).size
  if (following > 0)
    yield* grid.tell(`${following} ${following === 1 ? "trial is" : "trials are"} in Slurm already`)
  return {
    concurrency: "unbounded",
    outlivesRun: true,
    isAtWork: (id) => SlurmSession.liveTask(session, id) !== undefined,
    withdraw: Effect.fnUntraced(function* (id) {
      const tasks = SlurmSession.tasksOfTrial(session, id)
      yield* SlurmJobs.cancel(tasks, session.rows, grid.tell)
      for (const { batch, task } of tasks) yield* SlurmBatch.judge(batch, task)
    }),
    runOnce: (work) => runOnce(session, work),
    cancel: Effect.suspend(() => Effect.asVoid(SlurmSession.cancelIn(session))),
  } satisfies Runner
})

export const SlurmEngine: RunningEngine = { kind: "slurm", open }
