/**
 * The cheapest and the most expensive assignment, exactly, by variable elimination (min-sum; Dechter, "Bucket elimination",
 * 1999): take a decision, add up the terms that depend on it, keep the best option for every joint choice of its
 * neighbours, continue with the rest, and read the options back in reverse.
 *
 * Costs couple few decisions, so the tables stay small. If a table would be too large, coordinate descent from several starts
 * gives a range that is reached but may not be the widest; `exact` says which of the two it is.
 */
import type { Choices } from "../space/Decision.ts"
import { map, type Quantity, valueOf } from "../space/Quantity.ts"
import { addUp, entriesOf, minimizeOut } from "./Table.ts"

export interface CostRange {
  readonly min: number
  readonly max: number
  readonly minChoices: Choices
  readonly maxChoices: Choices
  readonly exact: boolean
}

/** A larger intermediate table ends the elimination. */
const maxTable = 300_000

/** `sizes`: options per decision of the space. */
export const rangeOf = (
  terms: ReadonlyArray<Quantity>,
  sizes: ReadonlyArray<number>,
  limit = maxTable,
): CostRange => {
  const negated = terms.map((term) => map(term, (value) => -value))
  const least = eliminate(terms, sizes, limit)
  const most = eliminate(negated, sizes, limit)
  const minChoices = least ?? descend(terms, sizes)
  const maxChoices = most ?? descend(negated, sizes)
  return {
    min: total(terms, minChoices),
    max: total(terms, maxChoices),
    minChoices,
    maxChoices,
    exact: least !== undefined && most !== undefined,
  }
}

const total = (terms: ReadonlyArray<Quantity>, choices: Choices): number => {
  let sum = 0
  for (const term of terms) sum += valueOf(term, choices)
  return sum
}

/** Choices of the smallest sum; undefined if some table would have more than `limit` entries. */
const eliminate = (
  terms: ReadonlyArray<Quantity>,
  sizes: ReadonlyArray<number>,
  limit: number,
): Choices | undefined => {
  /** Decision -> the terms that depend on it now, and how large their sum would be. */
  const waiting = new Map<number, { readonly terms: Set<Quantity>; entries: number }>()
  for (const term of terms)
    for (const decision of term.decisions) {
      const bucket = waiting.get(decision)
      if (bucket === undefined) waiting.set(decision, { terms: new Set([term]), entries: 0 })
      else bucket.terms.add(term)
    }
  for (const bucket of waiting.values()) bucket.entries = entriesOf([...bucket.terms])

  const choices = sizes.map(() => 0)
  const taken: Array<{ readonly decision: number; readonly option: Quantity }> = []
  while (waiting.size > 0) {
    const decision = smallest(waiting)
    const bucket = waiting.get(decision)!
    if (bucket.entries > limit) return undefined
    const { minimum, option } = minimizeOut(addUp([...bucket.terms]), decision)
    taken.push({ decision, option })
    waiting.delete(decision)
    for (const neighbour of minimum.decisions) {
      const other = waiting.get(neighbour)!
      for (const term of bucket.terms) other.terms.delete(term)
      other.terms.add(minimum)
      other.entries = entriesOf([...other.terms])
    }
  }
  for (const { decision, option } of taken.reverse()) choices[decision] = valueOf(option, choices)
  return choices
}

const smallest = (waiting: ReadonlyMap<number, { readonly entries: number }>): number => {
  let best = -1
  let least = Infinity
  for (const [decision, { entries }] of waiting)
    if (entries < least) [best, least] = [decision, entries]
  return best
}

/** Changes one decision at a time while that lowers the sum, from the first, middle and last options; best of three. */
const descend = (terms: ReadonlyArray<Quantity>, sizes: ReadonlyArray<number>): Choices => {
  const touching = sizes.map((_, i) => terms.filter((term) => term.decisions.includes(i)))
  const from = (start: ReadonlyArray<number>): Array<number> => {
    const choices = [...start]
    for (let changed = true; changed;) {
      changed = false
      for (let i = 0; i < sizes.length; i++) {
        const before = choices[i]!
        let best = before
        let bestCost = total(touching[i]!, choices)
        for (let k = 0; k < sizes[i]!; k++) {
          choices[i] = k
          const cost = total(touching[i]!, choices)
          if (cost < bestCost) [best, bestCost] = [k, cost]
        }
        choices[i] = best
        if (best !== before) changed = true
      }
    }
    return choices
  }
  const starts = [
    sizes.map(() => 0),
    sizes.map((size) => Math.floor(size / 2)),
    sizes.map((size) => size - 1),
  ]
  return starts
    .map(from)
    .reduce((best, choices) => (total(terms, choices) < total(terms, best) ? choices : best))
}
