/** Small random decision spaces with gates, and everything about them by enumeration: what exact methods are held to. */
import { activity } from "../../src/space/DecisionSpace.ts"
import {
  allOf,
  type Choices,
  type Decision,
  type DecisionSpace,
  type Gate,
} from "../../src/space/Decision.ts"
import type { Random } from "../../src/space/RandomStream.ts"

/**
 * `gates` decisions, the first always active, those after it opened by one before where `nested` says so; then `others`, each
 * always active or opened by one to three gates.
 */
export const randomSpace = (
  random: Random,
  gates: number,
  others: number,
  nested = false,
): DecisionSpace => {
  const decisions: Array<Decision> = []
  const options = () => Array.from({ length: 2 + random.integer(3) }, (_, i) => i + 1)
  const openedBy = (decision: number): Gate => {
    const { active, options } = decisions[decision]!
    const first = random.integer(options.length)
    const gate = {
      decision,
      choices: Array.from({ length: options.length - first }, (_, j) => first + j),
    }
    return active === "always" || !nested ? gate : { ...gate, within: active.flatMap(allOf) }
  }
  for (let i = 0; i < gates; i++) {
    const values = options()
    decisions.push({
      path: `gate${i}`,
      tag: "repeats",
      role: "architecture",
      options: values,
      sizes: values,
      active: nested && i > 0 && random.integer(2) === 1 ? [openedBy(random.integer(i))] : "always",
    })
  }
  for (let i = 0; i < others; i++) {
    const values = options()
    const opened = Array.from({ length: gates === 0 ? 0 : random.integer(4) }, () =>
      openedBy(random.integer(gates)),
    )
    const active = opened.length === 0 ? "always" : opened
    decisions.push({
      path: `d${i}`,
      tag: "format",
      role: "format",
      options: values,
      sizes: values,
      active,
    })
  }
  return { decisions }
}

/** Every joint choice, inactive decisions included. */
export const allChoices = (space: DecisionSpace): Array<Choices> =>
  space.decisions.reduce<Array<Choices>>(
    (prefixes, decision) =>
      prefixes.flatMap((prefix) => decision.options.map((_, choice) => [...prefix, choice])),
    [[]],
  )

export const countByEnumeration = (space: DecisionSpace): number =>
  new Set(
    allChoices(space).map((choices) => {
      const active = activity(space, choices)
      return choices.map((choice, i) => (active[i] === 1 ? choice : "-")).join()
    }),
  ).size
