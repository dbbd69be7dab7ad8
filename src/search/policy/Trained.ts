/**
 * What the weights train under while a search is undecided.
 *
 * Narrow formats drawn at random teach the weights to bear noise that the final network will not have. A network trained
 * wide learns more in as many steps, and takes to its final formats in the rest of them. So a format counts as drawn
 * only as far as the policy, or the shares of a population, have settled on it. Architecture is always as drawn: a width
 * that is not trained is not fit to be measured.
 */
import type { Choices, DecisionSpace } from "../../space/Decision.ts"
import { widest } from "../../space/DecisionSpace.ts"
import type { Random } from "../../space/Random.ts"
import type { Policy } from "./Policy.ts"

/**
 * `drawn` with each of its formats at its widest with probability H / ln(options), H being the policy's entropy in
 * nats: always while the policy is uniform, never once it is certain.
 */
export const withSettledFormats = (
  { decisions }: DecisionSpace,
  { entropies }: Policy,
  drawn: Choices,
  random: Random,
): Choices =>
  drawn.map((option, i) => {
    const decision = decisions[i]!
    if (decision.role !== "format" || decision.options.length === 1) return option
    const unsettled = entropies[i]! / Math.log(decision.options.length)
    return random.uniform() < unsettled ? widest(decision) : option
  })
