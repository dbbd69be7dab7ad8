/** A number format as files describe it to those who do not know its name: its numbers, its storage, its block scale. */
import type { Format } from "../format/Format.ts"
import { storageBits } from "../format/Formats.ts"

/** What a file says of a format. The rule of rounding that the numbers enter is that of `format/Format.ts`. */
export interface FormatNumbers {
  /** Bits of one element. */
  readonly bits: number
  /** The same with its share of the block scale. */
  readonly storageBits: number
  readonly mantissaBits: number
  readonly minExponent: number
  readonly lo: number
  readonly hi: number
  readonly negativeZero: boolean
  /** Whether a float32 scale belongs to it. */
  readonly scaled: boolean
  readonly block?: { readonly size: number; readonly scale: "E8M0" | "E4M3"; readonly bits: number }
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
    ...(block === undefined ? {} : { block: { ...block } }),
  }
}
