/**
 * Other encodings of the 8-bit floats, each under its own name: FNUZ (finite, unsigned zero: the code of -0 is NaN, bias one
 * larger; Noune et al., arXiv 2206.02915) and the IEEE-like E4M3 that gives its top exponent to infinities and NaN.
 */
import type { Format, FormatFamily } from "./Format.ts"

const variant = (
  name: string,
  mantissaBits: number,
  minExponent: number,
  hi: number,
  negativeZero: boolean,
  reserved: Required<Format>["reserved"],
): Format => ({
  name,
  kind: "variant",
  bits: 8,
  mantissaBits,
  minExponent,
  lo: -hi,
  hi,
  negativeZero,
  scaled: true,
  reserved,
})

const variants: ReadonlyArray<Format> = [
  variant("E4M3FNUZ", 3, -7, 240, false, ["NaN"]),
  variant("E5M2FNUZ", 2, -15, 57344, false, ["NaN"]),
  variant("E4M3IEEE", 3, -6, 240, true, ["infinities", "NaN"]),
]

export const VariantFormat: FormatFamily = {
  kind: "variant",
  names: variants.map(({ name }) => name),
  make: (name) => variants.find((format) => format.name === name),
}
