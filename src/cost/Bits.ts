/** Bits of a layer's operand, as a quantity over the decision that gives its format. */
import { constant, ofDecision, type Quantity } from "../space/Quantity.ts"
import type { Format } from "../format/Format.ts"
import { storageBits } from "../format/Formats.ts"
import type { FormatSlot, Layer } from "./LayerTable.ts"

/** `f` of the format a slot takes. */
export const ofFormat = (slot: FormatSlot, f: (format: Format) => number): Quantity =>
  slot.decision === null
    ? constant(f(slot.formats[0]!))
    : ofDecision(slot.decision, slot.formats.map(f))

/** With their shares of block scales: `blockSize` elements share a float32 scale where the format has no blocks itself. */
export const storedBits = (slot: FormatSlot, blockSize = Infinity): Quantity =>
  ofFormat(slot, (format) =>
    format.scaled && format.block === undefined
      ? format.bits + 32 / blockSize
      : storageBits(format),
  )

/** The elements that share a float32 scale of a layer's operand; Infinity when no block has one. */
export const scaleBlockOf = (layer: Layer, operand: "weightScales" | "inputScales"): number =>
  layer[operand] === "block" ? layer.blockSize! : Infinity

export const elementBits = (slot: FormatSlot): Quantity => ofFormat(slot, (format) => format.bits)
