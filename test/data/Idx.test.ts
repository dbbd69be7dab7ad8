/** The IDX reader takes what is right and says what is wrong with all else. */
import { gzipSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Idx from "../../src/data/Idx.ts"

const dimensions = [3, 2, 2]
const values = Uint8Array.from({ length: 12 }, (_, i) => 20 * i)

const makeIdx = (magic: number, sizes: ReadonlyArray<number>, content: Uint8Array): Buffer => {
  const header = Buffer.alloc(4 + 4 * sizes.length)
  header.writeUInt32BE(magic)
  for (const [i, size] of sizes.entries()) header.writeUInt32BE(size, 4 + 4 * i)
  return Buffer.concat([header, content])
}

const file = makeIdx(0x0803, dimensions, values)

const problem = (bytes: Uint8Array, expected = dimensions): string => {
  const parsed = Idx.parse(bytes, expected)
  assert.isTrue(Result.isFailure(parsed), "should have been refused")
  return Result.isFailure(parsed) ? parsed.failure : ""
}

describe("Idx.parse", () => {
  it("reads plain and gzipped files", () => {
    for (const bytes of [file, gzipSync(file)]) {
      const parsed = Result.getOrThrow(Idx.parse(bytes, dimensions))
      assert.deepStrictEqual(parsed.dimensions, dimensions)
      assert.deepStrictEqual([...parsed.values], [...values])
    }
  })

  it("refuses every truncation of a plain file", () => {
    for (let length = 0; length < file.length; length++)
      assert.match(problem(file.subarray(0, length)), /too short|promises/)
  })

  it("refuses every truncation of a gzipped file", () => {
    const packed = gzipSync(file)
    for (let length = 0; length < packed.length; length++)
      assert.match(problem(packed.subarray(0, length)), /too short|unpacked/)
  })

  it("refuses every change of a byte of the header", () => {
    for (let at = 0; at < 16; at++)
      for (let bit = 0; bit < 8; bit++) {
        const changed = Buffer.from(file)
        changed[at]! ^= 1 << bit
        assert.match(problem(changed), /starts with|says/)
      }
  })

  it("refuses any changed byte of a gzipped file, or reads the same values", () => {
    const packed = gzipSync(file)
    for (let at = 0; at < packed.length; at++)
      for (let bit = 0; bit < 8; bit++) {
        const changed = Buffer.from(packed)
        changed[at]! ^= 1 << bit
        const parsed = Idx.parse(changed, dimensions)
        // Only bytes of no meaning (time, operating system) may differ unseen.
        if (Result.isSuccess(parsed))
          assert.deepStrictEqual([...parsed.success.values], [...values])
      }
  })

  it("says what is wrong", () => {
    assert.match(problem(Buffer.concat([file, Buffer.from([0])])), /has 29 bytes .* promises 28/)
    assert.match(
      problem(makeIdx(0x0d03, dimensions, values)),
      /starts with 0x00000d03, not with 0x00000803/,
    )
    assert.match(problem(makeIdx(0x0801, [12], values)), /starts with 0x00000801/)
    assert.match(
      problem(makeIdx(0x0803, [2, 2, 2], values)),
      /says 2 x 2 x 2 values where 3 x 2 x 2 belong/,
    )
    assert.match(problem(makeIdx(0x0803, [2 ** 31, 2 ** 31, 2], values)), /says 2147483648 x/)
  })

  it("stops a gzip bomb at the size the file should have", () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000))
    const before = process.memoryUsage().arrayBuffers
    assert.match(problem(bomb), /unpacks to more than the 28 bytes/)
    assert.isBelow(process.memoryUsage().arrayBuffers - before, 1_000_000)
  })
})

describe("Idx.labelProblem", () => {
  it("names the first label out of range", () => {
    assert.isUndefined(Idx.labelProblem(Uint8Array.of(0, 9, 3), 10))
    assert.match(
      Idx.labelProblem(Uint8Array.of(0, 9, 10, 11), 10) ?? "",
      /label 10 of image 2 .* 0 \.\. 9/,
    )
  })
})
