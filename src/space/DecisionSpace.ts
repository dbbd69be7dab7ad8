/**
 * What follows from a decision space alone: which decisions are active, and the way between choices (indices, inside) and
 * assignments (path -> option value, in files).
 *
 * Left out: how many assignments there are (`Cardinality.ts`), where decisions come from (`network/`), probabilities (`search/`), costs (`cost/`).
 */
import { Result } from "effect"
import type { Problem } from "../declaration/Errors.ts"
import { suggest } from "../declaration/Suggest.ts"
import { isPair, optionText } from "./Option.ts"
import {
  allOf,
  type Assignment,
  type Choices,
  type Decision,
  type DecisionSpace,
  type OptionValue,
} from "./Decision.ts"

/** 1 for every decision that is active under `choices`, else 0. */
export const activity = (space: DecisionSpace, choices: Choices): Uint8Array => {
  const active = new Uint8Array(space.decisions.length)
  space.decisions.forEach((decision, i) => {
    active[i] = isActive(decision, (gate) => choices[gate]!) ? 1 : 0
  })
  return active
}

const isActive = ({ active }: Decision, choiceOf: (gate: number) => number): boolean =>
  active === "always" ||
  active.some((gate) =>
    allOf(gate).every(({ choices, decision }) => choices.includes(choiceOf(decision))),
  )

/** Index of the largest option, the first of equals. */
export const widest = (decision: Decision): number =>
  decision.sizes.reduce((best, size, i) => (size > decision.sizes[best]! ? i : best), 0)

/** The choices that take the widest option everywhere. */
export const widestChoices = (space: DecisionSpace): Choices => space.decisions.map(widest)

/** `choices` with every format at its widest. */
export const withWidestFormats = ({ decisions }: DecisionSpace, choices: Choices): Choices =>
  choices.map((choice, i) => (decisions[i]!.role === "format" ? widest(decisions[i]!) : choice))

/** The choices that take the smallest option everywhere, the first of equals. */
export const narrowestChoices = (space: DecisionSpace): Choices =>
  space.decisions.map(({ sizes }) => sizes.indexOf(Math.min(...sizes)))

/** Path -> option value of the active decisions, in the order of the space. */
export const toAssignment = (space: DecisionSpace, choices: Choices): Assignment => {
  const active = activity(space, choices)
  const assignment: Record<string, OptionValue> = {}
  space.decisions.forEach((decision, i) => {
    if (active[i] === 1) assignment[decision.path] = decision.options[choices[i]!]!
  })
  return assignment
}

/** Whether a decision is active as far as choices are known; undefined where that depends on one that is not. */
const isSurelyActive = (
  { active }: Decision,
  chosen: ReadonlyArray<number | undefined>,
): boolean | undefined => {
  if (active === "always") return true
  const conditions = active.map((gate) => {
    const parts = allOf(gate).map(({ choices, decision }) => {
      const choice = chosen[decision]
      return choice === undefined ? undefined : choices.includes(choice)
    })
    if (parts.some((is) => is === false)) return false
    return parts.every((is) => is === true) ? true : undefined
  })
  if (conditions.some((is) => is === true)) return true
  return conditions.every((is) => is === false) ? false : undefined
}

/**
 * The choices of an assignment, or everything that is wrong with it: unknown paths, options not offered, active
 * decisions missing, inactive ones given; by paths into the assignment. Inactive decisions take choice 0.
 */
export const fromAssignment = (
  space: DecisionSpace,
  assignment: Assignment,
): Result.Result<Choices, ReadonlyArray<Problem>> => {
  const problems: Array<Problem> = []
  const refuse = (path: string, message: string) => problems.push({ path: [path], message })
  const paths = space.decisions.map((decision) => decision.path)
  const known = new Set(paths)
  for (const path of Object.keys(assignment)) {
    if (known.has(path)) continue
    const close = suggest(path, paths)
    refuse(path, "the space has no such decision" + (close ? `; did you mean ${close}?` : ""))
  }

  const chosen = space.decisions.map((decision): number | undefined => {
    const value = Object.hasOwn(assignment, decision.path) ? assignment[decision.path] : undefined
    if (value === undefined) return undefined
    const choice = decision.options.findIndex((option) => equal(option, value))
    if (choice >= 0) return choice
    const offered = decision.options.map(optionText).join(", ")
    refuse(decision.path, `${optionText(value)} is not offered; it offers ${offered}`)
    return undefined
  })

  for (const decision of space.decisions) {
    const given = Object.hasOwn(assignment, decision.path)
    const active = isSurelyActive(decision, chosen)
    // With a gate missing, which is a problem of its own, nobody can say whether this decision is active.
    if (active === undefined) continue
    if (active && !given) refuse(decision.path, "missing; the decision is active")
    if (!active && given) refuse(decision.path, "given, but the decision is inactive; leave it out")
  }
  return problems.length > 0
    ? Result.fail(problems)
    : Result.succeed(chosen.map((choice) => choice ?? 0))
}

/** A pair of formats may be written as its text; a text is never taken for a number. */
const equal = (a: OptionValue, b: OptionValue): boolean =>
  optionText(a) === optionText(b) &&
  (typeof a === typeof b ||
    (isPair(a) && typeof b === "string") ||
    (isPair(b) && typeof a === "string"))
