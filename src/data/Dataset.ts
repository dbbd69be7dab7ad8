/**
 * A data set: labelled images of one size, in a train and a test split, held in memory as bytes.
 *
 * In here: the type, the fields every kind has in the experiment file, statistics and digests. Left out: where the bytes
 * come from (one file per kind), how batches are cut from them (`Batches.ts`), which kinds there are (`Datasets.ts`).
 */
import { createHash } from "node:crypto"
import { Schema } from "effect"
import type { Effect } from "effect"
import type { FileSystem, Path } from "effect"
import { distinct } from "../declaration/Field.ts"
import { withDefault } from "../declaration/Field.ts"
import type { DatasetError } from "./Errors.ts"

export interface Split {
  /** `train` or `test`. */
  readonly name: string
  /** [count, height, width, channels], 0 .. 255, channels in the order red, green, blue. */
  readonly images: Uint8Array
  /** [count], 0 .. classes - 1. */
  readonly labels: Uint8Array
  readonly count: number
  /** The first 32 hex digits of the SHA-256 of labels, then images. */
  readonly digest: string
}

/** What is known of a data set before it is loaded. */
export interface DatasetShape {
  readonly name: string
  readonly height: number
  readonly width: number
  readonly channels: number
  /** Names, in the order of the labels. */
  readonly classes: ReadonlyArray<string>
  readonly trainCount: number
  readonly testCount: number
  /** Where held-out images have a folder of their own; else they come out of the train split. */
  readonly heldOutCount?: number
}

/** How much of a split there is, before limits. */
export interface SplitCount {
  readonly name: string
  /** All that are taken for images, broken ones too. */
  readonly images: number
  /** Classes that have an image. */
  readonly classes: number
  /** Files that are not used. */
  readonly passedOver: number
  readonly broken: number
}

/** The splits of a data set. */
export interface SplitReport {
  readonly splits: ReadonlyArray<SplitCount>
  /** The name of the split that is trained on, that held-out images come from, and that is tested on. */
  readonly splitUses: { readonly train: string; readonly heldOut: string; readonly test: string }
  /** Files beside the splits. */
  readonly otherFiles: number
  /** Split -> what its files are that are passed over, in words. */
  readonly passedOver: Readonly<Record<string, string>>
  readonly warnings: ReadonlyArray<string>
}

/** What the network needs to know of the images of a data set. */
export interface Images {
  readonly name: string
  readonly height: number
  readonly width: number
  readonly channels: number
  readonly classes: ReadonlyArray<string>
  /** Per channel, of value / 255: what is taken off. */
  readonly mean: ReadonlyArray<number>
  /** Per channel, of value / 255: what is divided by. */
  readonly std: ReadonlyArray<number>
}

/** All of it in memory; mean and std are those of the train split (of the population, never below 1/255). */
export interface Dataset extends Images {
  readonly train: Split
  readonly test: Split
}

/** What the effects of this folder need. */
export type DataServices = FileSystem.FileSystem | Path.Path

/** A data set that is fetched: what it must be, and how to get it. */
export interface Source {
  readonly shape: DatasetShape
  /** Of train and test, as `Split.digest`: what is fetched, decoded and kept must be exactly this. */
  readonly digests: { readonly train: string; readonly test: string }
  /** Gets the bytes, with `folder` for what it needs on the way (deleted afterwards). */
  readonly prepare: (folder: string) => Effect.Effect<Dataset, DatasetError, DataServices>
}

/** One kind of data set: the one thing a new data set must provide, beside its line in `Datasets.ts`. */
export interface DatasetKind<
  Kind extends string,
  Spec extends DataSpec,
  Encoded extends { readonly kind: string },
  Loaded extends Images = Dataset,
