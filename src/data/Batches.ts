/**
 * Batches: which images a step trains on and is measured on, in which order, changed how. Pure and without state:
 * a batch follows from (seed, step) alone, so a run that resumes at step N needs nothing but N.
 *
 * Augmentation draws from `augment/<step>` and touches training batches only. Left out: which image comes when
 * (`Order.ts`), scaling to mean 0 (the network's first op), images that are not in memory.
 */
import { randomStream } from "../space/RandomStream.ts"
import type { Augmentation } from "./DataSpec.ts"
import { type Dataset, type Images, type Split, type Values, zeros } from "./Dataset.ts"
import { makeOrder, subsetDigest } from "./Order.ts"

export interface Batch {
  /** [batch, height, width, channels], bytes 0 .. 255 or floats as the data set has them; a new array each time. */
  readonly images: Values
  /** [batch] */
  readonly labels: Int32Array
}

/** A batch of an evaluation: only the first `count` images are real, the rest is zeros with label 0. */
export interface EvaluationBatch extends Batch {
  readonly count: number
}

export interface BatchOptions {
  readonly batchSize: number
  readonly augment: ReadonlyArray<Augmentation>
  /** Images of the train split that are held out; below their number. */
  readonly heldOut: number
  readonly seed: number
}

/** Batches as a trial asks for them; those of images that are decoded ahead of use are promised. */
export interface Batches {
  readonly trainBatch: (step: number) => Batch | Promise<Batch>
  /** Not augmented; throws when nothing is held out. */
  readonly heldOutBatch: (step: number) => Batch | Promise<Batch>
  /** All held-out images once, in the order of the data set. */
  readonly heldOutBatches: (
    batchSize: number,
  ) => Iterable<EvaluationBatch> | AsyncIterable<EvaluationBatch>
  /** All test images once, in the order of the data set. */
  readonly testBatches: (
    batchSize: number,
  ) => Iterable<EvaluationBatch> | AsyncIterable<EvaluationBatch>
  readonly trainCount: number
  readonly heldOutCount: number
  readonly testCount: number
  /** 32 hex digits each: of the images and which of them, whatever their order. */
  readonly splitDigests: { readonly train: string; readonly heldOut: string; readonly test: string }
  /**
   * What has come to light about the images since it was last asked for. `all` reports every image; else it is reported
   * of now and then.
   */
  readonly warnings: (all?: boolean) => ReadonlyArray<DataWarning>
  /** File -> why it is broken, of those met so far. */
  readonly broken: () => Readonly<Record<string, string>>
  /** Counts those that a trial had met before it was stopped. */
  readonly recall: (broken: Readonly<Record<string, string>>) => void
  /** Ends what works for these batches; none can be had afterwards. */
  readonly close: () => Promise<void>
}

/** For people: `alarm` names the sort. */
export interface DataWarning {
  readonly alarm: string
  readonly message: string
}

/** Batches of a data set in memory, there at once. */
export interface MemoryBatches extends Batches {
  readonly trainBatch: (step: number) => Batch
  readonly heldOutBatch: (step: number) => Batch
  readonly heldOutBatches: (batchSize: number) => Iterable<EvaluationBatch>
  readonly testBatches: (batchSize: number) => Iterable<EvaluationBatch>
}

/** A data set that is never wholly in memory. */
export interface StreamedDataset extends Images {
  /** Throws a RangeError when `heldOut` leaves nothing to train on. */
  readonly open: (options: BatchOptions) => Batches
}

interface Size {
  readonly height: number
  readonly width: number
  readonly channels: number
}

/** How far a crop may shift, in pixels: 4 for 32, as in He et al. (arXiv:1512.03385), section 4.2; scaled for others. */
export const cropPadding = (size: number): number => Math.max(1, Math.round(size / 8))

/**
 * Copies one image, shifted down and right (negative: up and left) with zeros around, and mirrored before that.
 *
 * @param from [.., height, width, channels]; the image starts at `fromStart`
 * @param to zeros from `toStart` on, as long as an image
 */
