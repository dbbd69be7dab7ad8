/**
 * The columns of a table by name: their own names, short ones, and what was probably meant.
 *
 * A short name is the end of a whole one: `times` is `reward.cost.target.times`, `accuracy` is `final/accuracy`. Left out:
 * which rows there are (`TrialRows.ts`, `GroupRows.ts`), how a table is printed (`Fitted.ts`).
 */
import { Effect } from "effect"
import { didYouMean } from "../../declaration/Suggest.ts"
import { kindKey } from "../../report/ArmLabels.ts"
import { final } from "../../metric/Metrics.ts"
import { Wrong } from "../ErrorMessages.ts"

export type Cell = string | number | undefined

export interface Row {
  readonly cells: Readonly<Record<string, Cell>>
  /** Cells that read otherwise than their value: `0.61 ± 0.01` of 0.61. */
  readonly shown?: Readonly<Record<string, string>>
  /** Columns of several values, any of which a condition may ask for. */
  readonly several?: Readonly<Record<string, ReadonlyArray<string>>>
}

export const cellOf = ({ cells, several }: Row, column: string): Cell =>
  cells[column] ?? several?.[column]?.join(" ")

/** Every column that has a value. */
export const columnsOf = (rows: ReadonlyArray<Row>): ReadonlySet<string> => {
  const known = new Set<string>()
  for (const { cells, several = {} } of rows) {
    for (const key in cells) if (cells[key] !== undefined) known.add(key)
    for (const key in several) known.add(key)
  }
  return known
}

/** Short names that the end of a whole one does not decide. */
const short: Readonly<Record<string, string>> = {
  kind: kindKey,
  cost: final.cost.key,
  quality: final.accuracy.key,
  steps: "train.steps",
}

const spelling = (name: string): string => name.toLowerCase().replaceAll("_", "")

const endsIn = (key: string, name: string): boolean => {
  const [whole, end] = [spelling(key), spelling(name)]
  return whole.endsWith(`.${end}`) || whole.endsWith(`/${end}`)
}

/** The column of a whole or short name; if there is none, an error that proposes one. */
export const columnNamed = Effect.fnUntraced(function* (name: string, known: ReadonlySet<string>) {
  if (known.has(name)) return name
  const fixed = short[name]
  if (fixed !== undefined && known.has(fixed)) return fixed
  const ends = [...known].filter((key) => endsIn(key, name) || spelling(key) === spelling(name))
  const finals = ends.filter((key) => key.startsWith("final/"))
  const [only, ...others] = finals.length === 1 ? finals : ends
  if (only === undefined) {
    const words = new Set([...known, ...Object.keys(short)])
    for (const key of known) words.add(key.replace(/^.*[./]/, ""))
    return yield* new Wrong({ message: `no trial has ${name}; ${didYouMean(name, [...words])}` })
  }
  if (others.length > 0)
    return yield* new Wrong({
      message: `${name} is the end of ${ends.length} columns: ${ends.join(", ")}; give more of the one`,
    })
  return only
})

/** The columns of a list such as `accuracy,times`. */
export const columnsNamed = (list: string, known: ReadonlySet<string>) =>
  Effect.forEach(
    list.split(",").map((name) => name.trim()),
    (name) => columnNamed(name, known),
  )