> {
  readonly kind: Kind
  readonly spec: Schema.Codec<Spec, Encoded>
  /** One sentence for `data list`: what it is, how large, where it comes from. */
  readonly summary: string
  /**
   * The shape that `load` will give (before the limits), without loading; only where `problems` has none.
   *
   * @param folder what paths are relative to: that of the experiment file
   */
  readonly describe: (spec: Spec, folder: string) => DatasetShape
  /** What is wrong with the files of the user that it names; paths are relative to `data`. */
  readonly problems?: (spec: Spec, folder: string) => ReadonlyArray<SpecProblem>
  /** What its splits hold, by a look that decodes nothing; none where the folder of the user is unfit. */
  readonly report?: (spec: Spec, folder: string) => SplitReport | undefined
  /** Writes out what the files of the user decide, so that a trial says all that its result depends on. */
  readonly resolve?: (spec: Spec, folder: string) => Spec
  /** Keys that change nothing beside the others and the files as they are; only where `problems` has no error. */
  readonly unread?: (spec: Spec, folder: string) => ReadonlyArray<UnreadKey>
  /** What of a resolved specification makes the trial: less keys whose value is what was meant before there were such. */
  readonly identity?: (spec: Spec) => object
  /** For files of the user: looks into all of them. */
  readonly verify?: (
    spec: Spec,
    cacheDirectory: string,
    folder: string,
  ) => Effect.Effect<OwnFiles, DatasetError, DataServices>
  /** Where it is fetched from; none for data that is made on the spot. */
  readonly source: (spec: Spec) => Source | undefined
  /** Loads it; the first time it is fetched into `cacheDirectory`/data, once for all processes. */
  readonly load: (
    spec: Spec,
    cacheDirectory: string,
    folder: string,
  ) => Effect.Effect<Loaded, DatasetError, DataServices>
}

/** A mistake in the `data:` block. */
export interface SpecProblem {
  readonly path: ReadonlyArray<string>
  readonly message: string
  /** Default `error`. */
  readonly severity?: "error" | "warning"
}

/** A key of the `data:` block that nothing reads. */
export interface UnreadKey {
  readonly key: string
  readonly because: string
}

/** Files of the user that were looked into. */
export interface OwnFiles {
  readonly where: string
  readonly shape: DatasetShape
  readonly digests: Readonly<Record<string, string>>
  readonly report: SplitReport
  /** Files that cannot be decoded, in the order of their names. */
  readonly brokenFiles: ReadonlyArray<{ readonly file: string; readonly why: string }>
}

const positive = Schema.Int.check(Schema.isGreaterThan(0))

/** The names of the augmentations, in the order they are applied. */
export const Augmentation = Schema.Literals(["flip", "crop"]).annotate({
  identifier: "Augmentation",
  description:
    "flip: left-right, half of the images; crop: shifted by up to an eighth of the size, black around",
})
export type Augmentation = (typeof Augmentation)["Type"]

/** The part of `data:` that all kinds share. */
export interface DataSpec {
  readonly kind: string
  readonly batchSize: number
  readonly augment: ReadonlyArray<Augmentation>
  readonly heldOut: number
  readonly trainLimit?: number
  readonly testLimit?: number
}

/** The fields of `DataSpec` but for `kind`, with the kind's defaults. */
export const dataFields = (defaults: {
  readonly augment: ReadonlyArray<Augmentation>
  readonly heldOut: number
  readonly heldOutWords?: string
}) => ({
  batchSize: withDefault(
    positive.annotate({ description: "Images per training step.", default: 128 }),
    128,
  ),
  augment: withDefault(
    Schema.Array(Augmentation)
      .check(distinct)
      .annotate({
        description: "Random changes to the training images; [] for none.",
        examples: [["flip", "crop"]],
        default: defaults.augment,
      }),
    defaults.augment,
  ),
  heldOut: withDefault(
    Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).annotate({
      description:
        defaults.heldOutWords ??
        "Images taken out of the train split, by the seed, to measure quality for the search.",
      default: defaults.heldOut,
    }),
    defaults.heldOut,
  ),
  trainLimit: Schema.optionalKey(
    positive.annotate({
      description: "How many images of the train split are used, from its start. Default: all.",
      examples: [1000],
    }),
  ),
  testLimit: Schema.optionalKey(
    positive.annotate({
      description: "How many images of the test split are used, from its start. Default: all.",
      examples: [1000],
    }),
  ),
})

