/**
 * The cheapest and the dearest assignment, exactly, by variable elimination (min-sum; Dechter, "Bucket elimination",
 * 1999): take a decision, add up the terms that touch it, keep the best option for every joint choice of its
 * neighbours, go on with what remains, and read the options back in reverse.
 *
 * Costs couple few decisions, so the tables stay small. Where they would not, coordinate descent from several starts
 * gives a range that is reached but perhaps not the widest; `exact` says which it was.
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

/** Choices of the smallest sum, or undefined when some table would have over `limit` entries. */
const eliminate = (
  terms: ReadonlyArray<Quantity>,
  sizes: ReadonlyArray<number>,
  limit: number,
): Choices | undefined => {
  const choices = sizes.map(() => 0)
  const waiting = new Set(terms.flatMap((term) => [...term.decisions]))
  const taken: Array<{ readonly decision: number; readonly option: Quantity }> = []
  let remaining = terms
  while (waiting.size > 0) {
    const { decision, entries } = cheapestToEliminate(remaining, waiting)
    if (entries > limit) return undefined
    const joined = addUp(remaining.filter((term) => term.decisions.includes(decision)))
    const { minimum, option } = minimizeOut(joined, decision)
    taken.push({ decision, option })
    remaining = [...remaining.filter((term) => !term.decisions.includes(decision)), minimum]
    waiting.delete(decision)
  }
  for (const { decision, option } of taken.reverse()) choices[decision] = valueOf(option, choices)
  return choices
}

const cheapestToEliminate = (
  terms: ReadonlyArray<Quantity>,
  waiting: ReadonlySet<number>,
): { readonly decision: number; readonly entries: number } => {
  let best = { decision: -1, entries: Infinity }
  for (const decision of waiting) {
    const entries = entriesOf(terms.filter((term) => term.decisions.includes(decision)))
    if (entries < best.entries) best = { decision, entries }
  }
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
