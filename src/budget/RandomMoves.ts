/**
 * Moves of an assignment to where it costs what a target allows, one random decision at a time. Left out: what is done
 * where they do not lead there (`WithinTarget.ts`, `WithinBand.ts`).
 */
import type { CompiledCost } from "../cost/Cost.ts"
import type { Choices, DecisionSpace } from "../space/Decision.ts"
import type { Random } from "../space/RandomStream.ts"
import type { Band } from "./WithinBudget.ts"

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
export const lower = (
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
export const raise = (
  cost: CompiledCost,
  choices: Array<number>,
  { low, high }: Band,
  random: Random,
): number => {
  const costsMore = (option: number, now: number) =>
    option > now + 1e-12 * Math.abs(now) && option <= high
  return move(cost, choices, random, costsMore, (now) => now >= low)
}

/** A uniform draw, moved into the band; undefined where that does not lead there. */
export const drawBetween = (
  space: DecisionSpace,
  cost: CompiledCost,
  band: Band,
  random: Random,
): Choices | undefined => {
  const choices = space.decisions.map(({ options }) => random.integer(options.length))
  const isThere =
    lower(cost, choices, band.high, random) && raise(cost, choices, band, random) >= band.low
  return isThere ? choices : undefined
}
