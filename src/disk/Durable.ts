/**
 * Writing files so that what was reported written survives `kill -9` and a power cut: the bytes go to a temporary
 * file, are synced, and only then get their name; then the folder is synced. A reader sees the old file or the whole
 * new one. Left out: what the files mean.
 */
import { Effect, FileSystem, Option } from "effect"
import { closeSync, fsyncSync, openSync, readdirSync } from "node:fs"
import { dirname, join, parse } from "node:path"
import { Conflict, StorageError } from "./Errors.ts"
import { describe } from "./FileProblem.ts"
import { stored } from "./Patience.ts"

export interface Options {
  /** False: survives a kill but not a power cut, and costs no wait for the disk. For what is soon written again. */
  readonly synced?: boolean
  /** Asked right before the file gets its name: when it says no, nothing has changed. */
  readonly may?: () => boolean
}

const syncFolder = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.scoped(Effect.flatMap(fs.open(folder, { flag: "r" }), (file) => file.sync))
})

/** Makes a new name in a folder survive a power cut, where the file system allows it. Synchronous: for a training step. */
export const tryToSyncFolder = (folder: string): void => {
  try {
    const fd = openSync(folder, "r")
    fsyncSync(fd)
    closeSync(fd)
  } catch {
    // Only the durability of the name is at stake.
  }
}

/** Ours: hidden, and short, so that it fits wherever the file's own name does. */
const temporaryName = /^\.fliqs-[0-9a-f]{16}\.tmp$/
/** Those of earlier versions. */
const earlierName =
  /^(?:.+\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|heartbeat\.json\.\d+)\.tmp$/

const temporaryBeside = (path: string): string => {
  const random = globalThis.crypto.getRandomValues(new Uint8Array(8))
  return join(dirname(path), `.fliqs-${Buffer.from(random).toString("hex")}.tmp`)
}

const writeTemporary = Effect.fnUntraced(function* (
  path: string,
  parts: ReadonlyArray<Uint8Array>,
  { synced = true }: Options,
) {
  const fs = yield* FileSystem.FileSystem
  const temporary = temporaryBeside(path)
  const write = Effect.gen(function* () {
    const file = yield* fs.open(temporary, { flag: "wx" })
    for (const part of parts) yield* file.writeAll(part)
    if (synced) yield* file.sync
  }).pipe(Effect.scoped)
  yield* write.pipe(Effect.tapError(() => Effect.ignore(fs.remove(temporary, { force: true }))))
  return temporary
})

/** Puts `parts` at `path`, replacing what was there; whole or not at all. */
export const replace = Effect.fnUntraced(
  function* (path: string, parts: ReadonlyArray<Uint8Array>, options: Options = {}) {
    const fs = yield* FileSystem.FileSystem
    const temporary = yield* writeTemporary(path, parts, options)
    if (options.may?.() === false) return yield* fs.remove(temporary, { force: true })
    yield* fs
      .rename(temporary, path)
      .pipe(Effect.tapError(() => Effect.ignore(fs.remove(temporary, { force: true }))))
    if (options.synced !== false) yield* syncFolder(dirname(path))
  },
  (effect, path) => effect.pipe(stored("write", path)),
)

/** Puts `parts` at `path` only when nothing is there yet; else fails with Conflict. One of many writers wins. */
export const create = Effect.fnUntraced(
  function* (path: string, parts: ReadonlyArray<Uint8Array>, options: Options = {}) {
    const fs = yield* FileSystem.FileSystem
    const temporary = yield* writeTemporary(path, parts, options)
    yield* fs.link(temporary, path).pipe(
      Effect.ensuring(Effect.ignore(fs.remove(temporary, { force: true }))),
      Effect.mapError((cause) =>
        describe(cause).code === "EEXIST"
          ? new StorageError({
              operation: "create",
              path,
              reason: new Conflict({ message: "it exists already" }),
            })
          : cause,
      ),
    )
    if (options.synced !== false) yield* syncFolder(dirname(path))
  },
  (effect, path) => effect.pipe(stored("create", path)),
)

/** Renames a file or a folder to the first free `name.1`, `name.2.json`, ...; gives back where it is now. */
export const setAside = Effect.fnUntraced(
  function* (path: string) {
    const fs = yield* FileSystem.FileSystem
    const { dir, ext, name } = parse(path)
    for (let n = 1; ; n++) {
      const aside = join(dir, `${name}.${n}${ext}`)
      if (yield* fs.exists(aside)) continue
      yield* fs.rename(path, aside)
      return aside
    }
  },
  (effect, path) => effect.pipe(stored("set aside", path)),
)

/** Whether killed writers have left anything in a folder; false where it cannot be listed. Synchronous: for thousands. */
export const hasLeftovers = (folder: string): boolean => {
  try {
    return readdirSync(folder).some((name) => temporaryName.test(name) || earlierName.test(name))
  } catch {
    return false
  }
}

/** No write takes so long. */
const staleAfter = 3_600_000

/**
 * Removes what killed writers left in a folder: temporary files that are an hour old, or all of them for one who knows
 * that nobody else writes there. What cannot be removed stays; a folder that is missing has none.
 */
export const sweep = Effect.fnUntraced(function* (folder: string, whose: "stale" | "all") {
  const fs = yield* FileSystem.FileSystem
  const names = yield* Effect.orElseSucceed(fs.readDirectory(folder), () => [])
  for (const name of names) {
    if (!temporaryName.test(name) && !earlierName.test(name)) continue
    const path = join(folder, name)
    const written = yield* fs.stat(path).pipe(
      Effect.map(({ mtime }) => Option.getOrUndefined(mtime)?.getTime()),
      Effect.orElseSucceed(() => undefined),
    )
    const isStale = written !== undefined && Date.now() - written > staleAfter
    if (whose === "all" || isStale) yield* Effect.ignore(fs.remove(path, { force: true }))
  }
})
