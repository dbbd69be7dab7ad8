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
import type { DatasetKind, DatasetShape, OwnFiles, SpecProblem, UnreadKey } from "./Dataset.ts"
import { type DatasetError, DatasetMissing } from "./Errors.ts"
import { Links } from "./ImageBytes.ts"
import { brokenWords, cheapLook, danglingLinks, reportOf } from "./ImageCounts.ts"
import { digestImages, makeContents } from "./ImageDigests.ts"
import { Background, Grey, type Target } from "./ImageFile.ts"
import { type ImageFiles, type ImageSplit, limitImages, listImages } from "./ImageFiles.ts"
import { explicitChoice, UnfitFolder } from "./ImageLayout.ts"
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

/** The name of a folder, as it is: no path. */
const FolderName = Schema.String.check(
  Schema.isPattern(/^(?!\.{1,2}$)[^/\\\p{Cc}]{1,255}$/u, {
    expected: "the name of a folder in data.path, without /",
  }),
)

/** Keys that are in a trial's id only where they say something else than what was done before there were such keys. */
const before: Readonly<Record<string, unknown>> = {
  grey: "linear",
  background: "black",
  heldOutFrom: "train",
}

export const spec = Schema.Struct({
  kind: Schema.Literal("imageFolder"),
  ...dataFields({
    augment: ["flip", "crop"],
    heldOut: 500,
    heldOutWords:
      "Images to measure quality for the search, drawn by the seed from the validation folder, else out of the train split.",
  }),
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
      "The folder, from this file's folder: train/CLASS/* and test/CLASS/* (or val, validation, valid, dev), else CLASS/*.",
  }),
  test: Schema.optionalKey(
    FolderName.annotate({
      description:
        "The folder of the test split, by its name in path. Default: test, else the validation folder, else a share of train.",
    }),
  ),
  heldOutFrom: Schema.optionalKey(
    FolderName.annotate({
      description:
        "The folder that held-out images come from; train: out of the train split. Default: the validation folder where another is the test split, else train.",
    }),
  ),
  links: Schema.optionalKey(
    Links.annotate({
      description:
        "Links that lead out of the folder, as DVC, the Hugging Face cache and git-annex make them: follow, or refuse.",
      default: "refuse",
    }),
  ),
  height: pixels("Pixels of what the network gets."),
  width: pixels("Pixels of what the network gets."),
  channels: withDefault(
    Schema.Literals([1, 3]).annotate({ description: "1 for grey, 3 for colour.", default: 3 }),
    3,
  ),
  grey: Schema.optionalKey(
    Grey.annotate({
      description:
        "With channels: 1, how colour becomes grey. bt601: 0.299 R + 0.587 G + 0.114 B of the stored values, as PIL, torchvision and OpenCV; linear: the luminance of linear light.",
      default: "bt601",
    }),
  ),
  background: Schema.optionalKey(
    Background.annotate({
      description: "What lies behind transparent parts: black or white.",
      default: "black",
    }),
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

const linksOf = ({ links = "refuse" }: Spec): Links => links

const nameOf = ({ path }: Spec): string => nodePath.basename(nodePath.resolve("/", path))

/** What images are made into. */
const targetOf = ({
  background = "black",
  channels,
  grey = "bt601",
  height,
  width,
}: Spec): Target => ({
  height,
  width,
  channels,
  grey,
  background,
})

const shapeOf = (spec: Spec, { classes, heldOut, test, train }: ImageFiles): DatasetShape => ({
  name: nameOf(spec),
  height: spec.height,
  width: spec.width,
  channels: spec.channels,
  classes,
  trainCount: train.files.length,
  testCount: test.files.length,
  ...(heldOut === undefined ? {} : { heldOutCount: heldOut.files.length }),
})

const report = (spec: Spec, folder: string) => {
  const files = list(spec, folder)
  return reportOf(files, cheapLook(files, linksOf(spec)))
}

const problems = (spec: Spec, folder: string): ReadonlyArray<SpecProblem> => {
  try {
    const files = list(spec, folder)
    const broken = cheapLook(files, linksOf(spec))
    const { warnings } = reportOf(files, broken)
    const { heldOut, test, train } = files
    const all = train.files.length + test.files.length + (heldOut?.files.length ?? 0)
    const isTooMany = broken.size > Math.floor(spec.brokenLimit * all + 1e-9)
    const warn = (message: string) => ({ path: ["path"], message, severity: "warning" as const })
    return [
      ...(broken.size === 0
        ? []
        : [
            isTooMany
              ? {
                  path: ["path"],
                  message: `${broken.size} of ${all} images are broken, more than brokenLimit ${spec.brokenLimit} of all allows: ${brokenWords(broken)}`,
                }
              : warn(`${broken.size} of ${all} images are broken: ${brokenWords(broken)}`),
          ]),
      ...warnings.map(warn),
    ]
  } catch (error) {
    if (!(error instanceof UnfitFolder)) throw error
    return [{ path: [error.key], message: error.message }]
  }
}

/** Says which folders hold what, where a trial of the same words once had other images, and how colour becomes grey. */
const resolve = (spec: Spec, folder: string): Spec => {
  const { grey: _g, heldOutFrom: _h, test: _t, ...rest } = spec
  return {
    ...rest,
    ...explicitChoice(list(spec, folder).layout, spec),
    ...(spec.channels === 1 ? { grey: targetOf(spec).grey } : {}),
  }
}

const unread = (spec: Spec, folder: string): ReadonlyArray<UnreadKey> => {
  const { layout } = list(spec, folder)
  const all: ReadonlyArray<UnreadKey | undefined> = [
    spec.augment.includes("crop") ? undefined : { key: "minArea", because: "augment has no crop" },
    spec.channels === 3 ? { key: "grey", because: "channels is 3" } : undefined,
    spec.heldOut === 0 ? { key: "heldOutFrom", because: "no images are held out" } : undefined,
    layout.test === undefined
      ? undefined
      : { key: "testShare", because: `the folder ${layout.test} is the test split` },
  ]
  return all.filter((key) => key !== undefined)
}

const identity = (spec: Spec): object =>
  Object.fromEntries(
    // Which links may be followed is how the images are found, not which they are.
    Object.entries(spec).filter(([key, value]) => key !== "links" && before[key] !== value),
  )

type DigestedSplit = ImageSplit & { readonly digest: string }
interface Digested extends ImageFiles {
  readonly train: DigestedSplit
  readonly test: DigestedSplit
  readonly heldOut?: DigestedSplit
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
  const { heldOut } = files
  const train = limitImages(files.train, spec.trainLimit, "train", spec.dataSeed)
  const test = limitImages(files.test, spec.testLimit, "test", spec.dataSeed)
  yield* Effect.logInfo(
    `looking through ${train.files.length + test.files.length + (heldOut?.files.length ?? 0)} images of ${nameOf(spec)} (those not seen before are read once)`,
  )
  return yield* Effect.tryPromise({
    try: async () => {
      const cacheFolder = nodePath.join(cacheDirectory, "data", "imageFolder")
      const contents = makeContents(files.root, cacheFolder, linksOf(spec))
      const { channels, grey } = targetOf(spec)
      const digest = async (split: ImageSplit) => ({
        ...split,
        digest: await digestImages(contents, split, channels === 1 ? grey : "linear"),
      })
      return {
        ...files,
        train: await digest(train),
        test: await digest(test),
        ...(heldOut === undefined ? {} : { heldOut: await digest(heldOut) }),
      } as Digested
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
  const { centre, minArea, brokenLimit } = spec
  const target = targetOf(spec)
  const { height, width, channels } = target
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
          pool: makeImagePool({ root: files.root, links: linksOf(spec), target }, usualThreads()),
        },
        options,
      ),
  }
})

