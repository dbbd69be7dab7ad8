/**
 * The one binary file in which a fetched data set is kept, every byte of it covered by a SHA-256.
 *
 *     "FLIQSDAT"            8 bytes
 *     length of the header  uint32, little-endian
 *     SHA-256 of the header 32 bytes
 *     header                JSON: version, name, size, classes, mean, std, and of each split count and SHA-256
 *     train labels, train images, test labels, test images    one byte a value
 *
 * Trials check all of it each time they load it: 0.1 s for CIFAR-10 where the processor has SHA instructions, and no
 * trial ever trains on flipped bytes. Left out: where the file is and how it gets there (`Cache.ts`).
 */
import { createHash } from "node:crypto"
import { Result, Schema } from "effect"
import type { ByteDataset, DatasetShape } from "./Dataset.ts"

const magic = "FLIQSDAT"
const version = 1
const preamble = magic.length + 4 + 32
const maxHeader = 1 << 20

const Count = Schema.Int.check(Schema.isGreaterThan(0))
const SplitHeader = Schema.Struct({ count: Count, sha256: Schema.String })
const Header = Schema.Struct({
  version: Schema.Literal(version),
  name: Schema.String,
  height: Count,
  width: Count,
  channels: Count,
  classes: Schema.Array(Schema.String),
  mean: Schema.Array(Schema.Finite),
  std: Schema.Array(Schema.Finite),
  train: SplitHeader,
  test: SplitHeader,
})
type Header = (typeof Header)["Type"]

const decodeHeader = Schema.decodeUnknownResult(Schema.fromJsonString(Header))

const sha256 = (...parts: ReadonlyArray<Uint8Array>): Buffer => {
  const hash = createHash("sha256")
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** The file as parts in the order they are written; the images are not copied. */
export const encode = (dataset: ByteDataset): ReadonlyArray<Uint8Array> => {
  const { train, test } = dataset
  const split = ({ count, labels, images }: ByteDataset["train"]) => ({
    count,
    sha256: sha256(labels, images).toString("hex"),
  })
  const header: Header = {
    version,
    name: dataset.name,
    height: dataset.height,
    width: dataset.width,
    channels: dataset.channels,
    classes: dataset.classes,
    mean: dataset.mean,
    std: dataset.std,
    train: split(train),
    test: split(test),
  }
  const json = Buffer.from(JSON.stringify(header))
  const start = Buffer.alloc(preamble)
  start.write(magic, "latin1")
  start.writeUInt32LE(json.length, magic.length)
  sha256(json).copy(start, magic.length + 4)
  return [start, json, train.labels, train.images, test.labels, test.images]
}

/** The number of bytes a file of this shape may have at most: what a reader need ever allocate. */
export const maxBytes = (shape: DatasetShape): number =>
  preamble +
  maxHeader +
  (shape.trainCount + shape.testCount) * (1 + shape.height * shape.width * shape.channels)

const readHeader = (file: Uint8Array): Result.Result<[Header, number], string> => {
  if (file.length < preamble) return Result.fail(`${file.length} bytes are too short`)
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength)
  if (bytes.toString("latin1", 0, magic.length) !== magic)
    return Result.fail(`does not start with ${magic}`)
  const end = preamble + bytes.readUInt32LE(magic.length)
  if (end > Math.min(file.length, preamble + maxHeader))
    return Result.fail("its header is cut short")
  const json = bytes.subarray(preamble, end)
  if (!sha256(json).equals(bytes.subarray(magic.length + 4, preamble)))
    return Result.fail("its header is not what was written (SHA-256 differs)")
  return Result.mapBoth(decodeHeader(json.toString()), {
    onSuccess: (header): [Header, number] => [header, end],
    onFailure: () =>
      `its header is not of version ${version}: written by another version of this program`,
  })
}

/**
 * Reads a cache file that must hold a data set of this shape; images and labels are views of `file`.
 *
 * @returns the data set, or what is wrong in words
 */
export const decode = (file: Uint8Array, shape: DatasetShape): Result.Result<ByteDataset, string> =>
  Result.flatMap(readHeader(file), ([header, start]): Result.Result<ByteDataset, string> => {
    const { height, width, channels, classes } = shape
    const found = [header.name, header.height, header.width, header.channels, ...header.classes]
    const wanted = [shape.name, height, width, channels, ...classes]
    const sameShape = found.length === wanted.length && found.every((v, i) => v === wanted[i])
    if (
      !sameShape ||
      header.train.count !== shape.trainCount ||
      header.test.count !== shape.testCount
    )
      return Result.fail(`holds ${header.name}, not ${shape.name} as this program knows it`)
    const pixels = height * width * channels
    const total = start + (header.train.count + header.test.count) * (1 + pixels)
    if (file.length !== total)
      return Result.fail(`has ${file.length} bytes where its header promises ${total}`)
    let at = start
    const take = (length: number) => file.subarray(at, (at += length))
    const split = (name: "train" | "test") => {
      const { count, sha256: expected } = header[name]
      const [labels, images] = [take(count), take(count * pixels)]
      const intact = sha256(labels, images).toString("hex") === expected
      return { intact, split: { name, images, labels, count, digest: expected.slice(0, 32) } }
    }
    const [train, test] = [split("train"), split("test")]
    const changed = [train, test].find(({ intact }) => !intact)
    if (changed !== undefined)
      return Result.fail(
        `its ${changed.split.name} split was changed since it was written (SHA-256 differs)`,
      )
    const { mean, std } = header
    return Result.succeed({
      name: header.name,
      height,
      width,
      channels,
      classes,
      train: train.split,
      test: test.split,
      mean,
      std,
    })
  })
