/** Own images: which files are found, what a batch is made of, and what broken and hostile files do. */
import { execFileSync } from "node:child_process"
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { Effect, Schema } from "effect"
import sharp from "sharp"
import { describe, expect, it } from "vitest"
import type { Batch, Batches, BatchOptions } from "../../src/data/Batches.ts"
import * as Datasets from "../../src/data/Datasets.ts"
import { BrokenImage, readImageFile } from "../../src/data/ImageBytes.ts"
import { decodeImage, type Target } from "../../src/data/ImageFile.ts"
import { listImages } from "../../src/data/ImageFiles.ts"
import type { ImagePool } from "../../src/data/ImagePool.ts"
import { prefetch } from "../../src/data/Prefetch.ts"
import { makeStreamedBatches } from "../../src/data/StreamedBatches.ts"
import { image, temporary, writeClasses } from "./imageFolders.ts"

const size: Target = { height: 8, width: 8, channels: 3, grey: "bt601", background: "black" }
const pixels = size.height * size.width * size.channels
const decode = Schema.decodeUnknownSync(Datasets.datasets.schema)
const block = (path: string, changes: object = {}) =>
  decode({ kind: "imageFolder", path, heldOut: 6, height: 8, width: 8, ...changes })
const load = (path: string, changes: object = {}, cache = temporary()) =>
  Datasets.load(block(path, changes), cache, ".").pipe(
    Effect.provide(NodeServices.layer),
    Effect.runPromise,
  )
const options: BatchOptions = { batchSize: 5, augment: ["flip", "crop"], heldOut: 6, seed: 3 }
/** Batches of a folder, decoded by `pool` or, without threads, right here. */
const batchesOf = (root: string, brokenLimit: number, pool: ImagePool = here(root)): Batches => {
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
      brokenLimit,
      pool,
    },
    options,
  )
}
const here = (root: string): ImagePool => ({
  decode: async (file, cut) => {
    try {
      return { pixels: await decodeImage(readImageFile(root, file), size, cut) }
    } catch (error) {
      return { broken: (error as Error).message }
    }
  },
  close: async () => {},
})
const problems = (path: string) =>
  Datasets.problems(block(path), ".").map(({ path: [key], message }) => [key, message])
const all = async (batches: Iterable<Batch> | AsyncIterable<Batch>) => {
  const list: Array<Batch & { count?: number }> = []
  for await (const batch of batches) list.push(batch)
  return list
}

