/**
 * A gain for each output channel, taken into a stored weight: what a batch norm multiplies with after the product.
 *
 *     values   value * gain                       FP32
 *     scales   scale * gain, codes as they are    a float32 scale of the tensor, a channel, a block of input channels
 *
 * A scale stays above 0, so codes of a channel with a gain below 0 change their sign. Left out: scales of a type of
 * their own (MX, NVFP4), formats without scale; there the gain stays a number beside the weight.
 */
import { type Codes, isCoded, type Scales, type Stored } from "./Codes.ts"
import { codeOf, valueOfCode } from "./Encoding.ts"

const { fround } = Math
const smallestNormal = 2 ** -126

const innerOf = (shape: ReadonlyArray<number>, axis: number): number =>
  shape.slice(axis + 1).reduce((a, b) => a * b, 1)

/** The output channel of the element at this place of the row-major order. */
const channelAt = (shape: ReadonlyArray<number>, axis: number): ((place: number) => number) => {
  const [count, inner] = [shape[axis]!, innerOf(shape, axis)]
  return (place) => Math.floor(place / inner) % count
}

/** Scales times |gain|; undefined where a scale covers several output channels in a way that a gain cannot follow. */
const scaled = (
  { scales, shape }: Codes,
  axis: number,
  gain: Float32Array,
): Exclude<Scales, { readonly kind: "none" | "tensor" }> | undefined => {
  switch (scales.kind) {
    case "none":
      return undefined
    case "tensor":
      return {
        kind: "channels",
        axis,
        scales: gain.map((g) => fround(scales.scale * Math.abs(g))),
      }
    case "channels":
      return { ...scales, scales: gain.map((g, c) => fround(scales.scales[c]! * Math.abs(g))) }
    case "blocks": {
      if (scales.type !== "float32" || scales.axis === axis) return undefined
      const counts = shape.map((n, i) => (i === scales.axis ? Math.ceil(n / scales.size) : n))
      const channel = channelAt(counts, axis)
      return {
        ...scales,
        scales: scales.scales.map((s, i) => fround(s * Math.abs(gain[channel(i)]!))),
      }
    }
  }
}

/**
 * The weight times a gain for each channel of `axis`; undefined where that takes more than its values or scales: a scale
 * that would be no normal number, a code without its negative.
 */
export const withGain = (stored: Stored, axis: number, gain: Float32Array): Stored | undefined => {
  if (!isCoded(stored)) return undefined
  const scales = scaled(stored, axis, gain)
  if (scales === undefined || scales.scales.some((s) => !(s >= smallestNormal && s < Infinity)))
    return undefined
  const { format, shape } = stored
  const channel = channelAt(shape, axis)
  const codes = stored.codes.map((code, i) => {
    if (gain[channel(i)]! >= 0) return code
    const value = valueOfCode(code, format)
    return codeOf(value === 0 ? 0 : -value, format)
  })
  const isInRange = !gain.some((g) => g < 0) || codes.every((code) => hasCode(code, stored))
  return isInRange ? { ...stored, codes, scales } : undefined
}

const hasCode = (code: number, { format }: Codes): boolean => {
  const value = valueOfCode(code, format)
  return value >= format.lo && value <= format.hi
}

/** Values times the gain of their channel. */
export const timesGain = (
  values: Float32Array,
  shape: ReadonlyArray<number>,
  axis: number,
  gain: Float32Array,
): Float32Array => {
  const channel = channelAt(shape, axis)
  return values.map((value, i) => fround(value * gain[channel(i)]!))
}
