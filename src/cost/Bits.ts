/** The format of a layer's operand, as a quantity over the decision that gives it. Left out: bytes (`Storage.ts`). */
import type { Format } from "../format/Format.ts"
import type { Choices } from "../space/Decision.ts"
import { constant, ofDecision, type Quantity } from "../space/Quantity.ts"
import type { FormatSlot } from "./LayerTable.ts"

/** Which format of a slot is chosen. */
export const optionOf = ({ decision, formats }: FormatSlot): Quantity =>
  decision === null ? constant(0) : ofDecision(decision, [...formats.keys()])

export const elementBits = ({ decision, formats }: FormatSlot): Quantity =>
  decision === null
    ? constant(formats[0]!.bits)
    : ofDecision(
        decision,
        formats.map(({ bits }) => bits),
      )

/** The format of a slot under an assignment. */
export const formatIn = ({ decision, formats }: FormatSlot, choices: Choices): Format =>
  formats[decision === null ? 0 : choices[decision]!]!
