/**
 * Batches of images that are decoded ahead of use and never all in memory: some batches wait, no more.
 *
 * As with images in memory, a batch follows from (seed, step) alone: `Order.ts` says which images, and what is random in
 * the i-th image draws from stream `augment/<step>/<i>`, in whatever thread and at whatever time it is decoded. A broken
 * image is skipped: the next one of its part of the split, in the order of names, stands in for it while training, and
 * evaluations go without it; both follow from the files, not from what was decoded before.
 */
import type { Batch, Batches, BatchOptions, EvaluationBatch } from "./Batches.ts"
import * as BrokenImages from "./BrokenImages.ts"
import type { Cut } from "./ImageFile.ts"
import type { ImageSplit } from "./ImageFiles.ts"
import type { ImagePool } from "./ImagePool.ts"
import { makeOrder, type Order, subsetDigest } from "./Order.ts"
import { prefetch } from "./Prefetch.ts"

/** Batches that are made or wait beside the one in use; each holds batchSize images. */
const ahead = 2

/** What is known of a folder of images when training begins. */
export interface StreamedImages {
  readonly name: string
  readonly root: string
  readonly height: number
  readonly width: number
  readonly channels: number
  readonly train: ImageSplit & { readonly digest: string }
  readonly test: ImageSplit & { readonly digest: string }
  /** Where held-out images have a folder of their own. */
  readonly heldOut?: ImageSplit & { readonly digest: string }
  readonly pool: ImagePool
  /** Share of the middle of an image, of the shorter side. */
  readonly centre: number
  /** Least share of the area of a random part. */
  readonly minArea: number
  /** Share of all images that may be broken. */
  readonly brokenLimit: number
}

/** What every batch is made with. */
interface Streaming {
  readonly images: StreamedImages
  readonly options: BatchOptions
  readonly order: Order
  /** The split that held-out images come from. */
  readonly heldOutSplit: ImageSplit & { readonly digest: string }
  readonly broken: BrokenImages.BrokenImages
}

/** A batch, and the broken images that were met on the way. */
interface Made<B extends Batch> {
  readonly batch: B
  readonly broken: ReadonlyMap<string, string>
}

const pixelsOf = ({ channels, height, width }: StreamedImages): number => height * width * channels

/** What is cut out of an image for evaluation. */
const middleOf = ({ centre }: StreamedImages): Cut => ({ centre })

/** What is cut out of a training image; the stream says what is random. */
const trainingCut = ({ images, options }: Streaming, stream: string): Cut => {
  const { augment, seed } = options
  const flip = augment.includes("flip")
  const crop = augment.includes("crop")
  const middle = middleOf(images)
  if (!flip && !crop) return middle
  const { minArea } = images
  return { ...middle, random: { seed, stream, flip, ...(crop ? { minArea } : {}) } }
}

/** The batch as it is used: its broken images count from here on. */
const use = async <B extends Batch>(
  { broken }: Streaming,
  promised: Promise<Made<B>>,
): Promise<B> => {
  const made = await promised
  BrokenImages.add(broken, made.broken)
  return made.batch
}

/** Where the images of a batch come from: places of a part of a split. */
interface Source {
  readonly split: ImageSplit
  readonly part: Uint32Array
  readonly at: (i: number) => number
  readonly cut: (i: number) => Cut
}

/** The image of a place in a part of a split, or the next one that is whole. */
const wholeAt = async (
  { broken, images }: Streaming,
  { part, split }: Source,
  index: number,
  cut: Cut,
  skipped: Map<string, string>,
) => {
  let place = -1
  for (let at = index, tried = 0; tried < part.length; tried++) {
    const file = split.files[at]!
    const decoded = await images.pool.decode(file, cut)
    if ("pixels" in decoded) return { pixels: decoded.pixels, label: split.labels[at]! }
    skipped.set(file, decoded.broken)
    BrokenImages.check(broken, skipped)
    if (place < 0) place = part.indexOf(index)
    place = (place + 1) % part.length
    at = part[place]!
  }
  throw BrokenImages.tooMany(broken, skipped)
}

const drawBatch = async (streaming: Streaming, source: Source): Promise<Made<Batch>> => {
  const { batchSize } = streaming.options
  const pixels = pixelsOf(streaming.images)
  const skipped = new Map<string, string>()
  const bytes = new Uint8Array(batchSize * pixels)
  const labels = new Int32Array(batchSize)
  const put = async (i: number) => {
    const image = await wholeAt(streaming, source, source.at(i), source.cut(i), skipped)
    bytes.set(image.pixels, i * pixels)
    labels[i] = image.label
  }
  await Promise.all(Array.from({ length: batchSize }, (_, i) => put(i)))
  return { batch: { images: bytes, labels }, broken: skipped }
}

