/**
 * The reference answers of `scripts/format-fixtures.py`, and the inputs they belong to: every value of a format, every
 * midpoint, the float32 neighbours of each, both zeros, huge and tiny numbers and the infinities, ascending.
 */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { differing } from "../tensor/support.ts"

interface Stored {
  /** Of its codes, ascending; -0 is among them where it has that code. */
  readonly values: ReadonlyArray<number>
  readonly inputs: number
  /** Index of the answer in `values`, a byte per input, as base64. */
  readonly answers: string
}

interface Hashed {
  readonly inputs: number
  readonly inputsSha256: string
  readonly answersSha256: string
}

export const fixtures = JSON.parse(
  readFileSync(new URL("./fixtures/rounding.json", import.meta.url), "utf8"),
) as Readonly<Record<string, Stored | Hashed>>

const float = new Float32Array(1)
const integer = new Int32Array(float.buffer)

/** float32 numbers in order: neighbours are one apart, both zeros are 0. */
const orderOf = (value: number): number => {
  float[0] = value
  return integer[0]! >= 0 ? integer[0]! : -(integer[0]! & 0x7fffffff)
}
const atOrder = (order: number): number => {
  integer[0] = order >= 0 ? order : -order | 0x80000000
  return float[0]!
}

/** Values of a 16-bit float from its codes, without infinities and NaN. */
const float16Values = (exponentBits: number): Array<number> => {
  const mantissaBits = 15 - exponentBits
  const bias = 2 ** (exponentBits - 1) - 1
  const sizes = Array.from({ length: (2 ** exponentBits - 1) * 2 ** mantissaBits }, (_, code) => {
    const e = code >> mantissaBits
    const fraction = (code % 2 ** mantissaBits) / 2 ** mantissaBits
    return e === 0 ? 2 ** (1 - bias) * fraction : 2 ** (e - bias) * (1 + fraction)
  })
  return [...sizes.slice(1).map((size) => -size), ...sizes].sort((a, b) => a - b)
}

const valuesOf = (name: string): ReadonlyArray<number> => {
  const fixture = fixtures[name]!
  if ("values" in fixture) return fixture.values
  if (name === "BF16") return float16Values(8)
  if (name === "FP16") return float16Values(5)
  const bits = Number(/\d+$/u.exec(name)![0])
  const least = name.startsWith("U") ? 0 : -(2 ** (bits - 1))
  return Array.from({ length: 2 ** bits }, (_, i) => i + least)
}

export const inputsOf = (name: string): Float32Array => {
  const values = valuesOf(name)
  const infinity = orderOf(Infinity)
  const chosen = new Set([-infinity, 1 - infinity, -1, 0, 1, infinity - 1, infinity])
  const near = (value: number) => {
    if (Math.abs(value) >= 2 ** 128) return
    for (const step of [-1, 0, 1]) chosen.add(orderOf(value) + step)
  }
  values.forEach(near)
  for (let i = 1; i < values.length; i++) near((values[i - 1]! + values[i]!) / 2)
  const last = (values.at(-1)! - values.at(-2)!) / 2
  near(values.at(-1)! + last)
  near(values[0]! - last)
  const ascending = [...chosen].sort((a, b) => a - b)
  return Float32Array.from(ascending.flatMap((order) => (order === 0 ? [-0, 0] : [atOrder(order)])))
}

const sha256 = (values: Float32Array): string =>
  createHash("sha256")
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest("hex")

/** How many answers are wrong in any bit; for a hashed format 1 when any is. */
export const mismatches = (name: string, inputs: Float32Array, rounded: Float32Array): number => {
  const fixture = fixtures[name]!
  if (inputs.length !== fixture.inputs) return Infinity
  if ("answersSha256" in fixture)
    return sha256(inputs) === fixture.inputsSha256 && sha256(rounded) === fixture.answersSha256
      ? 0
      : 1
  const answers = Buffer.from(fixture.answers, "base64")
  const expected = Float32Array.from(answers, (index) => fixture.values[index]!)
  return differing(rounded, expected)
}
