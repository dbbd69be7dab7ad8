import { Result } from "effect"
import { describe, expect, it } from "vitest"
import * as Container from "../../src/disk/TensorFile.ts"

const parts: ReadonlyArray<Container.Part> = [
  { name: "a", dtype: "U8", shape: [3], bytes: Uint8Array.of(1, 2, 3) },
  { name: "__proto__", dtype: "F16", shape: [2, 1], bytes: Uint8Array.of(4, 5, 6, 7) },
  { name: "7", dtype: "I64", shape: [], bytes: new Uint8Array(8).fill(9) },
  { name: "none", dtype: "F32", shape: [0, 4], bytes: new Uint8Array(0) },
]
const metadata = { 3: "", step: "12", state: '{"a":[1,"é"]}' }
const written = (): Uint8Array => Buffer.concat(Container.encode(parts, metadata))

const decoded = (file: Uint8Array): Container.Container => {
  return Result.getOrThrow(Container.decode(file))
}

describe("a container", () => {
  it("has the published layout", () => {
    const file = written()
    const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
    const length = Number(view.getBigUint64(0, true))
    expect(length % 8).toBe(0)
    const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)))
    const offsets = parts.map(({ name }) => header[name].data_offsets)
    expect(offsets).toEqual([
      [0, 3],
      [3, 7],
      [7, 15],
      [15, 15],
    ])
    expect(header.a).toEqual({ dtype: "U8", shape: [3], data_offsets: [0, 3] })
    expect(header.__metadata__).toMatchObject(metadata)
    const values = file.subarray(8 + length)
    expect([...values]).toEqual([1, 2, 3, 4, 5, 6, 7, 9, 9, 9, 9, 9, 9, 9, 9])
  })

  it("comes back as it was written", () => {
    const container = decoded(written())
    expect(container.parts.map((part) => ({ ...part, bytes: [...part.bytes] }))).toEqual(
      parts.map((part) => ({ ...part, bytes: [...part.bytes] })),
    )
    const { checksum, ...rest } = container.metadata
    expect(rest).toEqual(metadata)
    expect(checksum).toMatch(/^sha256:[0-9a-f]{64}$/)
  })

  it("says of every flipped bit and every truncation that it is not what was written", () => {
    const file = written()
    expect(Container.checksum(file)).toBe("right")
    for (let at = 0; at < file.length; at++)
      for (let bit = 0; bit < 8; bit++) {
        file[at]! ^= 1 << bit
        expect(Container.checksum(file), `byte ${at} bit ${bit}`).not.toBe("right")
        file[at]! ^= 1 << bit
      }
    for (let length = 0; length < file.length; length++)
      expect(Container.checksum(file.subarray(0, length)), `${length} bytes`).not.toBe("right")
  })

  it("of another writer has no checksum, and metadata that are no texts are left out", () => {
    const header = new TextEncoder().encode('{"__metadata__":{"format":"pt","n":1}}')
    const file = new Uint8Array(8 + header.length)
    file[0] = header.length
    file.set(header, 8)
    expect(Container.checksum(file)).toBe("none")
    expect(decoded(file)).toEqual({ metadata: { format: "pt" }, parts: [] })
  })

  it("does not accept a tensor whose shape and bytes disagree", () => {
    const wrong: Container.Part = { name: "b", dtype: "F32", shape: [2], bytes: new Uint8Array(4) }
    expect(() => Container.encode([wrong])).toThrow("tensor b: 4 bytes, F32 of shape [2]")
  })
})
