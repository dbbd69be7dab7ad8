/**
 * The multiple-choice knapsack, exactly: one option of every decision, the greatest summed score, a sum of costs that
 * is at most the target.
 *
 * Dynamic programming over partial assignments, decision by decision (Nemhauser and Ullmann, 1969): of two, one that
 * costs no less and scores no more is dropped, and so is one that the Lagrangian bound says cannot beat the best
 * assignment known (Sinha and Zoltners, 1979). What survives is a few hundred where decisions are many. Costs are added
 * in the order in which `CompiledCost.of` adds them, and rounding keeps order, so that "at most the target" is that of
 * `of` to the last bit.
 *
 * Not by a solver library: HiGHS, GLPK and YALPS take a constraint that is missed by 1e-8 to 1e-6 for one that is met, so
 * `never above` would need a repair of its own; the first is 4 MB and answers later, where a search is a plain function.
 * Left out: costs that couple decisions (`WithinBudget.ts`).
 */

/** One decision: a cost and a score per option. */
export interface Item {
  readonly costs: ArrayLike<number>
  readonly scores: ReadonlyArray<number>
}

/** A partial assignment; what it was made from leads back to the first decision. */
interface Partial {
  readonly cost: number
  readonly score: number
  readonly option: number
  readonly before: Partial | undefined
}

/** More partial assignments than this are cut to those of the best bound; real policies stay far below. */
const maxPartials = 100_000
/** Relative rounding of sums taken in another order. */
const slack = 1e-9

const sum = (values: ReadonlyArray<number>): number => values.reduce((a, b) => a + b, 0)

/** Index of the greatest `score - price * cost`, the cheapest of equals. */
const bestAt = ({ costs, scores }: Item, price: number): number => {
  let best = 0
  for (let k = 1; k < scores.length; k++) {
    const gain = scores[k]! - price * costs[k]! - (scores[best]! - price * costs[best]!)
    if (gain > 0 || (gain === 0 && costs[k]! < costs[best]!)) best = k
  }
  return best
}

const costOf = (items: ReadonlyArray<Item>, options: ReadonlyArray<number>): number =>
  options.reduce((total, option, i) => total + items[i]!.costs[option]!, 0)

const scoreOf = (items: ReadonlyArray<Item>, options: ReadonlyArray<number>): number =>
  options.reduce((total, option, i) => total + items[i]!.scores[option]!, 0)

/** The least price per cost at which everyone's own best option fits: the bound of that price is the tightest. */
const priceOf = (items: ReadonlyArray<Item>, target: number): number => {
  const fits = (price: number) =>
    costOf(
      items,
      items.map((item) => bestAt(item, price)),
    ) <= target
  if (fits(0)) return 0
  let low = 0
  let high = 1e-12
  while (!fits(high) && high < 1e30) [low, high] = [high, high * 16]
  for (let i = 0; i < 80; i++) {
    const middle = (low + high) / 2
    if (fits(middle)) high = middle
    else low = middle
  }
  return high
}

/** Options that fit, scored well: everyone's best at the price, then upgrades while any fits. */
const greedy = (items: ReadonlyArray<Item>, target: number, price: number): Array<number> => {
  const options = items.map((item) => bestAt(item, price))
  for (;;) {
    let best: { readonly item: number; readonly option: number; readonly gain: number } | undefined
    const spent = costOf(items, options)
    items.forEach(({ costs, scores }, i) => {
      for (let k = 0; k < scores.length; k++) {
        const gain = scores[k]! - scores[options[i]!]!
        const cost = spent - costs[options[i]!]! + costs[k]!
        if (cost <= target && gain > (best?.gain ?? 0)) best = { item: i, option: k, gain }
      }
    })
    if (best === undefined) return options
    options[best.item] = best.option
  }
}

/** Of partial assignments sorted by cost, those that score more than every cheaper one. */
const undominated = (partials: Array<Partial>): Array<Partial> => {
  partials.sort((a, b) => a.cost - b.cost || b.score - a.score)
  let best = -Infinity
  return partials.filter(({ score }) => {
    if (score <= best) return false
    best = score
    return true
  })
}

/** The options of the greatest summed score whose costs, added up in order from 0, are at most `target`. */
export const knapsack = (
  items: ReadonlyArray<Item>,
  target: number,
): ReadonlyArray<number> | undefined => {
  const cheapest = items.map(({ costs, scores }) =>
    scores.reduce((best, _, k) => (costs[k]! < costs[best]! ? k : best), 0),
  )
  if (costOf(items, cheapest) > target) return undefined
  const price = priceOf(items, target)
  const known = greedy(items, target, price)
  const floor = costOf(items, known) <= target ? scoreOf(items, known) : -Infinity

  // What the items from i on add: at least this cost, at most this score beyond the price of their cost.
  const leastRest = items.map((_, i) =>
    sum(cheapest.slice(i).map((k, j) => items[i + j]!.costs[k]!)),
  )
  const mostRest = items.map((_, i) =>
    sum(
      items.slice(i).map((item) => {
        const k = bestAt(item, price)
        return item.scores[k]! - price * item.costs[k]!
      }),
    ),
  )
  const magnitude = Math.abs(floor === -Infinity ? 0 : floor) + sum(items.map(sizeOf)) + 1
  const room = target + slack * (Math.abs(target) + sum(items.map(({ costs }) => largest(costs))))
  let partials: Array<Partial> = [{ cost: 0, score: 0, option: 0, before: undefined }]
  items.forEach(({ costs, scores }, i) => {
    const rest = leastRest[i + 1] ?? 0
    const more = mostRest[i + 1] ?? 0
    const boundOf = ({ cost, score }: Partial) => score + price * (target - cost) + more
    const next: Array<Partial> = []
    for (const before of partials)
      for (let k = 0; k < scores.length; k++) {
        const partial: Partial = {
          cost: before.cost + costs[k]!,
          score: before.score + scores[k]!,
          option: k,
          before,
        }
        if (partial.cost + rest > room || boundOf(partial) < floor - slack * magnitude) continue
        next.push(partial)
      }
    partials = undominated(next)
    if (partials.length > maxPartials)
      partials = partials.toSorted((a, b) => boundOf(b) - boundOf(a)).slice(0, maxPartials)
  })
  const best = partials
    .filter(({ cost }) => cost <= target)
    .reduce<Partial | undefined>(
      (a, b) => (a === undefined || b.score > a.score ? b : a),
      undefined,
    )
  if (best !== undefined) return optionsOf(best, items)
  return floor === -Infinity ? cheapest : known
}

const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0)

const sizeOf = ({ scores }: Item): number => largest(scores)

const optionsOf = (partial: Partial, items: ReadonlyArray<Item>): ReadonlyArray<number> => {
  const options = items.map(() => 0)
  let at: Partial | undefined = partial
  for (let i = items.length - 1; i >= 0; i--) {
    options[i] = at!.option
    at = at!.before
  }
  return options
}
