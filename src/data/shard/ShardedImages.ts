/**
 * Images in shards as splits, with digests, and the data set that streams them. A shard is never in memory, an image is only
 * while it is decoded; names, labels and places are, about 0.2 kB an image.
 *
 * Left out: which shards there are (`ShardNames.ts`), what is in them (`WebDataset.ts`, `Parquet.ts`).
 */
import { createHash } from "node:crypto"
import { mkdirSync, readFileSync, readSync, writeFileSync } from "node:fs"
import * as nodePath from "node:path"
import { Option, Schema } from "effect"
import { randomStream } from "../../space/RandomStream.ts"
import type { StreamedDataset } from "../Batches.ts"
import type { DatasetShape } from "../Dataset.ts"
import type { SplitReport } from "../DatasetKind.ts"
import { type ImageSplit, limitImages } from "../ImageFiles.ts"
import { imageStatistics, type PixelSpec, targetOf } from "../ImageFolderSpec.ts"
import { makeImagePool, usualThreads } from "../ImagePool.ts"
import { stampOf, withOpen } from "../OpenFile.ts"
import { makeStreamedBatches } from "../StreamedBatches.ts"
import type { Extent } from "./Extent.ts"
import type { Shard, ShardsBySplit } from "./ShardNames.ts"

/** Images of a split, before limits, each with its place. */
export interface ShardSplit extends ImageSplit {
  readonly extents: ReadonlyArray<Extent>
}

export interface ShardedSplits {
  readonly train: ShardSplit
  readonly test: ShardSplit
  readonly heldOut?: ShardSplit
}

/** The keys that say which images are used. */
export interface PartSpec {
  readonly testShare: number
  readonly dataSeed: number
  readonly trainLimit?: number
  readonly testLimit?: number
}

/** How many of `count` images are set apart for the test where there is no split for it. */
export const testCountOf = (count: number, { testShare }: Pick<PartSpec, "testShare">): number =>
  Math.min(count - 1, Math.max(1, Math.round(testShare * count)))

const only = ({ extents, files, labels }: ShardSplit, places: Uint32Array): ShardSplit => ({
  files: Array.from(places, (i) => files[i]!),
  labels: Int32Array.from(places, (i) => labels[i]!),
  extents: Array.from(places, (i) => extents[i]!),
})

/** A share of the images, drawn by `dataSeed`, set apart for the test. */
export const parted = (all: ShardSplit, spec: PartSpec): ShardedSplits => {
  const order = randomStream(spec.dataSeed, "shards/test").permutation(all.files.length)
  const count = testCountOf(all.files.length, spec)
  return {
    train: only(all, Uint32Array.from(order.subarray(count)).toSorted()),
    test: only(all, Uint32Array.from(order.subarray(0, count)).toSorted()),
  }
}

export const joined = (parts: ReadonlyArray<ShardSplit>): ShardSplit => ({
  files: parts.flatMap(({ files }) => files),
  labels: Int32Array.from(parts.flatMap(({ labels }) => [...labels])),
  extents: parts.flatMap(({ extents }) => extents),
})

const Known = Schema.fromJsonString(Schema.Tuple([Schema.String, Schema.String]))
const decodeKnown = Schema.decodeUnknownOption(Known)

/** A place in the cache for what is known of a file, by its path. */
export const cacheName = (folder: string, path: string, ending: string): string =>
  nodePath.join(folder, createHash("sha256").update(path).digest("hex").slice(0, 24) + ending)

const hashFile = (path: string): string =>
  withOpen(path, (descriptor) => {
    const hash = createHash("sha256")
    const chunk = Buffer.alloc(1 << 20)
    for (let length; (length = readSync(descriptor, chunk)) > 0;)
      hash.update(chunk.subarray(0, length))
    return hash.digest("hex")
  })

/** SHA-256 of a shard, read once and kept in `folder` of the cache while the file does not change. */
export const shardDigest = (folder: string, path: string): string => {
  const file = cacheName(folder, path, ".digest")
  const stamp = stampOf(path)
  let text = ""
  try {
    text = readFileSync(file, "utf8")
  } catch {
    // not known yet
  }
  const known = Option.getOrUndefined(decodeKnown(text))
  if (known?.[0] === stamp) return known[1]
  const digest = hashFile(path)
  mkdirSync(folder, { recursive: true })
  writeFileSync(file, JSON.stringify([stamp, digest]))
  return digest
}

/** The first 32 hex digits of the SHA-256 of the shards' contents, and of which of their images and labels these are. */
const splitDigest = (shards: ReadonlyArray<string>, { files, labels }: ImageSplit): string => {
  const hash = createHash("sha256")
  for (const shard of shards) hash.update(`${shard}\n`)
  files.forEach((file, i) => hash.update(`${file}\0${labels[i]}\n`))
  return hash.digest("hex").slice(0, 32)
}

export interface ShardedSet {
  readonly name: string
  readonly root: string
  readonly classes: ReadonlyArray<string>
  readonly splits: ShardedSplits
  /** Name and digest of every shard of a split. */
  readonly shards: Readonly<Record<"train" | "test" | "heldOut", ReadonlyArray<string>>>
}

