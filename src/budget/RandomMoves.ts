/**
 * Moves of an assignment to where it costs what a target allows, one random decision at a time. Left out: what is done
 * where they do not lead there (`WithinTarget.ts`, `WithinBand.ts`).
 */
import type { CompiledCost } from "../cost/Cost.ts"
import { holds, type Limit } from "../cost/LimitKinds.ts"
import type { Choices, DecisionSpace } from "../space/Decision.ts"
import type { Random } from "../space/RandomStream.ts"
import type { Band } from "./WithinBudget.ts"
import { type Bound, excessOf, excessWith, holdsAll, targetBound } from "./WithinLimits.ts"

/** Takes random options of decisions in random order, where `wanted` says so of their cost, until `enough`. */
const move = (
  cost: CompiledCost,
  choices: Array<number>,
  random: Random,
  wanted: (option: number, now: number) => boolean,
  enough: (now: number) => boolean,
  limits: ReadonlyArray<Limit> = [],
): number => {
  let now = cost.of(choices)
  for (let moved = true; moved && !enough(now);) {
    moved = false
    for (const i of random.permutation(choices.length)) {
      const options = cost.withChoice(choices, i, now)
      const fitting = [...options.keys()].filter(
        (k) => wanted(options[k]!, now) && holds(limits, choices.with(i, k)),
      )
      if (fitting.length === 0) continue
      choices[i] = fitting[random.integer(fitting.length)]!
      now = cost.of(choices)
      moved = true
      if (enough(now)) break
    }
  }
  return now
}

/** Takes random options that lessen the excess over some bounds, until none is exceeded; whether it got there. */
const lessen = (
  bounds: ReadonlyArray<Bound>,
  space: DecisionSpace,
  choices: Array<number>,
  random: Random,
): boolean => {
  let now = excessOf(bounds, choices)
  for (let moved = true; moved && now > 0;) {
    moved = false
    for (const i of random.permutation(choices.length)) {
      const over = excessWith(bounds, choices, i, space.decisions[i]!.options.length)
      const fitting = [...over.keys()].filter((k) => over[k]! < now * (1 - 1e-12))
      if (fitting.length === 0) continue
      choices[i] = fitting[random.integer(fitting.length)]!
      now = excessOf(bounds, choices)
      moved = true
      if (now === 0) break
    }
  }
  return holdsAll(bounds, choices)
}

/** Down to `high`, and within the limits; whether it got there. */
export const lower = (
  space: DecisionSpace,
  cost: CompiledCost,
  choices: Array<number>,
  high: number,
  random: Random,
  limits: ReadonlyArray<Limit> = [],
): boolean => {
  if (limits.length > 0) return lessen([targetBound(cost, high), ...limits], space, choices, random)
  // a step that is lost in rounding would never end
  const cheaper = (option: number, now: number) => option < now - 1e-12 * Math.abs(now)
  return move(cost, choices, random, cheaper, (now) => now <= high) <= high
}

/** Up into the band, or as far as it fits, within the limits; the cost it came to. */
export const raise = (
  cost: CompiledCost,
  choices: Array<number>,
  { low, high }: Band,
  random: Random,
  limits: ReadonlyArray<Limit> = [],
): number => {
  const costsMore = (option: number, now: number) =>
    option > now + 1e-12 * Math.abs(now) && option <= high
  return move(cost, choices, random, costsMore, (now) => now >= low, limits)
}

/** A uniform draw, moved into the band and within the limits; undefined where that does not lead there. */
export const drawBetween = (
  space: DecisionSpace,
  cost: CompiledCost,
  band: Band,
  random: Random,
  limits: ReadonlyArray<Limit> = [],
): Choices | undefined => {
  const choices = space.decisions.map(({ options }) => random.integer(options.length))
  const isThere =
    lower(space, cost, choices, band.high, random, limits) &&
    raise(cost, choices, band, random, limits) >= band.low
  return isThere ? choices : undefined
}
