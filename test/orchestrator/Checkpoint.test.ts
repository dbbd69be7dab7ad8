import { NodeServices } from "@effect/platform-node"
import { assert, layer } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { createHash } from "node:crypto"
import * as Checkpoint from "../../src/orchestrator/Checkpoint.ts"
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

const isWhole = (read: ReturnType<typeof Checkpoint.decode>): read is Checkpoint.Checkpoint =>
  !("_tag" in read)

layer(NodeServices.layer)("a checkpoint", (it) => {
  it.effect("comes back bit for bit", () =>
    Effect.sync(() => {
      const checkpoint = checkpointOf(12, 3)
      const read = Checkpoint.decode(bytesOf(checkpoint))
      assert.deepStrictEqual(read, checkpoint)
      if (!isWhole(read)) return
      const zero = read.tensors["stem.weights"]!.values[1]!
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
          assert.isTrue(!isWhole(read) && read._tag === "Damaged", `byte ${at} bit ${bit}`)
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
      const bytes = bytesOf(checkpointOf(10))
      new DataView(bytes.buffer, bytes.byteOffset).setUint32(8, 2, true)
      const digest = createHash("sha256").update(bytes.subarray(0, 24)).update(bytes.subarray(56))
      bytes.set(digest.digest(), 24)
      yield* fs.writeFile(`${folder}/10-0.bin`, bytes)
      const error = yield* Effect.flip(Checkpoint.readNewest(folder, "setAside"))
      assert.strictEqual(error.reason._tag, "NewerVersion")
      assert.include(error.message, "10-0.bin")
      assert.include(error.message, "version 2")
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
      assert.deepStrictEqual((yield* fs.readDirectory(folder)).sort(), ["10-0.bin", "10-1.bin"])
      assert.deepStrictEqual(yield* Checkpoint.readNewest(folder, "setAside"), checkpointOf(10, 1))
    }),
  )

  it.effect("that is damaged is put aside and the one before is taken", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* makeFolder
      yield* Checkpoint.write(folder, checkpointOf(5))
      yield* Checkpoint.write(folder, checkpointOf(10))
      yield* fs.truncate(`${folder}/10-0.bin`, 100)
      assert.deepStrictEqual(yield* Checkpoint.readNewest(folder, "setAside"), checkpointOf(5))
      assert.deepStrictEqual((yield* fs.readDirectory(folder)).sort(), [
        "10-0.bin.corrupt",
        "5-0.bin",
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
