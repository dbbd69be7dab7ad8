import { describe, expect, it } from "vitest"
import { type SharedExponent, sharedExponents } from "../../src/format/Format.ts"
import { names, parse, storageBits } from "../../src/format/Formats.ts"
import { toRow } from "../../src/format/Row.ts"
import { roundBlocks } from "../../src/format/roundBlocks.ts"
import { fakeQuantizeBlocksReference } from "../../src/quantizer/reference.ts"
import { differing, makeRandom } from "../tensor/support.ts"
import { blockFixtures } from "./blockFixtures.ts"

const inBlocks = names.filter((name) => parse(name)!.block !== undefined)

const rounded = (name: string, values: ReadonlyArray<number>, rule?: SharedExponent) =>
  Array.from(
    roundBlocks(parse(name)!, Float32Array.from(values), rule ? { sharedExponent: rule } : {}),
  )

it("has fixtures for every block format, rule and a second block size", () => {
  const told = blockFixtures.map(({ format, sharedExponent }) => `${format} ${sharedExponent}`)
  expect(new Set(told)).toEqual(
    new Set([
      ...inBlocks.flatMap((name) =>
        name === "NVFP4" ? [] : sharedExponents.map((rule) => `${name} ${rule}`),
      ),
      "NVFP4 null",
    ]),
  )
})

describe.each(blockFixtures)("$format in blocks of $size, rule $sharedExponent", (fixture) => {
  it("rounds as exact rationals do", () => {
    const { format, size, sharedExponent, inputs, answers } = fixture
    const options = { size, ...(sharedExponent === null ? {} : { sharedExponent }) }
    expect(differing(roundBlocks(parse(format)!, inputs, options), answers)).toBe(0)
  })
})

it.each(inBlocks.filter((name) => name !== "NVFP4"))(
  "%s: roundUp is CUDA's, which converts the float32 quotient upwards",
  (name) => {
    const format = parse(name)!
    const random = makeRandom(5)
    const { increment, hi } = toRow(format, "roundUp")
    const float = new Float32Array(1)
    const bits = new Int32Array(float.buffer)
    const near = [-1, 0, 1].map((step) => {
      float[0] = hi * 8
      bits[0]! += step
      return float[0]!
    })
    const some = Array.from({ length: 2000 }, () =>
      Math.fround(random() * 10 ** (8 * random() - 4)),
    )
    for (const amax of [...near, ...some]) {
      float[0] = Math.fround(amax / hi)
      // cvt.rp.satfinite.ue8m0x2.f32: the exponent, one more where the mantissa is not 0
      const expected = (bits[0]! >>> 23) + ((bits[0]! & 0x7fffff) === 0 ? 0 : 1)
      float[0] = hi
      const largest = (bits[0]! >>> 23) - 127
      float[0] = amax
      expect([amax, ((bits[0]! + increment) >>> 23) - largest]).toEqual([amax, expected])
    }
  },
)

describe.each(inBlocks)("%s", (name) => {
  it("has the bits of the float32 reference", () => {
    const random = makeRandom(11)
    const x = Float32Array.from({ length: 999 }, () => (random() - 0.5) * 10 ** (20 * random()))
    for (const sharedExponent of sharedExponents) {
      const row = toRow(parse(name)!, sharedExponent)
      const reference = fakeQuantizeBlocksReference(x, row, x.length, 1)
      expect(differing(roundBlocks(parse(name)!, x, { sharedExponent }), reference)).toBe(0)
    }
  })

  it("gives zeros for zeros, and takes nothing", () => {
    const zeros = new Float32Array([0, -0, 0])
    const expected = new Float32Array([0, name === "MXINT8" ? 0 : -0, 0])
    const found = roundBlocks(parse(name)!, zeros, { sharedExponent: "floor" })
    expect(differing(found, expected)).toBe(0)
    expect(
      roundBlocks(parse(name)!, new Float32Array(0), { sharedExponent: "floor" }),
    ).toHaveLength(0)
  })
})

it("finds shared exponents by three rules", () => {
  // 7 is beyond the largest element 6 at scale 1, but not at scale 2
  expect(rounded("MXFP4", [7, 0.4], "floor")).toEqual([6, 0.5])
  expect(rounded("MXFP4", [7, 0.4], "ceil")).toEqual([8, 0])
  // 7 / 6 is above 1, so the scale is 2; 6 / 6 is 1, and ceil would make it 2
  expect(rounded("MXFP4", [7, 0.4], "roundUp")).toEqual([8, 0])
  expect(rounded("MXFP4", [6, 0.4], "roundUp")).toEqual([6, 0.5])
  expect(rounded("MXFP4", [6, 0.4], "ceil")).toEqual([6, 0])
  expect(rounded("MXFP4", [7, 0.4], "even")).toEqual([8, 0])
  expect(rounded("MXFP4", [6.9, 0.4], "even")).toEqual([6, 0.5])
  expect(rounded("MXINT8", [1, 1 / 128, 3 / 128, -2], "floor")).toEqual([1, 0, 0.03125, -2])
  expect(rounded("MXINT8", [1.999, -1.999], "floor")).toEqual([127 / 64, -127 / 64])
})

it("poisons the block of an infinity or NaN, and under a tensor scale the tensor", () => {
  const x = Float32Array.from({ length: 64 }, (_, i) => (i === 3 ? Infinity : i))
  expect(
    roundBlocks(parse("MXFP8E4M3")!, x, { sharedExponent: "floor" }).findIndex((v) => v === 32),
  ).toBe(32)
  expect(roundBlocks(parse("MXFP8E4M3")!, x, { sharedExponent: "floor" })[31]).toBeNaN()
  expect(roundBlocks(parse("NVFP4")!, x, {}).every(Number.isNaN)).toBe(true)
})

it("knows storage bits", () => {
  expect(Object.fromEntries(inBlocks.map((name) => [name, storageBits(parse(name)!)]))).toEqual({
    MXFP4: 4.25,
    MXFP6E2M3: 6.25,
    MXFP6E3M2: 6.25,
    MXFP8E4M3: 8.25,
    MXFP8E5M2: 8.25,
    MXINT8: 8.25,
    NVFP4: 4.5,
  })
})
