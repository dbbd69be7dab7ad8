/**
 * Decisions: what a search chooses. A decision is a `oneOf` at a path of the space, with a tag and a role.
 *
 * In here: the data, activity (conditional decisions), assignments by path. Left out: where decisions come from
 * (the walker in `network/`), probabilities (`search/`).
 */
import type { OptionValue } from "./Option.ts"

export type { OptionValue } from "./Option.ts"

/** The gate is a depth decision; the gated thing is active when the gate's choice (an index) is one of `choices`. */
export interface Gate {
  readonly decision: number
  readonly choices: ReadonlyArray<number>
}

/** Active when any gate is open; `"always"` has no condition. Gates are themselves always active. */
export type Activity = "always" | ReadonlyArray<Gate>

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
