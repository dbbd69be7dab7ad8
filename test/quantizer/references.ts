/** What the backend is held against beside `src/quantizer/reference.ts`: a scale for each channel, gradients of clipping. */
import type { Row } from "../../src/format/Row.ts"
import { fakeQuantizeReference, inFloat32, scaleOf } from "../../src/quantizer/reference.ts"

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
const saturates = (value: number, clip: number, row: Row): boolean => {
  const y = fround(value / scaleOf(clip, row))
  return (y > row.hi || y < row.lo) && Math.abs(value) > clip && clip > 0
}

/** dy where x is inside the range, 0 where it saturates. */
export const clipGradientReference = (
  dy: Float32Array,
  x: Float32Array,
  row: Row,
  clip: number,
): Float32Array => {
  const f32 = inFloat32(row)
  return dy.map((slope, i) => (saturates(x[i]!, fround(clip), f32) ? 0 : slope))
}
