/**
 * A number for every option of every decision (logits, log probabilities, losses), and what an assignment sums up to.
 * Plain arrays, so that they go into a saved state as they are.
 */
import type { Choices, DecisionSpace } from "./Decision.ts"
import { activity } from "./DecisionSpace.ts"

/** [decision][option] */
export type PerOption = ReadonlyArray<ReadonlyArray<number>>

export const zerosLike = (space: DecisionSpace): PerOption =>
  space.decisions.map((decision) => decision.options.map(() => 0))

/** Throws when saved rows are not one per decision with a number per option: they are of another space. */
export const assertRowsOf = ({ decisions }: DecisionSpace, rows: PerOption): void => {
  if (
    rows.length !== decisions.length ||
    rows.some((row, i) => row.length !== decisions[i]!.options.length)
  )
    throw new Error("the saved search is one of another space")
}

/** Index of the largest value, the first of equals. */
export const argmax = (values: ArrayLike<number>): number => {
  let best = 0
  for (let k = 1; k < values.length; k++) if (values[k]! > values[best]!) best = k
  return best
}

/** The sum over the active decisions of an assignment. */
export const sumOf = (space: DecisionSpace, rows: PerOption, choices: Choices): number => {
  const active = activity(space, choices)
  return choices.reduce((sum, option, i) => (active[i] === 1 ? sum + rows[i]![option]! : sum), 0)
}
