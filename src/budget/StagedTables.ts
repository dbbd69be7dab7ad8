/**
 * Sums of tables over decisions, laid out decision by decision: what a label search goes through (`LabelSearch.ts`).
 *
 * Decisions are taken one after the other. What is still to come depends on the past only through the *frontier*: the
 * options of those past decisions that a table to come shares with a decision to come. Each stage has, for every joint
 * option of its frontier and every option of its decision, where that leads, what the sums gain, and whether it is allowed.
 */
import type { Choices } from "../space/Decision.ts"
import type { Quantity } from "../space/Quantity.ts"

export interface Stage {
  readonly decision: number
  readonly options: number
  /** Joint options of the frontier before this decision. */
  readonly fronts: number
  /** [front, option] -> front of the next stage. */
  readonly next: Int32Array
  /** [sum][front, option]: what the tables that are complete now add. */
  readonly gains: ReadonlyArray<Float64Array>
  /** [front, option] */
  readonly allowed: Uint8Array
}

/** Entries of all stages together; beyond, nothing is laid out. */
const maxEntries = 600_000

/** Each time the decision after which the frontier is least. */
const greedyOrder = (
  tables: ReadonlyArray<Quantity>,
  sizes: ReadonlyArray<number>,
): ReadonlyArray<number> => {
  const touching = sizes.map((_, i) => tables.filter(({ decisions }) => decisions.includes(i)))
  const waiting = new Set(sizes.keys())
  const order: Array<number> = []
  let front: ReadonlyArray<number> = []
  const without = (decision: number) => {
    const later = new Set(waiting)
    later.delete(decision)
    const stays = (one: number) =>
      touching[one]!.some(({ decisions }) => decisions.some((other) => later.has(other)))
    return [...front, decision].filter(stays)
  }
  while (waiting.size > 0) {
    // only decisions that share a table with the frontier can make it smaller; else the next one begins anew
    const near = [...waiting].filter((decision) =>
      touching[decision]!.some(({ decisions }) => decisions.some((one) => front.includes(one))),
    )
    let best: { decision: number; left: ReadonlyArray<number>; entries: number } | undefined
    for (const decision of near.length > 0 ? near : waiting) {
      const left = without(decision)
      const entries = left.reduce((product, one) => product * sizes[one]!, 1)
      if (best === undefined || entries < best.entries) best = { decision, left, entries }
    }
    waiting.delete(best!.decision)
    order.push(best!.decision)
    front = best!.left
  }
  return order
}

/** Joint options of all stages together. */
const entriesOf = (
  tables: ReadonlyArray<Quantity>,
  sizes: ReadonlyArray<number>,
  order: ReadonlyArray<number>,
): number => {
  const place = new Map(order.map((decision, at) => [decision, at]))
  const last = sizes.map(() => -1)
  for (const { decisions } of tables) {
    const end = Math.max(...decisions.map((one) => place.get(one)!))
    for (const decision of decisions) last[decision] = Math.max(last[decision]!, end)
  }
  let front: ReadonlyArray<number> = []
  let entries = 0
  for (const [at, decision] of order.entries()) {
    const here = [...front, decision]
    entries += here.reduce((product, one) => product * sizes[one]!, 1)
    front = here.filter((one) => last[one]! > at)
  }
  return entries
}

/**
 * The decisions in an order that keeps frontiers small, the best of a few: greedy, or as the tables have them, which come
 * in the order of the layers.
 */
const ordered = (
  tables: ReadonlyArray<Quantity>,
  sizes: ReadonlyArray<number>,
): ReadonlyArray<number> => {
  const key = [sizes.join(), ...tables.map(({ decisions }) => decisions.join())].join(";")
  if (lastOrder?.key !== key) lastOrder = { key, order: leastOrder(tables, sizes) }
  return lastOrder.order
}

/** A price is looked for over many sums of the same tables. */
let lastOrder: { readonly key: string; readonly order: ReadonlyArray<number> } | undefined

const leastOrder = (
  tables: ReadonlyArray<Quantity>,
  sizes: ReadonlyArray<number>,
): ReadonlyArray<number> => {
  const first = sizes.map((_, i) => tables.findIndex(({ decisions }) => decisions.includes(i)))
  const last = sizes.map((_, i) => tables.findLastIndex(({ decisions }) => decisions.includes(i)))
  const by = (place: ReadonlyArray<number>, then: ReadonlyArray<number>) =>
    [...sizes.keys()].sort((a, b) => place[a]! - place[b]! || then[a]! - then[b]!)
  const orders = [greedyOrder(tables, sizes), by(first, last), by(last, first)]
  const entries = orders.map((order) => entriesOf(tables, sizes, order))
  const least = Math.min(...entries)
  const order = orders[entries.indexOf(least)]!
  return least <= small ? order : shifted(tables, sizes, order, least)
}

/** Entries of an order that is good enough. */
const small = 5_000
/** How often every decision is tried at every other place. */
const passes = 4

/** An order with decisions put elsewhere, one at a time, wherever that makes frontiers smaller. */
const shifted = (
  tables: ReadonlyArray<Quantity>,
  sizes: ReadonlyArray<number>,
  start: ReadonlyArray<number>,
  entries: number,
): ReadonlyArray<number> => {
  let [order, least] = [start, entries]
  for (let pass = 0; pass < passes; pass++) {
    const before = least
    for (const decision of start) {
      const others = order.filter((one) => one !== decision)
      for (let place = 0; place <= others.length; place++) {
        const tried = others.toSpliced(place, 0, decision)
        const count = entriesOf(tables, sizes, tried)
        if (count < least) [order, least] = [tried, count]
      }
    }
    if (least === before) break
  }
  return order
}

