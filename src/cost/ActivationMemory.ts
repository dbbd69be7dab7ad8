/** Bytes of activations read: the sum over layers of input elements at their format's storage bits, batch 1. */
import { Schema } from "effect"
import { combine } from "../space/Quantity.ts"
import { scaleBlockOf, storedBits } from "./Bits.ts"
import { type CostModel, Target } from "./Cost.ts"

export const ActivationMemory = {
  kind: "activationMemory",
  spec: Schema.Struct({ kind: Schema.Literal("activationMemory"), target: Target }).annotate({
    identifier: "ActivationMemoryCost",
  }),
  unit: "bytes",
  scale: 1e6,
  printUnit: "MB",
  layerCost: (layer) =>
    combine(
      [layer.inputs, storedBits(layer.activationFormat, scaleBlockOf(layer, "inputScales"))],
      ([inputs, bits]) => (inputs! * bits!) / 8,
    ),
} as const satisfies CostModel
