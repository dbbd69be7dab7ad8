/**
 * One `run` at a time per state folder. Locks are numbered (`lock/<n>.json`), the newest one counts, and the next
 * number can be taken, atomically by one, when the holder has released it or is dead. Left out: two processes on one
 * trial, which `Fence` settles.
 */
import { Effect, FileSystem, Option, Schedule, Schema } from "effect"
import { hostname } from "node:os"
import * as Durable from "./Durable.ts"
import { Conflict, orUnreachable, StorageError } from "./Errors.ts"
import * as Record from "./Record.ts"

const Holder = Schema.Struct({
  version: Schema.Literal(Record.version),
  pid: Schema.Int,
  host: Schema.String,
  /** Tells a process from a later one with the same number; empty where the system does not tell. */
  processStart: Schema.String,
  command: Schema.String,
  /** Milliseconds since 1970. */
  since: Schema.Int,
  released: Schema.Boolean,
})
type Holder = typeof Holder.Type

const readHolder = Record.readJson(Holder)

/** A holder on another machine that has not touched its lock for so long is taken for dead. */
const lostAfter = 120_000
const touchEvery = "20 seconds"

const processStart = Effect.fnUntraced(function* (pid: number) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.readFileString(`/proc/${pid}/stat`).pipe(
    // Field 22, counted after the parenthesised name, which may hold spaces.
    Effect.map((stat) => stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? ""),
    Effect.orElseSucceed(() => ""),
  )
})

/** Whether a process with this number runs on this machine. */
export const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

const isAlive = Effect.fnUntraced(function* (holder: Holder, path: string) {
  if (holder.released) return false
  if (holder.host === hostname())
    return isRunning(holder.pid) && (yield* processStart(holder.pid)) === holder.processStart
  const fs = yield* FileSystem.FileSystem
  const info = yield* fs.stat(path).pipe(orUnreachable("read", path))
  const touched = Option.getOrElse(info.mtime, () => new Date(0)).getTime()
  return Date.now() - touched < lostAfter
})

const newest = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const names = yield* fs.readDirectory(folder).pipe(orUnreachable("list", folder))
  return names.reduce(
    (most, name) => Math.max(most, Number(/^(\d+)\.json$/.exec(name)?.[1] ?? -1)),
    -1,
  )
})

const take = Effect.fnUntraced(function* (state: string, command: string) {
  const fs = yield* FileSystem.FileSystem
  const folder = `${state}/lock`
  yield* fs.makeDirectory(folder, { recursive: true }).pipe(orUnreachable("create", folder))
  const mine: Holder = {
    version: Record.version,
    pid: process.pid,
    host: hostname(),
    processStart: yield* processStart(process.pid),
    command,
    since: Date.now(),
    released: false,
  }
  for (;;) {
    const number = yield* newest(folder)
    const path = `${folder}/${number}.json`
    const holder = number < 0 ? undefined : yield* readHolder(path)
    if (holder !== undefined && (yield* isAlive(holder, path)))
      return yield* new StorageError({
        operation: "start",
        path: state,
        reason: new Conflict({
          message: `process ${holder.pid} on ${holder.host} has been running \`${holder.command}\` on this state folder since ${new Date(holder.since).toISOString()}; wait for it, stop it, or give this run a folder of its own with --state DIR`,
        }),
      })
    const next = `${folder}/${number + 1}.json`
    const won = yield* Durable.create(next, [Durable.jsonBytes(mine)]).pipe(
      Effect.as(true),
      Effect.catchIf(
        (error) => error.reason._tag === "Conflict",
        () => Effect.succeed(false),
      ),
    )
    if (!won) continue
    // Who listed the folder long ago may have taken a number that was used and cleaned away since.
    if ((yield* newest(folder)) > number + 1) {
      yield* Effect.ignore(fs.remove(next, { force: true }))
      continue
    }
    for (
      let old = number;
      old >= 0 && (yield* Effect.orElseSucceed(fs.exists(`${folder}/${old}.json`), () => false));
      old--
    )
      yield* Effect.ignore(fs.remove(`${folder}/${old}.json`, { force: true }))
    return { path: next, mine }
  }
})

const release = (path: string, mine: Holder) =>
  Effect.ignore(Durable.replace(path, [Durable.jsonBytes({ ...mine, released: true })]))

/** Holds the state folder until the scope closes; fails with Conflict, naming the holder, when another run has it. */
export const hold = Effect.fnUntraced(function* (state: string, command: string) {
  const fs = yield* FileSystem.FileSystem
  const { path } = yield* Effect.acquireRelease(take(state, command), ({ path, mine }) =>
    release(path, mine),
  )
  const touch = Effect.suspend(() => Effect.ignore(fs.utimes(path, new Date(), new Date())))
  yield* Effect.forkScoped(Effect.repeat(touch, Schedule.spaced(touchEvery)))
})
