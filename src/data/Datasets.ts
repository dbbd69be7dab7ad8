/**
 * The list of data sets, and what one does with them by name: load for a trial, and list, pull and verify for people.
 *
 * To add one: a file with a `DatasetKind`, a line in `datasets`, a test.
 */
import { ByteSize, Effect, FileSystem, Option, Schema } from "effect"
import type { Path } from "effect"
import { oneOfKinds } from "../declaration/OneOfKinds.ts"
import type { StreamedDataset } from "./Batches.ts"
import * as Cache from "./Cache.ts"
import { Cifar10 } from "./Cifar10.ts"
import { specProblems } from "./Dataset.ts"
import type {
  Dataset,
  DatasetKind,
  DataServices,
  DatasetShape,
  DataSpec,
  SpecProblem,
} from "./Dataset.ts"
import { DatasetMissing } from "./Errors.ts"
import type { DatasetError } from "./Errors.ts"
import { FashionMnist } from "./FashionMnist.ts"
import { ImageFolder } from "./ImageFolder.ts"
import { Mnist } from "./Mnist.ts"
import { Synthetic } from "./Synthetic.ts"

/** `schema` is the whole of an experiment's `data:` block. */
export const datasets = oneOfKinds("Data", [Cifar10, Synthetic, Mnist, FashionMnist, ImageFolder])

/** A decoded `data:` block. */
export type Data = (typeof datasets.schema)["Type"]
export type DataKind = Data["kind"]

type AnyKind = DatasetKind<DataKind, DataSpec, { readonly kind: string }, Dataset | StreamedDataset>

/** The kind's own functions; each is only ever given the specification of its kind. */
const memberOf = (kind: DataKind): AnyKind => datasets.members[kind] as unknown as AnyKind

/** The specification with every default; `path` where the files are the user's own. */
export const defaultsOf = (kind: DataKind, path?: string): Data =>
  Schema.decodeUnknownSync(datasets.schema)({ kind, ...(path === undefined ? {} : { path }) })

const ownProblems = (data: Data, folder: string): ReadonlyArray<SpecProblem> =>
  memberOf(data.kind).problems?.(data, folder) ?? []

/**
 * The shape that `load` will give (before the limits), without loading; none where the user's own files are not fit.
 *
 * @param folder what paths are relative to: that of the experiment file
 */
export const describe = (data: Data, folder: string): DatasetShape | undefined =>
  ownProblems(data, folder).length > 0 ? undefined : memberOf(data.kind).describe(data, folder)

/** What is wrong with a block before anything is loaded; paths are relative to `data`. */
export const problems = (data: Data, folder: string): ReadonlyArray<SpecProblem> => {
  const shape = describe(data, folder)
  return shape === undefined ? ownProblems(data, folder) : specProblems(data, shape)
}

/**
 * The data set of a `data:` block; the first time it is fetched into `cacheDirectory`/data, once for all processes.
 * Every byte is checked against its digest. Fails with DatasetMissing or DatasetCorrupt.
 */
export const load = (
  data: Data,
  cacheDirectory: string,
  folder: string,
): Effect.Effect<Dataset | StreamedDataset, DatasetError, DataServices> =>
  memberOf(data.kind).load(data, cacheDirectory, folder)

export interface DatasetStatus {
  readonly kind: DataKind
  readonly summary: string
  /** None where it depends on files of the user that were not named. */
  readonly shape: DatasetShape | undefined
  /**
   * `made`: on the spot, never kept; `present`: the file is there (only `verify` looks into it); `own`: files of the
   * user, wherever they are.
   */
  readonly state: "present" | "absent" | "made" | "own"
  /** The file, there or not; none for data that is made on the spot. */
  readonly where: string | undefined
  readonly bytes: number
  /** Known digests of train and test, as they appear in MLflow; those of the default sizes for made data. */
  readonly digests: { readonly train: string; readonly test: string } | undefined
}

/** How things stand with one kind, by looking whether its file is there. */
export const status = Effect.fn("Datasets.status")(function* (
  kind: DataKind,
  cacheDirectory: string,
): Effect.fn.Return<DatasetStatus, never, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const { summary, source, describe, verify } = memberOf(kind)
  const nowhere = { where: undefined, bytes: 0, digests: undefined }
  if (verify !== undefined) return { kind, summary, shape: undefined, state: "own", ...nowhere }
  const fetched = source(defaultsOf(kind))
  const shape = describe(defaultsOf(kind), ".")
  if (fetched === undefined) return { kind, summary, shape, state: "made", ...nowhere }
  const where = yield* Cache.cachePath(cacheDirectory, shape.name)
  const stat = yield* Effect.option(fs.stat(where))
  return {
    kind,
    summary,
    shape,
    state: Option.isSome(stat) ? "present" : "absent",
    where,
    bytes: Option.isSome(stat) ? Number(ByteSize.toBigInt(stat.value.size)) : 0,
    digests: fetched.digests,
  }
})

/** How things stand with all kinds. */
export const list = (cacheDirectory: string) =>
  Effect.forEach(datasets.kinds, (kind) => status(kind, cacheDirectory))

/**
 * Fetches a data set into the cache, anew when what is there is corrupt.
 *
 * @param path where its files are, for the kinds that have `data.path`
 */
export const pull = Effect.fn("Datasets.pull")(function* (
  kind: DataKind,
  cacheDirectory: string,
  path?: string,
): Effect.fn.Return<DatasetStatus, DatasetError, DataServices> {
  if (memberOf(kind).verify !== undefined) return yield* verify(kind, cacheDirectory, path)
  const spec = { ...defaultsOf(kind), ...(path === undefined ? {} : { path }) }
  const source = memberOf(kind).source(spec)
  if (source !== undefined) yield* Cache.pull(source, cacheDirectory)
  return yield* status(kind, cacheDirectory)
})

/**
 * Checks every byte of a data set in the cache, or every file of one's own; fails with DatasetMissing when it is not
 * there, else DatasetCorrupt.
 *
 * @param path where one's own files are
 */
export const verify = Effect.fn("Datasets.verify")(function* (
  kind: DataKind,
  cacheDirectory: string,
  path?: string,
): Effect.fn.Return<DatasetStatus, DatasetError, DataServices> {
  const own = memberOf(kind).verify
  if (own !== undefined) {
    if (path === undefined)
      return yield* new DatasetMissing({
        dataset: kind,
        where: "--path",
        what: "is not told, and the files are your own",
        mend: `\`fliqs data verify ${kind} --path DIR\` looks into all of them`,
      })
    const spec = defaultsOf(kind, path)
    const found = yield* own(spec, cacheDirectory, ".")
    return {
      ...(yield* status(kind, cacheDirectory)),
      ...found,
      shape: describe(spec, "."),
    }
  }
  const source = memberOf(kind).source(defaultsOf(kind))
  if (source !== undefined && Option.isNone(yield* Cache.read(source, cacheDirectory)))
    return yield* new DatasetMissing({
      dataset: kind,
      where: yield* Cache.cachePath(cacheDirectory, kind),
      what: "is not there yet",
      mend: `\`fliqs data pull ${kind}\` fetches it`,
    })
  return yield* status(kind, cacheDirectory)
})
