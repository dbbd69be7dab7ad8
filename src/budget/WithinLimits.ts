/**
 * The assignment of the greatest score within a target and further limits (`cost/LimitKinds.ts`): what a search with limits
 * ends with.
 *
 * Exactly, by a label search (`LabelSearch.ts`), where decisions hang together little: formats always, widths and depths
 * mostly; and by looking at all assignments where they are few. Else from several starts, the best without the limits that
 * are too large for tables among them, change by change, always the one that loses least score per excess that it takes
 * away, until no limit is exceeded, then improved by what stays within them. Deterministic. Never above a limit, by exact
 * comparison with what the limit says an assignment costs. Left out: a target without limits (`WithinBudget.ts`).
 */
import type { CompiledCost } from "../cost/Cost.ts"
import type { Limit } from "../cost/LimitKinds.ts"
import { allOf, type Choices, type DecisionSpace } from "../space/Decision.ts"
import { activity } from "../space/DecisionSpace.ts"
import { argmax, type PerOption, zerosLike } from "../space/PerOption.ts"
import { combine, map, ofDecision, type Quantity, valueOf } from "../space/Quantity.ts"
import { type Found, labelSearch, type SumLimit } from "./LabelSearch.ts"

/** What may not be above a number: the target's cost, and limits. */
export type Bound = Pick<Limit, "max" | "of" | "withChoice"> & {
  readonly sum?: Pick<CompiledCost, "factors">
  readonly tables?: Limit["tables"]
}

/** What is to score most, within what. */
export interface WithinProblem {
  readonly space: DecisionSpace
  /** The score is their sum. */
  readonly scores: ReadonlyArray<Quantity>
  readonly bounds: ReadonlyArray<Bound>
}

/** The bound that a target is. */
export const targetBound = (cost: CompiledCost, target: number): Bound => ({
  max: target,
  of: cost.of,
  withChoice: cost.withChoice,
  sum: cost,
})

export const holdsAll = (bounds: ReadonlyArray<Bound>, choices: Choices): boolean =>
  bounds.every((bound) => bound.of(choices) <= bound.max)

/** The decisions that an activity depends on. */
const gatesOf = ({ decisions }: DecisionSpace, decision: number): ReadonlyArray<number> => {
  const { active } = decisions[decision]!
  return active === "always" ? [] : active.flatMap((gate) => allOf(gate).map((one) => one.decision))
}

/** Scores of options as tables: 0 where the decision is inactive. */
export const scoreTables = (space: DecisionSpace, scores: PerOption): ReadonlyArray<Quantity> =>
  scores.map((row, i) => {
    const gates = [...new Set(gatesOf(space, i))]
    if (gates.length === 0) return ofDecision(i, row)
    const indices = [i, ...gates].map((decision) =>
      ofDecision(decision, [...space.decisions[decision]!.options.keys()]),
    )
    const choices = space.decisions.map(() => 0)
    return combine(indices, (options) => {
      ;[i, ...gates].forEach((decision, at) => (choices[decision] = options[at]!))
      return activity(space, choices)[i] === 1 ? row[options[0]!]! : 0
    })
  })

const scoreOf = (scores: ReadonlyArray<Quantity>, choices: Choices): number =>
  scores.reduce((sum, score) => sum + valueOf(score, choices), 0)

/** How far an assignment is above its bounds, relatively and in sum; 0 within all. */
export const excessOf = (bounds: ReadonlyArray<Bound>, choices: Choices): number =>
  bounds.reduce((sum, { max, of }) => sum + excess(of(choices), max), 0)

const excess = (cost: number, max: number): number =>
  cost <= max ? 0 : (cost - max) / Math.abs(max || 1)

/** The excess for every option of one decision. */
export const excessWith = (
  bounds: ReadonlyArray<Bound>,
  choices: Choices,
  decision: number,
  options: number,
): Float64Array => {
  const sums = new Float64Array(options)
  for (const bound of bounds) {
    const costs = bound.withChoice(choices, decision)
    for (let k = 0; k < options; k++) sums[k]! += excess(costs[k]!, bound.max)
  }
  return sums
}