const drawTrainBatch = (streaming: Streaming, step: number): Promise<Made<Batch>> => {
  const { images, options, order } = streaming
  return drawBatch(streaming, {
    split: images.train,
    part: order.train,
    at: (i) => order.trainAt(step * options.batchSize + i),
    cut: (i) => trainingCut(streaming, `augment/${step}/${i}`),
  })
}

const drawHeldOutBatch = (streaming: Streaming, step: number): Promise<Made<Batch>> => {
  const { heldOutSplit, images, options, order } = streaming
  const middle = middleOf(images)
  return drawBatch(streaming, {
    split: heldOutSplit,
    part: order.heldOut,
    at: (i) => order.heldOutAt(step * options.batchSize + i),
    cut: () => middle,
  })
}

/** Images of a split by their places, whole ones at the front of the batch. */
const evaluationBatch = async (
  { images }: Streaming,
  split: ImageSplit,
  places: ReadonlyArray<number>,
  size: number,
): Promise<Made<EvaluationBatch>> => {
  const pixels = pixelsOf(images)
  const middle = middleOf(images)
  const bytes = new Uint8Array(size * pixels)
  const labels = new Int32Array(size)
  const skipped = new Map<string, string>()
  let count = 0
  const all = await Promise.all(places.map((i) => images.pool.decode(split.files[i]!, middle)))
  for (const [i, decoded] of all.entries()) {
    if ("pixels" in decoded) {
      bytes.set(decoded.pixels, count * pixels)
      labels[count++] = split.labels[places[i]!]!
    } else skipped.set(split.files[places[i]!]!, decoded.broken)
  }
  return { batch: { images: bytes, labels, count }, broken: skipped }
}

/** Images once, in the order of names. */
async function* evaluation(
  streaming: Streaming,
  split: ImageSplit,
  total: number,
  size: number,
  at: (i: number) => number,
): AsyncGenerator<EvaluationBatch> {
  const make = (index: number) => {
    const start = index * size
    const count = Math.max(0, Math.min(size, total - start))
    const places = Array.from({ length: count }, (_, i) => at(start + i))
    return evaluationBatch(streaming, split, places, size)
  }
  const batches = prefetch(make, ahead)
  for (let index = 0; index * size < total; index++) yield await use(streaming, batches(index))
}

const noBroken = ({ brokenLimit, heldOut, name, root, test, train }: StreamedImages) => {
  const count = train.files.length + test.files.length + (heldOut?.files.length ?? 0)
  return BrokenImages.none(name, root, count, brokenLimit)
}

/** Batches of a folder; throws a RangeError when `heldOut` leaves nothing to train on. */
export const makeStreamedBatches = (images: StreamedImages, options: BatchOptions): Batches => {
  const { test, train } = images
  const order = makeOrder(train.files.length, options, images.heldOut?.files.length)
  const heldOutSplit = images.heldOut ?? train
  const broken = noBroken(images)
  const streaming: Streaming = { images, options, order, heldOutSplit, broken }
  const heldOutCount = order.heldOut.length
  const trainBatch = prefetch((step) => drawTrainBatch(streaming, step), ahead)
  // One ahead: a search measures on every step or on none.
  const heldOutBatch = prefetch((step) => drawHeldOutBatch(streaming, step), 1)
  return {
    trainBatch: (step) => use(streaming, trainBatch(step)),
    heldOutBatch: (step) => {
      if (heldOutCount === 0) throw new RangeError("heldOut is 0: there are no held-out images")
      return use(streaming, heldOutBatch(step))
    },
    heldOutBatches: (size) =>
      evaluation(streaming, heldOutSplit, heldOutCount, size, (i) => order.heldOut[i]!),
    testBatches: (size) => evaluation(streaming, test, test.files.length, size, (i) => i),
    trainCount: order.train.length,
    heldOutCount,
    testCount: test.files.length,
    splitDigests: {
      train: subsetDigest(train.digest, order.train),
      heldOut: subsetDigest(heldOutSplit.digest, order.heldOut),
      test: test.digest,
    },
    warnings: (all) => BrokenImages.warnings(broken, all),
    broken: () => Object.fromEntries(broken.found),
    recall: (before) => BrokenImages.add(broken, new Map(Object.entries(before))),
    close: images.pool.close,
  }
}
