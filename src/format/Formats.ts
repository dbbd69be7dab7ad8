/**
 * The list of format families, the named sets of formats, and the row of numbers by which tensors see a format.
 *
 * Left out: rounding (`round.ts`), scales (`quantizer/`).
 */
import { meant } from "../declaration/Suggest.ts"
import { FloatFormat } from "./FloatFormat.ts"
import { BlockFormat } from "./BlockFormat.ts"
import type { Format, FormatFamily, SharedExponent } from "./Format.ts"
import { IntFormat } from "./IntFormat.ts"
import { exponentOf, zeroOf } from "./round.ts"
import { otherSpelling } from "./Spellings.ts"
import { VariantFormat } from "./VariantFormat.ts"
import { WideFormat } from "./WideFormat.ts"

const families: ReadonlyArray<FormatFamily> = [
  IntFormat,
  FloatFormat,
  VariantFormat,
  WideFormat,
  BlockFormat,
]

/** Every format there is, in the order `format list` prints them. */
export const names: ReadonlyArray<string> = families.flatMap((family) => family.names)

/** The format of that exact name; undefined when there is none (`explain` says why). */
export const parse = (name: string): Format | undefined => {
  for (const family of families) {
    const format = family.make(name)
    if (format !== undefined) return format
  }
  return undefined
}

/**
 * The sets of the FLIQS paper (arXiv 2308.03290) as we read it: the paper's exact members could not be checked.
 * `fliqs-l-fp` is every E<x>M<y> of 4 to 8 bits with x >= 2 and y >= 1, and BF16.
 */
export const sets: Readonly<Record<string, ReadonlyArray<string>>> = {
  "fliqs-s-int": ["INT4", "INT8", "BF16"],
  "fliqs-l-int": ["INT4", "INT5", "INT6", "INT7", "INT8", "BF16"],
  "fliqs-s-fp": ["E2M1", "E4M3", "BF16"],
  "fliqs-l-fp": [
    ...FloatFormat.names.filter((name) => {
      const { bits, mantissaBits } = FloatFormat.make(name)!
      return bits >= 4 && mantissaBits >= 1 && bits - 1 - mantissaBits >= 2
    }),
    "BF16",
  ],
}

/** The names that a set's name, or a list of names and sets, stands for: in order, each once. Other words stay. */
export const expand = (source: string | ReadonlyArray<string>): Array<string> => {
  const words = typeof source === "string" ? [source] : source
  return [...new Set(words.flatMap((word) => (Object.hasOwn(sets, word) ? sets[word]! : [word])))]
}

/** What would be right in the place of a name that is no format: one sentence without the name in front. */
export const instead = (name: string): string => {
  if (Object.hasOwn(sets, name)) return "it is a set of formats, and stands in the place of a list"
  const upper = name.trim().toUpperCase()
  if (parse(upper) !== undefined) return `names are written in capitals: ${upper}`
  for (const family of families) {
    const refusal = family.refusal?.(upper)
    if (refusal !== undefined) return refusal
  }
  const whole = upper.replaceAll(/[^A-Z0-9]/g, "")
  if (parse(whole) !== undefined) return `it is written ${whole}`
  return otherSpelling(name) ?? meant(upper, names) ?? known
}

const known = "formats are INT2 to INT16, E<x>M<y> up to 8 bits, BF16, FP16, FP32, MX... and NVFP4"

/** Why a name is no format, and what would be right: one sentence without the name in front. */
export const explain = (name: string): string => {
  if (parse(name) !== undefined) return "is a format"
  const words = instead(name)
  return words === known || words.startsWith("did you mean") ? `no such format; ${words}` : words
}

/** Bits of one stored element with its share of the block scale: 4.25 for MXFP4. */
export const storageBits = ({ bits, block }: Format): number =>
  block === undefined ? bits : bits + block.bits / block.size

/** How many numbers above 0 one element can be: 1 for INT2 and E1M0. */
export const positives = ({ hi, mantissaBits, minExponent }: Format): number => {
  const top = exponentOf(hi)
  const perBinade = 2 ** mantissaBits
  if (top < minExponent) return hi * 2 ** (mantissaBits - minExponent)
  return perBinade * (top - minExponent + hi / 2 ** top)
}

/** [2^-M, smallest step, lo, hi, scaleBy, block size, shared exponent, zero] */
export type Row = readonly [
  relative: number,
  smallest: number,
  lo: number,
  hi: number,
  scaleBy: number,
  blockSize: number,
  sharedExponent: number,
  zero: number,
]
export const rowLength = 8

/** Largest E4M3 number, to which NVFP4 scales the largest block scale. */
const largestBlockScale = 448

/** What the bits of a float32 number are increased by before its mantissa is cut off, under each rule. */
const increments = (mantissaBits: number): Readonly<Record<SharedExponent, number>> => ({
  floor: 0,
  ceil: 2 ** 23 - 1,
  even: 2 ** (22 - mantissaBits),
})

/**
 * A format as eight float32 numbers: the step at y is max(relative * 2^exponent(y), smallest), the scale is absmax /
 * scaleBy. Steps below 2^-126 are not used: TensorFlow flushes smaller floats to zero. FP32 has relative step 0, which
 * means no rounding, no clipping and no scale. Block size 0 means no blocks. With blocks and a finite scaleBy the block
 * scales are E4M3, under the tensor scale absmax / scaleBy; else they are E8M0, and `sharedExponent` is what the bits of
 * the block's largest magnitude are increased by before its exponent is read. `zero` is added to every result: -0 changes
 * nothing, 0 makes +0 of a -0 that the encoding does not have. Throws for a format of E8M0 scales without a rule.
 */
export const toRow = (format: Format, sharedExponent?: SharedExponent): Row => {
  const { name, mantissaBits, minExponent, lo, hi, scaled, block } = format
  const zero = zeroOf(format)
  if (mantissaBits >= 23) return [0, 0, -Infinity, Infinity, Infinity, 0, 0, zero]
  const smallest = 2 ** Math.max(minExponent - mantissaBits, -126)
  const relative = 2 ** -mantissaBits
  if (block === undefined) return [relative, smallest, lo, hi, scaled ? hi : Infinity, 0, 0, zero]
  if (block.scale === "E4M3")
    return [relative, smallest, lo, hi, hi * largestBlockScale, block.size, 0, zero]
  if (sharedExponent === undefined) throw new Error(`${name} needs a rule for its shared exponent`)
  return [
    relative,
    smallest,
    lo,
    hi,
    Infinity,
    block.size,
    increments(mantissaBits)[sharedExponent],
    zero,
  ]
}
