/**
 * Fetched data sets on disk: `<cache>/data/<name>/<name>.bin`, made once for all processes of the machine.
 *
 * The file appears by a rename when it is whole, so a reader sees all of it or none. A lock keeps a second process from
 * fetching the same again. Left out: the format of the file (`CacheFile.ts`), where the bytes come from (a `Source`).
 */
import { ByteSize, Effect, FileSystem, Option, Path, type PlatformError, Result } from "effect"
import * as Durable from "../disk/Durable.ts"
import { describe } from "../disk/FileProblem.ts"
import * as Lock from "../disk/Lock.ts"
import * as CacheFile from "./CacheFile.ts"
import type { ByteDataset, DataServices, Source } from "./Dataset.ts"
import { DatasetCorrupt, DatasetMissing } from "./Errors.ts"
import type { DatasetError } from "./Errors.ts"

const cacheFolder = Effect.fnUntraced(function* (cacheDirectory: string, name: string) {
  const path = yield* Path.Path
  return path.resolve(cacheDirectory, "data", name)
})

export const cachePath = Effect.fnUntraced(function* (cacheDirectory: string, name: string) {
  const path = yield* Path.Path
  return path.join(yield* cacheFolder(cacheDirectory, name), `${name}.bin`)
})

const checkDigests = (source: Source, dataset: ByteDataset): string | undefined => {
  for (const name of ["train", "test"] as const) {
    const [is, wanted] = [dataset[name].digest, source.digests[name]]
    if (is !== wanted) return `its ${name} split has the digest ${is}, not the known ${wanted}`
  }
  return undefined
}

/** The data set in the cache, wholly checked; none when there is no file. */
export const read = Effect.fn("Cache.read")(function* (
  source: Source,
  cacheDirectory: string,
): Effect.fn.Return<Option.Option<ByteDataset>, DatasetError, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const where = yield* cachePath(cacheDirectory, source.shape.name)
  const corrupt = (what: string) =>
    new DatasetCorrupt({
      dataset: source.shape.name,
      where,
      what,
      fix: `\`fliqs data pull ${source.shape.name}\` makes it anew`,
    })
  const unreadable = (error: PlatformError.PlatformError) =>
    new DatasetMissing({
      dataset: source.shape.name,
      where,
      what: `cannot be read: ${describe(error).words}`,
      fix: "make it readable, or set FLIQS_CACHE to another folder",
    })
  const stat = yield* fs.stat(where).pipe(
    Effect.map(Option.some),
    Effect.catchReason("PlatformError", "NotFound", () => Effect.succeedNone),
    Effect.mapError(unreadable),
  )
  if (Option.isNone(stat)) return Option.none()
  if (stat.value.type !== "File") return yield* corrupt("is not a regular file")
  if (ByteSize.toBigInt(stat.value.size) > CacheFile.maxBytes(source.shape))
    return yield* corrupt(`has ${stat.value.size} bytes, too many`)
  const bytes = yield* Effect.mapError(fs.readFile(where), unreadable)
  const decoded = CacheFile.decode(bytes, source.shape)
  if (Result.isFailure(decoded)) return yield* corrupt(decoded.failure)
  const problem = checkDigests(source, decoded.success)
  return problem === undefined ? Option.some(decoded.success) : yield* corrupt(problem)
})

/** Prepares the data set and puts it into the cache. */
const make = Effect.fn("Cache.make")(function* (source: Source, cacheDirectory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { name } = source.shape
  const folder = yield* cacheFolder(cacheDirectory, name)
  // What processes that were killed have left behind: we hold the lock, so nobody works there.
  const prefix = "preparing-"
  yield* Durable.sweep(folder, "all")
  for (const entry of yield* fs.readDirectory(folder))
    if (entry.startsWith(prefix)) yield* fs.remove(path.join(folder, entry), { recursive: true })
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const work = yield* fs.makeTempDirectoryScoped({ directory: folder, prefix })
      const dataset = yield* source.prepare(work)
      const problem = checkDigests(source, dataset)
      if (problem !== undefined)
        return yield* new DatasetCorrupt({
          dataset: name,
          where: "what was fetched",
          what: problem,
          fix: "get it from its original place",
        })
      yield* Durable.replace(path.join(folder, `${name}.bin`), CacheFile.encode(dataset))
      return dataset
    }),
  )
})

const ensure = Effect.fnUntraced(function* (
  source: Source,
  cacheDirectory: string,
  repairCorrupt: boolean,
): Effect.fn.Return<ByteDataset, DatasetError, DataServices> {
  const { name } = source.shape
  const folder = yield* cacheFolder(cacheDirectory, name)
  const readRepairing = repairCorrupt
    ? Effect.catchTag(read(source, cacheDirectory), "DatasetCorrupt", () => Effect.succeedNone)
    : read(source, cacheDirectory)
  const present = yield* readRepairing
  if (Option.isSome(present)) return present.value
  return yield* Effect.gen(function* () {
    const made = yield* readRepairing
    return Option.isSome(made) ? made.value : yield* make(source, cacheDirectory)
  }).pipe(
    Lock.withLock(`${folder}/lock`, `fetching ${name}`),
    Effect.catchTag(["PlatformError", "StorageError"], (error) =>
      Effect.fail(
        new DatasetMissing({
          dataset: name,
          where: folder,
          what:
            error._tag === "StorageError"
              ? error.message
              : `cannot be written: ${describe(error).words}`,
          fix: "make room there, or set FLIQS_CACHE to a folder that can be written",
        }),
      ),
    ),
  )
})

/** The data set, from the cache or, the first time, fetched into it; a corrupt file is an error. */
export const load = (source: Source, cacheDirectory: string) =>
  ensure(source, cacheDirectory, false)

/** As `load`, but a file that is there is not read. */
export const fetch = Effect.fnUntraced(function* (source: Source, cacheDirectory: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* cachePath(cacheDirectory, source.shape.name)
  const isThere = yield* Effect.orElseSucceed(fs.exists(path), () => false)
  if (!isThere) yield* load(source, cacheDirectory)
})

/** The data set, fetched anew when the cache has none or a corrupt one. */
export const pull = (source: Source, cacheDirectory: string) => ensure(source, cacheDirectory, true)
