/**
 * Fake quantization in plain TypeScript, with float32 arithmetic: what the fused kernel and the TensorFlow formula must
 * give bit for bit (where |x / s| >= 2^-119, or in any format but BF16).
 *
 * Infinities: where the amax is that of x, an infinity makes the scale infinite and the whole result NaN, so that it
 * reaches the loss. With a calibrated amax or no scale infinities saturate. NaN stays NaN, and a NaN among x gives scale 1.
 */
import { roundHalfEven } from "../format/round.ts"
import { blockScaleFormat, mapColumns, type Row, toRow, withZeroPoint } from "../format/Row.ts"

const { fround } = Math
const float = new Float32Array(1)
const bits = new Uint32Array(float.buffer)
const smallestNormal = 2 ** -126

export const inFloat32 = (row: Row): Row => mapColumns((column) => fround(row[column]))

/** 2^exponent(y) by masking the bits; 0 for float32 subnormals, Infinity for NaN. */
const powerBelow = (y: number): number => {
  float[0] = y
  bits[0]! &= 0x7f800000
  return float[0]!
}

/** max |x|; NaN if there is one. */
export const absMax = (x: Float32Array): number =>
  x.reduce(
    (most, value) => (Math.abs(value) > most || Number.isNaN(value) ? Math.abs(value) : most),
    0,
  )

/** amax / scaleBy; 1 where that is 0, subnormal or NaN. */
export const scaleOf = (amax: number, { scaleBy }: Row): number => {
  const s = fround(amax / scaleBy)
  return s >= smallestNormal ? s : 1
}

/** The rounding rule in float32, for one value; a zero keeps its sign. */
export const roundByRow = (y: number, { relative, smallest, lo, hi }: Row): number => {
  const clipped = y > hi ? hi : y < lo ? lo : y
  const u = Math.max(fround(powerBelow(clipped) * relative), smallest)
  return fround(roundHalfEven(fround(clipped / u)) * u)
}

/** What the scale and the zero point of values are found from, in formats that have one: 0 lies between the two. */
export interface Ends {
  readonly least: number
  readonly most: number
}

/** The ends of x and 0, no further from 0 than `limit` where that is above 0; NaN if there is one. */
export const endsOf = (x: Float32Array, limit = 0): Ends => {
  let least = 0
  let most = 0
  for (const value of x) {
    if (Number.isNaN(value)) return { least: value, most: value }
    least = value < least ? value : least
    most = value > most ? value : most
  }
  if (!(limit > 0)) return { least, most }
  return { least: least < -limit ? -limit : least, most: most > limit ? limit : most }
}

/** The code of 0 where values go from `least` over a `span`: -least / s; 0 where span / scaleBy is no scale. */
export const zeroPointOf = (least: number, span: number, { scaleBy }: Row): number => {
  const s = fround(span / scaleBy)
  return s >= smallestNormal ? roundHalfEven(fround(-least / s)) : 0
}

/** The scale of x, and the row with the range that x is rounded in. `calibrated` as below. */
export const gridOf = (x: Float32Array, row: Row, calibrated: number): readonly [number, Row] => {
  if (row.affine === 0) return [scaleOf(calibrated > 0 ? calibrated : absMax(x), row), row]
  const { least, most } = endsOf(x, calibrated)
  const span = fround(most - least)
  return [scaleOf(span, row), withZeroPoint(row, zeroPointOf(least, span, row))]
}

/**
 * Fake quantization with one scale for all of x. A `calibrated` amax above 0 takes the place of x's own, and of a format
 * with a zero point limits the ends of x; larger magnitudes saturate.
 */
export const fakeQuantizeReference = (x: Float32Array, row: Row, calibrated = 0): Float32Array => {
  if (row.relative === 0) return x.slice()
  const [s, f32] = gridOf(x, inFloat32(row), fround(calibrated))
  return x.map((value) => fround(roundByRow(fround(value / s), f32) * s) + row.zero)
}

/** The largest |x| after floor(n (1 - percent / 100)) of the n values are left out; one is kept. NaN is above everything. */
export const percentileReference = (x: Float32Array, percent: number): number => {
  const leftOut = Math.floor(fround(x.length * fround(1 - percent / 100)))
  return x
    .map(Math.abs)
    .sort()
    .at(-1 - Math.min(leftOut, x.length - 1))!
}

/** The first of `parts` of max |x| at which rounding has the least squared error; max |x| where that is not finite. */
export const leastErrorReference = (
  x: Float32Array,
  row: Row,
  parts: ReadonlyArray<number>,
): number => {
  const absmax = absMax(x)
  if (!Number.isFinite(absmax)) return absmax
  const amaxes = parts.map((part) => fround(absmax * fround(part)))
  const errors = amaxes.map((amax) =>
    fakeQuantizeReference(x, row, amax).reduce((sum, q, i) => sum + fround(q - x[i]!) ** 2, 0),
  )
  return amaxes[errors.indexOf(Math.min(...errors))]!
}

const blockScaleRow = toRow(blockScaleFormat)

/** The power of two that a block is scaled by, from the bits of its amax. */
const sharedScale = (blockAmax: number, hi: number, increment: number): number => {
  if (!Number.isFinite(blockAmax)) return Number.NaN
  float[0] = hi
  const emax = (bits[0]! >>> 23) - 127
  float[0] = blockAmax
  const e = ((bits[0]! + increment) >>> 23) - emax
  bits[0] = Math.max(1, Math.min(254, e)) << 23
  return float[0]!
}

/** The tensor scale of a block format whose block scales have one (NVFP4), from the amax of the tensor; else 1. */
export const tensorScaleOf = (amax: number, { scaleBy }: Row): number =>
  Number.isFinite(scaleBy) ? fround(amax / scaleBy) : 1

/** The stored scale of a block, from its amax, the row in float32 and the tensor scale. */
export const blockScaleOf = (blockAmax: number, row: Row, tensorScale: number): number => {
  const { hi, increment, scaleBy } = row
  if (!Number.isFinite(scaleBy)) return sharedScale(blockAmax, hi, increment)
  return tensorScale < smallestNormal
    ? 0
    : roundByRow(fround(fround(blockAmax / hi) / tensorScale), blockScaleRow)
}

/**
 * A block format; x as [outer, channels, inner], blocks along the channels, the last one of each run possibly short.
 * `calibrated` takes the place of x's own amax in the tensor scale, where there is one.
 */
export const fakeQuantizeBlocksReference = (
  x: Float32Array,
  row: Row,
  channels: number,
  inner: number,
  calibrated = 0,
): Float32Array => {
  const f32 = inFloat32(row)
  const { blockSize: size } = f32
  const t = tensorScaleOf(calibrated > 0 ? fround(calibrated) : absMax(x), f32)
  const result = new Float32Array(x.length)
  for (let start = 0; start < x.length; start += channels * inner)
    for (let first = 0; first < channels; first += size)
      for (let i = 0; i < inner; i++) {
        const count = Math.min(size, channels - first)
        const places = Array.from({ length: count }, (_, c) => start + (first + c) * inner + i)
        const blockAmax = absMax(Float32Array.from(places, (place) => x[place]!))
        const b = blockScaleOf(blockAmax, f32, t)
        const s = fround(b * t)
        for (const place of places) {
          const value = x[place]!
          const q = roundByRow(fround(value / s), f32)
          result[place] =
            (s < smallestNormal ? value / Infinity : fround(fround(q * b) * t)) + row.zero
        }
      }
  return result
}
