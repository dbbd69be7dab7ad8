/** Images decoded in threads: the same batches whatever their number and timing, and every file looked into. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { Effect } from "effect"
import { expect, it, onTestFinished } from "vitest"
import type { Batch, Batches, BatchOptions } from "../../src/data/Batches.ts"
import * as Datasets from "../../src/data/Datasets.ts"
import { listImages } from "../../src/data/ImageFiles.ts"
import { type ImagePool, makeImagePool } from "../../src/data/ImagePool.ts"
import { makeStreamedBatches } from "../../src/data/StreamedBatches.ts"
import { temporary, writeClasses } from "./imageFolders.ts"

const size = { height: 8, width: 8, channels: 3, grey: "bt601", background: "black" } as const
const pixels = size.height * size.width * size.channels
const options: BatchOptions = { batchSize: 5, augment: ["flip", "crop"], heldOut: 6, seed: 3 }
const all = async (batches: Iterable<Batch> | AsyncIterable<Batch>) => {
  const list: Array<Batch> = []
  for await (const batch of batches) list.push(batch)
  return list
}

const poolOf = (root: string, threads: number): ImagePool => {
  const pool = makeImagePool({ root, links: "refuse", target: size }, threads)
  onTestFinished(pool.close)
  return pool
}

/** Batches decoded by threads that others may use too, each reply delayed at random. */
const batchesOf = (root: string, pool: ImagePool, jitter: boolean): Batches => {
  const files = listImages(root, { testShare: 0.2, dataSeed: 1 })
  return makeStreamedBatches(
    {
      ...size,
      name: "images",
      root,
      train: { ...files.train, digest: "a" },
      test: { ...files.test, digest: "b" },
      centre: 0.875,
      minArea: 0.08,
      brokenLimit: 0.1,
      pool: {
        ...pool,
        decode: async (file, cut) => {
          const decoded = await pool.decode(file, cut)
          if (jitter) await new Promise((go) => setTimeout(go, Math.random() * 3))
          return decoded
        },
      },
    },
    options,
  )
}

it("batches follow from seed and step, whatever the threads, their timing and where one begins", async () => {
  const root = temporary()
  await writeClasses(root, [12, 12, 12])
  writeFileSync(join(root, "c1", "003.png"), "broken")
  const one = batchesOf(root, poolOf(root, 1), false)
  const pool = poolOf(root, 3)
  const [three, late] = [batchesOf(root, pool, true), batchesOf(root, pool, true)]

  const steps = [0, 1, 2, 3, 4, 5, 6, 7]
  const train: Array<Batch> = []
  const heldOut: Array<Batch> = []
  for (const step of steps) {
    train.push(await one.trainBatch(step))
    heldOut.push(await one.heldOutBatch(step))
  }
  for (const step of steps) expect(await three.trainBatch(step)).toEqual(train[step])
  for (const step of [5, 6, 2]) {
    expect(await late.trainBatch(step)).toEqual(train[step])
    expect(await late.heldOutBatch(step)).toEqual(heldOut[step])
  }
  expect(await all(three.testBatches(4))).toEqual(await all(one.testBatches(4)))
  // new memory each time
  ;(await one.trainBatch(0)).images.fill(0)
  expect(await one.trainBatch(0)).toEqual(train[0])
  expect(one).toMatchObject({ trainCount: 24, heldOutCount: 6, testCount: 6 })
  expect(new Set(train.map(({ images }) => images.join())).size).toBe(steps.length)
  // the colour of a class is that of its label
  for (const { images, labels } of [...train, ...heldOut])
    for (const [i, label] of labels.entries()) {
      const sums = [0, 1, 2].map((c) =>
        Array.from(images.subarray(i * pixels, (i + 1) * pixels)).reduce(
          (sum, v, j) => (j % 3 === c ? sum + v : sum),
          0,
        ),
      )
      expect(sums.indexOf(Math.max(...sums))).toBe(label)
    }
}, 20_000)

it("broken images are all named and counted by verify", async () => {
  const root = temporary()
  await writeClasses(root, [10, 10])
  const verify = () =>
    Datasets.verify("imageFolder", temporary(), Datasets.defaultsOf("imageFolder", root)).pipe(
      Effect.provide(NodeServices.layer),
      Effect.runPromise,
    )
  expect(await verify()).toMatchObject({ state: "own", where: root, brokenFiles: [] })
  writeFileSync(join(root, "c0", "000.png"), "broken")
  writeFileSync(join(root, "c1", "001.png"), "")
  const { brokenFiles, report } = await verify()
  expect(brokenFiles).toEqual([
    { file: "c0/000.png", why: "not a JPEG, PNG, WebP, GIF or TIFF image" },
    { file: "c1/001.png", why: "an empty file" },
  ])
  expect(report!.splits.map(({ broken }) => broken).reduce((a, b) => a + b)).toBe(2)
})
