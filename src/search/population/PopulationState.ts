/** The state of searches with a population: plain data with a Schema, and what follows from it alone. */
import { Schema } from "effect"
import type { Choices, DecisionSpace } from "../../space/Decision.ts"
import { RandomState } from "../../space/RandomStream.ts"
import type { Policy } from "../policy/Policy.ts"

const Member = Schema.Struct({
  choices: Schema.Array(Schema.Int),
  /** Sum of its qualities, each relative to the mean of its step, and how many there were. */
  sum: Schema.Finite,
  count: Schema.Int,
})
export type Member = typeof Member.Type

export const PopulationState = Schema.Struct({
  /** The stream "proposals". */
  random: RandomState,
  /** The one to be trained next first; where children are bred, that is the oldest. */
  members: Schema.Array(Member),
  /** The values of the options by all measurements while children were bred (`OptionValues.ts`). */
  worth: Schema.Array(Schema.Array(Schema.Finite)),
  /** The best, once it is known: every step trains it. */
  frozen: Schema.NullOr(Schema.Array(Schema.Int)),
  /** The first proposal of the step before; empty before the first. */
  lastTrained: Schema.Array(Schema.Int),
})
export type PopulationState = typeof PopulationState.Type

/** Throws when it is not a state of such a search over this space. */
export const restorePopulation = (
  { decisions }: DecisionSpace,
  size: number,
  saved: unknown,
): PopulationState => {
  const state = Schema.decodeUnknownSync(PopulationState)(saved)
  const fits = ({ choices }: Member) =>
    choices.length === decisions.length &&
    choices.every((k, i) => k >= 0 && k < decisions[i]!.options.length)
  if (state.members.length !== size || !state.members.every(fits))
    throw new Error("the saved search is one of another space")
  return state
}

/** A member counts as if, beside its own, so many measurements had found it no better than the others. */
const priorMeasurements = 4

/** Mean relative quality, drawn towards 0 while it rests on few measurements. */
export const estimatedQuality = ({ sum, count }: Member): number =>
  sum / (count + priorMeasurements)

export const unmeasured = (choices: Choices): Member => ({ choices, sum: 0, count: 0 })

/** Those that the search still compares: all members, or the one that is frozen. */
export const assignmentsOf = ({ frozen, members }: PopulationState): ReadonlyArray<Choices> =>
  frozen === null ? members.map(({ choices }) => choices) : [frozen]

/** How often each option stands in some assignments, as a policy. */
export const sharesOf = (space: DecisionSpace, assignments: ReadonlyArray<Choices>): Policy => {
  const probabilities = space.decisions.map(({ options }, i) => {
    const p = new Float64Array(options.length)
    for (const choices of assignments) p[choices[i]!]! += 1 / assignments.length
    return p
  })
  const logProbabilities = probabilities.map((p) => p.map(Math.log))
  const entropies = Float64Array.from(probabilities, (p) =>
    p.reduce((sum, value) => (value > 0 ? sum - value * Math.log(value) : sum), 0),
  )
  return { probabilities, logProbabilities, entropies }
}
