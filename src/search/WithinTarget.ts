/**
 * Random assignments that cost as much as the target allows, and no more: what stands beside a search at equal cost.
 *
 * Uniform draws cost what they cost, and rejecting all that are off target would take for ever. So a draw is moved,
 * one random decision at a time: down to the target, then up as far as it fits. Where that does not lead there, the
 * assignment of the greatest random score does (`Budget.ts`).
 */
import type { CompiledCost } from "../cost/Cost.ts"
import type { Choices, DecisionSpace } from "../space/Decision.ts"
import type { Random } from "../space/Random.ts"
import { type Band, withinBand } from "./Budget.ts"
import { type PerOption, zerosLike } from "./Policy.ts"

/** Draws of which none came on target, after which another way is taken. */
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

/** The assignment on target of the greatest score; where only the cheapest of all is within it, that one. */
export const bestWithin = (
  space: DecisionSpace,
  cost: CompiledCost,
  scores: PerOption,
  band: Band,
): Choices =>
  // a target that nobody meets is refused before training, but for the rounding of one that only the cheapest meets
  withinBand(space, cost, scores, band) ?? cost.range().minChoices

/**
 * A random assignment in the band, uniform but for being moved there; where no draw can be, the best by random scores:
 * in the band if it holds any, else the dearest below it.
 */
export const drawWithin = (
  space: DecisionSpace,
  cost: CompiledCost,
  band: Band,
  random: Random,
): Choices => {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const choices = space.decisions.map(({ options }) => random.integer(options.length))
    if (lower(cost, choices, band.high, random) && raise(cost, choices, band, random) >= band.low)
      return choices
  }
  const scores = space.decisions.map(({ options }) => options.map(() => random.uniform()))
  return bestWithin(space, cost, scores, band)
}

/**
 * An assignment moved within target, by as few random decisions as it takes; half of them also up into the band. Some
 * way between two good assignments leads through cheaper ones, so not all are raised.
 */
export const moveWithin = (
  space: DecisionSpace,
  cost: CompiledCost,
  given: Choices,
  band: Band,
  random: Random,
): Choices => {
  const choices = [...given]
  if (!lower(cost, choices, band.high, random)) return nearest(space, cost, given, band)
  if (random.uniform() < 0.5) raise(cost, choices, band, random)
  return choices
}

/** What is on target and differs from an assignment in as few decisions as it takes, those that it is worth most for. */
export const nearest = (
  space: DecisionSpace,
  cost: CompiledCost,
  given: Choices,
  band: Band,
  worth: PerOption = zerosLike(space),
): Choices => {
  // a change costs more than all that is worth anything
  const change = 1 + worth.reduce((sum, row) => sum + Math.max(...row) - Math.min(...row), 0)
  const scores = worth.map((row, i) =>
    row.map((value, k) => (k === given[i] ? value + change : value)),
  )
  return bestWithin(space, cost, scores, band)
}
