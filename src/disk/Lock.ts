/**
 * One process at a time. A lock is a folder of numbered records (`<n>.json`, the holder; `<n>.free`, released): the
 * highest number counts, and the next one can be taken, atomically by one, when the holder has let go or is dead. A
 * holder on this machine is dead when its process is, zombies included; one on another machine when it has not touched
 * its record for two minutes; one whose record is damaged when it does not touch it while it is watched. So nothing that
 * a kill, a power cut or a full disk leaves behind closes a lock for ever. Left out: two processes on one trial, which
 * `orchestrator/Fence` settles.
 */
import { Effect, FileSystem, Option, Schedule, Schema, type Scope } from "effect"
import { hostname } from "node:os"
import { pathText } from "../declaration/Errors.ts"
import { Conflict, StorageError } from "./Errors.ts"
import { stored } from "./Patience.ts"
import * as Process from "./Process.ts"
import * as Record from "./JsonRecord.ts"

const Holder = Schema.Struct({
  version: Schema.Literal(Record.version),
  pid: Schema.Int,
  host: Schema.String,
  /** Distinguishes a process from a later one with the same number; empty where the system does not say when it started. */
  processStart: Schema.String,
  command: Schema.String,
  /** Milliseconds since 1970. */
  since: Schema.Int,
  /** How earlier versions let go. */
  released: Schema.optionalKey(Schema.Boolean),
  /** Tells the locks of one process apart. */
  token: Schema.optionalKey(Schema.String),
})
type Holder = typeof Holder.Type

const readHolder = Record.reader(Holder)

/** A holder on another machine that has not touched its record for so long is taken for dead. */
const lostAfter = 120_000
const touchEvery = "5 seconds"
/** How long a damaged record is watched: more than two touches. */
const watchFor = 12_000

/** The locks this process holds: one that names it and is not among them was let go without a trace. */
const mine = new Set<string>()

/** Milliseconds since 1970; 0 for one that is gone. */
const touchedAt = Effect.fnUntraced(
  function* (path: string) {
    const fs = yield* FileSystem.FileSystem
    const info = yield* fs.stat(path)
    return Option.getOrElse(info.mtime, () => new Date(0)).getTime()
  },
  Effect.orElseSucceed(() => 0),
)

const isAlive = Effect.fnUntraced(function* (holder: Holder, path: string) {
  if (holder.released === true) return false
  if (holder.host !== hostname()) return Date.now() - (yield* touchedAt(path)) < lostAfter
  const { pid, processStart: start, token } = holder
  if (pid === process.pid && token !== undefined) return mine.has(token)
  return Process.isRunning({ pid, start })
})

/** Records that are watched: said once. */
const watched = new Set<string>()

/** Whether somebody touches a record that cannot be read, or it is gone: then it is looked at again. */
const watch = Effect.fnUntraced(function* (path: string, why: string) {
  const touched = yield* touchedAt(path)
  if (Date.now() - touched > lostAfter) return "left" as const
  if (!watched.has(path))
    yield* Effect.logWarning(
      `${pathText(path)}: ${why}; watching for ${watchFor / 1000} s whether its holder is still at work`,
    )
  watched.add(path)
  for (let waited = 0; waited < watchFor; waited += 500) {
    yield* Effect.interruptible(Effect.sleep(500))
    const now = yield* touchedAt(path)
    if (now !== touched) return now === 0 ? ("gone" as const) : ("touched" as const)
  }
  return "left" as const
})

interface Newest {
  readonly number: number
  readonly isFree: boolean
}

const newest = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  let found: Newest = { number: -1, isFree: true }
  for (const name of yield* fs.readDirectory(folder).pipe(stored("list", folder))) {
    const match = /^(\d+)\.(json|free)$/.exec(name)
    if (match === null) continue
    const number = Number(match[1])
    const isFree = match[2] === "free"
    // Both, for an instant, while it is let go.
    if (number > found.number || (number === found.number && isFree)) found = { number, isFree }
  }
  return found
})

const held = (folder: string, message: string) =>
  new StorageError({ operation: "take the lock", path: folder, reason: new Conflict({ message }) })

const EarlierHolder = Schema.fromJsonString(
  Schema.Struct({
    pid: Schema.Int,
    start: Schema.optionalKey(Schema.String),
    host: Schema.optionalKey(Schema.String),
  }),
)
const decodeEarlier = Schema.decodeUnknownOption(EarlierHolder)

/** Who holds the lock that an earlier version kept in a file; undefined when it is dead or the file says nothing. */
const earlierHolder = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.orElseSucceed(fs.readFileString(file), () => "")
  const holder = Option.getOrUndefined(decodeEarlier(text))
  if (holder === undefined) return undefined
  const { host = hostname(), pid, start = "" } = holder
  const isAlive =
    host === hostname()
      ? Process.isRunning({ pid, start })
      : Date.now() - (yield* touchedAt(file)) < lostAfter
  return isAlive ? holder : undefined
})

/** Makes the folder. Earlier versions had a file in its place: it goes unless its holder runs. */
const open = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const isFile = yield* fs.stat(folder).pipe(
    Effect.map((info) => info.type !== "Directory"),
    Effect.orElseSucceed(() => false),
  )
  if (isFile) {
    const holder = yield* earlierHolder(folder)
    if (holder !== undefined)
      return yield* held(folder, `process ${holder.pid}, of an earlier version, holds it`)
    yield* Effect.ignore(fs.remove(folder, { force: true }))
  }
  yield* fs.makeDirectory(folder, { recursive: true }).pipe(stored("create", folder))
})

