/**
 * Ends runs in the record that have ended without a record of it: a `run` that was killed cannot write one, nor can a trial
 * whose machine went down. Whoever comes next does it: a `run` in this state folder, or `sync`. Left out: sending it.
 */
import { Effect, FileSystem, Option } from "effect"
import * as Durable from "../disk/Durable.ts"
import { identityOf } from "../disk/FileIdentity.ts"
import * as Lock from "../disk/Lock.ts"
import * as Event from "../track/Event.ts"
import { lastEvent } from "../track/LastEvent.ts"
import { spoolOf } from "../track/SpoolPlace.ts"
import * as SpoolReader from "../track/SpoolReader.ts"
import * as Heartbeat from "./Heartbeat.ts"
import * as Journal from "./Journal.ts"
import { stateOf } from "./TrialStatus.ts"
import * as State from "./State.ts"
import * as TrialIndex from "./TrialIndex.ts"

const message = "its process ended without saying so: it was killed, or the machine went down"
const noteKey = "mlflow.note.content"

/** The page of a grid once nothing runs any more. */
export type StoppedPage = (page: string) => string

const timeOf = (event: Event.Event): number => ("time" in event ? event.time : 0)

/** The last event of a run that is still open in the record. */
const openEnd = Effect.fnUntraced(function* (folder: string) {
  const last = yield* lastEvent(spoolOf(folder))
  return Option.filter(last, ({ type }) => type !== "end")
})

const append = Effect.fnUntraced(function* (folder: string, events: ReadonlyArray<Event.Event>) {
  const spool = yield* Journal.openSpool(folder)
  for (const event of events) spool.append(event)
  yield* Journal.flush(spool)
  return true
}, Effect.scoped)

/** True when it was ended now. */
const endTrial = Effect.fnUntraced(function* (index: TrialIndex.TrialIndex, id: string) {
  const { state } = index
  if (index.hasEnded(id)) return false
  const folder = State.trialFolder(state, id)
  const spool = identityOf(TrialIndex.spoolOf(state, id))
  const last = yield* openEnd(folder)
  if (Option.isNone(last)) {
    const hasLeft = State.foldersOfTrial(state, id).some(Durable.hasLeftovers)
    if (hasLeft) return false
    // Only of a trial in the index can it be noted: else each later run would look at the spool again.
    yield* Effect.ignore(index.find(id))
    index.noteEnded(id, spool)
    return false
  }
  const { result, state: standing } = yield* stateOf(state, id)
  // What a damaged one has done is not known.
  if (standing === "running" || standing === "damaged") return false
  if (result !== undefined)
    return yield* append(folder, [
      {
        type: "end",
        time: result.finishedAt,
        status: result.state === "finished" ? "FINISHED" : "FAILED",
        ...(result.message === undefined ? {} : { message: result.message }),
      },
    ])
  const heartbeat = yield* Heartbeat.read(State.heartbeatFile(state, id))
  const time = Math.max(heartbeat?.time ?? 0, timeOf(last.value)) || Event.now()
  return yield* append(folder, [{ type: "end", time, status: "KILLED", message }])
})

/** The page as it was written last. */
const lastPage = Effect.fnUntraced(function* (folder: string) {
  let page: string | undefined
  const spool = spoolOf(folder)
  for (let offset = 0; ;) {
    const read = yield* SpoolReader.read(spool, offset)
    for (const { event } of read.events)
      if (event.type === "tag" && event.key === noteKey) page = event.value
    if (read.offset === offset) return page
    offset = read.offset
  }
})

