/** Trials as rows of a table: their columns by name, filtered and sorted. For `list` and `compare`. */
import { Effect, Option } from "effect"
import { didYouMean } from "../declaration/Suggest.ts"
import { short } from "./Output.ts"
import { Wrong } from "./ErrorMessages.ts"

export interface Row {
  /** Columns that every trial has: `id`, `name`, `state`, ... */
  readonly own: Readonly<Record<string, string | number>>
  readonly metrics: Readonly<Record<string, number>>
  readonly parameters: Readonly<Record<string, string>>
  /** Columns that may have several values, any of which a filter may ask for. */
  readonly several?: Readonly<Record<string, ReadonlyArray<string>>>
}

/** The flags that say which rows are shown, in which order, and with which columns. */
export interface Selection {
  readonly sort: Option.Option<string>
  readonly filter: ReadonlyArray<string>
  readonly columns: Option.Option<string>
  readonly limit: Option.Option<number>
}

export type Cell = string | number | undefined

export const cellOf = ({ metrics, own, parameters, several }: Row, column: string): Cell =>
  own[column] ?? several?.[column]?.join(" ") ?? metrics[column] ?? parameters[column]

export const showCell = (value: Cell): string =>
  value === undefined ? "" : typeof value === "number" ? short(value, 5) : value

/** Every column that has a value, so that a misspelt one can be reported. */
export const columnsOf = (rows: ReadonlyArray<Row>): ReadonlySet<string> =>
  new Set(
    rows.flatMap(({ metrics, own, parameters, several = {} }) => [
      ...Object.keys(own),
      ...Object.keys(several),
      ...Object.keys(metrics),
      ...Object.keys(parameters),
    ]),
  )

const order = (a: Cell, b: Cell): number => {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined)
  if (typeof a === "number" && typeof b === "number") return b - a
  return String(b).localeCompare(String(a), "en", { numeric: true })
}

/** The column itself; if there is none, an error that proposes one. */
export const checkColumn = Effect.fnUntraced(function* (
  column: string,
  known: ReadonlySet<string>,
) {
  if (known.has(column)) return column
  return yield* new Wrong({
    message: `no trial has ${column}; ${didYouMean(column, [...known])}`,
  })
})

/** JSON has all columns: flags that choose some have no effect on it. */
export const checkColumnFlags = (
  input: Pick<Selection, "columns"> & { readonly json: boolean; readonly onlyChanged?: boolean },
): Effect.Effect<void, Wrong> => {
  const flag = Option.isSome(input.columns)
    ? "--columns"
    : input.onlyChanged === true
      ? "--only-changed"
      : undefined
  return !input.json || flag === undefined
    ? Effect.void
    : Effect.fail(
        new Wrong({
          message: `${flag} has no effect with --json, which has all columns; leave it out`,
        }),
      )
}

/** Filters by `KEY=VALUE`, compared as shown; then sorts by `KEY[:asc|:desc]`, largest first. */
export const selectRows = Effect.fnUntraced(function* <R extends Row>(
  all: ReadonlyArray<R>,
  input: Selection,
): Effect.fn.Return<ReadonlyArray<R>, Wrong> {
  if (all.length === 0) return all
  const known = columnsOf(all)
  let rows = all
  for (const filter of input.filter) {
    const [key = "", ...value] = filter.split("=")
    yield* checkColumn(key, known)
    const wanted = value.join("=")
    rows = rows.filter(
      (row) => row.several?.[key]?.includes(wanted) ?? showCell(cellOf(row, key)) === wanted,
    )
  }
  if (Option.isNone(input.sort)) return rows
  const ascending = input.sort.value.endsWith(":asc")
  const key = yield* checkColumn(input.sort.value.replace(/:(asc|desc)$/, ""), known)
  return rows.toSorted((a, b) => {
    const [x, y] = [cellOf(a, key), cellOf(b, key)]
    const missing = x === undefined || y === undefined
    return ascending && !missing ? -order(x, y) : order(x, y)
  })
})