describe("the files of a folder", () => {
  it("are parted by train and test folders", async () => {
    const root = temporary()
    await writeClasses(join(root, "train"), [3, 4])
    await writeClasses(join(root, "validation"), [0, 2])
    writeFileSync(join(root, "train", "c0", "notes.txt"), "no image")
    writeFileSync(join(root, "train", "c0", ".hidden.png"), "no image")
    const { classes, train, test } = listImages(root, { testShare: 0.1, dataSeed: 1 })
    expect(classes).toEqual(["c0", "c1"])
    expect(train.files.slice(0, 4)).toEqual([
      "train/c0/000.png",
      "train/c0/001.png",
      "train/c0/002.jpg",
      "train/c1/000.png",
    ])
    expect([...train.labels]).toEqual([0, 0, 0, 1, 1, 1, 1])
    expect(test.files).toEqual(["validation/c1/000.png", "validation/c1/001.png"])
    expect([...test.labels]).toEqual([1, 1])
  })

  it("are parted by share and seed, class by class, where there is no test folder", async () => {
    const root = temporary()
    await writeClasses(root, [10, 20, 2])
    const parted = (dataSeed: number) => listImages(root, { testShare: 0.2, dataSeed })
    const { train, test } = parted(1)
    expect([8, 16, 1].map((_, label) => train.labels.filter((l) => l === label).length)).toEqual([
      8, 16, 1,
    ])
    expect([...train.files, ...test.files].sort()).toHaveLength(new Set(train.files).size + 7)
    expect(parted(1)).toEqual(parted(1))
    expect(parted(2).test.files).not.toEqual(test.files)
    // seen at once: a folder that has changed is listed anew
    renameSync(join(root, "c2"), join(root, "c9"))
    expect(parted(1).classes).toEqual(["c0", "c1", "c9"])
  })

  it("may be of more than 256 classes", async () => {
    const root = temporary()
    const [one, two] = [await image(0, 0).png().toBuffer(), await image(1, 1).png().toBuffer()]
    for (let i = 0; i < 300; i++) {
      const folder = join(root, `k${String(i).padStart(3, "0")}`)
      mkdirSync(folder)
      writeFileSync(join(folder, "a.png"), one)
      writeFileSync(join(folder, "b.png"), two)
    }
    expect(Datasets.describe(block(root), ".")!.classes).toHaveLength(300)
    const { train, test } = listImages(root, { testShare: 0.5, dataSeed: 1 })
    const labels = Array.from({ length: 300 }, (_, i) => i)
    expect([[...train.labels], [...test.labels]]).toEqual([labels, labels])
  })

  it("are told of where they cannot be trained on", async () => {
    const root = temporary()
    const path = join(root, "images")
    expect(problems(path)[0]![1]).toMatch(/images is missing; a folder with/)
    mkdirSync(path)
    expect(problems(path)[0]).toEqual(["path", expect.stringMatching(/has no folders; two/)])
    await writeClasses(path, [30])
    expect(problems(path)[0]![1]).toMatch(/has only the folder c0/)
    mkdirSync(join(path, "empty"))
    expect(problems(path)[0]![1]).toMatch(/classes without an image: empty; files that end in/)
    writeFileSync(join(path, "empty", "a.png"), "x")
    expect(problems(path)).toEqual([])
    symlinkSync("/", join(path, "outside"))
    expect(problems(path)[0]![1]).toMatch(/outside is a link that leads out of/)
    const two = temporary()
    await writeClasses(join(two, "train"), [2, 2])
    await writeClasses(join(two, "test"), [1, 1, 1])
    expect(problems(two)[0]![1]).toMatch(/has classes that .*train has not: c2/)
    renameSync(join(two, "train"), join(two, "tests"))
    expect(problems(two)[0]![1]).toMatch(/has the folder test but no folder train/)
    const few = temporary()
    await writeClasses(few, [3, 3])
    expect(problems(few)[0]![1]).toMatch(/6 of 4 training images leave none/)
  })
})

describe("batches of a folder", () => {
  it("keep a bounded number of steps in the making", async () => {
    let [made, most, asked] = [0, 0, 0]
    const take = prefetch(async (step: number) => {
      made = Math.max(made, step + 1)
      return new Uint8Array([step])
    }, 2)
    for (const step of [0, 1, 2, 3, 40, 41, 5]) {
      asked = Math.max(asked, step)
      expect([...(await take(step))]).toEqual([step])
      most = Math.max(most, made - asked)
    }
    expect(most).toBe(3)
  })

  it("ask for no more images than those of the batches ahead", async () => {
    const root = temporary()
    await writeClasses(root, [20, 20])
    let [waiting, most] = [0, 0]
    const batches = batchesOf(root, 0, {
      decode: async () => {
        most = Math.max(most, ++waiting)
        await new Promise((go) => setTimeout(go, 1))
        waiting--
        return { pixels: new Uint8Array(pixels) }
      },
      close: async () => {},
    })
    for (let step = 0; step < 20; step++) await batches.trainBatch(step)
    expect(most).toBeLessThanOrEqual(3 * options.batchSize)
    await all(batches.testBatches(4))
  })
})

