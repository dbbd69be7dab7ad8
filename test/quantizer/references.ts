/** What the backend is held against beside `src/quantizer/reference.ts`: a scale for each channel, gradients of clipping. */
import type { Row } from "../../src/format/Row.ts"
import { fakeQuantizeReference, gridOf, inFloat32, scaleOf } from "../../src/quantizer/reference.ts"

const { fround } = Math

/** Fake quantization with a scale for every index along one axis; x as [outer, channels, inner]. */
export const fakeQuantizeChannelsReference = (
  x: Float32Array,
  row: Row,
  channels: number,
  inner: number,
): Float32Array => {
  const result = new Float32Array(x.length)
  for (let c = 0; c < channels; c++) {
    const places = [...x.keys()].filter((i) => Math.floor(i / inner) % channels === c)
    const some = fakeQuantizeReference(
      Float32Array.from(places, (i) => x[i]!),
      row,
    )
    places.forEach((place, i) => (result[place] = some[i]!))
  }
  return result
}

/** Whether a value saturates under the clip magnitude `clip`; the value that `clip` is never does. */
const saturates = (value: number, clip: number, s: number, { hi, lo }: Row): boolean => {
  const y = fround(value / s)
  return (y > hi || y < lo) && Math.abs(value) > clip && clip > 0
}

/** dy where x is inside the range, 0 where it saturates. */
export const clipGradientReference = (
  dy: Float32Array,
  x: Float32Array,
  row: Row,
  clip: number,
): Float32Array => {
  const magnitude = fround(clip)
  const f32 = inFloat32(row)
  const [s, range] = row.affine === 1 ? gridOf(x, f32, magnitude) : [scaleOf(magnitude, f32), f32]
  return dy.map((slope, i) => (saturates(x[i]!, magnitude, s, range) ? 0 : slope))
}
