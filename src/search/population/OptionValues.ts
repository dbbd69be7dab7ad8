/**
 * A value for every option, of which an assignment's quality is the sum: learned from assignments that were measured on
 * the same batch, a few at a time, by the normalised least mean squares rule (Widrow and Hoff, 1960).
 *
 * Only differences within a step count, so what its batch and the age of the weights do to all assignments alike cancels.
 * Interactions between options are not modelled. Pure; the values are plain data.
 */
import type { Choices, DecisionSpace } from "../../space/Decision.ts"
import { activity } from "../../space/DecisionSpace.ts"
import { type PerOption, sumOf } from "../../space/PerOption.ts"
import { meanOf } from "../policy/StepFigures.ts"

/** The values after a step that measured `qualities`; the same when it measured none. */
export const learnOptionValues = (
  space: DecisionSpace,
  values: PerOption,
  assignments: ReadonlyArray<Choices>,
  qualities: ReadonlyArray<number>,
): PerOption => {
  if (qualities.length === 0) return values
  const errors = qualities.map((quality, j) => quality - sumOf(space, values, assignments[j]!))
  const mean = meanOf(errors)
  // Half of the assignments against the other half, in all decisions: the most that is learned at once is all of the error.
  const rate = 2 / (assignments.length * space.decisions.length)
  const next = values.map((row) => [...row])
  assignments.forEach((choices, j) => {
    const active = activity(space, choices)
    choices.forEach((k, i) => {
      if (active[i] === 1) next[i]![k]! += rate * (errors[j]! - mean)
    })
  })
  return next
}