/** Name and digest of shards. */
export const digestsOf = (folder: string, shards: ReadonlyArray<Shard>): ReadonlyArray<string> =>
  shards.map(({ name, path }) => `${name} ${shardDigest(folder, path)}`)

/** The splits within the limits, with their digests. */
const digested = ({ shards, splits }: ShardedSet, spec: PartSpec) => {
  const of = (split: ShardSplit, key: keyof ShardedSet["shards"], limit?: number) => {
    const limited = limitImages(split, limit, key, spec.dataSeed)
    return { ...limited, digest: splitDigest(shards[key], limited) }
  }
  const { heldOut } = splits
  return {
    train: of(splits.train, "train", spec.trainLimit),
    test: of(splits.test, "test", spec.testLimit),
    ...(heldOut === undefined ? {} : { heldOut: of(heldOut, "heldOut") }),
  }
}

/** Where the images of all splits are, by name. */
const placesOf = ({ heldOut, test, train }: ShardedSplits): ReadonlyMap<string, Extent> =>
  new Map(
    [train, test, ...(heldOut === undefined ? [] : [heldOut])].flatMap(({ extents, files }) =>
      files.map((file, i) => [file, extents[i]!] as const),
    ),
  )

export const makeSharded = (set: ShardedSet, spec: PixelSpec & PartSpec): StreamedDataset => {
  const { classes, name, root } = set
  const target = targetOf(spec)
  const { channels, height, width } = target
  const places = placesOf(set.splits)
  const splits = digested(set, spec)
  return {
    name,
    height,
    width,
    channels,
    classes,
    ...imageStatistics(spec),
    open: (options) =>
      makeStreamedBatches(
        {
          ...splits,
          name,
          root,
          height,
          width,
          channels,
          centre: spec.centre,
          minArea: spec.minArea,
          brokenLimit: spec.brokenLimit,
          pool: makeImagePool({ root, links: "follow", target }, usualThreads(), (file) =>
            places.get(file),
          ),
        },
        options,
      ),
  }
}

/** Every image decoded, few pixels of each: name -> why it is broken. */
export const decodeAll = async (
  set: ShardedSet,
  spec: PixelSpec,
): Promise<ReadonlyMap<string, string>> => {
  const places = placesOf(set.splits)
  const target = { ...targetOf(spec), height: 8, width: 8 }
  const pool = makeImagePool({ root: set.root, links: "follow", target }, usualThreads(), (file) =>
    places.get(file),
  )
  const broken = new Map<string, string>()
  const names = [...places.keys()]
  try {
    for (let start = 0; start < names.length; start += 64)
      await Promise.all(
        names.slice(start, start + 64).map(async (file) => {
          const decoded = await pool.decode(file, { centre: 1 })
          if ("broken" in decoded) broken.set(file, decoded.broken)
        }),
      )
  } finally {
    await pool.close()
  }
  return broken
}

/** How many of the broken images each split has. */
export const brokenBySplit = ({ splits }: ShardedSet, broken: ReadonlyMap<string, string>) => {
  const of = ({ files }: ImageSplit) => files.filter((file) => broken.has(file)).length
  return {
    train: of(splits.train),
    test: of(splits.test),
    ...(splits.heldOut === undefined ? {} : { heldOut: of(splits.heldOut) }),
  }
}

export const digestsBySplit = (set: ShardedSet, spec: PartSpec): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(digested(set, spec)).map(([key, { digest }]) => [key, digest]))

/** What is known before anything is decoded. */
export interface ShardCounts {
  readonly classes: ReadonlyArray<string>
  /** The largest label. */
  readonly mostLabel: number
  readonly names: ShardsBySplit["names"]
  readonly counts: { readonly train: number; readonly test: number; readonly heldOut?: number }
  /** Classes with an image, by split, where this is known without reading all. */
  readonly present?: Partial<Record<"train" | "test" | "heldOut", number>>
  readonly warnings: ReadonlyArray<string>
}

export const shapeOf = (
  name: string,
  { classes, counts }: ShardCounts,
  { channels, height, width }: PixelSpec,
): DatasetShape => ({
  name,
  height,
  width,
  channels,
  classes,
  trainCount: counts.train,
  testCount: counts.test,
  ...(counts.heldOut === undefined ? {} : { heldOutCount: counts.heldOut }),
})

export const reportOf = (
  { classes, counts, names, present, warnings }: ShardCounts,
  broken: Partial<Record<"train" | "test" | "heldOut", number>> = {},
): SplitReport => {
  const of = (key: "train" | "test" | "heldOut", images: number) => ({
    name: names[key],
    images,
    classes: present?.[key] ?? Math.min(classes.length, images),
    passedOver: 0,
    broken: broken[key] ?? 0,
  })
  return {
    splits: [
      of("train", counts.train),
      ...(counts.heldOut === undefined ? [] : [of("heldOut", counts.heldOut)]),
      of("test", counts.test),
    ],
    splitUses: {
      train: names.train,
      heldOut: counts.heldOut === undefined ? names.train : names.heldOut,
      test: names.test,
    },
    otherFiles: 0,
    passedOver: {},
    warnings,
  }
}
