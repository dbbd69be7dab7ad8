/**
 * A number that depends on a few decisions: a channel width, the MACs of a layer, its cost.
 *
 * Stored as a dense table over the options of those decisions (row-major, last decision fastest), so that a sum of
 * quantities is multilinear in the decisions' probabilities: its expectation and gradient have a closed form.
 */
import type { Choices } from "./Decision.ts"

export interface Quantity {
  /** Indices into `DecisionSpace.decisions`, ascending, no repeats. */
  readonly decisions: ReadonlyArray<number>
  /** Options of each of them. */
  readonly sizes: ReadonlyArray<number>
  /** [sizes[0], sizes[1], ...] */
  readonly values: Float64Array
}

/** A quantity over more joint options than this is refused: the space couples too many decisions in one layer. */
export const maxEntries = 1_000_000

export const constant = (value: number): Quantity => ({
  decisions: [],
  sizes: [],
  values: Float64Array.of(value),
})

/** The quantity that is `values[choice]` of one decision. */
export const ofDecision = (decision: number, values: ReadonlyArray<number>): Quantity => ({
  decisions: [decision],
  sizes: [values.length],
  values: Float64Array.from(values),
})

export const isConstant = (quantity: Quantity): boolean => quantity.decisions.length === 0

export const valueOf = (quantity: Quantity, choices: Choices): number => {
  let index = 0
  for (let i = 0; i < quantity.decisions.length; i++)
    index = index * quantity.sizes[i]! + choices[quantity.decisions[i]!]!
  return quantity.values[index]!
}

export const map = (quantity: Quantity, f: (value: number) => number): Quantity => ({
  ...quantity,
  values: quantity.values.map(f),
})

export const minimum = (quantity: Quantity): number =>
  quantity.values.reduce((a, b) => Math.min(a, b))
export const maximum = (quantity: Quantity): number =>
  quantity.values.reduce((a, b) => Math.max(a, b))

/** That quantity, as data: `Items.ts` makes a problem of it, at the item whose layer it is. */
export class TooManyJointOptions extends Error {
  readonly decisions: number
  readonly entries: number

  constructor(decisions: number, entries: number) {
    super(`${decisions} decisions with ${entries} joint options meet in one layer`)
    this.decisions = decisions
    this.entries = entries
  }
}

/** `f` of several quantities, over the union of their decisions. Throws `TooManyJointOptions` past `maxEntries`. */
export const combine = (
  quantities: ReadonlyArray<Quantity>,
  f: (values: ReadonlyArray<number>) => number,
): Quantity => {
  const sizeOf = new Map<number, number>()
  for (const q of quantities) q.decisions.forEach((d, i) => sizeOf.set(d, q.sizes[i]!))
  const decisions = [...sizeOf.keys()].sort((a, b) => a - b)
  const sizes = decisions.map((d) => sizeOf.get(d)!)
  const entries = sizes.reduce((a, b) => a * b, 1)
  if (entries > maxEntries) throw new TooManyJointOptions(decisions.length, entries)
  const values = new Float64Array(entries)
  const choices: Array<number> = []
  for (let entry = 0; entry < entries; entry++) {
    let rest = entry
    for (let i = decisions.length - 1; i >= 0; i--) {
      choices[decisions[i]!] = rest % sizes[i]!
      rest = Math.floor(rest / sizes[i]!)
    }
    values[entry] = f(quantities.map((q) => valueOf(q, choices)))
  }
  return { decisions, sizes, values }
}
