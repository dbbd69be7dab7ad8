/** Bytes of activations read, batch 1: the sum over layers of input elements at their format's bits, with their scales. */
import { Schema } from "effect"
import { map } from "../space/Quantity.ts"
import { type CostKind, Target } from "./Cost.ts"
import { inputBits } from "./Storage.ts"

export const ActivationMemory = {
  kind: "activationMemory",
  spec: Schema.Struct({ kind: Schema.Literal("activationMemory"), target: Target }).annotate({
    identifier: "ActivationMemoryCost",
    description: "Bytes of the activations that all layers read, batch 1.",
  }),
  unit: "bytes",
  scale: 1e6,
  printUnit: "MB",
  column: { key: "activationBytes", heading: "input kB", scale: 1e3, of: "of inputs" },
  layerCost: (layer) => map(inputBits(layer), (bits) => bits / 8),
} as const satisfies CostKind
