/**
 * The list of format families and the named sets of formats.
 *
 * Left out: rounding (`round.ts`), the row of numbers that the quantizer reads (`Row.ts`), scales (`quantizer/`).
 */
import { meant } from "../declaration/Suggest.ts"
import { FloatFormat } from "./FloatFormat.ts"
import { BlockFormat } from "./BlockFormat.ts"
import type { Format, FormatFamily } from "./Format.ts"
import { IntFormat } from "./IntFormat.ts"
import { exponentOf } from "./round.ts"
import { otherSpelling } from "./Spellings.ts"
import { UintFormat } from "./UintFormat.ts"
import { VariantFormat } from "./VariantFormat.ts"
import { WideFormat } from "./WideFormat.ts"

const families: ReadonlyArray<FormatFamily> = [
  IntFormat,
  UintFormat,
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

const known =
  "formats are INT2 to INT16, UINT2 to UINT16, E<x>M<y> up to 8 bits, BF16, FP16, FP32, MX... and NVFP4"

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
