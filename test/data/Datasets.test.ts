/** The list of data sets: specifications, their defaults and mistakes, and the synthetic one. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { channelStatistics } from "../../src/data/Dataset.ts"
import type { Dataset } from "../../src/data/Dataset.ts"
import * as Datasets from "../../src/data/Datasets.ts"
import { DatasetMissing } from "../../src/data/Errors.ts"
import { inMemory } from "./small.ts"

const decode = Schema.decodeUnknownSync(Datasets.datasets.schema, { onExcessProperty: "error" })
const load = (block: object) =>
  Datasets.load(decode(block), "/nonexistent", ".").pipe(
    Effect.map(inMemory),
    Effect.provide(NodeServices.layer),
  )

const problems = (block: object) =>
  Datasets.problems(decode(block), ".").map(({ path, message }) => [path[0], message])

describe("data block", () => {
  it("has defaults for all but the kind", () => {
    assert.deepStrictEqual(decode({ kind: "cifar10" }), {
      kind: "cifar10",
      batchSize: 128,
      augment: ["flip", "crop"],
      heldOut: 5000,
    })
    for (const kind of Datasets.datasets.kinds)
      if (!Datasets.isOwn(kind)) assert.strictEqual(decode({ kind }).kind, kind)
  })

  it.each([
    {},
    { kind: "cifar11" },
    { kind: "cifar10", batchSize: 0 },
    { kind: "cifar10", batchSize: 1.5 },
    { kind: "cifar10", heldOut: -1 },
    { kind: "cifar10", augment: ["flip", "flip"] },
    { kind: "cifar10", augment: ["rotate"] },
    { kind: "cifar10", trainLimit: 0 },
    { kind: "cifar10", path: "/somewhere" },
    { kind: "fashionMnist", path: "" },
    { kind: "synthetic", classes: 1 },
    { kind: "synthetic", height: 512, width: 512, channels: 4, train: 2000 },
    { kind: "synthetic", noise: Number.NaN },
    { kind: "imageFolder" },
    { kind: "imageFolder", path: "~/images" },
    { kind: "imageFolder", path: "images", channels: 2 },
    { kind: "imageFolder", path: "images", channels: 1, mean: [0.5, 0.5, 0.5] },
    { kind: "imageFolder", path: "images", testShare: 0 },
    { kind: "imageFolder", path: "images", brokenLimit: 1.1 },
  ])("refuses %j", (block) => {
    assert.throws(() => decode(block))
  })

  it("tells what cannot be, before anything is loaded", () => {
    assert.deepStrictEqual(problems({ kind: "cifar10" }), [])
    assert.deepStrictEqual(problems({ kind: "cifar10", heldOut: 49_999 }), [])
    assert.deepStrictEqual(problems({ kind: "cifar10", heldOut: 50_000, testLimit: 10_001 }), [
      ["testLimit", "10001 is more than the 10000 images of cifar10; at most 10000"],
      ["heldOut", "50000 of 50000 training images leave none to train on; at most 49999"],
    ])
    assert.deepStrictEqual(problems({ kind: "cifar10", trainLimit: 5000 }), [
      ["heldOut", "5000 of 5000 training images leave none to train on; at most 4999"],
    ])
  })
})

describe("synthetic", () => {
  const block = { kind: "synthetic", height: 12, width: 16, train: 305, test: 100, heldOut: 5 }

  it.effect("is what its description says, with classes of nearly equal size", () =>
    Effect.gen(function* () {
      const data = yield* load(block)
      const described = Datasets.describe(decode(block), ".")!
      assert.deepStrictEqual(
        [data.name, data.height, data.width, data.channels, data.classes],
        [described.name, 12, 16, 3, described.classes],
      )
      assert.deepStrictEqual([data.train.count, data.test.count], [305, 100])
      assert.strictEqual(data.train.images.length, 305 * 12 * 16 * 3)
      const counts = Array.from({ length: 10 }, () => 0)
      for (const label of data.train.labels) counts[label]!++
      assert.deepStrictEqual([Math.min(...counts), Math.max(...counts)], [30, 31])
    }),
  )

  it.effect("is the same each time, and these very bytes on every machine", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* load(block), yield* load(block)]
      assert.deepStrictEqual(first, second)
      assert.strictEqual(first.train.digest, "261479130a895469b045d66800076cbd")
      assert.notStrictEqual(
        (yield* load({ ...block, dataSeed: 2 })).train.digest,
        first.train.digest,
      )
    }),
  )

  it.effect(
    "can be learned: the nearest mean image of the training split is of the right class",
    () =>
      Effect.gen(function* () {
        assert.isAbove(nearestMeanAccuracy(yield* load(block)), 0.95)
        assert.isBelow(nearestMeanAccuracy(yield* load({ ...block, noise: 10 })), 0.9)
      }),
  )

  it.effect("takes limits without changing what is left", () =>
    Effect.gen(function* () {
      const whole = yield* load(block)
      const part = yield* load({ ...block, trainLimit: 17, testLimit: 3 })
      assert.deepStrictEqual([part.train.count, part.test.count], [17, 3])
      assert.deepStrictEqual(part.train.labels, whole.train.labels.slice(0, 17))
      assert.deepStrictEqual(part.train.images, whole.train.images.slice(0, 17 * 12 * 16 * 3))
      assert.notStrictEqual(part.train.digest, whole.train.digest)
      assert.deepStrictEqual(part.mean, whole.mean)
    }),
  )
})

const nearestMeanAccuracy = ({ train, test, classes }: Dataset): number => {
  const pixels = train.images.length / train.count
  const means = classes.map((_, label) => {
    const sum = new Float64Array(pixels)
    let count = 0
    for (let i = 0; i < train.count; i++) {
      if (train.labels[i] !== label) continue
      count++
      for (let j = 0; j < pixels; j++) sum[j]! += train.images[i * pixels + j]!
    }
    return sum.map((value) => value / count)
  })
  let right = 0
  for (let i = 0; i < test.count; i++) {
    const distances = means.map((mean) =>
      mean.reduce((sum, value, j) => sum + (value - test.images[i * pixels + j]!) ** 2, 0),
    )
    if (distances.indexOf(Math.min(...distances)) === test.labels[i]) right++
  }
  return right / test.count
}

describe("channelStatistics", () => {
  it("are those of each channel alone, over 255", () => {
    const { mean, std } = channelStatistics(Uint8Array.of(0, 255, 7, 51, 0, 7), 3)
    assert.deepStrictEqual(mean, [0.1, 0.5, 7 / 255])
    assert.closeTo(std[0]!, 0.1, 1e-12)
    assert.closeTo(std[1]!, 0.5, 1e-12)
    assert.strictEqual(std[2], 1 / 255) // constant: never a division by zero
  })
})

describe("list and verify", () => {
  it.effect("tell what is there", () =>
    Effect.gen(function* () {
      const list = yield* Datasets.list("/nonexistent")
      assert.deepStrictEqual(
        list.map(({ kind, state }) => `${kind} ${state}`),
        [
          "cifar10 absent",
          "synthetic made",
          "mnist absent",
          "fashionMnist absent",
          "imageFolder own",
          "arrays own",
          "webDataset own",
          "parquet own",
        ],
      )
      const error = yield* Effect.flip(Datasets.verify("cifar10", "/nonexistent"))
      assert.instanceOf(error, DatasetMissing)
      assert.include(error.message, "fliqs data pull cifar10")
      assert.strictEqual((yield* Datasets.verify("synthetic", "/nonexistent")).state, "made")
    }).pipe(Effect.provide(NodeServices.layer)),
  )
})
