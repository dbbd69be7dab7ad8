/**
 * Unsigned integers with a zero point, `UINT2` to `UINT16`: for activations, whose values need not lie evenly about 0.
 *
 *     s = (most - least) / (2^b - 1),   z = roundHalfEven(-least / s),   lo = -z,   hi = 2^b - 1 - z
 *
 * with least <= 0 <= most the ends of the values, so that 0 is a multiple of the scale, and its code is z. The numbers of
 * the format are those of its codes, with z = 0.
 */
import type { Format, FormatFamily } from "./Format.ts"

const smallestBits = 2
const largestBits = 16

const ofBits = (bits: number): Format => ({
  name: `UINT${bits}`,
  kind: "uint",
  bits,
  mantissaBits: bits,
  minExponent: bits,
  lo: 0,
  hi: 2 ** bits - 1,
  negativeZero: false,
  scaled: true,
  zeroPoint: "found",
})

/** The format under a zero point that is known: its range is moved by that many steps. */
export const atZeroPoint = (format: Format, zeroPoint: number): Format => ({
  ...format,
  lo: format.lo - zeroPoint,
  hi: format.hi - zeroPoint,
  zeroPoint,
})

const bitsOf = (name: string): number | undefined => {
  const digits = /^UINT(0|[1-9]\d*)$/.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

const inRange = (bits: number): boolean => bits >= smallestBits && bits <= largestBits

export const UintFormat: FormatFamily = {
  kind: "uint",
  names: Array.from(
    { length: largestBits - smallestBits + 1 },
    (_, i) => `UINT${smallestBits + i}`,
  ),
  make: (name) => {
    const bits = bitsOf(name)
    return bits !== undefined && inRange(bits) ? ofBits(bits) : undefined
  },
  refusal: (name) => {
    const bits = bitsOf(name)
    if (bits === undefined || inRange(bits)) return undefined
    const nearest = bits < smallestBits ? smallestBits : largestBits
    return `unsigned integers have ${smallestBits} to ${largestBits} bits; the nearest is UINT${nearest}`
  },
}
