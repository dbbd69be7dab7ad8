/**
 * Random assignments that cost as much as the target allows, and no more: what stands beside a search at equal cost.
 *
 * Uniform draws cost what they cost, and rejecting all that are off target would take for ever. So a draw is moved,
 * one random decision at a time: down to the target, then up as far as it fits. Left out: the assignment of the
 * greatest score within a target (`Budget.ts`).
 */
import type { CompiledCost } from "../cost/Cost.ts"
import type { Choices, DecisionSpace } from "../space/Decision.ts"
import type { Random } from "../space/Random.ts"

/** Costs that count as close under a target. */
export interface Band {
  readonly low: number
  readonly high: number
}

/** Targets are compared with the same relative tolerance as in `model/Target.ts`. */
export const bandUnder = (target: number, tolerance: number): Band => ({
  low: (1 - tolerance) * target,
  high: target * (1 + 1e-9),
})

/** Draws after which the dearest so far that fits is taken. */
const attempts = 50

/** Takes random options of decisions in random order, where `wanted` says so of their cost, until `enough`. */
const move = (
  cost: CompiledCost,
  choices: Array<number>,
  random: Random,
  wanted: (option: number, now: number) => boolean,
  enough: (now: number) => boolean,
): number => {
  let now = cost.of(choices)
  for (let moved = true; moved && !enough(now);) {
    moved = false
    for (const i of random.permutation(choices.length)) {
      const options = cost.withChoice(choices, i, now)
      const fitting = [...options.keys()].filter((k) => wanted(options[k]!, now))
      if (fitting.length === 0) continue
      choices[i] = fitting[random.integer(fitting.length)]!
      now = cost.of(choices)
      moved = true
      if (enough(now)) break
    }
  }
  return now
}

/** Down to `high`; whether it got there. */
const lower = (
  cost: CompiledCost,
  choices: Array<number>,
  high: number,
  random: Random,
): boolean => {
  // a step that is lost in rounding would never end
  const cheaper = (option: number, now: number) => option < now - 1e-12 * Math.abs(now)
  return move(cost, choices, random, cheaper, (now) => now <= high) <= high
}

/** Up into the band, or as far as it fits; the cost it came to. */
const raise = (
  cost: CompiledCost,
  choices: Array<number>,
  { low, high }: Band,
  random: Random,
): number => {
  const dearer = (option: number, now: number) =>
    option > now + 1e-12 * Math.abs(now) && option <= high
  return move(cost, choices, random, dearer, (now) => now >= low)
}

/**
 * A random assignment in the band, uniform but for being moved there; else the dearest below it of some draws; else
 * the cheapest of all.
 */
export const drawWithin = (
  space: DecisionSpace,
  cost: CompiledCost,
  band: Band,
  random: Random,
): Choices => {
  let dearest = cost.range().minChoices
  let most = cost.of(dearest)
  for (let attempt = 0; attempt < attempts && most < band.low; attempt++) {
    const choices = space.decisions.map(({ options }) => random.integer(options.length))
    if (!lower(cost, choices, band.high, random)) continue
    const raised = raise(cost, choices, band, random)
    if (raised > most) {
      dearest = choices
      most = raised
    }
  }
  return dearest
}

/**
 * An assignment moved within target, by as few random decisions as it takes; half of them also up into the band. Some
 * way between two good assignments leads through cheaper ones, so not all are raised.
 */
export const moveWithin = (
  cost: CompiledCost,
  given: Choices,
  band: Band,
  random: Random,
): Choices => {
  const choices = [...given]
  if (!lower(cost, choices, band.high, random)) return cost.range().minChoices
  if (random.uniform() < 0.5) raise(cost, choices, band, random)
  return choices
}
