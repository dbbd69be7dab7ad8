/** Split, order and augmentation: what a seed fixes, and that nothing else has a say. */
import { describe, expect, it } from "vitest"
import { cropPadding, makeBatches } from "../../src/data/Batches.ts"
import type { Batch, BatchOptions } from "../../src/data/Batches.ts"
import { makeSplit } from "../../src/data/Dataset.ts"
import type { Dataset } from "../../src/data/Dataset.ts"

const [height, width, channels] = [8, 8, 3]
const pixels = height * width * channels

/** Image i is told by its first value (i + 1), never 0; the value of a pixel tells its place. */
const makeNumbered = (name: string, count: number) =>
  makeSplit(
    name,
    Uint8Array.from({ length: count * pixels }, (_, i) =>
      i % pixels === 0 ? Math.floor(i / pixels) + 1 : 1 + (i % pixels),
    ),
    Uint8Array.from({ length: count }, (_, i) => i),
  )

const dataset: Dataset = {
  name: "numbered",
  height,
  width,
  channels,
  classes: Array.from({ length: 256 }, (_, i) => `class${i}`),
  train: makeNumbered("train", 50),
  test: makeNumbered("test", 23),
  mean: [0, 0, 0],
  std: [1, 1, 1],
}
const options: BatchOptions = { batchSize: 7, augment: ["flip", "crop"], heldOut: 12, seed: 3 }
const plain: BatchOptions = { ...options, augment: [] }
const image = (batch: Batch, i: number) => batch.images.subarray(i * pixels, (i + 1) * pixels)
const original = (index: number) =>
  dataset.train.images.subarray(index * pixels, (index + 1) * pixels)
/** The labels of the dataset above are the numbers of its images. */
const numbers = (batches: Iterable<Batch>) =>
  [...batches].flatMap((batch) => Array.from(batch.labels))
const steps = (count: number) => Array.from({ length: count }, (_, step) => step)
const sorted = (values: Iterable<number>) => [...values].sort((a, b) => a - b)

describe("train and held-out split", () => {
  const batches = makeBatches(dataset, plain)
  const train = new Set(numbers(steps(40).map(batches.trainBatch)))
  const heldOut = new Set(numbers(steps(40).map(batches.heldOutBatch)))

  it("is disjoint and leaves out nothing", () => {
    expect(batches).toMatchObject({ trainCount: 38, heldOutCount: 12, testCount: 23 })
    expect([train.size, heldOut.size]).toEqual([38, 12])
    expect(sorted([...train, ...heldOut])).toEqual(steps(50))
  })

  it("follows from the seed and not from the batch size or the augmentation", () => {
    const other = makeBatches(dataset, { ...options, batchSize: 3 })
    expect(other.splitDigests).toEqual(batches.splitDigests)
    expect(new Set(numbers(steps(40).map(other.heldOutBatch)))).toEqual(heldOut)
  })

  it("is another one for another seed, with other digests", () => {
    const other = makeBatches(dataset, { ...plain, seed: 4 })
    expect(sorted(numbers(other.heldOutBatches(12)))).not.toEqual(sorted(heldOut))
    expect(other.splitDigests.train).not.toBe(batches.splitDigests.train)
    expect(other.splitDigests.heldOut).not.toBe(batches.splitDigests.heldOut)
    expect(other.splitDigests.test).toBe(batches.splitDigests.test)
  })

  it("has digests that MLflow takes, at most 36 characters", () => {
    for (const digest of Object.values(batches.splitDigests))
      expect(digest).toMatch(/^[0-9a-f]{32}$/)
  })

  it("refuses to hold out everything", () => {
    expect(() => makeBatches(dataset, { ...plain, heldOut: 50 })).toThrow(RangeError)
    expect(() => makeBatches(dataset, { ...plain, heldOut: 0 }).heldOutBatch(0)).toThrow(RangeError)
  })
})

describe("order", () => {
  it("goes through a permutation per epoch, each another one", () => {
    const batches = makeBatches(dataset, { ...plain, batchSize: 5 })
    const order = numbers(steps(38).map(batches.trainBatch)) // 5 epochs of 38
    const epochs = steps(5).map((epoch) => order.slice(epoch * 38, (epoch + 1) * 38))
    for (const epoch of epochs) expect(new Set(epoch).size).toBe(38)
    expect(new Set(epochs.map((epoch) => epoch.join())).size).toBe(5)
  })

  it("gives the same bytes for a step, reached by any way", () => {
    const forward = makeBatches(dataset, options)
    const all = steps(60).map(forward.trainBatch)
    const held = steps(60).map(forward.heldOutBatch)
    for (const step of [59, 0, 31, 5, 58]) {
      expect(makeBatches(dataset, options).trainBatch(step)).toEqual(all[step])
      expect(makeBatches(dataset, options).heldOutBatch(step)).toEqual(held[step])
      expect(forward.trainBatch(step)).toEqual(all[step])
    }
  })

  it("takes batches larger than the whole split", () => {
    const batch = makeBatches(dataset, { ...plain, batchSize: 100 }).trainBatch(0)
    const counts = new Map<number, number>()
    for (const label of batch.labels) counts.set(label, (counts.get(label) ?? 0) + 1)
    expect(counts.size).toBe(38)
    expect(new Set(counts.values())).toEqual(new Set([2, 3]))
  })

  it("never hands out the same memory twice", () => {
    const batches = makeBatches(dataset, plain)
    const first = batches.trainBatch(0)
    const before = first.images.slice()
    batches.trainBatch(1).images.fill(0)
    batches.trainBatch(0).images.fill(0)
    expect(first.images).toEqual(before)
  })

  it("keeps images and labels together", () => {
    for (const batch of steps(20).map(makeBatches(dataset, plain).trainBatch))
      for (const [i, label] of batch.labels.entries())
        expect(image(batch, i)).toEqual(original(label))
  })
})