/**
 * The stages of some sums under tables of what is allowed (above 0). Undefined where frontiers are too large.
 *
 * @param sums each a sum of tables
 */
export const stagesOf = (
  sizes: ReadonlyArray<number>,
  sums: ReadonlyArray<ReadonlyArray<Quantity>>,
  allowed: ReadonlyArray<Quantity>,
): ReadonlyArray<Stage> | undefined => {
  const tables = [...sums.flat(), ...allowed].filter(({ decisions }) => decisions.length > 0)
  const order = ordered(tables, sizes)
  const place = new Map(order.map((decision, at) => [decision, at]))
  const lastOf = ({ decisions }: Quantity) => Math.max(...decisions.map((one) => place.get(one)!))
  const stages: Array<Stage> = []
  let front: ReadonlyArray<number> = []
  let entries = 0
  for (const [at, decision] of order.entries()) {
    const isOpen = (one: number) =>
      tables.some((table) => table.decisions.includes(one) && lastOf(table) > at)
    const after: ReadonlyArray<number> = [...front, decision].filter(isOpen)
    const here = [...front, decision]
    const count = here.reduce((product, one) => product * sizes[one]!, 1)
    entries += count
    if (entries > maxEntries) return undefined
    const isDueHere = (table: Quantity) => table.decisions.length > 0 && lastOf(table) === at
    const index = (of: ReadonlyArray<number>) => indicesOf(here, of, sizes, count)
    const gains = sums.map((sum) => {
      const total = new Float64Array(count)
      for (const table of sum.filter(isDueHere)) {
        const places = index(table.decisions)
        for (let i = 0; i < count; i++) total[i]! += table.values[places[i]!]!
      }
      return total
    })
    const open = new Uint8Array(count).fill(1)
    for (const table of allowed.filter(isDueHere)) {
      const places = index(table.decisions)
      for (let i = 0; i < count; i++) if (!(table.values[places[i]!]! > 0)) open[i] = 0
    }
    stages.push({
      decision,
      options: sizes[decision]!,
      fronts: count / sizes[decision]!,
      next: index(after),
      gains,
      allowed: open,
    })
    front = after
  }
  return stages
}

/** For every joint option of `here` (last fastest) the index of the joint option of some of them, in the order of `of`. */
const indicesOf = (
  here: ReadonlyArray<number>,
  of: ReadonlyArray<number>,
  sizes: ReadonlyArray<number>,
  count: number,
): Int32Array => {
  const strides = here.map(() => 0)
  let stride = 1
  for (const decision of of.toReversed()) {
    strides[here.indexOf(decision)] = stride
    stride *= sizes[decision]!
  }
  const indices = new Int32Array(count)
  const digits = here.map(() => 0)
  let index = 0
  for (let i = 0; i < count; i++) {
    indices[i] = index
    for (let axis = here.length - 1; axis >= 0; axis--) {
      index += strides[axis]!
      if (++digits[axis]! < sizes[here[axis]!]!) break
      index -= strides[axis]! * sizes[here[axis]!]!
      digits[axis] = 0
    }
  }
  return indices
}

/** The best sum of what is to come, for every front of every stage, and by which option; -Infinity where nothing is allowed. */
export interface Completions {
  /** [stage][front]; one stage more than there are, whose only front is the end. */
  readonly values: ReadonlyArray<Float64Array>
  readonly options: ReadonlyArray<Int32Array>
}

/** The greatest weighted sum of the sums, from every front to the end: one pass from the last stage to the first. */
export const completionsOf = (
  stages: ReadonlyArray<Stage>,
  weights: ReadonlyArray<number>,
): Completions => {
  const values: Array<Float64Array> = Array.from({ length: stages.length + 1 })
  const options: Array<Int32Array> = Array.from({ length: stages.length })
  values[stages.length] = new Float64Array(1)
  for (let at = stages.length - 1; at >= 0; at--) {
    const { allowed, fronts, gains, next, options: count } = stages[at]!
    const best = new Float64Array(fronts).fill(-Infinity)
    const option = new Int32Array(fronts)
    const later = values[at + 1]!
    for (let front = 0; front < fronts; front++)
      for (let k = 0; k < count; k++) {
        const i = front * count + k
        if (allowed[i] === 0) continue
        let value = later[next[i]!]!
        for (let s = 0; s < weights.length; s++)
          if (weights[s] !== 0) value += weights[s]! * gains[s]![i]!
        if (value > best[front]!) {
          best[front] = value
          option[front] = k
        }
      }
    values[at] = best
    options[at] = option
  }
  return { values, options }
}

/** The choices that completions lead to from the start. */
export const followed = (stages: ReadonlyArray<Stage>, { options }: Completions): Choices => {
  const choices: Array<number> = stages.map(() => 0)
  let front = 0
  stages.forEach(({ decision, next, options: count }, at) => {
    const k = options[at]![front]!
    choices[decision] = k
    front = next[front * count + k]!
  })
  return choices
}
