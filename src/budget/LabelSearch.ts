/**
 * The assignment of the greatest sum of scores under several limits at once: exactly, where decisions hang together little.
 *
 * A label is a partial assignment: its score, its costs, the front it stands at (`StagedTables.ts`). Decision by decision,
 * of two labels at one front the one that costs no less by any limit and scores no more is dropped (the dominance of
 * Nemhauser and Ullmann, 1969, in several dimensions). So is one whose cheapest completion is above a limit, and one that
 * the Lagrangian bound says cannot beat the best assignment known. Both bounds are exact completions under one weighted
 * sum, so they are tight. Costs are added in another order than `CompiledCost.of` adds them: what is returned was compared
 * with every limit by the limit's own `of`, to the last bit.
 *
 * With more than `maxLabels` at one decision those of the best bound go on, and the answer says that it may not be the
 * best. Left out: spaces whose tables are too large (`WithinLimits.ts`).
 */
import type { Choices } from "../space/Decision.ts"
import type { Quantity } from "../space/Quantity.ts"
import { type Completions, completionsOf, followed, type Stage, stagesOf } from "./StagedTables.ts"

/** A sum that may not be above a number. */
export interface SumLimit {
  readonly tables: ReadonlyArray<Quantity>
  readonly max: number
}

export interface Limited {
  /** Options per decision. */
  readonly sizes: ReadonlyArray<number>
  /** The score is their sum. */
  readonly scores: ReadonlyArray<Quantity>
  readonly limits: ReadonlyArray<SumLimit>
  /** Tables of which all values have to be above 0. */
  readonly allowed: ReadonlyArray<Quantity>
  /** Whether an assignment is within all limits, to the last bit. */
  readonly holds: (choices: Choices) => boolean
  /** Of an assignment. */
  readonly scoreOf: (choices: Choices) => number
}

export interface Found {
  /** Undefined: none was found, and if `exact` there is none. */
  readonly choices: Choices | undefined
  readonly exact: boolean
  /** No assignment within the limits scores more than this. */
  readonly bound: number
}

interface Label {
  readonly front: number
  readonly score: number
  readonly costs: ReadonlyArray<number>
  readonly option: number
  readonly from: Label | undefined
}

const maxLabels = 4_000
/** Rounds over all prices, and halvings of one. */
const rounds = 3
const halvings = 24
/** Relative rounding of sums taken in another order. */
const slack = 1e-9

const constantOf = (tables: ReadonlyArray<Quantity>): number =>
  tables.reduce(
    (sum, { decisions, values }) => (decisions.length === 0 ? sum + values[0]! : sum),
    0,
  )

const nothing: Found = { choices: undefined, exact: true, bound: -Infinity }

/** What does not change over a search. The first sum is the score, the others are costs. */
interface Search {
  readonly problem: Limited
  readonly stages: ReadonlyArray<Stage>
  /** What each limit leaves for what is decided. */
  readonly room: ReadonlyArray<number>
}

/** The best assignment met so far. */
interface Incumbent {
  readonly choices: Choices
  readonly score: number
}

const better = (
  { problem }: Search,
  known: Incumbent | undefined,
  choices: Choices,
): Incumbent | undefined => {
  if (!problem.holds(choices)) return known
  const score = problem.scoreOf(choices)
  return known === undefined || score > known.score ? { choices, score } : known
}

const costsOf = ({ stages }: Search, choices: Choices): ReadonlyArray<number> => {
  const count = stages[0]!.gains.length
  const sums = Array.from({ length: count }, () => 0)
  let front = 0
  for (const { decision, gains, next, options } of stages) {
    const i = front * options + choices[decision]!
    for (let s = 0; s < count; s++) sums[s]! += gains[s]![i]!
    front = next[i]!
  }
  return sums.slice(1)
}

/**
 * A price for each limit at which the assignment of the best score less its price is within all limits or nearly so: the
 * bound of such prices is tight. Coordinate by coordinate: the dual is convex, and any prices give a bound.
 */
const pricesOf = (search: Search, start: Incumbent | undefined) => {
  const { room, stages } = search
  let known = start
  const prices = room.map(() => 0)
  const at = (tried: ReadonlyArray<number>): ReadonlyArray<number> => {
    const choices = followed(stages, completionsOf(stages, [1, ...tried.map((price) => -price)]))
    known = better(search, known, choices)
    return costsOf(search, choices)
  }
  const spread = spreadOf(stages, 0)
  const units = room.map((_, limit) => (spread || 1) / (spreadOf(stages, limit + 1) || 1))
  for (let round = 0; round < (room.length === 1 ? 1 : rounds); round++)
    for (const [limit, most] of room.entries()) {
      const fits = (price: number) => at(prices.with(limit, price))[limit]! <= most
      if (fits(0)) {
        prices[limit] = 0
        continue
      }
      let [low, high] = [1e-4 * units[limit]!, 1e4 * units[limit]!]
      for (let i = 0; i < halvings; i++) {
        const middle = Math.sqrt(low * high)
        if (fits(middle)) high = middle
        else low = middle
      }
      prices[limit] = high
    }
  return { prices, known }
}

/** What all decisions together can change of a sum, at most. */
const spreadOf = (stages: ReadonlyArray<Stage>, sum: number): number =>
  stages.reduce((total, { gains }) => {
    let [least, most] = [Infinity, -Infinity]
    for (const value of gains[sum]!) [least, most] = [Math.min(least, value), Math.max(most, value)]
    return total + most - least
  }, 0)

