/** Bits of a layer's operand, as a quantity over the decision that gives its format. */
import { constant, ofDecision, type Quantity } from "../space/Quantity.ts"
import type { Format } from "../format/Format.ts"
import { storageBits } from "../format/Formats.ts"
import type { FormatSlot } from "./LayerTable.ts"

/** `f` of the format a slot takes. */
export const ofFormat = (slot: FormatSlot, f: (format: Format) => number): Quantity =>
  slot.decision === null
    ? constant(f(slot.formats[0]!))
    : ofDecision(slot.decision, slot.formats.map(f))

/** With their shares of block scales. */
export const storedBits = (slot: FormatSlot): Quantity => ofFormat(slot, storageBits)

export const elementBits = (slot: FormatSlot): Quantity => ofFormat(slot, (format) => format.bits)
