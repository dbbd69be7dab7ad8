/** Bit operations: GMACs * weight bits * activation bits, batch 1 (FLIQS, arXiv 2308.03290, section 3). */
import { Schema } from "effect"
import { combine } from "../space/Quantity.ts"
import { elementBits } from "./Bits.ts"
import { type CostKind, Target } from "./Cost.ts"

export const Gbops = {
  kind: "gbops",
  spec: Schema.Struct({ kind: Schema.Literal("gbops"), target: Target }).annotate({
    identifier: "GbopsCost",
    description:
      "Bit operations in 1e9, batch 1: MACs times bits of the weights times bits of the activations.",
  }),
  unit: "GBOPs",
  scale: 1,
  printUnit: "GBOPs",
  column: { key: "gbops", heading: "GBOPs", scale: 1, parts: 1e9 },
  layerCost: (layer) =>
    combine(
      [layer.macs, elementBits(layer.weightFormat), elementBits(layer.activationFormat)],
      ([macs, weightBits, activationBits]) => (macs! * weightBits! * activationBits!) / 1e9,
    ),
} as const satisfies CostKind