/** Decodes every image. */
const verify = Effect.fn("ImageFolder.verify")(function* (
  spec: Spec,
  cacheDirectory: string,
  folder: string,
): Effect.fn.Return<OwnFiles, DatasetError> {
  const files = yield* digested(spec, cacheDirectory, folder)
  const { heldOut, root, test, train } = files
  const names = [train, heldOut, test].flatMap((split) => split?.files ?? [])
  // Few pixels: what is in the file is decoded, whatever size comes of it.
  const target = { ...targetOf(spec), height: 8, width: 8 }
  const pool = makeImagePool({ root, links: linksOf(spec), target }, usualThreads())
  const broken = new Map<string, string>()
  yield* Effect.forEach(
    names,
    (file) =>
      Effect.promise(async () => {
        const decoded = await pool.decode(file, { centre: 1 })
        if ("broken" in decoded) broken.set(file, decoded.broken)
      }),
    { concurrency: 16, discard: true },
  ).pipe(Effect.ensuring(Effect.promise(pool.close)))
  return {
    where: root,
    shape: shapeOf(spec, files),
    digests: {
      train: train.digest,
      ...(heldOut === undefined ? {} : { heldOut: heldOut.digest }),
      test: test.digest,
    },
    report: reportOf(files, broken),
    brokenFiles: [...broken, ...danglingLinks(files)]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([file, why]) => ({ file, why })),
  }
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
  describe: (spec, folder) => shapeOf(spec, list(spec, folder)),
  problems,
  report,
  resolve,
  unread,
  identity,
  verify,
  source: () => undefined,
  load,
}