describe("held-out images with a folder of their own", () => {
  const open = async (heldOut: number) => {
    const root = temporary()
    for (const [split, counts] of [
      ["train", [9, 9]],
      ["val", [4, 5]],
      ["test", [2, 2]],
    ] as const)
      await writeClasses(join(root, split), counts)
    const files = listImages(root, { testShare: 0.2, dataSeed: 1 })
    const asked: Array<string> = []
    const batches = makeStreamedBatches(
      {
        ...size,
        name: "images",
        root,
        train: { ...files.train, digest: "a" },
        test: { ...files.test, digest: "b" },
        heldOut: { ...files.heldOut!, digest: "c" },
        centre: 0.875,
        minArea: 0.08,
        brokenLimit: 0,
        pool: {
          decode: async (file) => {
            asked.push(file)
            return { pixels: new Uint8Array(pixels) }
          },
          close: async () => {},
        },
      },
      { ...options, heldOut },
    )
    return { batches, asked }
  }

  it("are drawn from that folder by the seed, and all of train is trained on", async () => {
    const { asked, batches } = await open(6)
    expect(batches).toMatchObject({ trainCount: 18, heldOutCount: 6, testCount: 4 })
    const evaluated = await all(batches.heldOutBatches(4))
    expect(evaluated.map(({ count }) => count)).toEqual([4, 2])
    expect(new Set(asked).size).toBe(6)
    expect(asked.every((file) => file.startsWith("val/"))).toBe(true)
    const held = new Set(asked.splice(0))
    for (let step = 0; step < 8; step++) {
      const { labels } = await batches.heldOutBatch(step)
      expect(labels).toHaveLength(options.batchSize)
    }
    expect(new Set(asked)).toEqual(held)
    asked.splice(0)
    for (let step = 0; step < 18; step++) await batches.trainBatch(step)
    expect(new Set(asked).size).toBe(18)
    expect(asked.every((file) => file.startsWith("train/"))).toBe(true)
  })

  it("are all of it where more are asked for, and none where none are", async () => {
    const { batches } = await open(500)
    expect(batches).toMatchObject({ trainCount: 18, heldOutCount: 9 })
    const other = (await open(6)).batches.splitDigests
    expect(batches.splitDigests.train).toBe(other.train)
    expect(batches.splitDigests.heldOut).not.toBe(other.heldOut)
    const none = (await open(0)).batches
    expect(none).toMatchObject({ trainCount: 18, heldOutCount: 0 })
    expect(() => none.heldOutBatch(0)).toThrow(/no held-out images/)
  })
})

describe("digests", () => {
  it("tell greys apart that are made in two ways, and are what they were for all else", async () => {
    const [root, cache] = [temporary(), temporary()]
    await writeClasses(root, [8, 8])
    const digest = async (changes: object) => {
      const dataset = await load(root, changes, cache)
      return "open" in dataset ? dataset.open(options).splitDigests.test : undefined
    }
    const colour = await digest({})
    expect(await digest({ channels: 1, grey: "linear" })).toBe(colour)
    expect(await digest({ channels: 1 })).toBe(await digest({ channels: 1, grey: "bt601" }))
    expect(await digest({ channels: 1 })).not.toBe(colour)
  })

  it("of links are not read again while what they lead to is the same", async () => {
    const [top, cache] = [temporary(), temporary()]
    await writeClasses(join(top, "store"), [8, 8])
    const root = join(top, "images")
    for (const label of ["c0", "c1"]) {
      mkdirSync(join(root, label), { recursive: true })
      for (const name of readdirSync(join(top, "store", label)))
        symlinkSync(join(top, "store", label, name), join(root, label, name))
    }
    const digest = async () => {
      const dataset = await load(root, { links: "follow" }, cache)
      return "open" in dataset ? dataset.open(options).splitDigests.train : undefined
    }
    const first = await digest()
    const folder = join(cache, "data", "imageFolder")
    const lines = () => readFileSync(join(folder, readdirSync(folder)[0]!), "utf8").match(/^\[/gm)!
    expect(lines()).toHaveLength(16)
    expect(await digest()).toBe(first)
    expect(lines()).toHaveLength(16)
    for (const name of readdirSync(join(top, "store", "c0")))
      appendFileSync(join(top, "store", "c0", name), "x")
    expect(await digest()).not.toBe(first)
    expect(lines()).toHaveLength(24)
  })

  it("change with content and names, are the same again, and do not read what is known", async () => {
    const [root, cache] = [temporary(), temporary()]
    await writeClasses(root, [8, 8])
    const digests = async () => {
      const dataset = await load(root, {}, cache)
      return "open" in dataset ? dataset.open(options).splitDigests : undefined
    }
    const first = await digests()
    expect(await digests()).toEqual(first)
    const [file] = readdirSync(join(cache, "data", "imageFolder"))
    const lines = join(cache, "data", "imageFolder", file!)
    const known = readFileSync(lines, "utf8")
    expect(known.match(/^\[/gm)).toHaveLength(16)
    appendFileSync(lines, '["c0/000.png","torn')
    expect(await digests()).toEqual(first)
    // same size, and even the same time of change: the entry of a file still tells
    const target = join(root, "c0", "001.png")
    const bytes = readFileSync(target)
    const last = bytes.length - 1
    bytes[last] = bytes[last]! ^ 1
    writeFileSync(target, bytes)
    utimesSync(target, 1, 1)
    expect(await digests()).not.toEqual(first)
    bytes[last] = bytes[last]! ^ 1
    writeFileSync(target, bytes)
    expect(await digests()).toEqual(first)
    renameSync(target, join(root, "c0", "renamed.png"))
    expect(await digests()).not.toEqual(first)
    for (const digest of Object.values(first!)) expect(digest).toMatch(/^[0-9a-f]{32}$/)
  })
})

/** A PNG that says it is of so many pixels; all else is right. */
const promising = (width: number, height: number): Buffer => {
  const header = Buffer.alloc(25)
  header.writeUInt32BE(13, 0)
  header.write("IHDR", 4, "latin1")
  header.writeUInt32BE(width, 8)
  header.writeUInt32BE(height, 12)
  header.set([8, 2, 0, 0, 0], 16)
  header.writeUInt32BE(crc32(header.subarray(4, 21)), 21)
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), header, Buffer.from("IEND")])
}

