/**
 * Unsigned integers with a zero point, `UINT2` to `UINT16`: for activations, whose values need not lie evenly about 0.
 *
 *     s = (most - least) / (2^b - 1),   z = roundHalfEven(-least / s),   lo = -z,   hi = 2^b - 1 - z
 *
 * with least <= 0 <= most the ends of the values, so that 0 is a multiple of the scale, and its code is z. The numbers of
 * the format are those of its codes, with z = 0.
 */
import type { Format, FormatFamily } from "./Format.ts"
import { integerFamily } from "./IntegerFamily.ts"

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

export const UintFormat: FormatFamily = integerFamily("uint", "UINT", "unsigned integers", ofBits)
