/** Two's-complement integers, `INT2` to `INT16`: every value is subnormal, so the grid's spacing is 1 everywhere. */
import type { Format, FormatFamily } from "./Format.ts"
import { integerFamily } from "./IntegerFamily.ts"

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

export const IntFormat: FormatFamily = integerFamily("int", "INT", "integers", ofBits)
