/**
 * A number format: a row of numbers that one rounding rule serves (INT, minifloat and wide float alike).
 *
 *     y = clip(x / s, lo, hi)
 *     u = 2^(max(exponent(y), minExponent) - mantissaBits)
 *     q = roundHalfEven(y / u) * u
 *     fakeQuantized = q * s
 *
 * A zero keeps the sign of x where the encoding has a code for -0, else it is +0.
 *
 * Block formats add a scale for every few elements. Left out: scales and granularity (`quantizer/`).
 */
export interface Format {
  /** The only spelling, in YAML, JSON, MLflow and docs: `INT4`, `E4M3`, `BF16`. */
  readonly name: string
  /** The family that made it. */
  readonly kind: string
  /** Bits of one element, without its share of a block scale. */
  readonly bits: number
  readonly mantissaBits: number
  /** Exponent of the smallest normal value; below it the grid is evenly spaced. */
  readonly minExponent: number
  readonly lo: number
  readonly hi: number
  /** Whether there is a code for -0: in sign and magnitude, not in two's complement nor in FNUZ. */
  readonly negativeZero: boolean
  /** Whether a float32 scale belongs to it: not to BF16, FP16 and FP32, nor to those with E8M0 block scales. */
  readonly scaled: boolean
  /** What its other codes stand for; absent where every code is a finite number. */
  readonly reserved?: ReadonlyArray<"infinities" | "NaN">
  /**
   * Only of formats with a zero point: the whole number that is the code of 0. `found`: with every scale, from the lowest
   * and the highest of the values. A number: it is known, and lo and hi are moved by it.
   */
  readonly zeroPoint?: "found" | number
  /** Only of block formats; the numbers above are then those of one element. */
  readonly block?: BlockScale
}

/** Consecutive elements that share a scale. */
export interface BlockScale {
  /** Elements of a block. */
  readonly size: number
  /** E8M0: a power of two. E4M3: that float, times one float32 scale of the tensor. */
  readonly scale: "E8M0" | "E4M3"
  /** Bits of one stored block scale. */
  readonly bits: number
}

/**
 * How the amax of a block becomes the power of two that its E8M0 scale comes from: the one below (OCP), the
 * one above, or the one below after rounding to the element's mantissa.
 * By `roundUp` the scale itself is the power of two at or above amax / (the largest element).
 */
export type SharedExponent = "floor" | "ceil" | "even" | "roundUp"
export const sharedExponents: ReadonlyArray<SharedExponent> = ["floor", "ceil", "even", "roundUp"]

/** One family of formats, recognised by name. Adding a family is one file and one entry in `Formats.ts`. */
export interface FormatFamily {
  readonly kind: string
  /** The names this family knows, in the order `format list` prints them. */
  readonly names: ReadonlyArray<string>
  readonly make: (name: string) => Format | undefined
  /** Why a name that looks like one of this family is none, and what would be right. */
  readonly refusal?: (name: string) => string | undefined
}