interface Taken {
  readonly folder: string
  readonly number: number
  readonly token: string
}

/** Removes the records before the newest one. */
const clean = Effect.fnUntraced(function* (folder: string, number: number) {
  const fs = yield* FileSystem.FileSystem
  for (const name of yield* Effect.orElseSucceed(fs.readDirectory(folder), () => [])) {
    const old = Number(/^(\d+)\.(?:json|free)$/.exec(name)?.[1] ?? number)
    if (old < number) yield* Effect.ignore(fs.remove(`${folder}/${name}`, { force: true }))
  }
})

/** The holder that stands in the way; undefined when there is none, "again" when the folder has changed meanwhile. */
const inTheWay = Effect.fnUntraced(function* (folder: string, { isFree, number }: Newest) {
  if (number < 0 || isFree) return undefined
  const path = `${folder}/${number}.json`
  const read = yield* Effect.result(readHolder(path))
  if (read._tag === "Success") {
    if (read.success === undefined) return "again" as const
    return (yield* isAlive(read.success, path)) ? read.success : undefined
  }
  const { reason } = read.failure
  if (reason._tag === "Unreachable") return yield* read.failure
  const seen = yield* watch(path, reason.message)
  if (seen === "touched")
    return yield* held(
      folder,
      `its holder is at work, and ${pathText(path)} is damaged: ${reason.message}`,
    )
  return seen === "gone" ? ("again" as const) : undefined
})

const take = Effect.fnUntraced(function* (folder: string, command: string) {
  const fs = yield* FileSystem.FileSystem
  yield* open(folder)
  const { pid, start: processStart } = Process.self()
  const token = globalThis.crypto.randomUUID()
  for (;;) {
    const before = yield* newest(folder)
    const holder = yield* inTheWay(folder, before)
    if (holder === "again") continue
    if (holder !== undefined) return holder
    const number = before.number + 1
    const path = `${folder}/${number}.json`
    const record: Holder = {
      version: Record.version,
      pid,
      host: hostname(),
      processStart,
      command,
      since: Date.now(),
      token,
    }
    const won = yield* Record.create(path, record, { synced: false }).pipe(
      Effect.as(true),
      Effect.catchIf(
        (error) => error.reason._tag === "Conflict",
        () => Effect.succeed(false),
      ),
    )
    if (!won) continue
    // Who listed the folder long ago may have taken a number that was used and cleaned away since.
    if ((yield* newest(folder)).number > number) {
      yield* Effect.ignore(fs.remove(path, { force: true }))
      continue
    }
    mine.add(token)
    yield* clean(folder, number)
    return { folder, number, token } satisfies Taken
  }
})

/** By a rename, which needs no room on a full disk. */
const release = Effect.fnUntraced(function* ({ folder, number, token }: Taken) {
  const fs = yield* FileSystem.FileSystem
  mine.delete(token)
  yield* Effect.ignore(fs.rename(`${folder}/${number}.json`, `${folder}/${number}.free`))
})

/** Keeps what was taken until the scope closes. */
const keep = Effect.fnUntraced(function* <R>(
  taking: Effect.Effect<Taken, StorageError, R>,
): Effect.fn.Return<void, StorageError, R | FileSystem.FileSystem | Scope.Scope> {
  const fs = yield* FileSystem.FileSystem
  const { folder, number } = yield* Effect.acquireRelease(taking, release)
  const path = `${folder}/${number}.json`
  const touch = Effect.suspend(() => Effect.ignore(fs.utimes(path, new Date(), new Date())))
  yield* Effect.forkScoped(Effect.repeat(touch, Schedule.spaced(touchEvery)))
})

const takeOrFail = Effect.fnUntraced(function* (folder: string, command: string) {
  const taken = yield* take(folder, command)
  if ("number" in taken) return taken
  const since = new Date(taken.since).toISOString()
  const message = `process ${taken.pid} on ${taken.host} has been running \`${taken.command}\` since ${since}`
  return yield* held(folder, message)
})

/** Milliseconds; a longer wait is logged, with the holder. */
const saidAfter = 3000

const takeOrWait = Effect.fnUntraced(function* (folder: string, command: string) {
  for (let waited = 0; ; waited += 100) {
    const taken = yield* Effect.result(takeOrFail(folder, command))
    if (taken._tag === "Success") return taken.success
    const { reason } = taken.failure
    if (reason._tag !== "Conflict") return yield* taken.failure
    if (waited === saidAfter)
      yield* Effect.logInfo(`${pathText(folder)}: waiting, since ${reason.message}`)
    yield* Effect.interruptible(Effect.sleep(100))
  }
})

/** Holds the lock until the scope closes; fails with Conflict, naming the holder, when another process has it. */
export const hold = (folder: string, command: string) => keep(takeOrFail(folder, command))

/** Runs the effect while this process holds the lock; waits for it as long as it takes. */
export const withLock =
  (folder: string, command: string) =>
  <A, E, R>(
    effect: Effect.Effect<A, E, R>,
  ): Effect.Effect<A, E | StorageError, Exclude<R, Scope.Scope> | FileSystem.FileSystem> =>
    Effect.scoped(Effect.andThen(keep(takeOrWait(folder, command)), effect))
