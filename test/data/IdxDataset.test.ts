/** A data set of four IDX files in a folder: found plain or gzipped, each mistake told with its file. */
import { spawnSync } from "node:child_process"
import * as nodeFs from "node:fs"
import { gzipSync } from "node:zlib"
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import type { DatasetShape } from "../../src/data/Dataset.ts"
import { DatasetCorrupt, DatasetMissing } from "../../src/data/Errors.ts"
import { fromFolder, idxFiles, parseDataset } from "../../src/data/IdxDataset.ts"

const shape: DatasetShape = {
  name: "digits",
  height: 2,
  width: 3,
  channels: 1,
  classes: ["a", "b", "c"],
  trainCount: 4,
  testCount: 2,
}

const makeIdx = (sizes: ReadonlyArray<number>, values: ReadonlyArray<number>): Buffer => {
  const header = Buffer.alloc(4 + 4 * sizes.length)
  header.writeUInt32BE(0x0800 + sizes.length)
  for (const [i, size] of sizes.entries()) header.writeUInt32BE(size, 4 + 4 * i)
  return Buffer.concat([header, Buffer.from(values)])
}

const pixels = (count: number) => Array.from({ length: count * 6 }, (_, i) => i)
const [train, test] = [idxFiles("train"), idxFiles("test")]

/** Writes a right folder, spoils it, reads it. */
const read = (spoil: (folder: string) => void) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const folder = yield* fs.makeTempDirectoryScoped()
    const write = (name: string, bytes: Buffer) => nodeFs.writeFileSync(`${folder}/${name}`, bytes)
    write(train.images, makeIdx([4, 2, 3], pixels(4)))
    write(train.labels, makeIdx([4], [0, 1, 2, 1]))
    write(`${test.images}.gz`, gzipSync(makeIdx([2, 2, 3], pixels(2))))
    write(`${test.labels}.gz`, gzipSync(makeIdx([2], [2, 0])))
    spoil(folder)
    return yield* parseDataset(shape, fromFolder("digits", folder, 1000, "get it again"))
  }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))

const refused = (spoil: (folder: string) => void) => Effect.flip(read(spoil))

describe("IdxDataset", () => {
  it.effect("reads four files, plain or gzipped", () =>
    Effect.gen(function* () {
      const data = yield* read(() => {})
      assert.deepStrictEqual([...data.train.labels], [0, 1, 2, 1])
      assert.deepStrictEqual([...data.test.labels], [2, 0])
      assert.deepStrictEqual([...data.train.images], pixels(4))
      assert.deepStrictEqual([...data.test.images], pixels(2))
      assert.deepStrictEqual(data.mean, [11.5 / 255])
    }),
  )

  it.effect("says which file is missing, and the fix", () =>
    Effect.gen(function* () {
      const error = yield* refused((folder) => nodeFs.rmSync(`${folder}/${train.labels}`))
      assert.instanceOf(error, DatasetMissing)
      assert.match(error.message, /train-labels-idx1-ubyte: is not there.*; get it again$/)
    }),
  )

  it.effect("refuses counts that differ and labels out of range", () =>
    Effect.gen(function* () {
      const fewer = yield* refused((folder) =>
        nodeFs.writeFileSync(`${folder}/${train.labels}`, makeIdx([3], [0, 1, 2])),
      )
      assert.instanceOf(fewer, DatasetCorrupt)
      assert.match(fewer.message, /train-labels-idx1-ubyte: says 3 values where 4 belong/)
      const outside = yield* refused((folder) =>
        nodeFs.writeFileSync(`${folder}/${train.labels}`, makeIdx([4], [0, 1, 2, 3])),
      )
      assert.match(outside.message, /train-labels-idx1-ubyte: label 3 of image 3/)
    }),
  )

  it.effect("never waits on a pipe, never reads a file that is too large", () =>
    Effect.gen(function* () {
      const pipe = yield* refused((folder) => {
        nodeFs.rmSync(`${folder}/${train.images}`)
        spawnSync("mkfifo", [`${folder}/${train.images}`])
      })
      assert.match(pipe.message, /not a regular file/)
      const large = yield* refused((folder) =>
        nodeFs.truncateSync(`${folder}/${train.images}`, 8e9),
      )
      assert.match(large.message, /at most 1000 bytes/)
    }),
  )
})
