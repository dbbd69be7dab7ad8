/** Random costs over a random space: terms that are 0 wherever a decision they use is inactive, as layers' costs are. */
import { compileTerms, type CompiledCost } from "../../src/cost/Cost.ts"
import { Gbops } from "../../src/cost/Gbops.ts"
import type { DecisionSpace } from "../../src/space/Decision.ts"
import { activity } from "../../src/space/DecisionSpace.ts"
import { combine, ofDecision, type Quantity } from "../../src/space/Quantity.ts"
import type { Random } from "../../src/space/RandomStream.ts"

const gatesOf = (space: DecisionSpace, decision: number): Array<number> => {
  const { active } = space.decisions[decision]!
  return active === "always" ? [] : active.map((gate) => gate.decision)
}

const randomTerm = (space: DecisionSpace, random: Random): Quantity => {
  const used = Array.from({ length: 1 + random.integer(3) }, () =>
    random.integer(space.decisions.length),
  )
  const decisions = [...new Set([...used, ...used.flatMap((i) => gatesOf(space, i))])]
  const indices = decisions.map((i) =>
    ofDecision(
      i,
      space.decisions[i]!.options.map((_, k) => k),
    ),
  )
  return combine(indices, (values) => {
    const choices = space.decisions.map(() => 0)
    decisions.forEach((decision, at) => (choices[decision] = values[at]!))
    const active = activity(space, choices)
    return used.every((i) => active[i] === 1) ? random.uniform() * 10 - 3 : 0
  })
}

export const randomCost = (space: DecisionSpace, random: Random, terms: number): CompiledCost =>
  compileTerms(
    Array.from({ length: terms }, () => randomTerm(space, random)),
    Gbops,
    space,
  )

/** Random probabilities per decision and option. */
export const randomProbabilities = (space: DecisionSpace, random: Random): Array<Float64Array> =>
  space.decisions.map(({ options }) => {
    const raw = Float64Array.from(options, () => 0.05 + random.uniform())
    const sum = raw.reduce((a, b) => a + b, 0)
    return raw.map((value) => value / sum)
  })
