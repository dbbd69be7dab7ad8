/** The cache file: what is written is read, and no other bytes are. */
import { createHash } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as CacheFile from "../../src/data/CacheFile.ts"
import { dataset, shape } from "./small.ts"

const file = Buffer.concat(CacheFile.encode(dataset))

const problem = (bytes: Uint8Array, of = shape): string => {
  const decoded = CacheFile.decode(bytes, of)
  assert.isTrue(Result.isFailure(decoded), "should have been refused")
  return Result.isFailure(decoded) ? decoded.failure : ""
}

describe("CacheFile", () => {
  it("decodes what it encoded", () => {
    const decoded = Result.getOrThrow(CacheFile.decode(file, shape))
    for (const split of ["train", "test"] as const) {
      assert.deepStrictEqual([...decoded[split].images], [...dataset[split].images])
      assert.deepStrictEqual([...decoded[split].labels], [...dataset[split].labels])
      assert.strictEqual(decoded[split].digest, dataset[split].digest)
    }
    assert.deepStrictEqual([decoded.mean, decoded.std], [dataset.mean, dataset.std])
    assert.deepStrictEqual(decoded.classes, dataset.classes)
    assert.isAtMost(file.length, CacheFile.maxBytes(shape))
  })

  it("refuses every truncation and any added byte", () => {
    for (let length = 0; length < file.length; length++)
      assert.isAbove(problem(file.subarray(0, length)).length, 0)
    assert.match(problem(Buffer.concat([file, Buffer.alloc(1)])), /bytes where its header promises/)
  })

  it("refuses a change of any byte", () => {
    for (let at = 0; at < file.length; at++) {
      const changed = Buffer.from(file)
      changed[at]! ^= 1 << (at % 8)
      assert.isAbove(problem(changed).length, 0)
    }
  })

  it("refuses another data set and another version by name", () => {
    assert.match(problem(file, { ...shape, name: "other" }), /holds small, not other/)
    assert.match(problem(file, { ...shape, trainCount: shape.trainCount + 1 }), /holds small/)
    assert.match(problem(file, { ...shape, classes: ["a", "b", "d"] }), /holds small/)
    const json = Buffer.from(JSON.stringify({ version: 2 }))
    const start = Buffer.alloc(12)
    start.write("FLIQSDAT")
    start.writeUInt32LE(json.length, 8)
    const newer = Buffer.concat([start, createHash("sha256").update(json).digest(), json])
    assert.match(problem(newer), /not of version 1/)
  })
})
