import { Result } from "effect"
import { describe, expect, it } from "vitest"
import { readSafetensors, type Tensors } from "../../src/train/Safetensors.ts"
import { f32, fileOf, safetensors } from "./safetensorsFile.ts"

const read = (file: Uint8Array): Tensors => {
  return Result.getOrThrow(readSafetensors(file))
}
const plain = (tensors: Tensors) =>
  [...tensors].map(([name, { shape, values }]) => [name, shape, Array.from(values)])

const words = (...values: ReadonlyArray<number>) => new Uint8Array(Uint16Array.from(values).buffer)

describe("readSafetensors", () => {
  it("reads float32, float16 and bfloat16 values", () => {
    const file = safetensors({
      a: f32([2, 2], [1, -2.5, 3e-40, 4]),
      half: {
        dtype: "F16",
        shape: [6],
        bytes: words(0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x8000),
      },
      brain: { dtype: "BF16", shape: [2, 1], bytes: words(0x3f80, 0xc049) },
      scalar: f32([], [7]),
      none: f32([0, 3], []),
    })
    expect(plain(read(file))).toEqual([
      ["a", [2, 2], [1, -2.5, Math.fround(3e-40), 4]],
      ["half", [6], [1, -2, 2 ** -24, 65504, Infinity, -0]],
      ["brain", [2, 1], [1, -3.140625]],
      ["scalar", [], [7]],
      ["none", [0, 3], []],
    ])
    // wherever the bytes lie in memory, and with a padded header
    const moved = new Uint8Array(file.length + 3)
    moved.set(file, 3)
    expect(plain(read(moved.subarray(3)))).toEqual(plain(read(file)))
    const header = '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}   '
    expect(plain(read(fileOf(header, new Uint8Array(4))))).toEqual([["a", [1], [0]]])
  })

  it("leaves values of other types unread, wherever they lie", () => {
    const file = safetensors({
      a: f32([1], [1]),
      count: { dtype: "I64", shape: [], bytes: new Uint8Array(8).fill(1) },
      b: f32([1], [2]),
    })
    expect(plain(read(file))).toEqual([
      ["a", [1], [1]],
      ["count", [], []],
      ["b", [1], [2]],
    ])
    expect([...read(file).values()].map(({ unread }) => unread)).toEqual([
      undefined,
      "I64",
      undefined,
    ])
  })

  const entry = (fields: object) =>
    JSON.stringify({ a: { dtype: "F32", shape: [1], data_offsets: [0, 4], ...fields } })
  const huge = new Uint8Array(8).fill(255)
  const hostile: ReadonlyArray<readonly [string, Uint8Array, RegExp]> = [
    ["nothing", new Uint8Array(0), /only 0 bytes/],
    ["a length beyond the file", huge, /header would take 18446744073709551615 bytes/],
    ["no JSON", fileOf("{", new Uint8Array(4)), /no JSON/],
    [
      "bytes that are no text",
      fileOf(Uint8Array.of(0x22, 0xff, 0x22), new Uint8Array(0)),
      /no JSON/,
    ],
    ["nesting without end", fileOf("[".repeat(1_000_000), new Uint8Array(0)), /no JSON/],
    ["a list", fileOf("[]", new Uint8Array(0)), /no JSON object/],
    [
      "an entry that is none",
      fileOf('{"a":null}', new Uint8Array(0)),
      /"a": its entry is no object/,
    ],
    ["an unknown type", fileOf(entry({ dtype: "I65" }), new Uint8Array(4)), /dtype is "I65"/],
    ["a size of another type", fileOf(entry({ dtype: "I64" }), new Uint8Array(4)), /takes 8 bytes/],
    [
      "a type of every object",
      fileOf(entry({ dtype: "constructor" }), new Uint8Array(4)),
      /dtype is/,
    ],
    ["a negative size", fileOf(entry({ shape: [-1] }), new Uint8Array(4)), /its shape is no list/],
    ["a broken size", fileOf(entry({ shape: [0.5] }), new Uint8Array(4)), /its shape is no list/],
    [
      "sizes beyond counting",
      fileOf(entry({ shape: [2 ** 53, 2 ** 53] }), new Uint8Array(4)),
      /shape/,
    ],
    ["too much promised", fileOf(entry({ shape: [2 ** 40] }), new Uint8Array(4)), /shape takes/],
    ["offsets that are none", fileOf(entry({ data_offsets: [0] }), new Uint8Array(4)), /no pair/],
    [
      "offsets backwards",
      fileOf(entry({ data_offsets: [4, 0] }), new Uint8Array(4)),
      /shape takes 4/,
    ],
    ["a gap", fileOf(entry({ data_offsets: [4, 8] }), new Uint8Array(8)), /begins at byte 4/],
    ["values left over", fileOf(entry({}), new Uint8Array(5)), /take 4 bytes, 5 are there/],
    ["values cut short", fileOf(entry({}), new Uint8Array(3)), /take 4 bytes, 3 are there/],
    [
      "an overlap",
      fileOf(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}',
        new Uint8Array(6),
      ),
      /"b" begins at byte 2 of the values where 4/,
    ],
  ]
  it.each(hostile)("refuses %s", (_, file, why) => {
    expect(Result.getOrThrow(Result.flip(readSafetensors(file)))).toMatch(why)
  })

  it("refuses every truncation, and names that objects have are only names", () => {
    const parts = { a: f32([3], [1, 2, 3]), b: f32([1], [4]) }
    const file = safetensors(parts)
    for (let n = 0; n < file.length; n++)
      expect(Result.isFailure(readSafetensors(file.subarray(0, n)))).toBe(true)
    const named = '{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    expect([...read(fileOf(named, new Uint8Array(4))).keys()]).toEqual(["__proto__"])
  })
})
