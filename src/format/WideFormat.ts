/**
 * Formats with range enough to need no scale: `BF16` (8 exponent bits, 7 mantissa bits), `FP16` (IEEE binary16), and
 * `FP32`, which rounds nothing. BF16 and FP16 saturate at their largest finite value, infinities too.
 */
import type { Format, FormatFamily } from "./Format.ts"

const wide = (
  name: string,
  bits: number,
  mantissaBits: number,
  minExponent: number,
  hi: number,
): Format => ({
  name,
  kind: "wide",
  bits,
  mantissaBits,
  minExponent,
  lo: -hi,
  hi,
  negativeZero: true,
  scaled: false,
  reserved: ["infinities", "NaN"],
})

const formats: ReadonlyArray<Format> = [
  wide("BF16", 16, 7, -126, 2 ** 127 * (2 - 2 ** -7)),
  wide("FP16", 16, 10, -14, 65504),
  wide("FP32", 32, 23, -126, 2 ** 127 * (2 - 2 ** -23)),
]

export const WideFormat: FormatFamily = {
  kind: "wide",
  names: formats.map(({ name }) => name),
  make: (name) => formats.find((format) => format.name === name),
}
