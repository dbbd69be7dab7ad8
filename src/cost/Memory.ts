/**
 * Bytes of what a file holds of the network: weights at their format's bits with their scales, and float32 numbers. A batch
 * norm is a gain for each channel, in a scale of the weight where there is one (`Storage.ts`), and a bias.
 */
import { Schema } from "effect"
import { combine } from "../space/Quantity.ts"
import { type CostKind, Target } from "./Cost.ts"
import { weightBits } from "./Storage.ts"

const floatBytes = 4

export const Memory = {
  kind: "memory",
  spec: Schema.Struct({ kind: Schema.Literal("memory"), target: Target }).annotate({
    identifier: "MemoryCost",
    description: "Bytes of the stored weights, with their scales, biases and norms.",
  }),
  unit: "bytes",
  scale: 1e6,
  printUnit: "MB",
  column: { key: "weightBytes", heading: "weight kB", scale: 1e3, of: "of weights" },
  layerCost: (layer) =>
    combine(
      [weightBits(layer), layer.extras],
      ([bits, floats]) => bits! / 8 + floats! * floatBytes,
    ),
} as const satisfies CostKind
