/** Random scores and costs of the options of a space, for what chooses within a cost. */
import { type CompiledCost, compileTerms } from "../../src/cost/Cost.ts"
import { Gbops } from "../../src/cost/Gbops.ts"
import type { DecisionSpace } from "../../src/space/Decision.ts"
import { constant, ofDecision } from "../../src/space/Quantity.ts"
import type { Random } from "../../src/space/RandomStream.ts"
import type { PerOption } from "../../src/space/PerOption.ts"

/** Log probabilities of a policy that is more or less sure. */
export const randomScores = (space: DecisionSpace, random: Random): PerOption => {
  const sureness = 6 * random.uniform()
  return space.decisions.map(({ options }) => options.map(() => sureness * random.normal()))
}

/** A cost that is a sum over decisions, with a part that is always there. */
export const additiveCost = (space: DecisionSpace, random: Random): CompiledCost =>
  compileTerms(
    [
      ...space.decisions.map(({ options }, i) =>
        ofDecision(
          i,
          options.map((_, k) => (1 + random.uniform()) * (k + 1) ** 2),
        ),
      ),
      constant(random.uniform()),
    ],
    Gbops,
    space,
  )
