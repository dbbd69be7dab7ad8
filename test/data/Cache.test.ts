/** The cache on a real disk: made once, checked each time, mended by pull, never half there. */
import { spawnSync } from "node:child_process"
import * as nodeFs from "node:fs"
import { hostname } from "node:os"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, FileSystem, Option } from "effect"
import * as Cache from "../../src/data/Cache.ts"
import type { Source } from "../../src/data/Dataset.ts"
import { DatasetCorrupt, DatasetMissing } from "../../src/data/Errors.ts"
import { dataset, shape } from "./small.ts"

const digests = { train: dataset.train.digest, test: dataset.test.digest }

/** A source that counts how often it is asked. */
const makeSource = (prepare: Source["prepare"] = () => Effect.succeed(dataset)) => {
  const counted = { times: 0 }
  const source: Source = {
    shape,
    digests,
    prepare: (folder) => Effect.suspend(() => (counted.times++, prepare(folder))),
  }
  return { source, counted }
}

const inFolder = <A, E, R>(test: (folder: string) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    return yield* test(yield* fs.makeTempDirectoryScoped())
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

const fileIn = (folder: string) => `${folder}/data/small/small.bin`
const lockIn = (folder: string) => `${folder}/data/small/lock`
/** All but the lock, which stays, released. */
const entries = (folder: string) =>
  nodeFs.readdirSync(`${folder}/data/small`).filter((name) => name !== "lock")

describe("Cache", () => {
  it.live("makes the file once and then reads it", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const { source, counted } = makeSource()
        assert.isTrue(Option.isNone(yield* Cache.read(source, folder)))
        yield* Cache.load(source, folder)
        const again = yield* Cache.load(source, folder)
        assert.strictEqual(counted.times, 1)
        assert.deepStrictEqual([...again.train.images], [...dataset.train.images])
        assert.deepStrictEqual(entries(folder), ["small.bin"])
      }),
    ),
  )

  it.live("makes the file once for many at one time", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const { source, counted } = makeSource(() =>
          Effect.delay(Effect.succeed(dataset), "100 millis"),
        )
        const loads = Array.from({ length: 5 }, () => Cache.load(source, folder))
        yield* Effect.all(loads, { concurrency: "unbounded" })
        assert.strictEqual(counted.times, 1)
        assert.deepStrictEqual(entries(folder), ["small.bin"])
      }),
    ),
  )

  it.live("refuses a changed and a short file, and makes it anew on pull", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const { source, counted } = makeSource()
        yield* Cache.load(source, folder)
        const whole = nodeFs.readFileSync(fileIn(folder))
        const flipped = Buffer.from(whole)
        flipped[whole.length - 5]! ^= 1
        for (const bytes of [flipped, whole.subarray(0, whole.length - 1), Buffer.alloc(0)]) {
          nodeFs.writeFileSync(fileIn(folder), bytes)
          const error = yield* Effect.flip(Cache.load(source, folder))
          assert.instanceOf(error, DatasetCorrupt)
          assert.include(error.message, fileIn(folder))
          assert.include(error.message, "fliqs data pull small")
        }
        assert.strictEqual(counted.times, 1)
        yield* Cache.pull(source, folder)
        assert.deepStrictEqual(nodeFs.readFileSync(fileIn(folder)), whole)
        yield* Cache.pull(source, folder)
        assert.strictEqual(counted.times, 2)
      }),
    ),
  )

  it.live("reads neither a file that is too large nor one that is no file", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const { source } = makeSource()
        yield* Cache.load(source, folder)
        nodeFs.truncateSync(fileIn(folder), 8e9) // sparse: takes no room, but could never be read
        assert.match((yield* Effect.flip(Cache.load(source, folder))).message, /too many/)
        nodeFs.rmSync(fileIn(folder))
        spawnSync("mkfifo", [fileIn(folder)])
        assert.match((yield* Effect.flip(Cache.load(source, folder))).message, /not a regular file/)
      }),
    ),
  )

  it.live("keeps nothing that has other digests than the known ones", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const { source } = makeSource()
        const other = { ...source, digests: { ...digests, test: "0".repeat(32) } }
        const error = yield* Effect.flip(Cache.load(other, folder))
        assert.instanceOf(error, DatasetCorrupt)
        assert.match(error.message, /test split has the digest/)
        assert.deepStrictEqual(entries(folder), [])
      }),
    ),
  )

  it.live("leaves nothing behind when fetching fails or is interrupted", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const missing = new DatasetMissing({ dataset: "small", where: "a", what: "b", fix: "c" })
        const failing = makeSource((work) =>
          Effect.sync(() => nodeFs.writeFileSync(`${work}/part`, "half")).pipe(
            Effect.andThen(Effect.fail(missing)),
          ),
        )
        assert.strictEqual(yield* Effect.flip(Cache.load(failing.source, folder)), missing)
        assert.deepStrictEqual(entries(folder), [])

        const endless = makeSource(() => Effect.never)
        const fiber = yield* Effect.forkChild(Cache.load(endless.source, folder))
        while (endless.counted.times === 0) yield* Effect.sleep("5 millis")
        assert.deepStrictEqual(nodeFs.readdirSync(lockIn(folder)), ["1.json"])
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(entries(folder), [])
      }),
    ),
  )

  it.live("takes over from a process that was killed, and clears up after it", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const { pid } = spawnSync("true")
        nodeFs.mkdirSync(`${folder}/data/small/preparing-left`, { recursive: true })
        nodeFs.writeFileSync(`${folder}/data/small/preparing-left/part`, "half")
        nodeFs.writeFileSync(lockIn(folder), JSON.stringify({ pid, host: hostname() }))
        yield* Cache.load(makeSource().source, folder)
        assert.deepStrictEqual(entries(folder), ["small.bin"])
      }),
    ),
  )

  it.live("takes over a lock of another machine that was not touched for long", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        nodeFs.mkdirSync(`${folder}/data/small`, { recursive: true })
        nodeFs.writeFileSync(lockIn(folder), "")
        nodeFs.utimesSync(lockIn(folder), 0, 0)
        yield* Cache.load(makeSource().source, folder)
        assert.deepStrictEqual(entries(folder), ["small.bin"])
      }),
    ),
  )

  it.live("waits for a process that lives", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        const { source, counted } = makeSource()
        nodeFs.mkdirSync(`${folder}/data/small`, { recursive: true })
        nodeFs.writeFileSync(lockIn(folder), JSON.stringify({ pid: process.pid, host: hostname() }))
        const fiber = yield* Effect.forkChild(Cache.load(source, folder))
        yield* Effect.sleep("50 millis")
        assert.strictEqual(counted.times, 0)
        nodeFs.rmSync(lockIn(folder))
        yield* Fiber.join(fiber)
        assert.strictEqual(counted.times, 1)
      }),
    ),
  )

  it.live("says so when the folder cannot be made", () =>
    inFolder((folder) =>
      Effect.gen(function* () {
        nodeFs.writeFileSync(`${folder}/data`, "a file where a folder belongs")
        const error = yield* Effect.flip(Cache.load(makeSource().source, folder))
        assert.instanceOf(error, DatasetMissing)
        assert.include(error.message, "FLIQS_CACHE")
      }),
    ),
  )
})
