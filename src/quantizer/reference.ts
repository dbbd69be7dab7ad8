/**
 * Fake quantization in plain TypeScript, with float32 arithmetic: what the fused kernel and the TensorFlow formula must
 * give bit for bit (where |x / s| >= 2^-119, or in any format but BF16).
 *
 * Infinities: with the batch's own absmax an infinity makes the scale infinite and the whole result NaN, so that it
 * reaches the loss; with a frozen or no scale they saturate. NaN stays NaN, and a NaN among x gives scale 1.
 */
import type { Row } from "../format/Formats.ts"
import { roundHalfEven } from "../format/round.ts"

const { fround } = Math
const float = new Float32Array(1)
const bits = new Uint32Array(float.buffer)
const smallestNormal = 2 ** -126

/** 2^exponent(y) by masking the bits; 0 for float32 subnormals, Infinity for NaN. */
const powerBelow = (y: number): number => {
  float[0] = y
  bits[0]! &= 0x7f800000
  return float[0]!
}

/** max |x|; NaN if there is one. */
export const absMax = (x: Float32Array): number =>
  x.reduce(
    (top, value) => (Math.abs(value) > top || Number.isNaN(value) ? Math.abs(value) : top),
    0,
  )

/** absmax / scaleBy; 1 where that is 0, subnormal or NaN. */
export const scaleOf = (largest: number, [, , , , scaleBy]: Row): number => {
  const s = fround(largest / scaleBy)
  return s >= smallestNormal ? s : 1
}

/** The rounding rule in float32, for one value. */
export const roundByRow = (y: number, [relative, smallest, lo, hi]: Row): number => {
  const clipped = y > hi ? hi : y < lo ? lo : y
  const u = Math.max(fround(powerBelow(clipped) * relative), smallest)
  return fround(roundHalfEven(fround(clipped / u)) * u)
}

/**
 * Fake quantization with one scale for all of x. `frozen` > 0 takes the place of x's own absmax; values beyond it
 * saturate.
 */
export const fakeQuantizeReference = (x: Float32Array, row: Row, frozen = 0): Float32Array => {
  const [relative] = row
  if (relative === 0) return x.slice()
  const f32 = Float32Array.from(row) as unknown as Row
  const s = scaleOf(frozen > 0 ? fround(frozen) : absMax(x), f32)
  return x.map((value) => fround(roundByRow(fround(value / s), f32) * s))
}

/** The same with a scale for every index along one axis; x as [outer, channels, inner]. */
export const fakeQuantizeChannelsReference = (
  x: Float32Array,
  row: Row,
  channels: number,
  inner: number,
): Float32Array => {
  const result = new Float32Array(x.length)
  for (let c = 0; c < channels; c++) {
    const places = [...x.keys()].filter((i) => Math.floor(i / inner) % channels === c)
    const some = fakeQuantizeReference(
      Float32Array.from(places, (i) => x[i]!),
      row,
    )
    places.forEach((place, i) => (result[place] = some[i]!))
  }
  return result
}
