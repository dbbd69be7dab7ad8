/** A data set of a few bytes, and a temporary folder with it on the way. */
import { channelStatistics, makeSplit } from "../../src/data/Dataset.ts"
import type { StreamedDataset } from "../../src/data/Batches.ts"
import type { ByteDataset, Dataset, DatasetShape } from "../../src/data/Dataset.ts"

export const shape: DatasetShape = {
  name: "small",
  height: 2,
  width: 3,
  channels: 2,
  classes: ["a", "b", "c"],
  trainCount: 5,
  testCount: 2,
}

const pixels = shape.height * shape.width * shape.channels
const train = Uint8Array.from({ length: shape.trainCount * pixels }, (_, i) => (i * 37) % 256)

export const dataset: ByteDataset = {
  name: shape.name,
  height: shape.height,
  width: shape.width,
  channels: shape.channels,
  classes: shape.classes,
  train: makeSplit("train", train, Uint8Array.of(0, 1, 2, 1, 0)),
  test: makeSplit("test", train.slice(0, shape.testCount * pixels), Uint8Array.of(2, 1)),
  ...channelStatistics(train, shape.channels),
}

/** A loaded data set that must be in memory. */
export const inMemory = (loaded: Dataset | StreamedDataset): Dataset => {
  if ("open" in loaded) throw new Error(`${loaded.name} is not in memory`)
  return loaded
}
