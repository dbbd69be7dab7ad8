/**
 * Data sets of four IDX files, named as in MNIST, plain or gzipped: what `Mnist.ts` and `FashionMnist.ts` share.
 */
import { ByteSize, Effect, FileSystem, Option, Path, Result } from "effect"
import { describe } from "../disk/FileProblem.ts"
import type { ByteDataset, ByteSplit, DatasetShape } from "./Dataset.ts"
import { makeDataset, makeSplit } from "./Dataset.ts"
import { DatasetCorrupt, DatasetMissing } from "./Errors.ts"
import type { DatasetError } from "./Errors.ts"
import * as Idx from "./Idx.ts"

const prefixes = { train: "train", test: "t10k" } as const

/** File names, `.gz` or not at the end, of the images and labels of a split. */
export const idxFiles = (split: "train" | "test") => ({
  images: `${prefixes[split]}-images-idx3-ubyte`,
  labels: `${prefixes[split]}-labels-idx1-ubyte`,
})

/** A file by its name, with the place that errors name; plain bytes or gzip. */
export type ReadIdx<E, R> = (
  name: string,
) => Effect.Effect<{ readonly where: string; readonly bytes: Uint8Array }, E, R>

const parseSplit = Effect.fnUntraced(function* <E, R>(
  shape: DatasetShape,
  split: "train" | "test",
  readIdx: ReadIdx<E, R>,
): Effect.fn.Return<ByteSplit, E | DatasetCorrupt, R> {
  const count = split === "train" ? shape.trainCount : shape.testCount
  const corrupt = (where: string, what: string) =>
    new DatasetCorrupt({
      dataset: shape.name,
      where,
      what,
      fix: "get the file anew from its original place",
    })
  const values = Effect.fnUntraced(function* (name: string, dimensions: ReadonlyArray<number>) {
    const { where, bytes } = yield* readIdx(name)
    const idx = Idx.parse(bytes, dimensions)
    return Result.isFailure(idx)
      ? yield* corrupt(where, idx.failure)
      : { where, values: idx.success.values }
  })
  const files = idxFiles(split)
  const images = yield* values(files.images, [count, shape.height, shape.width])
  const labels = yield* values(files.labels, [count])
  const problem = Idx.labelProblem(labels.values, shape.classes.length)
  if (problem !== undefined) return yield* corrupt(labels.where, problem)
  return makeSplit(split, images.values, labels.values)
})

/** A data set of one channel out of its four files. */
export const parseDataset = Effect.fn("IdxDataset.parseDataset")(function* <E, R>(
  shape: DatasetShape,
  readIdx: ReadIdx<E, R>,
): Effect.fn.Return<ByteDataset, E | DatasetCorrupt, R> {
  const train = yield* parseSplit(shape, "train", readIdx)
  const test = yield* parseSplit(shape, "test", readIdx)
  return makeDataset(shape, train, test)
})

/** Reads the files of a folder, `NAME` or `NAME.gz`, never more than `maxBytes` of one, and only regular files. */
export const fromFolder = (
  dataset: string,
  folder: string,
  maxBytes: number,
  fix: string,
): ReadIdx<DatasetError, FileSystem.FileSystem | Path.Path> => {
  const missing = (where: string, what: string) => new DatasetMissing({ dataset, where, what, fix })
  return Effect.fnUntraced(function* (name) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    for (const file of [name, `${name}.gz`]) {
      const where = path.join(folder, file)
      const stat = yield* fs.stat(where).pipe(
        Effect.map(Option.some),
        Effect.catchReason("PlatformError", "NotFound", () => Effect.succeedNone),
        Effect.mapError((error) => missing(where, `cannot be read: ${describe(error).words}`)),
      )
      if (Option.isNone(stat)) continue
      if (stat.value.type !== "File" || ByteSize.toBigInt(stat.value.size) > maxBytes)
        return yield* new DatasetCorrupt({
          dataset,
          where,
          what: `is not a regular file of at most ${maxBytes} bytes`,
          fix,
        })
      const bytes = yield* Effect.mapError(fs.readFile(where), (error) =>
        missing(where, `cannot be read: ${describe(error).words}`),
      )
      return { where, bytes }
    }
    return yield* missing(path.join(folder, name), "is not there, nor with .gz at its end")
  })
}
