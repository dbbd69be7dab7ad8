/**
 * Which rows of a table are shown, in which order, with which columns, and in which of its forms.
 *
 * Left out: the rows (`TrialRows.ts`, `GroupRows.ts`), the conditions (`Conditions.ts`).
 */
import { Effect, Option } from "effect"
import { rounded } from "../../report/FigureTexts.ts"
import { Wrong } from "../ErrorMessages.ts"
import { note, print, terminalColumns } from "../Output.ts"
import { type Cell, cellOf, columnNamed, columnsNamed, columnsOf, type Row } from "./Columns.ts"
import { conditionsOf } from "./Conditions.ts"
import { fitted } from "./Fitted.ts"
import { csv, markdown } from "./Written.ts"

/** The flags that `list` and `compare` share. */
export interface TableFlags {
  readonly sort: Option.Option<string>
  readonly filter: ReadonlyArray<string>
  readonly columns: Option.Option<string>
  readonly limit: Option.Option<number>
  readonly by: Option.Option<string>
  readonly control: Option.Option<string>
  readonly csv: boolean
  readonly md: boolean
  readonly json: boolean
}

/** One answer has one form, and JSON has all columns: flags without effect are refused. */
export const checkForm = Effect.fnUntraced(function* (
  input: Pick<TableFlags, "columns" | "csv" | "json" | "md"> & { readonly onlyChanged?: boolean },
) {
  const forms = (["json", "csv", "md"] as const).filter((form) => input[form])
  if (forms.length > 1)
    return yield* new Wrong({
      message: `${forms.map((form) => `--${form}`).join(" and ")}: an answer has one form; leave one out`,
    })
  const flag = Option.isSome(input.columns)
    ? "--columns"
    : input.onlyChanged === true
      ? "--only-changed"
      : undefined
  if (input.json && flag !== undefined)
    return yield* new Wrong({
      message: `${flag} has no effect with --json, which has all columns; leave it out`,
    })
})

/** The conditions of `--filter` on these rows. */
export const conditionsFor = (
  rows: ReadonlyArray<Row>,
  filters: ReadonlyArray<string>,
  more: ReadonlyArray<string> = [],
) =>
  conditionsOf(
    filters,
    new Set([...columnsOf(rows), ...more]),
    (column) =>
      more.includes(column) || rows.some((row) => typeof cellOf(row, column) === "number"),
  )

const order = (a: Cell, b: Cell): number =>
  typeof a === "number" && typeof b === "number"
    ? b - a
    : String(b).localeCompare(String(a), "en", { numeric: true })

/** Sorted by `KEY[:asc|:desc],...`, largest first where nothing is said; rows without a value come last. */
export const sorted = Effect.fnUntraced(function* <R extends Row>(
  rows: ReadonlyArray<R>,
  sort: Option.Option<string>,
): Effect.fn.Return<ReadonlyArray<R>, Wrong> {
  if (Option.isNone(sort) || rows.length === 0) return rows
  const known = columnsOf(rows)
  const keys = yield* Effect.forEach(sort.value.split(","), (word) =>
    Effect.map(columnNamed(word.trim().replace(/:(asc|desc)$/, ""), known), (key) => ({
      key,
      isAscending: word.trim().endsWith(":asc"),
    })),
  )
  return rows.toSorted((a, b) => {
    for (const { isAscending, key } of keys) {
      const [x, y] = [cellOf(a, key), cellOf(b, key)]
      if (x === undefined && y === undefined) continue
      if (x === undefined || y === undefined) return x === undefined ? 1 : -1
      const found = order(x, y)
      if (found !== 0) return isAscending ? -found : found
    }
    return 0
  })
})

export const limited = <R>(rows: ReadonlyArray<R>, limit: Option.Option<number>) =>
  rows.slice(
    0,
    Option.getOrElse(limit, () => rows.length),
  )