const crc32 = (bytes: Uint8Array): number => {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return ~crc >>> 0
}

describe("broken and hostile files", () => {
  const whole = { centre: 1 }
  const why = async (bytes: Buffer, cut = whole): Promise<string> => {
    const error = await decodeImage(bytes, size, cut).catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(BrokenImage)
    return (error as Error).message
  }

  it("are told for what they are", async () => {
    const png = await image(0, 1).resize(64, 64).png().toBuffer()
    const jpeg = await image(0, 1).resize(64, 64).jpeg().toBuffer()
    const progressive = await image(0, 1).resize(64, 64).jpeg({ progressive: true }).toBuffer()
    expect(await why(Buffer.from("text"))).toMatch(/not a JPEG/)
    expect(await why(Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'/>"))).toMatch(/not a/)
    expect(await why(promising(2 ** 31 - 1, 2 ** 31 - 1))).not.toBe("")
    expect(await why(promising(100_000, 100_000))).not.toBe("")
    expect(await why(png.subarray(0, 40))).not.toBe("")
    // wherever it is cut, and whatever part of it is asked for
    const top = {
      centre: 1,
      random: { seed: 1, stream: "s", flip: false, minArea: 0.08 },
    }
    for (const bytes of [png, jpeg, progressive])
      for (const share of [0.5, 0.9]) {
        expect(await why(bytes.subarray(0, bytes.length * share))).not.toBe("")
        expect(await why(bytes.subarray(0, bytes.length * share), top)).not.toBe("")
      }
  })

  it("are not followed, waited for or read", () => {
    const folder = temporary()
    const root = join(folder, "images")
    mkdirSync(root)
    writeFileSync(join(folder, "outside.png"), "x")

    symlinkSync("../outside.png", join(root, "link.png"))
    symlinkSync("nowhere.png", join(root, "dangling.png"))
    symlinkSync("loop.png", join(root, "loop.png"))
    writeFileSync(join(root, "empty.png"), "")
    execFileSync("mkfifo", [join(root, "fifo.png")])
    symlinkSync("/dev/zero", join(root, "zero.png"))
    const read = (file: string) => () => readImageFile(root, file)
    expect(read("link.png")).toThrow("leads out of the folder")
    expect(read("zero.png")).toThrow("leads out of the folder")
    expect(read("dangling.png")).toThrow("a link to what is missing (nowhere.png)")
    expect(read("loop.png")).toThrow("a link that leads back to itself")
    expect(read("empty.png")).toThrow("empty")
    expect(read("fifo.png")).toThrow("not a regular file")
    writeFileSync(join(root, "inside.png"), "x")
    symlinkSync("inside.png", join(root, "within.png"))
    expect(read("within.png")()).toEqual(Buffer.from("x"))
  })

  it("are counted, named and skipped up to the limit, then an error", async () => {
    const root = temporary()
    await writeClasses(root, [20, 20])
    writeFileSync(join(root, "c0", "000.png"), "broken")
    execFileSync("mkfifo", [join(root, "c1", "fifo.png")])
    const batches = batchesOf(root, 0.05)
    const seen = async (from: Batches) => {
      for (let step = 0; step < 8; step++) {
        await from.trainBatch(step)
        await from.heldOutBatch(step)
      }
      await all(from.testBatches(3))
    }
    await seen(batches)
    const evaluated = [
      ...(await all(batches.testBatches(3))),
      ...(await all(batches.heldOutBatches(3))),
    ].reduce((sum, { count }) => sum + count!, 0)
    expect(evaluated).toBeLessThanOrEqual(batches.testCount + batches.heldOutCount)
    expect(batches.warnings()).toEqual([
      {
        alarm: "brokenImages",
        message:
          "2 broken images are skipped: c0/000.png (not a JPEG, PNG, WebP, GIF or TIFF image); c1/fifo.png (not a regular file)",
      },
    ])
    expect(batches.warnings()).toEqual([])
    await expect(seen(batchesOf(root, 0.04))).rejects.toThrow(
      /2 broken images, more than brokenLimit 0.04 of all allows: c0\/000.png \(.*data.brokenLimit/,
    )
  })
})

describe("broken images", () => {
  it("that a stopped trial had met count when it goes on", async () => {
    const root = temporary()
    await writeClasses(root, [20, 20])
    for (const name of ["000", "001", "002"])
      writeFileSync(join(root, "c0", `${name}.png`), "broken")
    const before = batchesOf(root, 0.1)
    const train = async (batches: Batches, from: number, to: number) => {
      for (let step = from; step < to; step++) await batches.trainBatch(step)
    }
    await train(before, 0, 16)
    const met = Object.keys(before.broken())
    expect(met.length).toBeGreaterThan(0)
    const after = batchesOf(root, 0.1)
    after.recall(before.broken())
    expect(after.broken()).toEqual(before.broken())
    expect(after.warnings()).toEqual(before.warnings(true))
    const strict = batchesOf(root, (met.length - 0.5) / 40)
    expect(() => strict.recall(before.broken())).toThrow(/more than brokenLimit/)
  })

  it("are told of without the signs in their names that steer a terminal", async () => {
    const root = temporary()
    await writeClasses(root, [20, 20])
    const batches = batchesOf(root, 1)
    batches.recall({ "c0/a\n\u001b[31mb\u009b.png": "torn" })
    expect(batches.warnings().map(({ message }) => message)).toEqual([
      String.raw`1 broken image is skipped: c0/a\n\u001b[31mb\u009b.png (torn)`,
    ])
  })

  it("are all told of when asked for all", async () => {
    const root = temporary()
    await writeClasses(root, [20, 20])
    const batches = batchesOf(root, 1)
    const message = (all?: boolean) => batches.warnings(all).map((warning) => warning.message)
    batches.recall({ "c0/000.png": "torn", "c0/001.png": "torn" })
    expect(message()).toEqual([expect.stringMatching(/^2 broken images/)])
    batches.recall({ "c0/002.png": "torn" })
    expect(message()).toEqual([])
    expect(message(true)).toEqual([expect.stringMatching(/^3 broken images/)])
    expect(message(true)).toEqual([])
  })
})

describe("an image", () => {
  it("is turned upright, laid over black, made colour or grey, 8 bits", async () => {
    const left = { r: 200, g: 0, b: 0 }
    const base = sharp({ create: { width: 40, height: 20, channels: 3, background: left } })
    const half = { width: 20, height: 20, channels: 3, background: "#0000c8" } as const
    const two = await base
      .composite([{ input: { create: half }, left: 20, top: 0 }])
      .png()
      .toBuffer()
    // EXIF 6: to be turned right by a quarter, so the left half is the upper one
    const turned = await sharp(two).withMetadata({ orientation: 6 }).png().toBuffer()
    const upright = await decodeImage(turned, size, { centre: 1 })
    expect([...upright.subarray(0, 3)]).toEqual([200, 0, 0])
    expect([...upright.subarray(pixels - 3)]).toEqual([0, 0, 200])
    const clear = { r: 255, g: 255, b: 255, alpha: 0 }
    const empty = sharp({ create: { width: 9, height: 9, channels: 4, background: clear } })
    expect(await decodeImage(await empty.png().toBuffer(), size, { centre: 1 })).toEqual(
      new Uint8Array(pixels),
    )
    const grey = await decodeImage(two, { ...size, channels: 1 }, { centre: 1 })
    expect(grey).toHaveLength(64)
    const mirrored = await Promise.all(
      ["a", "b", "c", "d", "e", "f"].map(async (stream) => {
        const cut = { centre: 1, random: { seed: 1, stream, flip: true } }
        return [...(await decodeImage(two, size, cut)).subarray(0, 3)].join()
      }),
    )
    expect(new Set(mirrored)).toEqual(new Set(["200,0,0", "0,0,200"]))
  })
})
