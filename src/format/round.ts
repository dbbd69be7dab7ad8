/**
 * Rounding to a format, exactly: the reference that the kernel, the TensorFlow formula and the exporters are held
 * against. Works in float64, where every step of the rule is exact for float32 input.
 *
 * Left out: scales (`quantizer/reference.ts`).
 */
import type { Format } from "./Format.ts"

const float = new Float64Array(1)
const words = new Uint32Array(float.buffer) // little-endian, as every machine Node runs on

/** 2^n, exact for -1022 <= n <= 1023 (`**` is not promised to be). */
export const powerOfTwo = (n: number): number => {
  words[0] = 0
  words[1] = (n + 1023) << 20
  return float[0]!
}

/** floor(log2 |y|) from the exponent bits; -1023 for zero and float64 subnormals. */
export const exponentOf = (y: number): number => {
  float[0] = y
  return ((words[1]! >>> 20) & 0x7ff) - 1023
}

/** The integers from here on are all there are: adding and subtracting it rounds to even. */
const magic = 2 ** 52

/** To the nearest integer, ties to even, keeping the sign of zero. */
export const roundHalfEven = (v: number): number => {
  const size = Math.abs(v)
  if (!(size < magic)) return v
  const rounded = size + magic - magic
  return v < 0 || Object.is(v, -0) ? -rounded : rounded
}

/** What a rounded value is added to: -0 changes nothing, 0 makes +0 of a -0 that the encoding does not have. */
export const zeroOf = ({ negativeZero }: Format): number => (negativeZero ? -0 : 0)

/**
 * One value: y = clip(x, lo, hi), u = 2^(max(exponent(y), minExponent) - mantissaBits), roundHalfEven(y / u) * u.
 * Infinities saturate (not in FP32, which changes nothing); NaN stays NaN; a zero is +0 where the encoding has no -0.
 */
export const roundOne = (format: Format, x: number): number => {
  const { mantissaBits, minExponent, lo, hi } = format
  if (mantissaBits >= 23) return x
  const y = x > hi ? hi : x < lo ? lo : x
  const u = powerOfTwo(Math.max(exponentOf(y), minExponent) - mantissaBits)
  return Number.isNaN(y) ? y : roundHalfEven(y / u) * u + zeroOf(format)
}

/** The nearest values of the format, ties to the even multiple of the step. Takes float32, gives new float32. */
export const round = (format: Format, values: Float32Array): Float32Array =>
  values.map((x) => roundOne(format, x))