/** Whether label `a` makes `b` needless. */
const dominates = (a: Label, b: Label): boolean =>
  a.score >= b.score && a.costs.every((cost, i) => cost <= b.costs[i]!)

/** Of labels at one front, those that no other makes needless. */
const undominated = (labels: Array<Label>): ReadonlyArray<Label> => {
  labels.sort((a, b) => b.score - a.score || (a.costs[0] ?? 0) - (b.costs[0] ?? 0))
  const kept: Array<Label> = []
  if (labels[0]!.costs.length === 0) return labels.slice(0, 1)
  if (labels[0]!.costs.length === 1) {
    let least = Infinity
    for (const label of labels)
      if (label.costs[0]! < least) {
        kept.push(label)
        least = label.costs[0]!
      }
    return kept
  }
  for (const label of labels) if (!kept.some((other) => dominates(other, label))) kept.push(label)
  return kept
}

/** Bounds on what a label can become. */
interface Bounds {
  readonly prices: ReadonlyArray<number>
  readonly priced: Completions
  /** Per limit: minus the least that is still to be added. */
  readonly cheapest: ReadonlyArray<Completions>
  readonly room: ReadonlyArray<number>
}

const boundOf = (label: Label, { priced, prices, room }: Bounds, at: number): number =>
  prices.reduce(
    (bound, price, i) => bound + price * (room[i]! - label.costs[i]!),
    label.score + priced.values[at]![label.front]!,
  )

/** The labels after one more decision. */
const extended = (
  { allowed, gains, next, options }: Stage,
  labels: ReadonlyArray<Label>,
  keeps: (label: Label) => boolean,
): ReadonlyArray<Label> => {
  const byFront = new Map<number, Array<Label>>()
  for (const from of labels)
    for (let option = 0; option < options; option++) {
      const i = from.front * options + option
      if (allowed[i] === 0) continue
      const costs = from.costs.map((cost, limit) => cost + gains[limit + 1]![i]!)
      const label = { front: next[i]!, score: from.score + gains[0]![i]!, costs, option, from }
      if (!keeps(label)) continue
      const group = byFront.get(label.front)
      if (group === undefined) byFront.set(label.front, [label])
      else group.push(label)
    }
  return [...byFront.values()].flatMap(undominated)
}

const choicesOf = (label: Label, stages: ReadonlyArray<Stage>): Choices => {
  const choices: Array<number> = stages.map(() => 0)
  let at: Label | undefined = label
  for (const { decision } of stages.toReversed()) {
    choices[decision] = at!.option
    at = at!.from
  }
  return choices
}

/** Goes through all stages; the labels at the end, and whether none was cut. */
const labelsAtEnd = ({ stages }: Search, bounds: Bounds, floor: number) => {
  const { cheapest, room } = bounds
  const most = room.map((max) => max + slack * (1 + Math.abs(max)))
  let labels: ReadonlyArray<Label> = [
    { front: 0, score: 0, costs: room.map(() => 0), option: 0, from: undefined },
  ]
  let exact = true
  for (const [at, stage] of stages.entries()) {
    const keeps = (label: Label): boolean =>
      label.costs.every(
        (cost, i) => cost - cheapest[i]!.values[at + 1]![label.front]! <= most[i]!,
      ) && boundOf(label, bounds, at + 1) >= floor - slack * (1 + Math.abs(floor))
    labels = extended(stage, labels, keeps)
    if (labels.length <= maxLabels) continue
    exact = false
    labels = labels
      .toSorted((a, b) => boundOf(b, bounds, at + 1) - boundOf(a, bounds, at + 1))
      .slice(0, maxLabels)
  }
  return { labels, exact }
}

/**
 * The choices of the greatest summed score within all limits. Undefined where tables are too large for this search.
 *
 * @param start an assignment within all limits, if one is known
 */
export const labelSearch = (problem: Limited, start?: Choices): Found | undefined => {
  const { allowed, limits, scores, sizes } = problem
  const stages = stagesOf(sizes, [scores, ...limits.map(({ tables }) => tables)], allowed)
  if (stages === undefined) return undefined
  if (stages.length === 0)
    return { choices: problem.holds([]) ? [] : undefined, exact: true, bound: problem.scoreOf([]) }
  if (allowed.some(({ decisions, values }) => decisions.length === 0 && !(values[0]! > 0)))
    return nothing
  const room = limits.map(({ max, tables }) => max - constantOf(tables))
  const search: Search = { problem, stages, room }
  const cheapest = room.map((_, limit) =>
    completionsOf(stages, [0, ...room.map((__, i) => (i === limit ? -1 : 0))]),
  )
  if (cheapest.some(({ values }) => values[0]![0] === -Infinity)) return nothing
  let known = cheapest.reduce<Incumbent | undefined>(
    (best, completions) => better(search, best, followed(stages, completions)),
    start === undefined ? undefined : better(search, undefined, start),
  )
  const { prices, known: found } = pricesOf(search, known)
  known = found
  const priced = completionsOf(stages, [1, ...prices.map((price) => -price)])
  const floor = known?.score ?? -Infinity
  const { exact, labels } = labelsAtEnd(
    search,
    { prices, priced, cheapest, room },
    floor - constantOf(scores),
  )
  for (const label of labels.toSorted((a, b) => b.score - a.score)) {
    const choices = choicesOf(label, stages)
    if (!problem.holds(choices)) continue
    known = better(search, known, choices)
    break
  }
  const bound = prices.reduce(
    (sum, price, i) => sum + price * room[i]!,
    priced.values[0]![0]! + constantOf(scores),
  )
  return { choices: known?.choices, exact, bound }
}
