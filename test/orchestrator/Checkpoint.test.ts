import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem, Result } from "effect"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as Container from "../../src/disk/TensorFile.ts"
import * as Checkpoint from "../../src/orchestrator/Checkpoint.ts"
import * as Earlier from "../../src/orchestrator/EarlierCheckpoint.ts"
import { makeFolder } from "./folder.ts"

const checkpointOf = (step: number, attempt = 0): Checkpoint.Checkpoint => ({
  step,
  attempt,
  seconds: 1.25,
  tensors: {
    "stem.weights": { shape: [2, 3], values: Float32Array.of(0, -0, 1.5, 2 ** -149, -3e38, step) },
    scalar: { shape: [], values: Float32Array.of(Math.fround(0.1)) },
    empty: { shape: [0, 4], values: new Float32Array(0) },
  },
  state: { logits: [[0.1, 1 / 3]], random: [1, 2, 4294967295], ключ: null },
})

const bytesOf = (checkpoint: Checkpoint.Checkpoint): Uint8Array =>
  Buffer.concat(Checkpoint.encode(checkpoint))

const isWhole = Result.isSuccess

layer(NodeServices.layer)("a checkpoint", (it) => {
  it.effect("comes back bit for bit", () =>
    Effect.sync(() => {
      const checkpoint = checkpointOf(12, 3)
      const read = Checkpoint.decode(bytesOf(checkpoint))
      assert.deepStrictEqual(read, Result.succeed(checkpoint))
      if (!isWhole(read)) return
      const zero = read.success.tensors["stem.weights"]!.values[1]!
      assert.isTrue(Object.is(zero, -0))
    }),
  )

  it.effect("is refused at every truncation and with bytes appended", () =>
    Effect.sync(() => {
      const bytes = bytesOf(checkpointOf(12))
      for (let length = 0; length < bytes.length; length++)
        assert.isFalse(isWhole(Checkpoint.decode(bytes.subarray(0, length))), `${length} bytes`)
      assert.isFalse(isWhole(Checkpoint.decode(Buffer.concat([bytes, Buffer.of(0)]))))
    }),
  )

  it.effect("is refused as corrupt with any one bit flipped", () =>
    Effect.sync(() => {
      const bytes = bytesOf(checkpointOf(12))
      for (let at = 0; at < bytes.length; at++)
        for (let bit = 0; bit < 8; bit++) {
          bytes[at]! ^= 1 << bit
          const read = Checkpoint.decode(bytes)
          assert.isTrue(!isWhole(read) && read.failure._tag === "Damaged", `byte ${at} bit ${bit}`)
          bytes[at]! ^= 1 << bit
        }
      assert.isTrue(isWhole(Checkpoint.decode(bytes)))
    }),
  )

  it.effect("of a newer version is refused by name, not cut back", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* makeFolder
      yield* Checkpoint.write(folder, checkpointOf(5))
      yield* fs.writeFile(
        `${folder}/10-0.safetensors`,
        Buffer.concat(Container.encode([], { version: "3", somethingNew: "1" })),
      )
      const error = yield* Effect.flip(Checkpoint.readNewest(folder, "setAside"))
      assert.strictEqual(error.reason._tag, "NewerVersion")
      assert.include(error.message, "10-0.safetensors")
      assert.include(error.message, "version 3")
    }),
  )

  it.effect("is a safetensors file that says what it is", () =>
    Effect.sync(() => {
      const container = Result.getOrThrow(Container.decode(bytesOf(checkpointOf(12, 3))))
      const { state, checksum, ...rest } = container.metadata
      assert.deepStrictEqual(rest, {
        kind: "fliqs checkpoint",
        version: "2",
        step: "12",
        attempt: "3",
        seconds: "1.25",
      })
      assert.deepStrictEqual(JSON.parse(state!), checkpointOf(12).state)
      assert.match(checksum!, /^sha256:[0-9a-f]{64}$/)
    }),
  )

  it.effect("is not any other safetensors file", () =>
    Effect.sync(() => {
      const bytes = Buffer.concat(Container.encode([], { format: "pt" }))
      const read = Checkpoint.decode(bytes)
      assert.isTrue(!isWhole(read) && read.failure.message === "it is not a checkpoint")
    }),
  )

  it.effect("keeps the newest two, by step and then by attempt", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* makeFolder
      assert.isUndefined(yield* Checkpoint.readNewest(folder, "setAside"))
      for (const [step, attempt] of [
        [5, 0],
        [9, 0],
        [10, 0],
        [10, 1],
      ] as const)
        yield* Checkpoint.write(folder, checkpointOf(step, attempt))
      assert.deepStrictEqual((yield* fs.readDirectory(folder)).sort(), [
        "10-0.safetensors",
        "10-1.safetensors",
      ])
      assert.deepStrictEqual(yield* Checkpoint.readNewest(folder, "setAside"), checkpointOf(10, 1))
    }),
  )

  it.effect("that is damaged is put aside and the one before is taken", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* makeFolder
      yield* Checkpoint.write(folder, checkpointOf(5))
      yield* Checkpoint.write(folder, checkpointOf(10))
      yield* fs.truncate(`${folder}/10-0.safetensors`, 100)
      assert.deepStrictEqual(yield* Checkpoint.readNewest(folder, "setAside"), checkpointOf(5))
      assert.deepStrictEqual((yield* fs.readDirectory(folder)).sort(), [
        "10-0.safetensors.corrupt",
        "5-0.safetensors",
      ])
    }),
  )

  it.effect("does not accept a tensor whose shape and values disagree", () =>
    Effect.sync(() => {
      const wrong = { shape: [3], values: new Float32Array(2) }
      assert.throws(
        () => Checkpoint.encode({ ...checkpointOf(1), tensors: { wrong } }),
        "tensor wrong",
      )
    }),
  )
})

// Written by the code of commit e40507e.
const earlierFile = fileURLToPath(new URL("fixtures/12-3.bin", import.meta.url))

layer(NodeServices.layer)("a checkpoint of earlier versions", (it) => {
  it.effect("is read bit for bit, and made room for by newer ones", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* makeFolder
      yield* fs.copyFile(earlierFile, `${folder}/12-3.bin`)
      const read = yield* Checkpoint.readNewest(folder, "setAside")
      assert.deepStrictEqual(read, checkpointOf(12, 3))
      assert.isTrue(Object.is(read?.tensors["stem.weights"]?.values[1], -0))
      yield* Checkpoint.write(folder, checkpointOf(20, 4))
      assert.deepStrictEqual(yield* Checkpoint.readNewest(folder, "setAside"), checkpointOf(20, 4))
      yield* Checkpoint.write(folder, checkpointOf(30, 4))
      assert.deepStrictEqual((yield* fs.readDirectory(folder)).sort(), [
        "20-4.safetensors",
        "30-4.safetensors",
      ])
    }),
  )

  it.effect("is refused at every truncation and with any one bit flipped", () =>
    Effect.sync(() => {
      const bytes = readFileSync(earlierFile)
      for (let length = 0; length < bytes.length; length++)
        assert.isFalse(isWhole(Earlier.decode(bytes.subarray(0, length))), `${length} bytes`)
      for (let at = 0; at < bytes.length; at++)
        for (let bit = 0; bit < 8; bit++) {
          bytes[at]! ^= 1 << bit
          assert.isFalse(isWhole(Earlier.decode(bytes)), `byte ${at} bit ${bit}`)
          bytes[at]! ^= 1 << bit
        }
      assert.isTrue(isWhole(Earlier.decode(bytes)))
    }),
  )
})
