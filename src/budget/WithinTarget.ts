/**
 * Random assignments that cost as much as the target allows, and no more: what stands beside a search at equal cost.
 *
 * Uniform draws cost what they cost, and rejecting all that are off target would take for ever. So a draw is moved,
 * one random decision at a time: down to the target, then up as far as it fits. Where that does not lead there, the
 * assignment of the greatest random score does (`WithinBand.ts`).
 */
import type { CompiledCost } from "../cost/Cost.ts"
import type { Limit } from "../cost/LimitKinds.ts"
import type { Choices, DecisionSpace } from "../space/Decision.ts"
import type { Random } from "../space/RandomStream.ts"
import { type Band, spreadOf } from "./WithinBudget.ts"
import { drawBetween, lower, raise } from "./RandomMoves.ts"
import { withinBand } from "./WithinBand.ts"
import { endWithin } from "./WithinLimits.ts"
import { type PerOption, zerosLike } from "../space/PerOption.ts"

/** Draws of which none came on target, after which another way is taken. */
const attempts = 50

/** The assignment on target of the greatest score; where only the cheapest of all is within it, that one. */
export const bestWithin = (
  space: DecisionSpace,
  cost: CompiledCost,
  scores: PerOption,
  band: Band,
  limits: ReadonlyArray<Limit> = [],
): Choices => withinBand(space, cost, scores, band, limits) ?? cheapestWithin(space, cost, limits)

/**
 * The cheapest assignment within limits: what is taken where none is within the target too. A target and limits that
 * nobody meets are refused before training, but for the rounding of a target that only the cheapest meets.
 */
export const cheapestWithin = (
  space: DecisionSpace,
  cost: CompiledCost,
  limits: ReadonlyArray<Limit>,
): Choices =>
  (limits.length === 0 ? undefined : endWithin(space, cost, limits).choices) ??
  cost.range().minChoices

/**
 * A random assignment in the band, uniform but for being moved there; where no draw can be, the best by random scores:
 * in the band if it holds any, else the most expensive below it.
 */
export const drawWithin = (
  space: DecisionSpace,
  cost: CompiledCost,
  band: Band,
  random: Random,
  limits: ReadonlyArray<Limit> = [],
): Choices => {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const drawn = drawBetween(space, cost, band, random, limits)
    if (drawn !== undefined) return drawn
  }
  const scores = space.decisions.map(({ options }) => options.map(() => random.uniform()))
  return bestWithin(space, cost, scores, band, limits)
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
  limits: ReadonlyArray<Limit> = [],
): Choices => {
  const choices = [...given]
  if (!lower(space, cost, choices, band.high, random, limits))
    return nearest(space, cost, given, band, zerosLike(space), limits)
  if (random.uniform() < 0.5) raise(cost, choices, band, random, limits)
  return choices
}

/** What is on target and differs from an assignment in as few decisions as it takes, those that it is worth most for. */
export const nearest = (
  space: DecisionSpace,
  cost: CompiledCost,
  given: Choices,
  band: Band,
  worth: PerOption = zerosLike(space),
  limits: ReadonlyArray<Limit> = [],
): Choices => {
  // a change costs more than all that is worth anything
  const change = 1 + spreadOf(worth)
  const scores = worth.map((row, i) =>
    row.map((value, k) => (k === given[i] ? value + change : value)),
  )
  return bestWithin(space, cost, scores, band, limits)
}
