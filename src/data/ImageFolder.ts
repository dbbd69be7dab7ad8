/**
 * One's own images: a folder with a folder per class, decoded while the network trains and never all in memory.
 *
 * In here: the block of the experiment file, and what is put together from it. Left out: which files there are
 * (`ImageFiles.ts`), what is in them (`ImageDigests.ts`, `ImageFile.ts`), batches (`StreamedBatches.ts`).
 */
import * as nodePath from "node:path"
import { Effect, Schema } from "effect"
import { distinct, FilePath, withDefault } from "../declaration/Field.ts"
import type { StreamedDataset } from "./Batches.ts"
import { Augmentation, dataFields } from "./Dataset.ts"
import type { DatasetKind, DatasetShape } from "./Dataset.ts"
import { DatasetCorrupt, type DatasetError, DatasetMissing } from "./Errors.ts"
import { digestImages, makeContents } from "./ImageDigests.ts"
import {
  type ImageFiles,
  type ImageSplit,
  limitImages,
  listImages,
  shown,
  UnfitFolder,
} from "./ImageFiles.ts"
import { makeImagePool, usualThreads } from "./ImagePool.ts"
import { makeStreamedBatches } from "./StreamedBatches.ts"

const share = (minimum: number, maximum: number, value: number, description: string) =>
  withDefault(
    Schema.Finite.check(Schema.isBetween({ minimum, maximum })).annotate({
      description,
      default: value,
    }),
    value,
  )

const pixels = (description: string) =>
  withDefault(
    Schema.Int.check(Schema.isBetween({ minimum: 4, maximum: 1024 })).annotate({
      description,
      default: 224,
    }),
    224,
  )

/** Of ImageNet's training images, red, green, blue; for grey images their averages. */
const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
const average = (values: ReadonlyArray<number>) => values.reduce((a, b) => a + b) / values.length

const perChannel = (minimum: number, description: string) =>
  Schema.optionalKey(
    Schema.Array(Schema.Finite.check(Schema.isBetween({ minimum, maximum: 1 }))).annotate({
      description,
    }),
  )

export const spec = Schema.Struct({
  kind: Schema.Literal("imageFolder"),
  ...dataFields({ augment: ["flip", "crop"], heldOut: 500 }),
  augment: withDefault(
    Schema.Array(Augmentation)
      .check(distinct)
      .annotate({
        description:
          "Random changes to the training images; [] for none. flip: left-right, half of them; crop: a random part, scaled to the size.",
        default: ["flip", "crop"],
      }),
    ["flip", "crop"],
  ),
  path: FilePath.annotate({
    description:
      "The folder, from this file's folder: train/CLASS/* and test/CLASS/* (or val, validation), else CLASS/*.",
  }),
  height: pixels("Pixels of what the network gets."),
  width: pixels("Pixels of what the network gets."),
  channels: withDefault(
    Schema.Literals([1, 3]).annotate({ description: "1 for grey, 3 for colour.", default: 3 }),
    3,
  ),
  centre: share(
    0.1,
    1,
    0.875,
    "How much of the shorter side is kept where nothing is random: the middle.",
  ),
  minArea: share(0.01, 1, 0.08, "The least part of the area that the augmentation crop takes."),
  mean: perChannel(0, "Taken off each channel, of value / 255; ImageNet's by default."),
  std: perChannel(1 / 255, "Each channel is divided by it; ImageNet's by default."),
  testShare: share(
    0.001,
    0.9,
    0.1,
    "Part of each class that is set apart for the test where there is no folder for it.",
  ),
  dataSeed: withDefault(
    Schema.Int.annotate({
      description: "Another number sets others apart; the experiment's seed does not touch them.",
      default: 1,
    }),
    1,
  ),
  brokenLimit: share(0, 1, 0.01, "Part of all images that may be broken; those are skipped."),
})
  .check(
    Schema.makeFilter(({ channels, mean, std }) =>
      [mean, std].every((values) => values === undefined || values.length === channels)
        ? true
        : `mean and std have a value for each of the ${channels} channels`,
    ),
  )
  .annotate({ identifier: "ImageFolder", title: "A folder of images" })
type Spec = (typeof spec)["Type"]

const mend = "data.path names a folder with a folder per class"

const list = (spec: Spec, folder: string): ImageFiles =>
  listImages(nodePath.isAbsolute(spec.path) ? spec.path : nodePath.join(folder, spec.path), spec)

const nameOf = ({ path }: Spec): string => nodePath.basename(nodePath.resolve("/", path))

