/** A number format as files describe it to those who do not know its name: its numbers, its storage, its block scale. */
import type { Format } from "../format/Format.ts"
import { storageBits } from "../format/Formats.ts"

/** What a file says of a format. The rule of rounding that the numbers enter is that of `format/Format.ts`. */
export interface FormatNumbers extends Pick<
  Format,
  "bits" | "mantissaBits" | "minExponent" | "lo" | "hi" | "negativeZero" | "scaled" | "block"
> {
  /** Bits of one element with its share of the block scale. */
  readonly storageBits: number
  /** True where the code of 0 is found with every scale; absent where there is no zero point. */
  readonly zeroPoint?: true
}

export const formatNumbers = (format: Format): FormatNumbers => {
  const { bits, block, hi, lo, mantissaBits, minExponent, negativeZero, scaled } = format
  return {
    bits,
    storageBits: storageBits(format),
    mantissaBits,
    minExponent,
    lo,
    hi,
    negativeZero,
    scaled,
    ...(format.zeroPoint === undefined ? {} : { zeroPoint: true }),
    ...(block === undefined ? {} : { block: { ...block } }),
  }
}
