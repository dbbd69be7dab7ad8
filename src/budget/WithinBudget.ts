/**
 * The assignment of the greatest summed score within a target: what a hard budget ends with.
 *
 * Exactly where the cost is a sum over decisions (`Knapsack.ts`). Where it couples them (widths, depths), best-first:
 * from several starts, change one decision at a time, always the one that loses least score per cost saved, until
 * the cost fits; then improve by what fits, one change or two at a time. Deterministic; never above the target, by
 * exact comparison with `CompiledCost.of`. Left out: on a target, neither above it nor far below (`WithinBand.ts`).
 */
import type { CompiledCost } from "../cost/Cost.ts"
import type { Limit } from "../cost/LimitKinds.ts"
import type { Choices, DecisionSpace } from "../space/Decision.ts"
import { activity } from "../space/DecisionSpace.ts"
import { knapsack } from "./Knapsack.ts"
import { withinLimits } from "./WithinLimits.ts"
import { argmax, type PerOption, sumOf } from "../space/PerOption.ts"

/**
 * The choices of the greatest summed score over *active* decisions that cost at most `target`; undefined when nothing
 * is known to fit. Scores are finite, per decision and option: log probabilities, or losses with a minus. Limits are
 * further costs that it may not be above (`WithinLimits.ts`).
 */
export const withinBudget = (
  space: DecisionSpace,
  cost: CompiledCost,
  scores: PerOption,
  target: number,
  limits: ReadonlyArray<Limit> = [],
): Choices | undefined => {
  if (limits.length > 0) return withinLimits(space, cost, scores, target, limits)
  return isAdditive(space, cost)
    ? additive(cost, scores, target)
    : coupled({ space, cost, scores, target })
}

/** Whether the cost is a sum over decisions, and so are scores. */
export const isAdditive = ({ decisions }: DecisionSpace, { factors }: CompiledCost): boolean =>
  decisions.every(({ active }) => active === "always") &&
  factors.every((factor) => factor.decisions.length <= 1)

/** Costs that count as close under a target. */
export interface Band {
  readonly low: number
  readonly high: number
}

/** Relative distance from the target that counts as on target. */
export const onTarget = 0.02

export const bandUnder = (target: number, tolerance = onTarget): Band => ({
  low: (1 - tolerance) * target,
  high: target,
})

/** What all choices together can change of a score. */
export const spreadOf = (scores: PerOption): number =>
  scores.reduce((sum, row) => sum + Math.max(...row) - Math.min(...row), 0)

const additive = (cost: CompiledCost, scores: PerOption, target: number): Choices | undefined => {
  const options = knapsack(
    cost.factors.map(({ decisions, values }) => ({
      costs: values,
      scores: decisions.length === 0 ? [0] : scores[decisions[0]!]!,
    })),
    target,
  )
  if (options === undefined) return undefined
  // what costs nothing takes its best option
  const choices = scores.map(argmax)
  cost.factors.forEach(({ decisions }, i) => {
    if (decisions.length === 1) choices[decisions[0]!] = options[i]!
  })
  return choices
}

/** What is to score most within a target. */
export interface Coupled {
  readonly space: DecisionSpace
  readonly cost: CompiledCost
  readonly scores: PerOption
  readonly target: number
}

/** One decision taken otherwise. */
interface Change {
  readonly decision: number
  readonly option: number
  readonly cost: number
  /** Of the whole assignment, after the change. */
  readonly score: number
}

/** Of an assignment, summed over its active decisions. */
export const scoreOf = ({ space, scores }: Coupled, choices: Choices): number =>
  sumOf(space, scores, choices)

const apply = (choices: Choices, { decision, option }: Pick<Change, "decision" | "option">) =>
  choices.with(decision, option)

/** Every assignment that differs in one active decision. */
export const changes = (problem: Coupled, choices: Choices): Array<Change> => {
  const { space, cost } = problem
  const total = cost.of(choices)
  const active = activity(space, choices)
  return space.decisions.flatMap(({ options }, decision) => {
    if (active[decision] === 0) return []
    const costs = cost.withChoice(choices, decision, total)
    return options.flatMap((_, option) => {
      if (option === choices[decision]) return []
      const score = scoreOf(problem, apply(choices, { decision, option }))
      return [{ decision, option, cost: costs[option]!, score }]
    })
  })
}

