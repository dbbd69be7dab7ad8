/** Two's-complement integers, `INT2` to `INT16`: every value is subnormal, so the grid's spacing is 1 everywhere. */
import type { Format, FormatFamily } from "./Format.ts"

const smallestBits = 2
const largestBits = 16

const ofBits = (bits: number): Format => ({
  name: `INT${bits}`,
  kind: "int",
  bits,
  mantissaBits: bits - 1,
  minExponent: bits - 1,
  lo: -(2 ** (bits - 1)),
  hi: 2 ** (bits - 1) - 1,
  negativeZero: false,
  scaled: true,
})

/**
 * The format for values that cannot be negative: an integer's range becomes 0 to 2^b - 1, under the same name and at the
 * same bits. Other formats stay as they are.
 */
export const unsigned = (format: Format): Format =>
  format.kind === "int" ? { ...format, lo: 0, hi: 2 ** format.bits - 1 } : format

const bitsOf = (name: string): number | undefined => {
  const digits = /^INT(0|[1-9]\d*)$/.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

const inRange = (bits: number): boolean => bits >= smallestBits && bits <= largestBits

export const IntFormat: FormatFamily = {
  kind: "int",
  names: Array.from({ length: largestBits - smallestBits + 1 }, (_, i) => `INT${smallestBits + i}`),
  make: (name) => {
    const bits = bitsOf(name)
    return bits !== undefined && inRange(bits) ? ofBits(bits) : undefined
  },
  refusal: (name) => {
    const bits = bitsOf(name)
    if (bits === undefined || inRange(bits)) return undefined
    const nearest = bits < smallestBits ? smallestBits : largestBits
    return `integers have ${smallestBits} to ${largestBits} bits; the nearest is INT${nearest}`
  },
}
