/**
 * The list of data sets, and what one does with them by name: load for a trial, and list, pull and verify for people.
 *
 * To add one: a file with a `DatasetKind`, a line in `datasets`, a test.
 */
import { ByteSize, Effect, FileSystem, Option, Schema } from "effect"
import type { Path } from "effect"
import { oneOfKinds } from "../declaration/OneOfKinds.ts"
import { otherNames } from "../declaration/OtherNames.ts"
import type { StreamedDataset } from "./Batches.ts"
import { Arrays } from "./Arrays.ts"
import * as Cache from "./Cache.ts"
import { Cifar10 } from "./Cifar10.ts"
import { specProblems } from "./DataSpec.ts"
import type { DataSpec, SpecProblem } from "./DataSpec.ts"
import type { Dataset, DataServices, DatasetShape } from "./Dataset.ts"
import type { DatasetKind, OwnFiles, SplitReport, UnreadKey } from "./DatasetKind.ts"
import { DatasetMissing } from "./Errors.ts"
import type { DatasetError } from "./Errors.ts"
import { FashionMnist } from "./FashionMnist.ts"
import { ImageFolder } from "./ImageFolder.ts"
import { Mnist } from "./Mnist.ts"
import { Parquet } from "./Parquet.ts"
import { Synthetic } from "./Synthetic.ts"
import { WebDataset } from "./WebDataset.ts"

/** Names of data sets that are none here. */
export const otherDatasets = otherNames({
  what: "data set",
  same: {
    cifar10: "cifar",
    fashionMnist: "fashion fmnist",
    synthetic: "fake fakeData random toy dummy",
    webDataset: "tar tars wds shards",
    parquet: "huggingFace hf hub huggingfaceDatasets",
    arrays: "numpy npz npy array tensor tensors numpyArrays",
    imageFolder: "folder images imagefolderDataset directory own custom files",
  },
  say: {
    "it does not come along; as a folder of images per class it is kind: imageFolder with its path":
      "imagenet imagenet1k imagenet-1k ilsvrc ilsvrc2012 tinyImagenet imagenette imagewoof cifar100 cifar-100 svhn stl10 caltech101 caltech256 food101 flowers flowers102 pets cars places365 coco emnist kmnist qmnist celeba eurosat gtsrb dtd sun397",
  },
})

/** `schema` is the whole of an experiment's `data:` block. */
export const datasets = oneOfKinds(
  "Data",
  [Cifar10, Synthetic, Mnist, FashionMnist, ImageFolder, Arrays, WebDataset, Parquet],
  undefined,
  otherDatasets,
)

/** A decoded `data:` block. */
export type Data = (typeof datasets.schema)["Type"]
export type DataKind = Data["kind"]

type AnyKind = DatasetKind<DataKind, DataSpec, { readonly kind: string }, Dataset | StreamedDataset>

/**
 * The kind's own functions. The cast: TypeScript cannot know that each is only ever given the specification of its kind.
 */
const memberOf = (kind: DataKind): AnyKind => datasets.members[kind] as AnyKind

/** Whether the files of a kind are the user's own. */
export const isOwn = (kind: DataKind): boolean => memberOf(kind).verify !== undefined

/** The key of the block that a path given on the command line stands for. */
export const pathKey = (kind: DataKind): string => memberOf(kind).pathKey ?? "path"

/** The specification with every default; `path` where the files are the user's own. */
export const defaultsOf = (kind: DataKind, path?: string): Data =>
  Schema.decodeUnknownSync(datasets.schema)({
    kind,
    ...(path === undefined ? {} : { [pathKey(kind)]: path }),
  })

const isError = ({ severity }: SpecProblem): boolean => severity !== "warning"

const ownProblems = (data: Data, folder: string): ReadonlyArray<SpecProblem> =>
  memberOf(data.kind).problems?.(data, folder) ?? []

/**
 * The shape that `load` will give (before the limits), without loading; none where the user's own files are not fit.
 *
 * @param folder what paths are relative to: that of the experiment file
 */
export const describe = (data: Data, folder: string): DatasetShape | undefined =>
  ownProblems(data, folder).some(isError) ? undefined : memberOf(data.kind).describe(data, folder)

/** What is wrong with a block before anything is loaded; paths are relative to `data`. */
export const problems = (data: Data, folder: string): ReadonlyArray<SpecProblem> => {
  const shape = describe(data, folder)
  const own = ownProblems(data, folder)
  return shape === undefined ? own : [...own, ...specProblems(data, shape)]
}

