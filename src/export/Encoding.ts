/**
 * The bits of one element of a format: which code a value has, and which value a code.
 *
 * Integers are two's complement, MXINT8 in sixty-fourths. Floats have a sign bit, an exponent field, a mantissa; field 0 is
 * subnormal, field 1 the binade of `minExponent`. Left out: rounding to a value that has a code (`Codes.ts`).
 */
import type { Format } from "../format/Format.ts"
import { exponentOf, powerOfTwo } from "../format/round.ts"

/** Whether codes are integers, each times the same step. */
export const isInteger = ({ kind, name }: Format): boolean =>
  kind === "int" || kind === "uint" || name === "MXINT8"

/** What one step of an integer code is worth before any scale: 1, of MXINT8 1 / 64. */
export const stepOf = ({ name }: Format): number => (name === "MXINT8" ? 1 / 64 : 1)

const isNegative = (value: number): boolean => value < 0 || Object.is(value, -0)

/**
 * The code of a value that the format has: a signed integer for integers, else the bits as a number from 0. Meaningless
 * for other values, and for FP32.
 */
export const codeOf = (value: number, format: Format): number => {
  if (isInteger(format)) return value / stepOf(format)
  const { bits, mantissaBits, minExponent } = format
  const size = Math.abs(value)
  const exponent = Math.max(exponentOf(size), minExponent)
  // counts the values below it: subnormal ones, then those of every binade
  const rank = size / powerOfTwo(exponent - mantissaBits)
  const magnitude = rank + (exponent - minExponent) * 2 ** mantissaBits
  return isNegative(value) ? magnitude + 2 ** (bits - 1) : magnitude
}

/** The value of a code; NaN for codes that no value of the format has. */
export const valueOfCode = (code: number, format: Format): number => {
  if (isInteger(format)) return code * stepOf(format)
  const { bits, mantissaBits, minExponent, hi, negativeZero } = format
  const half = 2 ** (bits - 1)
  const magnitude = code % half
  const perBinade = 2 ** mantissaBits
  const field = Math.floor(magnitude / perBinade)
  const mantissa = magnitude % perBinade
  const size =
    field === 0
      ? mantissa * powerOfTwo(minExponent - mantissaBits)
      : (perBinade + mantissa) * powerOfTwo(field - 1 + minExponent - mantissaBits)
  if (size > hi || (code === half && !negativeZero)) return Number.NaN
  return code >= half ? -size : size
}

/** The values of all codes of a float format, in the order of the codes: [2^bits]. */
export const valuesOfCodes = (format: Format): Float32Array =>
  Float32Array.from({ length: 2 ** format.bits }, (_, code) => valueOfCode(code, format))

/** 2^least, ..., 2^most. */
export const powersOfTwo = (least: number, most: number): Float32Array =>
  Float32Array.from({ length: most - least + 1 }, (_, i) => powerOfTwo(least + i))

/** The values of all codes of E8M0: 2^-127 to 2^127, then NaN. */
export const valuesOfExponents = (): Float32Array =>
  Float32Array.of(...powersOfTwo(-127, 127), Number.NaN)
