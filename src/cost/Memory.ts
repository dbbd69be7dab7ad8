/**
 * Bytes of the stored weights: elements at their format's storage bits (block scales included), one float32 scale per
 * tensor, output channel or block where the format is scaled, and float32 biases and norms.
 */
import { Schema } from "effect"
import { combine } from "../space/Quantity.ts"
import { ofFormat, scaleBlockOf, storedBits } from "./Bits.ts"
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
    const bits = storedBits(layer.weightFormat, scaleBlockOf(layer, "weightScales"))
    const ofTensor = (layer.weightScales ?? "tensor") === "tensor"
    const perTensor = ofFormat(layer.weightFormat, ({ scaled, block }) =>
      scaled && (ofTensor || block !== undefined) ? 1 : 0,
    )
    const perChannel = ofFormat(layer.weightFormat, ({ scaled, block }) =>
      scaled && layer.weightScales === "channel" && block === undefined ? 1 : 0,
    )
    const scales = combine(
      [layer.active, perTensor, layer.outputs, perChannel],
      ([active, tensor, outputs, channel]) => active! * tensor! + outputs! * channel!,
    )
    const stored = combine(
      [layer.weights, bits, scales],
      ([weights, b, s]) => (weights! * b!) / 8 + s! * floatBytes,
    )
    return combine([stored, layer.extras], ([bytes, floats]) => bytes! + floats! * floatBytes)
  },
} as const satisfies CostModel
