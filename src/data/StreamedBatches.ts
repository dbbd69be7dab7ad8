/**
 * Batches of images that are decoded ahead of use and never all in memory: some batches wait, no more.
 *
 * As with images in memory, a batch follows from (seed, step) alone: `Order.ts` says which images, and what is random in
 * the i-th image draws from stream `augment/<step>/<i>`, in whatever thread and at whatever time it is decoded. A broken
 * image is skipped: the next one of its part of the split, in the order of names, stands in for it while training, and
 * evaluations go without it; both follow from the files, not from what was decoded before.
 */
import { pathText } from "../declaration/Errors.ts"
import type { Batch, Batches, BatchOptions, DataWarning, EvaluationBatch } from "./Batches.ts"
import { DatasetCorrupt } from "./Errors.ts"
import type { Cut } from "./ImageFile.ts"
import type { ImageSplit } from "./ImageFiles.ts"
import type { ImagePool } from "./ImagePool.ts"
import { makeOrder, subsetDigest } from "./Order.ts"

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

/**
 * Values by step, begun up to `count` steps ahead of the one asked for. Steps that were passed over are let go of, so
 * that never more than `count` wait.
 */
export const prefetch = <A>(
  make: (step: number) => Promise<A>,
  count: number,
): ((step: number) => Promise<A>) => {
  const begun = new Map<number, Promise<A>>()
  const begin = (step: number): Promise<A> => {
    const known = begun.get(step)
    if (known !== undefined) return known
    const value = make(step)
    // Whoever asks for it sees the failure; until then nobody does.
    value.catch(() => {})
    begun.set(step, value)
    return value
  }
  return (step) => {
    for (const other of begun.keys()) if (other < step || other > step + count) begun.delete(other)
    const asked = begin(step)
    for (let i = 1; i <= count; i++) begin(step + i)
    begun.delete(step)
    return asked
  }
}

const named = (broken: ReadonlyMap<string, string>): string => {
  const files = [...broken.keys()].sort()
  const first = files.slice(0, 5).map((file) => `${pathText(file)} (${broken.get(file)})`)
  return `${first.join("; ")}${broken.size > first.length ? `; and ${broken.size - first.length} more` : ""}`
}

/** Broken images as they come to light: counted, told of when their number has doubled, an error over the limit. */
const makeBroken = ({ name, root, train, test, heldOut, brokenLimit }: StreamedImages) => {
  const broken = new Map<string, string>()
  const all = train.files.length + test.files.length + (heldOut?.files.length ?? 0)
  const limit = Math.floor(brokenLimit * all + 1e-9)
  let told = 0
  const tooMany = (found: ReadonlyMap<string, string>) =>
    new DatasetCorrupt({
      dataset: name,
      where: root,
      what: `${found.size} broken ${found.size === 1 ? "image" : "images"}, more than brokenLimit ${brokenLimit} of all allows: ${named(found)}`,
      mend: "replace or remove them (`fliqs data verify imageFolder --path DIR` names all), or raise data.brokenLimit",
    })
  return {
    tooMany,
    /** Throws when these alone are more than may be. */
    check: (found: ReadonlyMap<string, string>): void => {
      if (found.size > limit) throw tooMany(found)
    },
    /** Those of a batch that is used: not earlier, so that what is told does not depend on the threads. */
    add: (found: ReadonlyMap<string, string>): void => {
      for (const [file, why] of found) broken.set(file, why)
      if (broken.size > limit) throw tooMany(broken)
    },
    warnings: (all = false): ReadonlyArray<DataWarning> => {
      if (broken.size < Math.max(1, all ? told + 1 : 2 * told)) return []
      told = broken.size
      const images = told === 1 ? "1 broken image is skipped" : `${told} broken images are skipped`
      return [{ alarm: "brokenImages", message: `${images}: ${named(broken)}` }]
    },
    broken: () => Object.fromEntries(broken),
  }
}

