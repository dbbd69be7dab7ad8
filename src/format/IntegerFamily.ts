/** Families of integer formats, which are a prefix and 2 to 16 bits. Left out: what numbers a format has (`IntFormat.ts`, `UintFormat.ts`). */
import type { Format, FormatFamily } from "./Format.ts"

const smallestBits = 2
const largestBits = 16

const inRange = (bits: number): boolean => bits >= smallestBits && bits <= largestBits

/** The family of the formats PREFIX2 to PREFIX16; `words` name them in a refusal. */
export const integerFamily = (
  kind: FormatFamily["kind"],
  prefix: string,
  words: string,
  ofBits: (bits: number) => Format,
): FormatFamily => {
  const pattern = new RegExp(`^${prefix}(0|[1-9]\\d*)$`)
  const bitsOf = (name: string): number | undefined => {
    const digits = pattern.exec(name)?.[1]
    return digits === undefined ? undefined : Number(digits)
  }
  return {
    kind,
    names: Array.from(
      { length: largestBits - smallestBits + 1 },
      (_, i) => `${prefix}${smallestBits + i}`,
    ),
    make: (name) => {
      const bits = bitsOf(name)
      return bits !== undefined && inRange(bits) ? ofBits(bits) : undefined
    },
    refusal: (name) => {
      const bits = bitsOf(name)
      if (bits === undefined || inRange(bits)) return undefined
      const nearest = bits < smallestBits ? smallestBits : largestBits
      return `${words} have ${smallestBits} to ${largestBits} bits; the nearest is ${prefix}${nearest}`
    },
  }
}
