/**
 * The decisions of a space as people and programs see them: by path, options as they are written, and when each is
 * active. Left out: how they are printed.
 */
import type { Decision, DecisionSpace, Gate, OptionValue, Role } from "./Decision.ts"

/** Options of another decision under which one is active. */
export interface Condition {
  readonly path: string
  readonly options: ReadonlyArray<OptionValue>
  /** Conditions that must hold with it; absent: none. */
  readonly and?: ReadonlyArray<Condition>
}

export interface ListedDecision {
  readonly path: string
  readonly role: Role
  readonly options: ReadonlyArray<OptionValue>
  /** Active where any of these holds; absent: always. */
  readonly activeWhen?: ReadonlyArray<Condition>
}

const conditionsOf = ({ active }: Decision, { decisions }: DecisionSpace) => {
  const conditionOf = ({ choices, decision, within }: Gate): Condition => {
    const { options, path } = decisions[decision]!
    return {
      path,
      options: choices.map((choice) => options[choice]!),
      ...(within === undefined ? {} : { and: within.map(conditionOf) }),
    }
  }
  return active === "always" ? undefined : active.map(conditionOf)
}

export const decisionList = (space: DecisionSpace): ReadonlyArray<ListedDecision> =>
  space.decisions.map((decision) => {
    const { options, path, role } = decision
    const activeWhen = conditionsOf(decision, space)
    return { path, role, options, ...(activeWhen === undefined ? {} : { activeWhen }) }
  })
