/**
 * Bytes of the stored weights: elements at their format's bits, one float32 scale per tensor or output channel where
 * the format is scaled, and float32 biases and norms.
 */
import { Schema } from "effect"
import { combine } from "../space/Quantity.ts"
import { ofFormat } from "./Bits.ts"
import { type CostModel, Target } from "./Cost.ts"

const floatBytes = 4

export const Memory = {
  kind: "memory",
  spec: Schema.Struct({ kind: Schema.Literal("memory"), target: Target }).annotate({
    identifier: "MemoryCost",
  }),
  unit: "bytes",
  scale: 1e6,
  printUnit: "MB",
  layerCost: (layer) => {
    const bits = ofFormat(layer.weightFormat, (format) => format.bits)
    const scaled = ofFormat(layer.weightFormat, (format) => (format.scaled ? 1 : 0))
    const groups = layer.weightScales === "channel" ? layer.outputs : layer.active
    const stored = combine(
      [layer.weights, bits, groups, scaled],
      ([weights, b, scales, s]) => (weights! * b!) / 8 + scales! * s! * floatBytes,
    )
    return combine([stored, layer.extras], ([bytes, floats]) => bytes! + floats! * floatBytes)
  },
} as const satisfies CostModel