/** What the image would be, written the slow way: mirrored, then shifted, zeros around. */
const changed = (index: number, mirrored: boolean, down: number, right: number) => {
  const from = original(index)
  return Uint8Array.from({ length: pixels }, (_, i) => {
    const [y, x, channel] = [
      Math.floor(i / (width * channels)) - down,
      (Math.floor(i / channels) % width) - right,
      i % channels,
    ]
    if (y < 0 || y >= height || x < 0 || x >= width) return 0
    return from[(y * width + (mirrored ? width - 1 - x : x)) * channels + channel]!
  })
}

describe("augmentation", () => {
  it("is a mirror image in half of the cases and a shift by up to an eighth", () => {
    const padding = cropPadding(height)
    expect([cropPadding(32), cropPadding(28), padding]).toEqual([4, 4, 1])
    const shifts = [-padding, 0, padding]
    const seen = new Map<string, number>()
    const batches = makeBatches(dataset, { ...options, batchSize: 50 })
    for (const batch of steps(20).map(batches.trainBatch))
      for (const [i, label] of batch.labels.entries()) {
        const is = image(batch, i).join()
        const found = [false, true].flatMap((mirrored) =>
          shifts.flatMap((down) =>
            shifts
              .filter((right) => changed(label, mirrored, down, right).join() === is)
              .map((right) => `${mirrored} ${down} ${right}`),
          ),
        )
        expect(found).toHaveLength(1)
        seen.set(found[0]!, (seen.get(found[0]!) ?? 0) + 1)
      }
    // 1000 draws of 18 equally likely cases: 55.6 expected, standard deviation 7.2.
    expect(seen.size).toBe(18)
    for (const count of seen.values()) expect(Math.abs(count - 1000 / 18)).toBeLessThan(5 * 7.2)
  })

  it("does one alone when asked for one", () => {
    const [flips, crops] = (["flip", "crop"] as const).map((augmentation) => {
      const batches = makeBatches(dataset, { ...options, augment: [augmentation] })
      return steps(20).map(batches.trainBatch)
    })
    for (const batch of flips!)
      for (const [i, label] of batch.labels.entries())
        expect([changed(label, false, 0, 0).join(), changed(label, true, 0, 0).join()]).toContain(
          image(batch, i).join(),
        )
    for (const batch of crops!)
      for (const [i, label] of batch.labels.entries())
        expect(
          [-1, 0, 1].flatMap((down) =>
            [-1, 0, 1].map((right) => changed(label, false, down, right).join()),
          ),
        ).toContain(image(batch, i).join())
  })

  it("leaves held-out and test images and the data set alone", () => {
    const [train, test] = [dataset.train.images.slice(), dataset.test.images.slice()]
    const batches = makeBatches(dataset, options)
    for (const batch of steps(20).map(batches.heldOutBatch))
      for (const [i, label] of batch.labels.entries())
        expect(image(batch, i)).toEqual(original(label))
    steps(20).map(batches.trainBatch)
    expect(numbers(batches.testBatches(23))).toEqual(steps(23))
    expect([...batches.testBatches(23)][0]!.images).toEqual(test)
    expect(dataset.train.images).toEqual(train)
  })
})

describe("evaluation batches", () => {
  it("have every image once, the last batch filled up with zeros", () => {
    const batches = [...makeBatches(dataset, options).testBatches(10)]
    expect(batches.map(({ count }) => count)).toEqual([10, 10, 3])
    expect(batches.map(({ labels }) => labels.length)).toEqual([10, 10, 10])
    expect(batches.flatMap(({ labels, count }) => Array.from(labels.subarray(0, count)))).toEqual(
      steps(23),
    )
    const last = batches[2]!
    expect(last.images).toHaveLength(10 * pixels)
    expect(last.images.subarray(3 * pixels).every((value) => value === 0)).toBe(true)
    expect(image(last, 2)).toEqual(dataset.test.images.subarray(22 * pixels))
  })

  it("of held-out images have each once", () => {
    const batches = makeBatches(dataset, options)
    const once = [...batches.heldOutBatches(5)].flatMap(({ labels, count }) =>
      Array.from(labels.subarray(0, count)),
    )
    expect(once).toHaveLength(12)
    expect(new Set(once)).toEqual(new Set(numbers(steps(20).map(batches.heldOutBatch))))
  })

  it("are none without held-out images", () => {
    expect([...makeBatches(dataset, { ...plain, heldOut: 0 }).heldOutBatches(5)]).toEqual([])
  })
})