/** Batches of a folder; throws a RangeError when `heldOut` leaves nothing to train on. */
export const makeStreamedBatches = (images: StreamedImages, options: BatchOptions): Batches => {
  const { train, test, pool } = images
  const { seed, batchSize, augment } = options
  const own = images.heldOut
  const order = makeOrder(train.files.length, options, own?.files.length)
  const heldOut = order.heldOut.length
  const heldOutSplit = own ?? train
  const pixels = images.height * images.width * images.channels
  const middle: Cut = { centre: images.centre }
  const flip = augment.includes("flip")
  const crop = augment.includes("crop")
  const changed = (stream: string): Cut =>
    flip || crop
      ? {
          ...middle,
          random: { seed, stream, flip, ...(crop ? { minArea: images.minArea } : {}) },
        }
      : middle
  const broken = makeBroken(images)

  interface Found<B extends Batch> {
    readonly batch: B
    readonly broken: ReadonlyMap<string, string>
  }
  const take = async <B extends Batch>(promised: Promise<Found<B>>): Promise<B> => {
    const found = await promised
    broken.add(found.broken)
    return found.batch
  }

  /** The image of a place in a part of a split, or the next one that is whole. */
  const wholeAt = async (
    split: ImageSplit,
    part: Uint32Array,
    index: number,
    cut: Cut,
    skipped: Map<string, string>,
  ) => {
    let place = -1
    for (let at = index, tried = 0; tried < part.length; tried++) {
      const file = split.files[at]!
      const decoded = await pool.decode(file, cut)
      if ("pixels" in decoded) return { pixels: decoded.pixels, label: split.labels[at]! }
      skipped.set(file, decoded.broken)
      broken.check(skipped)
      if (place < 0) place = part.indexOf(index)
      place = (place + 1) % part.length
      at = part[place]!
    }
    throw broken.tooMany(skipped)
  }

  const drawn = async (
    split: ImageSplit,
    part: Uint32Array,
    at: (i: number) => number,
    cut: (i: number) => Cut,
  ): Promise<Found<Batch>> => {
    const skipped = new Map<string, string>()
    const bytes = new Uint8Array(batchSize * pixels)
    const labels = new Int32Array(batchSize)
    await Promise.all(
      Array.from({ length: batchSize }, async (_, i) => {
        const image = await wholeAt(split, part, at(i), cut(i), skipped)
        bytes.set(image.pixels, i * pixels)
        labels[i] = image.label
      }),
    )
    return { batch: { images: bytes, labels }, broken: skipped }
  }

  const trainBatch = prefetch(
    (step) =>
      drawn(
        train,
        order.train,
        (i) => order.trainAt(step * batchSize + i),
        (i) => changed(`augment/${step}/${i}`),
      ),
    ahead,
  )
  // One ahead: a search measures on every step or on none.
  const heldOutBatch = prefetch(
    (step) =>
      drawn(
        heldOutSplit,
        order.heldOut,
        (i) => order.heldOutAt(step * batchSize + i),
        () => middle,
      ),
    1,
  )

  /** Images once, in the order of names, whole ones at the front of a batch. */
  async function* evaluation(
    split: ImageSplit,
    total: number,
    size: number,
    at: (i: number) => number,
  ): AsyncGenerator<EvaluationBatch> {
    const make = async (index: number): Promise<Found<EvaluationBatch>> => {
      const start = index * size
      const indices = Array.from({ length: Math.max(0, Math.min(size, total - start)) }, (_, i) =>
        at(start + i),
      )
      const bytes = new Uint8Array(size * pixels)
      const labels = new Int32Array(size)
      const skipped = new Map<string, string>()
      let count = 0
      const all = await Promise.all(indices.map((i) => pool.decode(split.files[i]!, middle)))
      for (const [i, decoded] of all.entries()) {
        if ("pixels" in decoded) {
          bytes.set(decoded.pixels, count * pixels)
          labels[count++] = split.labels[indices[i]!]!
        } else skipped.set(split.files[indices[i]!]!, decoded.broken)
      }
      return { batch: { images: bytes, labels, count }, broken: skipped }
    }
    const batches = prefetch(make, ahead)
    for (let index = 0; index * size < total; index++) yield await take(batches(index))
  }

  return {
    trainBatch: (step) => take(trainBatch(step)),
    heldOutBatch: (step) => {
      if (heldOut === 0) throw new RangeError("heldOut is 0: there are no held-out images")
      return take(heldOutBatch(step))
    },
    heldOutBatches: (size) => evaluation(heldOutSplit, heldOut, size, (i) => order.heldOut[i]!),
    testBatches: (size) => evaluation(test, test.files.length, size, (i) => i),
    trainCount: order.train.length,
    heldOutCount: heldOut,
    testCount: test.files.length,
    splitDigests: {
      train: subsetDigest(train.digest, order.train),
      heldOut: subsetDigest(heldOutSplit.digest, order.heldOut),
      test: test.digest,
    },
    warnings: broken.warnings,
    broken: broken.broken,
    recall: (before) => broken.add(new Map(Object.entries(before))),
    close: pool.close,
  }
}