const describe = (spec: Spec, folder: string): DatasetShape => {
  const { classes, train, test } = list(spec, folder)
  return {
    name: nameOf(spec),
    height: spec.height,
    width: spec.width,
    channels: spec.channels,
    classes,
    trainCount: train.files.length,
    testCount: test.files.length,
  }
}

const problems = (spec: Spec, folder: string) => {
  try {
    list(spec, folder)
    return []
  } catch (error) {
    if (!(error instanceof UnfitFolder)) throw error
    return [{ path: ["path"], message: error.message }]
  }
}

interface Digested extends ImageFiles {
  readonly train: ImageSplit & { readonly digest: string }
  readonly test: ImageSplit & { readonly digest: string }
}

/** The files within the limits, with the digests of what is in them. */
const digested = Effect.fn("ImageFolder.digested")(function* (
  spec: Spec,
  cacheDirectory: string,
  folder: string,
): Effect.fn.Return<Digested, DatasetError> {
  const failed = (error: unknown) =>
    new DatasetMissing({
      dataset: nameOf(spec),
      where: spec.path,
      what: error instanceof Error ? error.message : String(error),
      mend,
    })
  const files = yield* Effect.try({ try: () => list(spec, folder), catch: failed })
  const { root, classes } = files
  const train = limitImages(files.train, spec.trainLimit, "train", spec.dataSeed)
  const test = limitImages(files.test, spec.testLimit, "test", spec.dataSeed)
  yield* Effect.logInfo(
    `looking through ${train.files.length + test.files.length} images of ${nameOf(spec)} (those not seen before are read once)`,
  )
  return yield* Effect.tryPromise({
    try: async () => {
      const contents = makeContents(root, nodePath.join(cacheDirectory, "data", "imageFolder"))
      return {
        root,
        classes,
        train: { ...train, digest: await digestImages(contents, train) },
        test: { ...test, digest: await digestImages(contents, test) },
      }
    },
    catch: failed,
  })
})

const load = Effect.fn("ImageFolder.load")(function* (
  spec: Spec,
  cacheDirectory: string,
  folder: string,
): Effect.fn.Return<StreamedDataset, DatasetError> {
  const files = yield* digested(spec, cacheDirectory, folder)
  const { height, width, channels, centre, minArea, brokenLimit } = spec
  const usual = (values: ReadonlyArray<number>) => (channels === 3 ? values : [average(values)])
  const name = nameOf(spec)
  return {
    name,
    height,
    width,
    channels,
    classes: files.classes,
    mean: spec.mean ?? usual(imageNet.mean),
    std: spec.std ?? usual(imageNet.std),
    open: (options) =>
      makeStreamedBatches(
        {
          ...files,
          name,
          height,
          width,
          channels,
          centre,
          minArea,
          brokenLimit,
          pool: makeImagePool(
            { root: files.root, size: { height, width, channels } },
            usualThreads(),
          ),
        },
        options,
      ),
  }
})

/** Decodes every image; fails when one is broken, and names them. */
const verify = Effect.fn("ImageFolder.verify")(function* (
  spec: Spec,
  cacheDirectory: string,
  folder: string,
) {
  const { root, train, test } = yield* digested(spec, cacheDirectory, folder)
  const files = [...train.files, ...test.files]
  const pool = makeImagePool({ root, size: { height: 8, width: 8, channels: 3 } }, usualThreads())
  const broken: Array<string> = []
  yield* Effect.forEach(
    files,
    (file) =>
      Effect.promise(async () => {
        const decoded = await pool.decode(file, { centre: 1 })
        if ("broken" in decoded) broken.push(`${shown(file)} (${decoded.broken})`)
      }),
    { concurrency: 16, discard: true },
  ).pipe(Effect.ensuring(Effect.promise(pool.close)))
  if (broken.length > 0)
    return yield* new DatasetCorrupt({
      dataset: nameOf(spec),
      where: root,
      what: `${broken.length} of ${files.length} images cannot be decoded:\n${broken.sort().join("\n")}`,
      mend: "replace or remove them",
    })
  return { where: root, digests: { train: train.digest, test: test.digest } }
})

export const ImageFolder: DatasetKind<
  "imageFolder",
  Spec,
  (typeof spec)["Encoded"],
  StreamedDataset
> = {
  kind: "imageFolder",
  spec,
  summary: "your own images: data.path is a folder with a folder per class; nothing is fetched",
  describe,
  problems,
  verify,
  source: () => undefined,
  load,
}
