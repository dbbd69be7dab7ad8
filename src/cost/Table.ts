/**
 * Arithmetic on the tables of quantities, fast enough for elimination over hundreds of thousands of entries.
 */
import type { Quantity } from "../space/Quantity.ts"

/** How many entries the sum of these quantities has. */
export const entriesOf = (quantities: ReadonlyArray<Quantity>): number => {
  const { sizes } = unionOf(quantities)
  return sizes.reduce((a, b) => a * b, 1)
}

const unionOf = (
  quantities: ReadonlyArray<Quantity>,
): { readonly decisions: Array<number>; readonly sizes: Array<number> } => {
  const sizeOf = new Map<number, number>()
  for (const quantity of quantities)
    quantity.decisions.forEach((decision, i) => sizeOf.set(decision, quantity.sizes[i]!))
  const decisions = [...sizeOf.keys()].sort((a, b) => a - b)
  return { decisions, sizes: decisions.map((decision) => sizeOf.get(decision)!) }
}

/** The sum of quantities, over the union of their decisions. */
export const addUp = (quantities: ReadonlyArray<Quantity>): Quantity => {
  const { decisions, sizes } = unionOf(quantities)
  const values = new Float64Array(sizes.reduce((a, b) => a * b, 1))
  for (const quantity of quantities) {
    const strides = stridesIn(quantity, decisions)
    const digits = new Int32Array(decisions.length)
    let source = 0
    for (let entry = 0; entry < values.length; entry++) {
      values[entry]! += quantity.values[source]!
      for (let i = decisions.length - 1; i >= 0; i--) {
        source += strides[i]!
        if (++digits[i]! < sizes[i]!) break
        source -= strides[i]! * sizes[i]!
        digits[i] = 0
      }
    }
  }
  return { decisions, sizes, values }
}

/** Per decision, how far its next option lies in the quantity's table; 0 where the quantity ignores it. */
const stridesIn = (quantity: Quantity, decisions: ReadonlyArray<number>): Array<number> => {
  const strides = new Map<number, number>()
  let stride = 1
  for (let i = quantity.decisions.length - 1; i >= 0; i--) {
    strides.set(quantity.decisions[i]!, stride)
    stride *= quantity.sizes[i]!
  }
  return decisions.map((decision) => strides.get(decision) ?? 0)
}

/**
 * The smallest value over the options of one decision, for every joint choice of the others, and the option that
 * reaches it (the first of equals), in a table over the same others.
 */
export const minimizeOut = (
  quantity: Quantity,
  decision: number,
): { readonly minimum: Quantity; readonly option: Quantity } => {
  const at = quantity.decisions.indexOf(decision)
  const size = quantity.sizes[at]!
  const decisions = quantity.decisions.toSpliced(at, 1)
  const sizes = quantity.sizes.toSpliced(at, 1)
  const inner = quantity.sizes.slice(at + 1).reduce((a, b) => a * b, 1)
  const least = new Float64Array(quantity.values.length / size)
  const option = new Float64Array(least.length)
  for (let entry = 0; entry < least.length; entry++) {
    const start = Math.floor(entry / inner) * inner * size + (entry % inner)
    let best = 0
    for (let k = 1; k < size; k++)
      if (quantity.values[start + k * inner]! < quantity.values[start + best * inner]!) best = k
    least[entry] = quantity.values[start + best * inner]!
    option[entry] = best
  }
  return {
    minimum: { decisions, sizes, values: least },
    option: { decisions, sizes, values: option },
  }
}
