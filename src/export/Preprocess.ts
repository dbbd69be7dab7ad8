/** Images as a network takes them. Left out: other orders of axes (each target). */
import { normalisationOf, type Values } from "../data/Dataset.ts"
import type { FoundModel } from "./FoundModel.ts"

/** Values [count, height, width, channels] -> floats of the same shape: value / (255 std) - mean / std in float32. */
export const normalisedRows = (
  images: Values,
  { network, preprocessing }: Pick<FoundModel, "network" | "preprocessing">,
): Float32Array => {
  const { fround } = Math
  const { channels } = network.graph.input
  const factors = normalisationOf(preprocessing)
  const [scale, shift] = [factors.scale.map(fround), factors.shift.map(fround)]
  return Float32Array.from(images, (value, i) =>
    fround(fround(value * scale[i % channels]!) + shift[i % channels]!),
  )
}
