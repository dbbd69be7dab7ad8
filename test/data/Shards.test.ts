/** Tar shards and Parquet files: the same images as in a folder come out, by label, and what is said of shards that do not fit. */
import { execFileSync } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { dirname, join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { Effect, Schema } from "effect"
import { parquetWriteBuffer } from "hyparquet-writer"
import { beforeAll, describe, expect, it } from "vitest"
import type { StreamedDataset } from "../../src/data/Batches.ts"
import * as Datasets from "../../src/data/Datasets.ts"
import { splitNamed } from "../../src/data/shard/ShardNames.ts"
import { image, temporary } from "./imageFolders.ts"

interface Picture {
  readonly bytes: Uint8Array
  readonly label: number
}

/** 20 images of two classes. */
let pictures: ReadonlyArray<Picture> = []
beforeAll(async () => {
  pictures = await Promise.all(
    Array.from({ length: 20 }, async (_, i) => ({
      bytes: new Uint8Array(
        await image(i % 2, i)
          .png()
          .toBuffer(),
      ),
      label: i % 2,
    })),
  )
})

const write = (path: string, bytes: Uint8Array | string): void => {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, bytes)
}

/** A tar archive of these files, by the system's tar. */
const tar = (path: string, files: Readonly<Record<string, Uint8Array | string>>): void => {
  const folder = temporary()
  for (const [name, bytes] of Object.entries(files)) write(join(folder, name), bytes)
  mkdirSync(dirname(path), { recursive: true })
  execFileSync("tar", ["-cf", path, "-C", folder, ...Object.keys(files)])
}

const samples = (some: ReadonlyArray<Picture>, label: (picture: Picture) => [string, string]) =>
  Object.fromEntries(
    some.flatMap((picture, i) => {
      const [ending, text] = label(picture)
      return [
        [`${i}.png`, picture.bytes],
        [`${i}.${ending}`, text],
      ]
    }),
  )
const cls = ({ label }: Picture): [string, string] => ["cls", `${label}\n`]