/** The splits of a shape, all of whose images are there. */
const plainReport = ({ classes, testCount, trainCount }: DatasetShape): SplitReport => {
  const of = (name: string, images: number) => ({
    name,
    images,
    classes: Math.min(classes.length, images),
    passedOver: 0,
    broken: 0,
  })
  return {
    splits: [of("train", trainCount), of("test", testCount)],
    splitUses: { train: "train", heldOut: "train", test: "test" },
    otherFiles: 0,
    passedOver: {},
    warnings: [],
  }
}

/** What the splits hold, before limits, without fetching or decoding; none where the user's own folder is unfit. */
export const report = (data: Data, folder: string): SplitReport | undefined => {
  const { describe, report: own } = memberOf(data.kind)
  return own === undefined ? plainReport(describe(data, folder)) : own(data, folder)
}

/** The block with everything written out that the user's files decide; only where `problems` has no error. */
export const resolve = (data: Data, folder: string): Data =>
  (memberOf(data.kind).resolve?.(data, folder) as Data | undefined) ?? data

/** Keys of the block that change nothing; only where `problems` has no error. */
export const unread = (data: Data, folder: string): ReadonlyArray<UnreadKey> =>
  memberOf(data.kind).unread?.(data, folder) ?? []

/** What of a resolved block makes the trial. */
export const identity = (data: Data): object => memberOf(data.kind).identity?.(data) ?? data

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

/** Fetches the data set of a `data:` block into the cache where it is not there; nothing is read where it is. */
export const fetch = (data: Data, cacheDirectory: string) => {
  const source = memberOf(data.kind).source(data)
  return source === undefined ? Effect.void : Cache.fetch(source, cacheDirectory)
}

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
  readonly digests: Readonly<Record<string, string>> | undefined
  /** What its splits hold; none where it depends on files of the user that were not named. */
  readonly report: SplitReport | undefined
  /** Files of the user that were looked into and cannot be decoded. */
  readonly brokenFiles?: OwnFiles["brokenFiles"]
}

/** How things stand with one kind, by looking whether its file is there. */
export const status = Effect.fn("Datasets.status")(function* (
  kind: DataKind,
  cacheDirectory: string,
): Effect.fn.Return<DatasetStatus, never, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const { summary, source, describe, verify } = memberOf(kind)
  const nowhere = { where: undefined, bytes: 0, digests: undefined }
  if (verify !== undefined)
    return { kind, summary, shape: undefined, state: "own", report: undefined, ...nowhere }
  const fetched = source(defaultsOf(kind))
  const shape = describe(defaultsOf(kind), ".")
  const known = { kind, summary, shape, report: plainReport(shape) }
  if (fetched === undefined) return { ...known, state: "made", ...nowhere }
  const where = yield* Cache.cachePath(cacheDirectory, shape.name)
  const stat = yield* Effect.option(fs.stat(where))
  return {
    ...known,
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
 * @param data says more than the kind, such as where its files are
 */
export const pull = Effect.fn("Datasets.pull")(function* (
  kind: DataKind,
  cacheDirectory: string,
  data?: Data,
): Effect.fn.Return<DatasetStatus, DatasetError, DataServices> {
  if (memberOf(kind).verify !== undefined) return yield* verify(kind, cacheDirectory, data)
  const source = memberOf(kind).source(data ?? defaultsOf(kind))
  if (source !== undefined) yield* Cache.pull(source, cacheDirectory)
  return yield* status(kind, cacheDirectory)
})

/**
 * Checks every byte of a data set in the cache, or every file of one's own; fails with DatasetMissing when it is not
 * there, else DatasetCorrupt. Files of one's own that are broken come with the answer.
 *
 * @param data says where one's own files are, from the current directory
 */
export const verify = Effect.fn("Datasets.verify")(function* (
  kind: DataKind,
  cacheDirectory: string,
  data?: Data,
): Effect.fn.Return<DatasetStatus, DatasetError, DataServices> {
  const own = memberOf(kind).verify
  if (own !== undefined) {
    if (data === undefined)
      return yield* new DatasetMissing({
        dataset: kind,
        where: "--path",
        what: "is not given, and the files are your own",
        fix: `\`fliqs data verify ${kind} --path DIR\` looks into all of them`,
      })
    return {
      ...(yield* status(kind, cacheDirectory)),
      ...(yield* own(data, cacheDirectory, ".")),
    }
  }
  const source = memberOf(kind).source(defaultsOf(kind))
  if (source !== undefined && Option.isNone(yield* Cache.read(source, cacheDirectory)))
    return yield* new DatasetMissing({
      dataset: kind,
      where: yield* Cache.cachePath(cacheDirectory, kind),
      what: "is not there yet",
      fix: `\`fliqs data pull ${kind}\` fetches it`,
    })
  return yield* status(kind, cacheDirectory)
})