/** Tables of limits that are no sums, as 1 where they hold and 0 where not; `isWhole` unless one has no table. */
const allowedBy = (bounds: ReadonlyArray<Bound>) => {
  const allowed: Array<Quantity> = []
  let isWhole = true
  for (const { max, sum, tables } of bounds) {
    if (sum !== undefined) continue
    const made = tables?.()
    if (made === undefined) isWhole = false
    else allowed.push(...made.map((table) => map(table, (value) => (value <= max ? 1 : 0))))
  }
  return { allowed, isWhole }
}

/** Assignments that are few enough to look at all of them. */
const few = 20_000

/** The best of all assignments within the bounds, or the best that was found. */
export const mostWithin = (problem: WithinProblem): Found => {
  const { bounds, scores, space } = problem
  const { allowed, isWhole } = allowedBy(bounds)
  const sums = bounds.filter(({ sum }) => sum !== undefined)
  const search = (tables: ReadonlyArray<Quantity>, within: ReadonlyArray<Bound>) =>
    labelSearch({
      sizes: space.decisions.map(({ options }) => options.length),
      scores,
      limits: sums.map(({ max, sum }): SumLimit => ({ tables: sum!.factors, max })),
      allowed: tables,
      holds: (choices) => holdsAll(within, choices),
      scoreOf: (choices) => scoreOf(scores, choices),
    })
  const whole = isWhole ? search(allowed, bounds) : undefined
  if (whole?.exact === true) return whole
  // the best within sums alone is where a repair begins, and no other is better
  const searched = whole ?? search(isWhole ? [] : allowed, sums) ?? search([], sums)
  const count = space.decisions.reduce((product, { options }) => product * options.length, 1)
  if (count <= few) {
    const choices = bestOfAll(problem)
    const bound = choices === undefined ? -Infinity : scoreOf(scores, choices)
    return { choices, exact: true, bound }
  }
  const bound = searched?.bound ?? Infinity
  return { choices: bestRepaired(problem, searched?.choices), exact: false, bound }
}

const bestOfAll = ({ bounds, scores, space }: WithinProblem): Choices | undefined => {
  let best: { readonly choices: Choices; readonly score: number } | undefined
  const choices = space.decisions.map(() => 0)
  const step = (decision: number): void => {
    if (decision === choices.length) {
      const score = scoreOf(scores, choices)
      if ((best === undefined || score > best.score) && holdsAll(bounds, choices))
        best = { choices: [...choices], score }
      return
    }
    for (let k = 0; k < space.decisions[decision]!.options.length; k++) {
      choices[decision] = k
      step(decision + 1)
    }
  }
  step(0)
  return best?.choices
}

/** One decision taken otherwise. */
interface Change {
  readonly decision: number
  readonly option: number
  readonly score: number
  readonly excess: number
}

function* changesOf({ bounds, scores, space }: WithinProblem, choices: Choices): Generator<Change> {
  const active = activity(space, choices)
  for (const [decision, { options }] of space.decisions.entries()) {
    if (active[decision] === 0 || options.length === 1) continue
    const over = excessWith(bounds, choices, decision, options.length)
    for (let option = 0; option < options.length; option++) {
      if (option === choices[decision]) continue
      const score = scoreOf(scores, choices.with(decision, option))
      yield { decision, option, score, excess: over[option]! }
    }
  }
}

/** Changes what loses least score per excess until there is none; undefined where no change helps any more. */
const repair = (problem: WithinProblem, start: Choices): Choices | undefined => {
  let choices = start
  for (;;) {
    const over = excessOf(problem.bounds, choices)
    if (over === 0) return holdsAll(problem.bounds, choices) ? choices : undefined
    const now = scoreOf(problem.scores, choices)
    let best: Change | undefined
    let least = Infinity
    for (const change of changesOf(problem, choices)) {
      const saved = over - change.excess
      if (saved <= 1e-12 * over) continue
      const lost = (now - change.score) / saved
      if (lost < least) [best, least] = [change, lost]
    }
    if (best === undefined) return undefined
    const next = choices.with(best.decision, best.option)
    // sums of one option and of all may round apart; without this a repair could go round in circles
    if (excessOf(problem.bounds, next) >= over) return undefined
    choices = next
  }
}

/** With more changes than this none is tried together with another. */
const maxPaired = 60

