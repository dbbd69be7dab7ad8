/** Bytes of images as a network takes them. Left out: other orders of axes (each target). */
import { normalisationOf } from "../data/Dataset.ts"
import type { FoundModel } from "./FoundModel.ts"

/** Bytes [count, height, width, channels] -> floats of the same shape: byte / (255 std) - mean / std in float32. */
export const normalisedRows = (
  images: Uint8Array,
  { network, preprocessing }: Pick<FoundModel, "network" | "preprocessing">,
): Float32Array => {
  const { fround } = Math
  const { channels } = network.graph.input
  const factors = normalisationOf(preprocessing)
  const [scale, shift] = [factors.scale.map(fround), factors.shift.map(fround)]
  return Float32Array.from(images, (byte, i) =>
    fround(fround(byte * scale[i % channels]!) + shift[i % channels]!),
  )
}
