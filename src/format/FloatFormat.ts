/**
 * Small floats, `E<x>M<y>` with x exponent bits, y mantissa bits and 1 + x + y <= 8: bias 2^(x-1) - 1, subnormals on,
 * saturating. All codes are finite except in the two that a standard names: E4M3 (OCP OFP8: no infinity, one NaN per
 * sign, so it ends at 448) and E5M2 (OCP OFP8: IEEE-like, ends at 57344). So E2M1, E2M3, E3M2 are those of OCP MX, and
 * E3M4 reaches 31.
 *
 * Left out: other encodings of E4M3 and E5M2, which have their own names (`VariantFormat.ts`).
 */
import type { Format, FormatFamily } from "./Format.ts"

const largestBits = 8

/** Largest finite values of those that give codes to infinities and NaN. */
const ends: Readonly<Record<string, Required<Pick<Format, "hi" | "reserved">>>> = {
  E4M3: { hi: 448, reserved: ["NaN"] },
  E5M2: { hi: 57344, reserved: ["infinities", "NaN"] },
}

const ofBits = (exponentBits: number, mantissaBits: number): Format => {
  const name = `E${exponentBits}M${mantissaBits}`
  const bias = 2 ** (exponentBits - 1) - 1
  const { hi, ...reserved } = ends[name] ?? {
    hi: 2 ** (2 ** exponentBits - 1 - bias) * (2 - 2 ** -mantissaBits),
  }
  return {
    name,
    kind: "float",
    bits: 1 + exponentBits + mantissaBits,
    mantissaBits,
    minExponent: 1 - bias,
    lo: -hi,
    hi,
    negativeZero: true,
    scaled: true,
    ...reserved,
  }
}

const bitsOf = (name: string): readonly [exponent: number, mantissa: number] | undefined => {
  const [, x, y] = /^E(0|[1-9]\d*)M(0|[1-9]\d*)$/.exec(name) ?? []
  return x === undefined || y === undefined ? undefined : [Number(x), Number(y)]
}

const allNames = (): Array<string> => {
  const names: Array<string> = []
  for (let bits = 2; bits <= largestBits; bits++)
    for (let x = 1; x <= bits - 1; x++) names.push(`E${x}M${bits - 1 - x}`)
  return names
}

export const FloatFormat: FormatFamily = {
  kind: "float",
  names: allNames(),
  make: (name) => {
    const [x, y] = bitsOf(name) ?? [0, 0]
    return x >= 1 && 1 + x + y <= largestBits ? ofBits(x, y) : undefined
  },
  refusal: (name) => {
    const bits = bitsOf(name)
    if (bits === undefined) return undefined
    const [x, y] = bits
    if (x === 8 && y === 0)
      return "it is the type of block scales, not of elements; the MX formats bring it along, such as MXFP8E4M3"
    if (x < 1)
      return `a float needs at least one exponent bit; without one use INT${Math.min(16, Math.max(2, y + 1))}`
    if (1 + x + y > largestBits)
      return `E${x}M${y} has ${1 + x + y} bits with its sign, small floats at most ${largestBits}; the wider ones are BF16 (E8M7), FP16 (E5M10) and FP32 (E8M23)`
    return undefined
  },
}
