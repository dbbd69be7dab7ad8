/**
 * Rounding to a block format, exactly: consecutive values form blocks, the whole input is the tensor.
 *
 *     E8M0    e = clip(exponent(blockAmax) - emax, -127, 127),  s = 2^e,  q = round(x / s) * s
 *     E4M3    t = amax / (hi * 448),  b = E4M3(blockAmax / hi / t),  q = round(x / (b * t)) * b * t
 *
 * with emax the exponent of the largest element. Powers of two scale exactly, so the first is exact in float64. In the
 * second t is a float32 number, as it is stored, and every quotient and product is rounded to float32; scales of zero
 * (below the smallest normal float32) give zeros. A block with an infinity or NaN is NaN, as E8M0 has a code for that;
 * under a tensor scale the tensor is.
 *
 * Sources: OCP Microscaling Formats 1.0, section 6.3 (`floor`); `ceil`, `even` and
 * `roundUp` (there RCEIL: the power of two at or above blockAmax / hi, as CUDA converts to UE8M0) as torchao has them; NVFP4 as NVIDIA's
 * TransformerEngine scales it.
 */
import type { Format, SharedExponent } from "./Format.ts"
import { exponentOf, powerOfTwo, roundOne, zeroOf } from "./round.ts"
import { blockScaleFormat } from "./Row.ts"

const { fround } = Math
const smallestNormal = 2 ** -126

/** max |x|; NaN if there is one. */
const absMax = (x: Float32Array): number =>
  x.reduce((most, v) => (Math.abs(v) > most || Number.isNaN(v) ? Math.abs(v) : most), 0)

/** The exponent of a block's amax, after the rule has rounded that to a power of two. */
const sharedExponentOf = (
  blockAmax: number,
  rule: SharedExponent,
  { hi, mantissaBits }: Format,
): number => {
  const exponent = exponentOf(blockAmax)
  const power = powerOfTwo(exponent)
  const up = {
    floor: false,
    ceil: blockAmax > power,
    even: blockAmax >= power * (2 - 2 ** -(mantissaBits + 1)),
    roundUp: blockAmax > power * (hi / powerOfTwo(exponentOf(hi))),
  }
  return exponent + (up[rule] ? 1 : 0)
}

const roundMicroScaled = (format: Format, x: Float32Array, rule: SharedExponent): Float32Array => {
  const blockAmax = absMax(x)
  if (!Number.isFinite(blockAmax)) return x.map(() => Number.NaN)
  if (blockAmax === 0) return x.map((value) => value + zeroOf(format))
  const e = sharedExponentOf(blockAmax, rule, format) - exponentOf(format.hi)
  const s = powerOfTwo(Math.max(-127, Math.min(127, e)))
  return x.map((value) => roundOne(format, value / s) * s)
}

const roundUnderTensor = (format: Format, x: Float32Array, t: number): Float32Array => {
  const b = roundOne(blockScaleFormat, fround(fround(absMax(x) / format.hi) / t))
  const s = fround(b * t)
  if (t < smallestNormal || s < smallestNormal)
    return x.map((value) => value / Infinity + zeroOf(format))
  return x.map((value) => roundOne(format, fround(value / s)) * b * t + zeroOf(format))
}

export interface BlockOptions {
  /** Elements of a block; by default the format's. The last block may be short. */
  readonly size?: number
  /** The rule of E8M0 scales. Required by formats that have them. */
  readonly sharedExponent?: SharedExponent
}

/** Float32 values -> the nearest ones of a block format. Throws for a format without blocks, and without a rule. */
export const roundBlocks = (
  format: Format,
  values: Float32Array,
  { size, sharedExponent }: BlockOptions,
): Float32Array => {
  const { block } = format
  if (block === undefined) throw new Error(`${format.name} has no blocks`)
  const rule = sharedExponent
  if (block.scale === "E8M0" && rule === undefined)
    throw new Error(`${format.name} needs a rule for its shared exponent`)
  const step = size ?? block.size
  const t = fround(absMax(values) / (format.hi * blockScaleFormat.hi))
  const result = new Float32Array(values.length)
  for (let start = 0; start < values.length; start += step) {
    const some = values.subarray(start, start + step)
    const rounded =
      block.scale === "E8M0"
        ? roundMicroScaled(format, some, rule!)
        : roundUnderTensor(format, some, t)
    result.set(rounded, start)
  }
  return result
}