const copyChanged = (
  from: Values,
  fromStart: number,
  to: Values,
  toStart: number,
  { height, width, channels }: Size,
  down: number,
  right: number,
  mirrored: boolean,
): void => {
  const rowLength = width * channels
  const firstX = Math.max(0, right)
  const length = (width - Math.abs(right)) * channels
  const step = mirrored ? -2 * channels : 0
  for (let y = Math.max(0, down); y < Math.min(height, height + down); y++) {
    let target = toStart + y * rowLength + firstX * channels
    const row = fromStart + (y - down) * rowLength
    const firstSource = firstX - right
    let source = row + (mirrored ? width - 1 - firstSource : firstSource) * channels
    if (!mirrored) {
      to.set(from.subarray(source, source + length), target)
      continue
    }
    for (const end = target + length; target < end; source += step)
      for (let channel = 0; channel < channels; channel++) to[target++] = from[source++]!
  }
}

/** Batches of a data set; throws a RangeError when `heldOut` leaves nothing to train on. */
export const makeBatches = (dataset: Dataset, options: BatchOptions): MemoryBatches => {
  const { train, test } = dataset
  const { seed, batchSize, heldOut } = options
  const order = makeOrder(train.count, { seed, heldOut })
  const pixels = dataset.height * dataset.width * dataset.channels
  const flip = options.augment.includes("flip")
  const padding = options.augment.includes("crop")
    ? { height: cropPadding(dataset.height), width: cropPadding(dataset.width) }
    : { height: 0, width: 0 }

  const trainBatch = (step: number): Batch => {
    const images = zeros(dataset, batchSize * pixels)
    const labels = new Int32Array(batchSize)
    const random = randomStream(seed, `augment/${step}`)
    for (let i = 0; i < batchSize; i++) {
      const index = order.trainAt(step * batchSize + i)
      labels[i] = train.labels[index]!
      const mirrored = flip && random.integer(2) === 1
      const down = random.integer(2 * padding.height + 1) - padding.height
      const right = random.integer(2 * padding.width + 1) - padding.width
      copyChanged(train.images, index * pixels, images, i * pixels, dataset, down, right, mirrored)
    }
    return { images, labels }
  }

  /** `count` images of a split, the i-th being `at(i)`, in a batch of `size`. */
  const gather = (split: Split, size: number, count: number, at: (i: number) => number) => {
    const images = zeros(dataset, size * pixels)
    const labels = new Int32Array(size)
    for (let i = 0; i < count; i++) {
      const index = at(i)
      labels[i] = split.labels[index]!
      images.set(split.images.subarray(index * pixels, (index + 1) * pixels), i * pixels)
    }
    return { images, labels, count }
  }

  const heldOutBatch = (step: number): Batch => {
    if (heldOut === 0) throw new RangeError("heldOut is 0: there are no held-out images")
    const { images, labels } = gather(train, batchSize, batchSize, (i) =>
      order.heldOutAt(step * batchSize + i),
    )
    return { images, labels }
  }

  function* evaluation(split: Split, total: number, size: number, at: (i: number) => number) {
    for (let start = 0; start < total; start += size)
      yield gather(split, size, Math.min(size, total - start), (i) => at(start + i))
  }

  return {
    trainBatch,
    heldOutBatch,
    heldOutBatches: (size) => evaluation(train, heldOut, size, (i) => order.heldOut[i]!),
    testBatches: (size) => evaluation(test, test.count, size, (i) => i),
    trainCount: order.train.length,
    heldOutCount: heldOut,
    testCount: test.count,
    splitDigests: {
      train: subsetDigest(train.digest, order.train),
      heldOut: subsetDigest(train.digest, order.heldOut),
      test: test.digest,
    },
    warnings: () => [],
    broken: () => ({}),
    recall: () => {},
    close: async () => {},
  }
}

/** Batches of a data set, in memory or not. */
export const openBatches = (dataset: Dataset | StreamedDataset, options: BatchOptions): Batches =>
  "open" in dataset ? dataset.open(options) : makeBatches(dataset, options)