/** A Parquet file in groups of four rows, as `datasets` writes it. */
const parquet = (
  path: string,
  some: ReadonlyArray<Picture>,
  labels: ReadonlyArray<number>,
): void => {
  const info = {
    info: {
      features: {
        image: { _type: "Image" },
        label: { _type: "ClassLabel", names: ["red", "green"] },
      },
    },
  }
  const buffer = parquetWriteBuffer({
    columnData: [
      {
        name: "image",
        data: some.map(({ bytes }, i) => ({ bytes, path: `${i}.png` })),
      },
      { name: "label", data: labels.map(BigInt) },
    ],
    schema: [
      { name: "root", num_children: 2 },
      { name: "image", num_children: 2, repetition_type: "OPTIONAL" },
      { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
      { name: "path", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
      { name: "label", type: "INT64", repetition_type: "OPTIONAL" },
    ],
    rowGroupSize: 4,
    kvMetadata: [{ key: "huggingface", value: JSON.stringify(info) }],
  })
  write(path, new Uint8Array(buffer))
}

const block = (kind: string, path: string, changes: object = {}) =>
  Schema.decodeUnknownSync(Datasets.datasets.schema)({
    kind,
    path,
    heldOut: 2,
    height: 8,
    width: 8,
    ...changes,
  })
const load = (kind: string, path: string, changes: object = {}, cache = temporary()) =>
  Datasets.load(block(kind, path, changes), cache, ".").pipe(
    Effect.map((loaded) => loaded as StreamedDataset),
    Effect.provide(NodeServices.layer),
    Effect.runPromise,
  )
const said = (kind: string, path: string, changes: object = {}): string =>
  Datasets.problems(block(kind, path, changes), ".")
    .map(({ message, path: key }) => `${key.join(".")}: ${message}`)
    .join("\n")

const options = { batchSize: 4, augment: [], heldOut: 2, seed: 1 } as const

/** The test images as `label: pixels`, sorted. */
const testImages = async (dataset: StreamedDataset): Promise<ReadonlyArray<string>> => {
  const batches = dataset.open(options)
  const found: Array<string> = []
  try {
    for await (const { count, images, labels } of batches.testBatches(4))
      for (let i = 0; i < count; i++)
        found.push(`${labels[i]}: ${images.subarray(i * 192, (i + 1) * 192).join()}`)
  } finally {
    await batches.close()
  }
  return found.toSorted()
}

describe("shards", () => {
  it("hold the images of a folder, in tar and in Parquet", async () => {
    const [folder, tars, files] = [temporary(), temporary(), temporary()]
    const [train, test] = [pictures.slice(0, 12), pictures.slice(12)]
    for (const [split, some] of [
      ["train", train],
      ["test", test],
    ] as const)
      some.forEach(({ bytes, label }, i) =>
        write(join(folder, split, `c${label}`, `${i}.png`), bytes),
      )
    tar(join(tars, "train-000.tar"), samples(train.slice(0, 6), cls))
    tar(join(tars, "train-001.tar"), samples(train.slice(6), cls))
    tar(
      join(tars, "test", "0.tar"),
      samples(test, ({ label }) => ["json", `{"label": ${label}}`]),
    )
    writeFileSync(join(tars, "classnames.txt"), "red\ngreen\n")
    parquet(
      join(files, "data", "train-00000-of-00001.parquet"),
      train,
      train.map(({ label }) => label),
    )
    parquet(
      join(files, "data", "test-00000-of-00001.parquet"),
      test,
      test.map(({ label }) => label),
    )
    const expected = await testImages(await load("imageFolder", folder))
    expect(expected).toHaveLength(8)
    for (const [kind, path] of [
      ["webDataset", tars],
      ["parquet", files],
    ] as const) {
      expect(said(kind, path)).toBe("")
      expect(Datasets.describe(block(kind, path), ".")).toMatchObject({
        trainCount: 12,
        testCount: 8,
      })
      const dataset = await load(kind, path)
      expect(dataset.classes).toEqual(["red", "green"])
      expect(await testImages(dataset)).toEqual(expected)
    }
  })

  it("follow from (seed, step), and have digests that change with content", async () => {
    const tars = temporary()
    const cache = temporary()
    tar(join(tars, "train.tar"), samples(pictures, cls))
    const first = (await load("webDataset", tars, { testShare: 0.2 }, cache)).open(options)
    const second = (await load("webDataset", tars, { testShare: 0.2 }, cache)).open(options)
    expect([first.trainCount, first.heldOutCount, first.testCount]).toEqual([14, 2, 4])
    expect(await second.trainBatch(3)).toEqual(await first.trainBatch(3))
    expect(second.splitDigests).toEqual(first.splitDigests)
    await Promise.all([first.close(), second.close()])
    tar(join(tars, "train.tar"), samples([...pictures.slice(1), pictures[0]!], cls))
    const changed = (await load("webDataset", tars, { testShare: 0.2 }, cache)).open(options)
    expect(changed.splitDigests.train).not.toBe(first.splitDigests.train)
    await changed.close()
  })

  it("unpack a Parquet file once, and again when it has changed", async () => {
    const files = temporary()
    const cache = temporary()
    const path = join(files, "train.parquet")
    const labels = pictures.map(({ label }) => label)
    parquet(path, pictures, labels)
    await load("parquet", files, {}, cache)
    const packs = () =>
      readdirSync(join(cache, "data", "shards")).filter((name) => name.endsWith(".pack"))
    const [pack] = packs()
    const before = readFileSync(join(cache, "data", "shards", pack!))
    expect(before).toEqual(Buffer.concat(pictures.map(({ bytes }) => bytes)))
    parquet(path, pictures.slice(0, 10), labels.slice(0, 10))
    await load("parquet", files, {}, cache)
    expect(packs()).toEqual([pack])
    expect(readFileSync(join(cache, "data", "shards", pack!)).length).toBeLessThan(before.length)
    expect(existsSync(join(cache, "data", "shards", `${pack}.json`))).toBe(true)
  })

  it("are of the split that the last such word of their path says", () => {
    expect(splitNamed("data/train-00000-of-00002.parquet")).toBe("train")
    expect(splitNamed("train/plain/0001.parquet")).toBe("train")
    expect(splitNamed("imagenet-val-000001.tar")).toBe("validation")
    expect(splitNamed("testing/trained.tar")).toBe("test")
    expect(splitNamed("flowers.tar")).toBeUndefined()
  })

  it("say what is wrong with them", async () => {
    const empty = temporary()
    expect(said("webDataset", empty)).toMatch(
      /^path: .* has no files that end in .tar, 4 folders deep/u,
    )
    expect(said("webDataset", join(empty, "none"))).toMatch(/cannot be read: .*no such file/u)

    const gzipped = temporary()
    tar(join(gzipped, "a.tar"), samples(pictures, cls))
    const whole = readFileSync(join(gzipped, "a.tar"))
    execFileSync("gzip", [join(gzipped, "a.tar")])
    writeFileSync(join(gzipped, "train.tar"), readFileSync(join(gzipped, "a.tar.gz")))
    expect(said("webDataset", gzipped)).toMatch(/train.tar is no tar archive \(a compressed one/u)
    writeFileSync(join(gzipped, "train.tar"), whole.subarray(0, 700))
    expect(said("webDataset", gzipped)).toMatch(/train.tar is cut short: .* ends behind it/u)
    tar(join(gzipped, "train.tar"), { "0.png": pictures[0]!.bytes, "0.cls": "cat" })
    expect(said("webDataset", gzipped)).toMatch(/has no label from 0 to 65535 in 0.cls/u)
    tar(join(gzipped, "train.tar"), { "0.png": pictures[0]!.bytes })
    expect(said("webDataset", gzipped)).toMatch(/no image with a label: NAME.jpg .* and NAME.cls/u)
    tar(join(gzipped, "train.tar"), samples(pictures, cls))
    expect(said("webDataset", gzipped, { classNames: ["a", "a"] })).toMatch(/the same name stands/u)

    const outside = temporary()
    tar(join(outside, "b.tar"), samples(pictures, cls))
    const linked = temporary()
    symlinkSync(join(outside, "b.tar"), join(linked, "train.tar"))
    expect(said("webDataset", linked)).toMatch(/a link that leads out of .*; links: follow/u)
    expect(said("webDataset", linked, { links: "follow" })).toBe("")

    const files = temporary()
    const path = join(files, "train.parquet")
    writeFileSync(path, "PAR1 and no more")
    expect(said("parquet", files)).toMatch(/train.parquet is no Parquet file, or is cut short/u)
    parquet(
      path,
      pictures,
      pictures.map(() => -1),
    )
    expect(said("parquet", files)).toMatch(/has the label -1 in column label/u)
    parquet(
      path,
      pictures,
      pictures.map((_, i) => i % 3),
    )
    expect(said("parquet", files)).toMatch(/there are 2 names of classes and a label 2; 3 names/u)
    expect(said("parquet", files, { image: "img" })).toMatch(
      /has no column img; it has image, label; data.image/u,
    )
    expect(said("parquet", files, { label: "image" })).toMatch(
      /labels of type group in column image/u,
    )
  })

  it("count broken images, and decode all of them on demand", async () => {
    const tars = temporary()
    const broken = [{ bytes: Uint8Array.from([1, 2, 3]), label: 0 }, ...pictures]
    tar(join(tars, "train.tar"), samples(broken, cls))
    const status = await Datasets.verify("webDataset", temporary(), block("webDataset", tars)).pipe(
      Effect.provide(NodeServices.layer),
      Effect.runPromise,
    )
    expect(status.brokenFiles).toEqual([
      { file: "train.tar/0.png", why: expect.stringMatching(/not a JPEG/u) },
    ])
    expect(status.report?.splits.reduce((sum, split) => sum + split.broken, 0)).toBe(1)
  })
})