const endGrid = Effect.fnUntraced(function* (
  state: string,
  gridId: string,
  stoppedPage: StoppedPage,
  isCancelled: boolean,
) {
  const folder = State.gridFolder(state, gridId)
  const last = yield* openEnd(folder)
  if (Option.isNone(last)) return false
  const grid = yield* Effect.orElseSucceed(
    State.readGrid(State.gridFile(state, gridId)),
    () => undefined,
  )
  const standings = yield* Effect.forEach(grid?.trials ?? [], (id) => stateOf(state, id))
  const isOver = standings.every(({ result }) => result !== undefined)
  // Its trials go on without a `run`.
  if (grid?.engine !== undefined && !isOver && !isCancelled) return false
  const heartbeats = yield* Effect.forEach(grid?.trials ?? [], (id) =>
    Heartbeat.read(State.heartbeatFile(state, id)),
  )
  const lastSeen = heartbeats.map((heartbeat) => heartbeat?.time ?? 0)
  const time = Math.max(timeOf(last.value), grid?.startedAt ?? 0, ...lastSeen) || Event.now()
  const page = yield* lastPage(folder)
  return yield* append(folder, [
    ...(page === undefined
      ? []
      : [{ type: "tag", key: noteKey, value: stoppedPage(page) } as const]),
    grid?.engine !== undefined && isOver
      ? {
          type: "end",
          time,
          status: standings.some((one) => one.state === "failed") ? "FAILED" : "FINISHED",
        }
      : { type: "end", time, status: "KILLED", message },
  ])
})

/** What cannot be read or written stays open, and is reported. */
const orReport = <E extends { readonly message: string }, R>(
  effect: Effect.Effect<boolean, E, R>,
): Effect.Effect<boolean, never, R> =>
  Effect.catch(effect, (error) => Effect.as(Effect.logWarning(error.message), false))

/** What a killed `run` left to be sent, by ids. */
export interface EndedRuns {
  /** Grids that were ended in the record now. */
  readonly gridIds: ReadonlyArray<string>
  /**
   * Trials that were ended in the record now, and all trials of those grids: one that stopped by itself when its `run` was
   * killed has ended its own record, and nobody was left to send that.
   */
  readonly trialIds: ReadonlyArray<string>
}

const trialsOf = Effect.fnUntraced(function* (state: string, gridId: string) {
  const grid = yield* Effect.orElseSucceed(
    State.readGrid(State.gridFile(state, gridId)),
    () => undefined,
  )
  return grid?.trials ?? []
})

/**
 * Ends every run of the folder that is open and of which nothing runs. Only for who holds the folder's lock. A grid whose
 * trials run elsewhere stays open until all have a result, or were cancelled.
 */
export const endRuns = Effect.fnUntraced(function* (
  index: TrialIndex.TrialIndex,
  stoppedPage: StoppedPage,
  isCancelled = false,
) {
  const { state } = index
  const known = yield* State.trialIds(state)
  const ended = yield* Effect.filter(known, (id) => orReport(endTrial(index, id)))
  const gridIds = yield* Effect.filter(yield* State.gridIds(state), (gridId) =>
    orReport(endGrid(state, gridId, stoppedPage, isCancelled)),
  )
  const ofGrids = (yield* Effect.forEach(gridIds, (gridId) => trialsOf(state, gridId))).flat()
  const left = new Set([...ended, ...ofGrids])
  return { gridIds, trialIds: known.filter((id) => left.has(id)) } satisfies EndedRuns
})

/** The same for who does not hold the lock: nothing when a `run` is at work here. */
export const endRunsUnlessRunning = Effect.fnUntraced(
  function* (state: string, typed: string, stoppedPage: StoppedPage, isCancelled = false) {
    const fs = yield* FileSystem.FileSystem
    if (!(yield* Effect.orElseSucceed(fs.exists(`${state}/grids`), () => false))) return
    yield* Lock.hold(State.lockFolder(state), typed)
    const index = TrialIndex.open(state)
    yield* endRuns(index, stoppedPage, isCancelled)
    yield* index.save
  },
  Effect.scoped,
  Effect.catch((error) =>
    error._tag === "StorageError" && error.reason._tag === "Conflict"
      ? Effect.void
      : Effect.logWarning(error.message),
  ),
)
