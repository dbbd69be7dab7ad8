/**
 * What follows from a decision space alone: which decisions are active, how many assignments there are, and the way
 * between choices (indices, inside) and assignments (path -> option value, in files).
 *
 * Left out: where decisions come from (`network/`), probabilities (`search/`), costs (`cost/`).
 */
import { Result } from "effect"
import type { Problem } from "../declaration/Errors.ts"
import { suggest } from "../declaration/Suggest.ts"
import { isPair, optionText } from "./Option.ts"
import type { Assignment, Choices, Decision, DecisionSpace, OptionValue } from "./Decision.ts"

/** 1 for every decision that is active under `choices`, else 0. */
export const activity = (space: DecisionSpace, choices: Choices): Uint8Array => {
  const active = new Uint8Array(space.decisions.length)
  space.decisions.forEach((decision, i) => {
    active[i] = isActive(decision, (gate) => choices[gate]!) ? 1 : 0
  })
  return active
}

const isActive = (decision: Decision, choiceOf: (gate: number) => number): boolean =>
  decision.active === "always" ||
  decision.active.some((gate) => gate.choices.includes(choiceOf(gate.decision)))

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

/** More open combinations of conditions than this are refused: no shipped or plausible space has over a hundred. */
const maxStates = 200_000

/**
 * How many distinct active assignments the space has: assignments that differ only in inactive decisions are one.
 *
 * Summed gate by gate. A decision opened by one gate multiplies the options of that gate that open it; one opened by
 * any of several gates is open or not *so far*, a bit that lives from its first gate to its last. Throws RangeError
 * when too many such bits live at once.
 */
export const cardinality = (space: DecisionSpace): bigint => {
  const conditions = conditionsOf(space)
  const gates = orderGates(conditions)
  const isGate = new Set(gates)
  const free = space.decisions.reduce(
    (product, decision, i) =>
      decision.active === "always" && !isGate.has(i)
        ? product * BigInt(decision.options.length)
        : product,
    1n,
  )

  /** Open conditions that later gates still matter to (their numbers, ascending) -> assignments counted so far. */
  let counts = new Map<string, bigint>([["", free]])
  gates.forEach((gate, position) => {
    const later = new Set(gates.slice(position + 1))
    const next = new Map<string, bigint>()
    for (const [key, count] of counts) {
      const alreadyOpen = new Set(key === "" ? [] : key.split(",").map(Number))
      for (let choice = 0; choice < space.decisions[gate]!.options.length; choice++) {
        let product = count
        const stillOpen: Array<number> = []
        conditions.forEach((condition, number) => {
          const opensHere = condition.gates.get(gate)?.has(choice) === true
          if (!opensHere && !alreadyOpen.has(number)) return
          if (!alreadyOpen.has(number)) product *= condition.assignments
          if ([...condition.gates.keys()].some((other) => later.has(other))) stillOpen.push(number)
        })
        const nextKey = stillOpen.join(",")
        next.set(nextKey, (next.get(nextKey) ?? 0n) + product)
      }
    }
    if (next.size > maxStates)
      throw new RangeError("too many decisions are opened by overlapping sets of gates to count")
    counts = next
  })
  return [...counts.values()].reduce((sum, count) => sum + count, 0n)
}

/** Decisions with the same condition: open together, with the product of their options. */
interface Condition {
  /** Gate -> its choices that open. */
  readonly gates: ReadonlyMap<number, ReadonlySet<number>>
  readonly assignments: bigint
}

const conditionsOf = (space: DecisionSpace): ReadonlyArray<Condition> => {
  const byKey = new Map<string, Condition>()
  for (const decision of space.decisions) {
    if (decision.active === "always") continue
    const gates = new Map<number, Set<number>>()
    for (const gate of decision.active) {
      const opening = gates.get(gate.decision) ?? new Set<number>()
      gate.choices.forEach((choice) => opening.add(choice))
      gates.set(gate.decision, opening)
    }
    const key = [...gates]
      .map(([gate, choices]) => `${gate}:${[...choices].sort((a, b) => a - b).join(",")}`)
      .sort()
      .join(";")
    const assignments = (byKey.get(key)?.assignments ?? 1n) * BigInt(decision.options.length)
    byKey.set(key, { gates, assignments })
  }
  return [...byKey.values()]
}

/** Gates in an order that keeps few conditions half decided: always the one that leaves fewest such. */
const orderGates = (conditions: ReadonlyArray<Condition>): ReadonlyArray<number> => {
  const waiting = new Set(conditions.flatMap((condition) => [...condition.gates.keys()]))
  const done = new Set<number>()
  const halfDecidedAfter = (gate: number): number =>
    conditions.filter((condition) => {
      const gates = [...condition.gates.keys()]
      const seen = gates.filter((g) => g === gate || done.has(g)).length
      return seen > 0 && seen < gates.length
    }).length
  const order: Array<number> = []
  while (waiting.size > 0) {
    let best = -1
    let bestCount = Infinity
    for (const gate of waiting) {
      const count = halfDecidedAfter(gate)
      if (count < bestCount) [best, bestCount] = [gate, count]
    }
    waiting.delete(best)
    done.add(best)
    order.push(best)
  }
  return order
}

/** Base-10 logarithm of a positive count too large for a double. */
export const log10 = (count: bigint): number => {
  const digits = count.toString()
  return Math.log10(Number(`0.${digits.slice(0, 17)}`)) + digits.length
}

/** Path -> option value of the active decisions, in the order of the space. */
export const toAssignment = (space: DecisionSpace, choices: Choices): Assignment => {
  const active = activity(space, choices)
  const assignment: Record<string, OptionValue> = {}
  space.decisions.forEach((decision, i) => {
    if (active[i] === 1) assignment[decision.path] = decision.options[choices[i]!]!
  })
  return assignment
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
    const decided =
      decision.active === "always" ||
      decision.active.every((gate) => chosen[gate.decision] !== undefined)
    // With a gate missing, which is a problem of its own, nobody can say whether this decision is active.
    if (!decided) continue
    const active = isActive(decision, (gate) => chosen[gate]!)
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