/** Changes what loses least score per cost saved until the cost fits; undefined when no change saves any more. */
const repair = (problem: Coupled, start: Choices): Choices | undefined => {
  const { cost, target } = problem
  let choices = start
  for (let total = cost.of(choices); total > target; total = cost.of(choices)) {
    const now = scoreOf(problem, choices)
    let best: Change | undefined
    let least = Infinity
    for (const change of changes(problem, choices)) {
      const saved = total - Math.max(change.cost, target)
      if (saved <= 1e-12 * Math.abs(total)) continue
      const lost = (now - change.score) / saved
      if (lost < least) [best, least] = [change, lost]
    }
    if (best === undefined) return undefined
    const next = apply(choices, best)
    // `withChoice` and `of` may round apart; without this a repair could go round in circles
    if (cost.of(next) >= total) return undefined
    choices = next
  }
  return choices
}

/** A change that is wanted, and what makes room for it if need be. */
const improvement = (problem: Coupled, choices: Choices): Choices | undefined => {
  const { cost, space, target } = problem
  const now = scoreOf(problem, choices)
  const margin = 1e-12 * (1 + Math.abs(now))
  let best: Choices | undefined
  let most = now + margin
  const consider = (next: Choices, score: number): void => {
    if (score <= most || cost.of(next) > target) return
    best = next
    most = score
  }
  for (const first of changes(problem, choices)) {
    const changed = apply(choices, first)
    consider(changed, first.score)
    // what is not wanted may make room, which the pair finds from its other end; a gate changes what there is to want
    if (first.score <= now && space.decisions[first.decision]!.role === "format") continue
    for (const second of changes(problem, changed))
      if (second.decision !== first.decision && second.score > most && fits(second, target))
        consider(apply(changed, second), second.score)
  }
  return best
}

/** By the cost of the change, a little generous: `of` has the last word. */
const fits = ({ cost }: Change, target: number): boolean => cost <= target + 1e-9 * Math.abs(target)

const coupled = (problem: Coupled): Choices | undefined => {
  const { space, cost, scores, target } = problem
  const { minChoices } = cost.range()
  const starts = [
    scores.map(argmax),
    ...prices(problem).map((price) => settle(problem, minChoices, price)),
    minChoices,
  ]
  let best: { readonly choices: Choices; readonly score: number } | undefined
  for (const start of starts) {
    const within = repair(problem, start)
    if (within === undefined) continue
    const score = scoreOf(problem, within)
    if (best === undefined || score > best.score) best = { choices: within, score }
  }
  if (best === undefined) return undefined
  let { choices } = best
  for (let pass = 0; pass < 20 * space.decisions.length; pass++) {
    const next = improvement(problem, choices)
    if (next === undefined) break
    choices = next
  }
  return cost.of(choices) <= target ? choices : undefined
}

/** Prices of the cost, in score, from far too low to far too high. */
const prices = ({ cost, scores }: Coupled): ReadonlyArray<number> => {
  const spread = spreadOf(scores)
  const { max, min } = cost.range()
  if (spread === 0 || max === min) return []
  return Array.from({ length: 13 }, (_, i) => (spread / (max - min)) * 4 ** (i / 2 - 3))
}

/** Each decision's best option at a price of the cost, the others as they are, until none changes. */
const settle = (problem: Coupled, start: Choices, price: number): Choices => {
  let choices = start
  const worth = ({ score, cost }: Pick<Change, "score" | "cost">) => score - price * cost
  let now = worth({ score: scoreOf(problem, choices), cost: problem.cost.of(choices) })
  for (let pass = 0; pass < 20 * choices.length; pass++) {
    const best = changes(problem, choices).reduce<Change | undefined>(
      (a, b) => (worth(b) > (a === undefined ? now : worth(a)) ? b : a),
      undefined,
    )
    if (best === undefined || worth(best) <= now + 1e-12 * (1 + Math.abs(now))) return choices
    choices = apply(choices, best)
    now = worth(best)
  }
  return choices
}