/** What is wrong with a specification before anything is loaded; paths are relative to `data`. */
export const specProblems = (spec: DataSpec, shape: DatasetShape): ReadonlyArray<SpecProblem> => {
  const problems: Array<SpecProblem> = []
  const tooMany = (key: string, limit: number | undefined, count: number) => {
    if (limit !== undefined && limit > count)
      problems.push({
        path: [key],
        message: `${limit} is more than the ${count} images of ${shape.name}; at most ${count}`,
      })
  }
  tooMany("trainLimit", spec.trainLimit, shape.trainCount)
  tooMany("testLimit", spec.testLimit, shape.testCount)
  const { heldOutCount } = shape
  const available = Math.min(spec.trainLimit ?? shape.trainCount, shape.trainCount)
  if (heldOutCount === undefined && spec.heldOut >= available)
    problems.push({
      path: ["heldOut"],
      message: `${spec.heldOut} of ${available} training images leave none to train on; at most ${available - 1}`,
    })
  if (heldOutCount !== undefined && spec.heldOut > heldOutCount)
    problems.push({
      path: ["heldOut"],
      message: `${spec.heldOut} is more than the ${heldOutCount} images there are to hold out; all of them are`,
      severity: "warning",
    })
  return problems
}

/** The first 32 hex digits of the SHA-256 of labels, then images. */
export const splitDigest = (labels: Uint8Array, images: Uint8Array): string =>
  createHash("sha256").update(labels).update(images).digest("hex").slice(0, 32)

/** A split with its digest; the arrays are not copied. */
export const makeSplit = (name: string, images: Uint8Array, labels: Uint8Array): Split => ({
  name,
  images,
  labels,
  count: labels.length,
  digest: splitDigest(labels, images),
})

/** The first `limit` images of a split, without copying; the split itself when there is no limit. */
const limitSplit = (split: Split, limit: number | undefined): Split => {
  if (limit === undefined || limit >= split.count) return split
  const pixels = split.images.length / split.count
  return makeSplit(
    split.name,
    split.images.subarray(0, limit * pixels),
    split.labels.subarray(0, limit),
  )
}

/** A data set out of its splits. */
export const makeDataset = (
  { name, height, width, channels, classes }: DatasetShape,
  train: Split,
  test: Split,
): Dataset => ({
  name,
  height,
  width,
  channels,
  classes,
  train,
  test,
  ...channelStatistics(train.images, channels),
})

/** A data set with the limits of its specification; mean and std stay those of the whole train split. */
export const limitDataset = (
  dataset: Dataset,
  { trainLimit, testLimit }: Pick<DataSpec, "trainLimit" | "testLimit">,
): Dataset => ({
  ...dataset,
  train: limitSplit(dataset.train, trainLimit),
  test: limitSplit(dataset.test, testLimit),
})

/**
 * Mean and standard deviation per channel of value / 255, over all images and positions, computed from exact counts.
 *
 * @param images [count, height, width, channels]
 */
export const channelStatistics = (
  images: Uint8Array,
  channels: number,
): { readonly mean: ReadonlyArray<number>; readonly std: ReadonlyArray<number> } => {
  const counts = Array.from({ length: channels }, () => new Float64Array(256))
  for (let channel = 0; channel < channels; channel++) {
    const count = counts[channel]!
    for (let i = channel; i < images.length; i += channels) count[images[i]!]!++
  }
  const values = images.length / channels
  const mean = counts.map((count) => count.reduce((sum, n, v) => sum + n * v, 0) / values / 255)
  const std = counts.map((count, channel) => {
    const centre = mean[channel]! * 255
    const square = count.reduce((sum, n, v) => sum + n * (v - centre) ** 2, 0) / values
    return Math.max(Math.sqrt(square) / 255, 1 / 255)
  })
  return { mean, std }
}
