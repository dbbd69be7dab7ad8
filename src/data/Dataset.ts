/**
 * A data set: labelled images (or other examples with height, width and channels) of one size, in a train and a test split,
 * held in memory as bytes or, where they are no pixels, as float32.
 *
 * In here: the type, statistics and digests. Left out: the fields of the experiment file (`DataSpec.ts`), where the bytes come
 * from (one file per kind), how batches are cut from them (`Batches.ts`), which kinds there are (`Datasets.ts`).
 */
import { createHash } from "node:crypto"
import type { Effect, FileSystem, Path } from "effect"
import type { DatasetError } from "./Errors.ts"

/** Bytes are pixels, 0 .. 255; floats are what they are. */
export type Values = Uint8Array | Float32Array

export interface Split {
  /** `train` or `test`. */
  readonly name: string
  /** [count, height, width, channels], channels of pixels in the order red, green, blue. */
  readonly images: Values
  /** [count], 0 .. classes - 1. */
  readonly labels: Uint8Array | Uint16Array
  readonly count: number
  /** The first 32 hex digits of the SHA-256 of labels, then images. */
  readonly digest: string
}

/** A split of pixels with at most 256 classes, as what is fetched has. */
export interface ByteSplit extends Split {
  readonly images: Uint8Array
  readonly labels: Uint8Array
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

/** What the network needs to know of the images of a data set. */
export interface Images {
  readonly name: string
  readonly height: number
  readonly width: number
  readonly channels: number
  readonly classes: ReadonlyArray<string>
  /** Absent: bytes. */
  readonly values?: "float32"
  /** Per channel, of value / 255: what is taken off. */
  readonly mean: ReadonlyArray<number>
  /** Per channel, of value / 255: what is divided by. */
  readonly std: ReadonlyArray<number>
}

/**
 * (value / 255 - mean) / std of each channel as value * scale + shift: [channels] each, in float64. Training, exports and
 * their runtimes round these to float32.
 */
export const normalisationOf = ({
  mean,
  std,
}: Pick<Images, "mean" | "std">): {
  readonly scale: ReadonlyArray<number>
  readonly shift: ReadonlyArray<number>
} => ({ scale: std.map((s) => 1 / (255 * s)), shift: mean.map((m, i) => -m / std[i]!) })

/** Names of classes that have none: their labels, 0 to the largest. */
export const numbered = (mostLabel: number): ReadonlyArray<string> =>
  Array.from({ length: mostLabel + 1 }, (_, label) => String(label))

/** So many zeros of the type of the images. */
export const zeros = ({ values }: Pick<Images, "values">, count: number): Values =>
  values === "float32" ? new Float32Array(count) : new Uint8Array(count)

/** All of it in memory; mean and std are those of the train split (of the population, never below 1/255). */
export interface Dataset extends Images {
  readonly train: Split
  readonly test: Split
}

/** One that is fetched. */
export interface ByteDataset extends Dataset {
  readonly train: ByteSplit
  readonly test: ByteSplit
}

/** What the effects of this folder need. */
export type DataServices = FileSystem.FileSystem | Path.Path

/** A data set that is fetched: what it must be, and how to get it. */
export interface Source {
  readonly shape: DatasetShape
  /** Of train and test, as `Split.digest`: what is fetched, decoded and kept must be exactly this. */
  readonly digests: { readonly train: string; readonly test: string }
  /** Gets the bytes, with `folder` for what it needs on the way (deleted afterwards). */
  readonly prepare: (folder: string) => Effect.Effect<ByteDataset, DatasetError, DataServices>
}

/** The first 32 hex digits of the SHA-256 of labels, then images (numbers of several bytes in little-endian order). */
export const splitDigest = (labels: Split["labels"], images: Values): string =>
  createHash("sha256").update(labels).update(images).digest("hex").slice(0, 32)

/** A split with its digest; the arrays are not copied. */
export const makeSplit = <Images extends Values, Labels extends Split["labels"]>(
  name: string,
  images: Images,
  labels: Labels,
): Split & { readonly images: Images; readonly labels: Labels } => ({
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
  train: ByteSplit,
  test: ByteSplit,
): ByteDataset => ({
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
  { trainLimit, testLimit }: { readonly trainLimit?: number; readonly testLimit?: number },
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
  images: Values,
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

/**
 * Mean and standard deviation per channel of value / 255 of float32 values; the deviation of a constant channel counts as
 * that of bytes of one value.
 *
 * @param values [count, height, width, channels]
 */
export const floatStatistics = (
  values: Values,
  channels: number,
): { readonly mean: ReadonlyArray<number>; readonly std: ReadonlyArray<number> } => {
  const count = values.length / channels
  const sums = new Float64Array(channels)
  for (let i = 0; i < values.length; i++) sums[i % channels]! += values[i]!
  const mean = Array.from(sums, (sum) => sum / count)
  const squares = new Float64Array(channels)
  for (let i = 0; i < values.length; i++)
    squares[i % channels]! += (values[i]! - mean[i % channels]!) ** 2
  return {
    mean: mean.map((value) => value / 255),
    std: Array.from(squares, (square) => Math.sqrt(square / count) / 255 || 1 / 255),
  }
}
