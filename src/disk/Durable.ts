/**
 * Writing files so that what was reported written survives `kill -9` and a power cut: the bytes go to a temporary
 * file, are synced, and only then get their name; then the folder is synced. A reader sees the old file or the whole
 * new one. Left out: what the files mean.
 */
import { Effect, FileSystem, type PlatformError } from "effect"
import { Conflict, StorageError, unreachable } from "./Errors.ts"

const syncFolder = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.scoped(Effect.flatMap(fs.open(folder, { flag: "r" }), (file) => file.sync))
})

const folderOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf("/"), 1))

/** Leftovers of a killed writer carry this ending; nobody reads them. */
export const temporarySuffix = ".tmp"

const writeTemporary = Effect.fnUntraced(function* (
  path: string,
  parts: ReadonlyArray<Uint8Array>,
) {
  const fs = yield* FileSystem.FileSystem
  const temporary = `${path}.${globalThis.crypto.randomUUID()}${temporarySuffix}`
  const write = Effect.gen(function* () {
    const file = yield* fs.open(temporary, { flag: "wx" })
    for (const part of parts) yield* file.writeAll(part)
    yield* file.sync
  }).pipe(Effect.scoped)
  yield* write.pipe(Effect.tapError(() => Effect.ignore(fs.remove(temporary, { force: true }))))
  return temporary
})

/** Puts `parts` at `path`, replacing what was there; whole or not at all. */
export const replace = Effect.fnUntraced(
  function* (path: string, parts: ReadonlyArray<Uint8Array>) {
    const fs = yield* FileSystem.FileSystem
    const temporary = yield* writeTemporary(path, parts)
    yield* fs
      .rename(temporary, path)
      .pipe(Effect.tapError(() => Effect.ignore(fs.remove(temporary, { force: true }))))
    yield* syncFolder(folderOf(path))
  },
  (effect, path) => Effect.mapError(effect, unreachable("write", path)),
)

const isAlreadyThere = (error: PlatformError.PlatformError): boolean =>
  error.reason._tag === "AlreadyExists"

/** Puts `parts` at `path` only when nothing is there yet; else fails with Conflict. One of many writers wins. */
export const create = Effect.fnUntraced(
  function* (path: string, parts: ReadonlyArray<Uint8Array>) {
    const fs = yield* FileSystem.FileSystem
    const temporary = yield* writeTemporary(path, parts)
    yield* fs
      .link(temporary, path)
      .pipe(Effect.ensuring(Effect.ignore(fs.remove(temporary, { force: true }))))
    yield* syncFolder(folderOf(path))
  },
  (effect, path) =>
    Effect.mapError(effect, (cause) =>
      isAlreadyThere(cause)
        ? new StorageError({
            operation: "create",
            path,
            reason: new Conflict({ message: "it is there already" }),
          })
        : unreachable("create", path)(cause),
    ),
)

/** Removes what killed writers left in `folder`; only for one who knows that nobody else writes there. */
export const sweep = Effect.fnUntraced(
  function* (folder: string) {
    const fs = yield* FileSystem.FileSystem
    for (const name of yield* fs.readDirectory(folder))
      if (name.endsWith(temporarySuffix)) yield* fs.remove(`${folder}/${name}`, { force: true })
  },
  (effect, folder) => Effect.mapError(effect, unreachable("clean", folder)),
)

const encoder = new TextEncoder()

/** JSON as a person would write it, with a final newline. */
export const jsonBytes = (value: unknown): Uint8Array =>
  encoder.encode(`${JSON.stringify(value, null, 2)}\n`)
