/**
 * Decisions: what a search chooses. A decision is a `oneOf` at a path of the space, with a tag and a role.
 *
 * In here: the data, activity (conditional decisions), assignments by path. Left out: where decisions come from
 * (the walker in `network/`), probabilities (`search/`).
 */
import type { OptionValue } from "./Option.ts"

export type { OptionValue } from "./Option.ts"

/**
 * A decision that opens others: a depth, a choice among operations. Open when its choice (an index) is one of `choices`, and
 * all of `within` are open.
 */
export interface Gate {
  readonly decision: number
  readonly choices: ReadonlyArray<number>
  /** Gates around this one, none of which has gates within. */
  readonly within?: ReadonlyArray<Gate>
}

/** A gate, then those around it. */
export const allOf = ({ within = [], ...gate }: Gate): ReadonlyArray<Gate> => [gate, ...within]

/** Active when any gate is open; `"always"` has no condition. */
export type Activity = "always" | ReadonlyArray<Gate>

/** What is active inside of something that `gate` opens and that is itself active under `outside`. */
export const inside = (outside: Activity, gate: Gate): Activity =>
  outside === "always"
    ? [gate]
    : outside.map(({ within = [], ...outer }) => ({ ...gate, within: [...within, outer] }))

/** Active when either is. */
export const either = (a: Activity, b: Activity): Activity => {
  if (a === "always" || b === "always") return "always"
  const gates = new Map<string, Gate>()
  for (const gate of [...a, ...b]) {
    const key = JSON.stringify([gate.decision, gate.within ?? []])
    const choices = new Set([...(gates.get(key)?.choices ?? []), ...gate.choices])
    gates.set(key, { ...gate, choices: [...choices].sort((x, y) => x - y) })
  }
  return [...gates.values()]
}

/** What a decision is about. Set where the decision is made: names and tags are the user's, and say nothing. */
export type Role = "format" | "architecture"

export interface Decision {
  /** `stage2.1.depthwise.format`, `choices.width`. */
  readonly path: string
  /** The field or the choice it was made for: `format`, `weightFormat`, `kernel`, `width`, ... */
  readonly tag: string
  readonly role: Role
  readonly options: ReadonlyArray<OptionValue>
  /** Per option, how large it is (bits of a format, value of a number): the widest option has the greatest. */
  readonly sizes: ReadonlyArray<number>
  readonly active: Activity
}

export interface DecisionSpace {
  readonly decisions: ReadonlyArray<Decision>
}

/** One option index per decision, in the order of `DecisionSpace.decisions`; those of inactive decisions mean nothing. */
export type Choices = ReadonlyArray<number>

/** Path -> option value; inactive decisions are absent. The form in files, JSON and MLflow. */
export type Assignment = Readonly<Record<string, OptionValue>>