/** A cell as a person reads it. */
export const shownCell = (row: Row, column: string): string => {
  const value = cellOf(row, column)
  return (
    row.shown?.[column] ??
    (value === undefined ? "" : typeof value === "number" ? rounded(value) : value)
  )
}

/** A column that is shown, and when it leaves a table that is too wide (`Fitted.ts`). */
export interface Shown {
  readonly key: string
  readonly leaves?: number
  readonly isName?: boolean
}

/** `accuracy` for `final/accuracy`: short names are understood everywhere. */
const titleOf = (key: string, all: ReadonlyArray<string>): string => {
  const end = key.replace(/^final\//, "")
  return all.some((other) => other !== key && other === end) ? key : end
}

/** The columns to show: those of `--columns` beside the names of the rows, else the usual ones that have a value. */
export const columnsToShow = Effect.fnUntraced(function* (
  rows: ReadonlyArray<Row>,
  usual: ReadonlyArray<Shown>,
  input: Pick<TableFlags, "columns"> & { readonly onlyChanged?: boolean },
) {
  const known = columnsOf(rows)
  const asked = Option.isNone(input.columns)
    ? undefined
    : yield* columnsNamed(input.columns.value, known)
  const names = usual.filter(({ isName }) => isName === true)
  const columns: ReadonlyArray<Shown> =
    asked === undefined
      ? usual.filter(({ key, isName }) => isName === true || known.has(key))
      : [
          ...names,
          ...asked.filter((key) => names.every((name) => name.key !== key)).map((key) => ({ key })),
        ]
  if (input.onlyChanged !== true || rows.length < 2) return columns
  return columns.filter(({ key }) => new Set(rows.map((row) => shownCell(row, key))).size > 1)
})

/** Every column of a form for programs, names first. */
const allColumns = (rows: ReadonlyArray<Row>, first: ReadonlyArray<string>) => {
  const known = columnsOf(rows)
  const rest = [...known].filter((key) => !first.includes(key))
  const isMetric = (key: string) => key.includes("/")
  return [
    ...first.filter((key) => known.has(key)),
    ...rest.filter(isMetric),
    ...rest.filter((key) => !isMetric(key)).sort(),
  ]
}

/** Prints rows as CSV with every column, or with those of `--columns`. */
export const printCsv = Effect.fnUntraced(function* (
  rows: ReadonlyArray<Row>,
  first: ReadonlyArray<string>,
  input: Pick<TableFlags, "columns">,
) {
  const head = Option.isSome(input.columns)
    ? [first[0]!, ...(yield* columnsNamed(input.columns.value, columnsOf(rows)))]
    : allColumns(rows, first)
  const columns = [...new Set(head)]
  yield* print(
    csv(
      columns,
      rows.map((row) => columns.map((key) => cellOf(row, key))),
    ),
  )
})

/** Prints rows as a table that fits the terminal, or in Markdown; `marks` stand before the rows. */
export const printTable = Effect.fnUntraced(function* <R extends Row>(
  rows: ReadonlyArray<R>,
  columns: ReadonlyArray<Shown>,
  input: Pick<TableFlags, "md">,
  marks?: ReadonlySet<R>,
) {
  const keys = columns.map(({ key }) => key)
  const all = [
    ...(marks === undefined
      ? []
      : [{ title: "", cells: rows.map((row) => (marks.has(row) ? "*" : "")), isName: true }]),
    ...columns.map(({ key, ...rest }) => ({
      ...rest,
      title: titleOf(key, keys),
      cells: rows.map((row) => shownCell(row, key)),
    })),
  ]
  if (input.md)
    return yield* print(
      markdown(
        all.map(({ title }) => title),
        rows.map((_, i) => all.map(({ cells }) => cells[i]!)),
      ),
    )
  const most = terminalColumns()
  const { left, text } = fitted(all, most)
  yield* print(text)
  if (left.length > 0)
    yield* note(`left out to fit ${most} columns: ${left.join(", ")} (--columns KEY,KEY)`)
})
