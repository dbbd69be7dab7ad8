/**
 * The assignment of the greatest summed score on a target, neither above it nor far below: how sensitivities become an
 * assignment, and how a certain policy lands.
 *
 * Cost is paid for, at the lowest price at which the best within the target fills the band. Where costs couple decisions a
 * price may not lead there: then all assignments are looked at where they are few, else random ones that were moved
 * into the band. Deterministic. Left out: a target alone (`WithinBudget.ts`).
 */
import type { CompiledCost } from "../cost/Cost.ts"
import type { Limit } from "../cost/LimitKinds.ts"
import type { Choices, DecisionSpace } from "../space/Decision.ts"
import { randomStream } from "../space/RandomStream.ts"
import {
  type Band,
  changes,
  type Coupled,
  isAdditive,
  scoreOf,
  spreadOf,
  withinBudget,
} from "./WithinBudget.ts"
import { drawBetween } from "./RandomMoves.ts"
import { withinLimitsAndBand } from "./WithinLimits.ts"
import type { PerOption } from "../space/PerOption.ts"

/** Halvings of the ratio between a price that does not fill the band and one that does. */
const halvings = 20
/** Assignments that are few enough to look at all of them. */
const few = 30_000
/** Random assignments to look at where there are more. */
const draws = 50

/**
 * As `withinBudget`, but at a cost of `low` or more where such an assignment is found: scores rise with the cost, at the
 * lowest price that fills the band. Where no price does, the most expensive one found; the best one where all cost less.
 */
export const withinBand = (
  space: DecisionSpace,
  cost: CompiledCost,
  scores: PerOption,
  band: Band,
  limits: ReadonlyArray<Limit> = [],
): Choices | undefined => {
  if (limits.length > 0) return withinLimitsAndBand(space, cost, scores, band, limits)
  const { high, low } = band
  const free = withinBudget(space, cost, scores, high)
  const { max, min } = cost.range()
  if (free === undefined || cost.of(free) >= low || max === min || max < low) return free
  // costs that couple decisions are those with the others as in `free`
  const costs = scores.map((_, i) => cost.withChoice(free, i))
  const unit = (spreadOf(scores) || 1) / (max - min)
  const at = (price: number): Choices => {
    const paid = scores.map((row, i) => row.map((score, k) => score + price * unit * costs[i]![k]!))
    return withinBudget(space, cost, paid, high) ?? free
  }
  // from a price that is next to nothing beside the scores to one beside which they hardly matter
  let [lowPrice, highPrice] = [1e-6, 1e3]
  let filling = at(highPrice)
  if (cost.of(filling) < low) {
    const problem = { space, cost, scores, target: high }
    // where costs add up, a high price finds the most expensive assignment
    const others = isAdditive(space, cost) ? [] : othersWithin(problem, band)
    return bestOf(problem, low, [free, filling, ...others])
  }
  for (let i = 0; i < halvings; i++) {
    const middle = Math.sqrt(lowPrice * highPrice)
    const choices = at(middle)
    if (cost.of(choices) < low) lowPrice = middle
    else [highPrice, filling] = [middle, choices]
  }
  return filling
}

/** Of some assignments within the target, the best that costs `low` or more; where none does, the most expensive. */
const bestOf = (
  problem: Coupled,
  low: number,
  candidates: ReadonlyArray<Choices>,
): Choices | undefined => {
  let best:
    | { readonly choices: Choices; readonly spent: number; readonly score: number }
    | undefined
  for (const choices of candidates) {
    const spent = Math.min(low, problem.cost.of(choices))
    const score = scoreOf(problem, choices)
    if (best === undefined || spent > best.spent || (spent === best.spent && score > best.score))
      best = { choices, spent, score }
  }
  return best?.choices
}

/** All assignments within the target where they are few; else random ones in the band, each improved there. */
const othersWithin = (problem: Coupled, band: Band): ReadonlyArray<Choices> => {
  const { cost, space } = problem
  const count = space.decisions.reduce((product, { options }) => product * options.length, 1)
  if (count <= few) return allOf(space).filter((choices) => cost.of(choices) <= band.high)
  const random = randomStream(0, "band")
  return Array.from({ length: draws }, () => drawBetween(space, cost, band, random)).flatMap(
    (drawn) => (drawn === undefined ? [] : [improved(problem, drawn, band)]),
  )
}

const allOf = ({ decisions }: DecisionSpace): ReadonlyArray<Choices> =>
  decisions.reduce<ReadonlyArray<Choices>>(
    (all, { options }) => all.flatMap((some) => options.map((_, k) => [...some, k])),
    [[]],
  )

/** The best single change that stays in the band, until none is better. */
const improved = (problem: Coupled, drawn: Choices, { high, low }: Band): Choices => {
  let choices = drawn
  for (let score = scoreOf(problem, choices); ; score = scoreOf(problem, choices)) {
    const better = changes(problem, choices)
      .filter((change) => change.score > score && change.cost >= low && change.cost <= high)
      .toSorted((a, b) => b.score - a.score)
      .map(({ decision, option }) => choices.with(decision, option))
      // `withChoice` and `of` may round apart
      .find((changed) => problem.cost.of(changed) >= low && problem.cost.of(changed) <= high)
    if (better === undefined) return choices
    choices = better
  }
}
