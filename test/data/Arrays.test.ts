/** NumPy arrays: what is read is what NumPy wrote, splits and classes, and what is said of arrays that do not fit. */
import { execFileSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { NodeServices } from "@effect/platform-node"
import { Effect, Schema } from "effect"
import { describe, expect, it } from "vitest"
import { makeBatches } from "../../src/data/Batches.ts"
import * as Datasets from "../../src/data/Datasets.ts"
import { temporary } from "./imageFolders.ts"
import { files, npy, npz } from "./numpyFiles.ts"
import { inMemory } from "./small.ts"

const block = (changes: object) =>
  Schema.decodeUnknownSync(Datasets.datasets.schema)({
    kind: "arrays",
    train: "a.npz",
    heldOut: 1,
    ...changes,
  })
const load = async (folder: string, changes: object = {}) =>
  inMemory(
    await Datasets.load(block(changes), temporary(), folder).pipe(
      Effect.provide(NodeServices.layer),
      Effect.runPromise,
    ),
  )
/** What `validate` says of a block: path and message. */
const said = (folder: string, changes: object = {}): ReadonlyArray<string> =>
  Datasets.problems(block(changes), folder).map(
    ({ message, path }) => `${path.join(".")}: ${message}`,
  )

const count = 10
const pixels = Uint8Array.from({ length: count * 6 }, (_, i) => (i * 7) % 256)
const floats = Float32Array.from({ length: count * 6 }, (_, i) => Math.sin(i) * 100)
const labels = BigInt64Array.from({ length: count }, (_, i) => BigInt(i % 2))
const images = npy("|u1", [count, 2, 3], pixels)
const y = npy("<i8", [count], labels)

describe("arrays of one's own", () => {
  it("reads what NumPy wrote, compressed or not", async () => {
    const folder = temporary()
    mkdirSync(folder, { recursive: true })
    const script = `
import numpy as np
n = 12
x = (np.arange(n * 4 * 5 * 3, dtype=np.float64) / 7).reshape(n, 4, 5, 3)
y = np.arange(n) % 3
names = np.array(["down", "höher", "up"])
np.savez_compressed("a.npz", x_train=x.astype(np.float32), y_train=y, x_test=x[:4].astype(np.float32), y_test=y[:4], class_names=names)
np.savez("plain.npz", x=x.astype(np.float16), y=y.astype(np.uint8))
np.save("x.npy", x.astype(">f4").transpose(0, 3, 1, 2).copy())
np.save("y.npy", y.reshape(n, 1))
`
    execFileSync("python3", ["-c", script], { cwd: folder })
    const expected = Float32Array.from({ length: 12 * 60 }, (_, i) => i / 7)
    const both = await load(folder)
    expect(both.train.images).toEqual(expected)
    expect([...both.train.labels]).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2])
    expect(both.test.images).toEqual(expected.slice(0, 4 * 60))
    expect(both.classes).toEqual(["down", "höher", "up"])
    expect([both.height, both.width, both.channels]).toEqual([4, 5, 3])
    const turned = await load(folder, {
      train: "x.npy",
      trainLabels: "y.npy",
      layout: "channelsFirst",
    })
    expect([turned.height, turned.width, turned.channels]).toEqual([4, 5, 3])
    // a test split of one of each class
    expect([turned.train.count, turned.test.count]).toEqual([9, 3])
    const all = [...turned.train.images, ...turned.test.images].toSorted((a, b) => a - b)
    expect(all).toEqual([...expected])
    const half = await load(folder, { train: "plain.npz", testShare: 0.001 })
    expect(half.test.count).toBe(3)
    expect(half.train.images[1]).toBeCloseTo(Number(half.train.images[1]), 3)
  })

  it("keeps bytes as bytes, and normalises floats by their own units", async () => {
    const bytes = await load(files({ "a.npz": npz({ images, labels: y }, 0) }))
    expect(bytes.train.images).toBeInstanceOf(Uint8Array)
    expect([bytes.height, bytes.width, bytes.channels]).toEqual([2, 3, 1])
    const own = files({
      "a.npz": npz({ x: npy("<f4", [count, 6], floats), y: npy("<i8", [count], labels) }),
    })
    const { mean, std, train } = await load(own, { shape: [6, 1, 1] })
    const values = [...train.images]
    const average = values.reduce((a, b) => a + b) / values.length
    const deviation = Math.sqrt(
      values.reduce((sum, v) => sum + (v - average) ** 2, 0) / values.length,
    )
    expect(mean[0]! * 255).toBeCloseTo(average, 9)
    expect(std[0]! * 255).toBeCloseTo(deviation, 9)
    const given = await load(own, { shape: [6, 1, 1], mean: [3], std: [20] })
    expect([given.mean[0]! * 255, given.std[0]! * 255]).toEqual([3, 20])
  })

  it("makes batches of floats, crops and flips too", async () => {
    const own = files({
      "a.npz": npz({ x: npy("<f4", [count, 2, 3], floats), y: npy("<i8", [count], labels) }),
    })
    const dataset = await load(own)
    const batches = makeBatches(dataset, { batchSize: 4, augment: ["flip"], heldOut: 1, seed: 1 })
    const { images } = batches.trainBatch(0)
    expect(images).toBeInstanceOf(Float32Array)
    const known = new Set(floats)
    expect([...images].every((value) => known.has(value))).toBe(true)
    expect(batches.trainBatch(0).images).toEqual(images)
  })

  it("takes no array for both splits", async () => {
    const own = files({ "a.npz": npz({ z: images, w: y }) })
    const named = await load(own, { examples: "z", labels: "w", testShare: 0.2 })
    expect([named.train.count, named.test.count]).toEqual([8, 2])
    const both = files({
      "a.npz": npz({ z_train: images, w_train: y, z_test: images, w_test: y }),
    })
    const apart = await load(both, { examples: "z_train", labels: "w_train" })
    expect([apart.train.count, apart.test.count]).toEqual([10, 10])
  })

  it("parts a test split by class, another by another dataSeed", async () => {
    const own = files({ "a.npz": npz({ images, labels: y }) })
    const one = await load(own, { testShare: 0.4 })
    expect([...one.test.labels].toSorted()).toEqual([0, 0, 1, 1])
    expect((await load(own, { testShare: 0.4 })).test.digest).toBe(one.test.digest)
    expect((await load(own, { testShare: 0.4, dataSeed: 2 })).test.digest).not.toBe(one.test.digest)
  })

  const wrong: ReadonlyArray<
    readonly [string, Readonly<Record<string, Uint8Array>>, string, object?]
  > = [
    ["a missing file", {}, "train: .*a.npz cannot be read: .*no such file"],
    ["no archive", { "a.npz": Uint8Array.from([80, 75, 1, 2, 3]) }, "train: "],
    ["no array", { "a.npz": new Uint8Array(40) }, "does not start with"],
    ["objects", { "a.npz": npz({ x: npy("|O", [3, 2, 2], pixels), y }) }, "Python objects"],
    [
      "booleans",
      { "a.npz": npz({ x: npy("|b1", [10, 2, 3], pixels), y }) },
      "astype\\(np.uint8\\)",
    ],
    [
      "Fortran order",
      { "a.npz": npz({ x: npy("|u1", [10, 2, 3], pixels, "True"), y }) },
      "ascontiguousarray",
    ],
    [
      "a cut array",
      { "a.npz": npz({ x: images, y: y.slice(0, -8) }) },
      "has 72 bytes of values where its shape \\[10\\] of <i8 promises 80",
    ],
    [
      "two candidates",
      { "a.npz": npz({ x: images, images, y }) },
      "examples: .*several arrays that may be the examples, .*would be right",
    ],
    [
      "no candidate",
      { "a.npz": npz({ first: images, second: y }) },
      "examples: no array .*it has first, second",
    ],
    [
      "an unknown name",
      { "a.npz": npz({ x: images, y }) },
      "examples: .*has no array z; it has x, y",
      { examples: "z" },
    ],
    [
      "too few labels",
      { "a.npz": npz({ x: images, y: npy("<i8", [9], labels.slice(0, 9)) }) },
      "10 examples need \\[10\\]",
    ],
    [
      "one-hot labels",
      { "a.npz": npz({ x: images, y: npy("|u1", [10, 2], new Uint8Array(20)) }) },
      "argmax",
    ],
    [
      "float labels",
      { "a.npz": npz({ x: images, y: npy("<f4", [10], new Float32Array(10)) }) },
      "astype\\(np.int64\\)",
    ],
    [
      "negative labels",
      { "a.npz": npz({ x: images, y: npy("<i4", [10], new Int32Array(10).fill(-1)) }) },
      "label -1 at 0",
    ],
    [
      "flat examples",
      { "a.npz": npz({ x: npy("|u1", [10, 6], pixels), y }) },
      "shape: \\[height, width, channels\\] that says how the 6 numbers",
    ],
    [
      "a shape of another size",
      { "a.npz": npz({ x: images, y }) },
      "shape: .*6 numbers for each example, and \\[7, 1, 1\\] has 7",
      { shape: [7, 1, 1] },
    ],
    [
      "wide integers",
      { "a.npz": npz({ x: npy("<i4", [10, 2, 3], new Int32Array(60)), y }) },
      "astype\\(np.float32\\)",
    ],
    [
      "too few names",
      { "a.npz": npz({ x: images, y: npy("<i4", [10], new Int32Array(10).fill(2)) }) },
      "classNames: there are 2 names and a label 2; 3 names",
      { classNames: ["a", "b"] },
    ],
    [
      "labels beside an archive",
      { "a.npz": npz({ x: images, y }), "y.npy": y },
      "trainLabels: ",
      { trainLabels: "y.npy" },
    ],
    [
      "an array without labels",
      { "x.npy": images },
      "trainLabels: with the .npy file",
      { train: "x.npy" },
    ],
    [
      "a mean for another channel",
      { "a.npz": npz({ x: images, y }) },
      "mean: has 2 numbers; one for each of the 1 channels",
      { mean: [0, 0] },
    ],
    [
      "tests of another shape",
      { "a.npz": npz({ x: images, y }), "b.npz": npz({ x: npy("|u1", [10, 3, 2], pixels), y }) },
      "test: .*\\[3, 2, 1\\], those of the train split \\[2, 3, 1\\]",
      { test: "b.npz" },
    ],
    [
      "channels first by mistake",
      {
        "a.npz": npz({
          x: npy("|u1", [2, 3, 32, 32], new Uint8Array(6144)),
          y: npy("|u1", [2], Uint8Array.of(0, 1)),
        }),
      },
      "layout: .*channelsFirst reads them as 32 x 32 pixels of 3",
    ],
  ]
  it.each(wrong.map((each) => ({ what: each[0], each })))(
    "says what is wrong with $what",
    ({ each: [, contents, message, changes = {}] }) => {
      expect(said(files(contents), changes).join("\n")).toMatch(new RegExp(message, "u"))
    },
  )

  it("refuses values that are not finite, and says where", async () => {
    const broken = floats.with(13, NaN).with(50, Infinity)
    const folder = files({ "a.npz": npz({ x: npy("<f4", [count, 2, 3], broken), y }) })
    await expect(load(folder)).rejects.toThrow(
      /2 values that are no finite float32, the first \(NaN\) in example 2/u,
    )
  })
})
