/**
 * One's own images: a folder with a folder per class, decoded while the network trains and never all in memory.
 *
 * In here: what is put together from the block of the experiment file. Left out: the block (`ImageFolderSpec.ts`), which
 * files there are (`ImageFiles.ts`), what is in them (`ImageDigests.ts`, `ImageFile.ts`), batches (`StreamedBatches.ts`).
 */
import * as nodePath from "node:path"
import { Effect } from "effect"
import type { StreamedDataset } from "./Batches.ts"
import type { SpecProblem } from "./DataSpec.ts"
import type { DatasetShape } from "./Dataset.ts"
import type { DatasetKind, OwnFiles, UnreadKey } from "./DatasetKind.ts"
import { type DatasetError, DatasetMissing } from "./Errors.ts"
import { leadsOut, type Links } from "./ImageBytes.ts"
import { brokenWords, cheapLook, danglingLinks, type Look, reportOf } from "./ImageCounts.ts"
import { digestImages, makeContents } from "./ImageDigests.ts"
import { type ImageFiles, type ImageSplit, limitImages, listImages } from "./ImageFiles.ts"
import { imageStatistics, type Spec, spec, summary, targetOf } from "./ImageFolderSpec.ts"
import { explicitChoice } from "./ExplicitChoice.ts"
import { UnfitFolder } from "./ImageListing.ts"
import { makeImagePool, usualThreads } from "./ImagePool.ts"
import { makeStreamedBatches } from "./StreamedBatches.ts"

/** Keys that are in a trial's id only where they say something else than what was done before there were such keys. */
const before: Readonly<Record<string, unknown>> = {
  grey: "linear",
  background: "black",
  heldOutFrom: "train",
}

const fix = "data.path names a folder with a folder per class"

const list = (spec: Spec, folder: string): ImageFiles =>
  listImages(nodePath.isAbsolute(spec.path) ? spec.path : nodePath.join(folder, spec.path), spec)

const linksOf = ({ links = "refuse" }: Spec): Links => links

const nameOf = ({ path }: Spec): string => nodePath.basename(nodePath.resolve("/", path))

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

const look = (spec: Spec, folder: string) => cheapLook(list(spec, folder), linksOf(spec))

/** Undefined where the folder is unfit; with broken files it is not. */
const report = (spec: Spec, folder: string) => {
  try {
    return look(spec, folder).report
  } catch (error) {
    if (!(error instanceof UnfitFolder)) throw error
    return undefined
  }
}

/** Broken files that a cheap look finds: a mistake where links are refused or most of a split is not there. */
const brokenProblems = (
  spec: Spec,
  { broken, mostBroken, report }: Look,
): ReadonlyArray<SpecProblem> => {
  if (broken.size === 0) return []
  const all = report.splits.reduce((sum, { images }) => sum + images, 0)
  const limit = Math.floor(spec.brokenLimit * all + 1e-9)
  const refused = [...broken.values()].filter((why) => why === leadsOut).length
  const isMistake = broken.size > limit && (refused > limit || mostBroken > 0.5)
  const found = `${broken.size} of ${all} images ${broken.size === 1 ? "is" : "are"} broken`
  const more =
    broken.size > limit
      ? `, and a trial ends that meets more than ${limit} (brokenLimit ${spec.brokenLimit})`
      : ""
  return [
    {
      path: ["path"],
      message: `${found}${more}: ${brokenWords(broken)}`,
      severity: isMistake ? "error" : "warning",
    },
  ]
}

const problems = (spec: Spec, folder: string): ReadonlyArray<SpecProblem> => {
  try {
    const found = look(spec, folder)
    return [
      ...brokenProblems(spec, found),
      ...found.report.warnings.map((message): SpecProblem => ({
        path: ["path"],
        message,
        severity: "warning",
      })),
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
      fix,
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
  const name = nameOf(spec)
  return {
    name,
    height,
    width,
    channels,
    classes: files.classes,
    ...imageStatistics(spec),
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
  summary,
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
