/**
 * Which options the weights train under while a search is undecided.
 *
 * Under narrow formats drawn at random the weights learn to tolerate noise that the final network will not have. A
 * network trained wide learns more in as many steps, and adapts to its final formats in the remaining ones. So a format
 * is trained as drawn only as far as the policy, or the shares of a population, have settled on it. Architecture is
 * trained as drawn by default: the quality of a width that is not trained says nothing about it. With
 * `trainArchitecture: settled` it too is trained wide, but for a share of the steps that keeps every width measurable.
 */
import type { Choices, DecisionSpace, Role } from "../../space/Decision.ts"
import { widest } from "../../space/DecisionSpace.ts"
import type { Random } from "../../space/RandomStream.ts"
import type { Policy } from "./Policy.ts"

/** Share of the steps at least that train a size as drawn, however undecided the policy is about it. */
export const drawnArchitectureShare = 0.3

/** `drawn` with each decision of a role at its widest with probability H / ln(options), `most` at most. */
const withSettled = (
  role: Role,
  most: number,
  { decisions }: DecisionSpace,
  { entropies }: Policy,
  drawn: Choices,
  random: Random,
): Choices =>
  drawn.map((option, i) => {
    const decision = decisions[i]!
    if (decision.role !== role || decision.options.length === 1) return option
    const unsettled = entropies[i]! / Math.log(decision.options.length)
    return random.uniform() < Math.min(most, unsettled) ? widest(decision) : option
  })

/**
 * `drawn` with each of its formats at its widest with probability H / ln(options), H being the policy's entropy in
 * nats: always while the policy is uniform, never once it is certain.
 */
export const withSettledFormats = (
  space: DecisionSpace,
  policy: Policy,
  drawn: Choices,
  random: Random,
): Choices => withSettled("format", 1, space, policy, drawn, random)

/** The same of its sizes, but as drawn with probability 0.3 at least. */
export const withSettledArchitecture = (
  space: DecisionSpace,
  policy: Policy,
  drawn: Choices,
  random: Random,
): Choices => withSettled("architecture", 1 - drawnArchitectureShare, space, policy, drawn, random)