/** The best change within the bounds, one decision or two at a time; undefined where none is better. */
const improved = (problem: WithinProblem, choices: Choices): Choices | undefined => {
  const { bounds, scores } = problem
  let most = scoreOf(scores, choices)
  most += 1e-12 * (1 + Math.abs(most))
  let best: Choices | undefined
  const consider = (next: Choices, score: number): void => {
    if (score > most && holdsAll(bounds, next)) [best, most] = [next, score]
  }
  const firsts = [...changesOf(problem, choices)]
  for (const first of firsts) {
    const changed = choices.with(first.decision, first.option)
    if (first.excess <= 1e-9) consider(changed, first.score)
    if (firsts.length > maxPaired) continue
    for (const second of changesOf(problem, changed))
      if (second.decision !== first.decision && second.score > most && second.excess <= 1e-9)
        consider(changed.with(second.decision, second.option), second.score)
  }
  return best
}

/** Improvements of one assignment, at most. */
const maxImprovements = 100

/** From the best options, from the least of every bound, and from what is known: repaired, the best of them improved. */
const bestRepaired = (problem: WithinProblem, known: Choices | undefined): Choices | undefined => {
  const { bounds, scores, space } = problem
  const none = space.decisions.map(() => 0)
  const greedy = space.decisions.map(({ options }, decision) =>
    argmax(options.map((_, k) => scoreOf(scores, none.with(decision, k)))),
  )
  const smallest = space.decisions.map(({ sizes }) => sizes.indexOf(Math.min(...sizes)))
  const starts = [...(known === undefined ? [] : [known]), greedy, smallest, none]
  let best: Choices | undefined
  for (const start of starts) {
    const within = repair(problem, start)
    if (within === undefined) continue
    if (best === undefined || scoreOf(scores, within) > scoreOf(scores, best)) best = within
  }
  for (let i = 0; best !== undefined && i < maxImprovements; i++) {
    const next = improved(problem, best)
    if (next === undefined || !holdsAll(bounds, next)) break
    best = next
  }
  return best
}

/** The choices of the greatest summed score over active decisions within the target and all limits. */
export const withinLimits = (
  space: DecisionSpace,
  cost: CompiledCost,
  scores: PerOption,
  target: number,
  limits: ReadonlyArray<Limit>,
): Choices | undefined =>
  mostWithin({
    space,
    scores: scoreTables(space, scores),
    bounds: [targetBound(cost, target), ...limits],
  }).choices

/** Halvings of the ratio between a price that does not fill the band and one that does. */
const halvings = 14

/**
 * As `withinLimits`, but at a cost of `low` or more where such an assignment is found: scores rise with the cost, at the
 * lowest price that fills the band. Where no price does, the most expensive one found.
 */
export const withinLimitsAndBand = (
  space: DecisionSpace,
  cost: CompiledCost,
  scores: PerOption,
  { high, low }: { readonly low: number; readonly high: number },
  limits: ReadonlyArray<Limit>,
): Choices | undefined => {
  const tables = scoreTables(space, scores)
  const bounds = [targetBound(cost, high), ...limits]
  const at = (price: number): Choices | undefined => {
    const paid = price === 0 ? [] : cost.factors.map((factor) => map(factor, (v) => v * price))
    return mostWithin({ space, scores: [...tables, ...paid], bounds }).choices
  }
  const free = at(0)
  if (free === undefined || cost.of(free) >= low) return free
  const { max, min } = cost.range()
  const spread = scores.reduce((sum, row) => sum + Math.max(...row) - Math.min(...row), 0)
  if (max === min) return free
  const unit = (spread || 1) / (max - min)
  let [lowPrice, highPrice] = [1e-3, 1e4]
  let filling = at(highPrice * unit) ?? free
  if (cost.of(filling) < low) return filling
  for (let i = 0; i < halvings; i++) {
    const middle = Math.sqrt(lowPrice * highPrice)
    const choices = at(middle * unit) ?? free
    if (cost.of(choices) < low) lowPrice = middle
    else [highPrice, filling] = [middle, choices]
  }
  return filling
}

/** The cheapest, or with a sign of -1 the most expensive, assignment within limits. */
export const endWithin = (
  space: DecisionSpace,
  cost: Pick<CompiledCost, "factors">,
  limits: ReadonlyArray<Bound>,
  sign: 1 | -1 = 1,
): Found =>
  mostWithin({
    space,
    scores: [
      ...zerosLike(space).map((row, i) => ofDecision(i, row)),
      ...cost.factors.map((factor) => map(factor, (value) => -sign * value)),
    ],
    bounds: limits,
  })
