/**
 * A number format: a row of numbers that one rounding rule serves (INT, minifloat and wide float alike).
 *
 *     y = clip(x / s, lo, hi)
 *     u = 2^(max(exponent(y), minExponent) - mantissaBits)
 *     q = roundHalfEven(y / u) * u
 *     fakeQuantized = q * s
 *
 * Left out: scales and granularity (`quantizer/`), block formats.
 */
export interface Format {
  /** The only spelling, in YAML, JSON, MLflow and docs: `INT4`, `E4M3`, `BF16`. */
  readonly name: string
  /** The family that made it. */
  readonly kind: string
  /** Bits of one stored element. */
  readonly bits: number
  readonly mantissaBits: number
  /** Exponent of the smallest normal value; below it the grid is evenly spaced. */
  readonly minExponent: number
  readonly lo: number
  readonly hi: number
  /** False for formats that are never scaled (BF16, FP16, FP32): s = 1. */
  readonly scaled: boolean
}

/** One family of formats, recognised by name. Adding a family is one file and one entry in `Formats.ts`. */
export interface FormatFamily {
  readonly kind: string
  /** The names this family knows, in the order `format list` prints them. */
  readonly names: ReadonlyArray<string>
  readonly make: (name: string) => Format | undefined
  /** Why a name that looks like one of this family is none, and what would be right. */
  readonly refusal?: (name: string) => string | undefined
}
