/**
 * Conditions on rows, as `--filter` takes them: `final/accuracy>0.6`, `kind=evolution|random`, `arm=x1*`.
 *
 * Several are joined by `and` or a comma, or given again; all must hold. A missing value is equal to nothing but the empty
 * text. Left out: which rows they are asked of (`TrialRows.ts`, `GroupRows.ts`).
 */
import { Effect } from "effect"
import { Wrong } from "../ErrorMessages.ts"
import { meant } from "../../declaration/Suggest.ts"
import { rounded } from "../../report/FigureTexts.ts"
import { type Cell, cellOf, columnNamed, type Row } from "./Columns.ts"

const operators = ["!=", ">=", "<=", "==", "=", ">", "<"] as const
type Operator = (typeof operators)[number]

export interface Condition {
  /** As it was given. */
  readonly text: string
  readonly column: string
  readonly operator: Operator
  readonly wanted: ReadonlyArray<string>
}

const one = /^\s*([^=<>!\s]+)\s*(!=|>=|<=|==|=|>|<)\s*(.*?)\s*$/

/** Where a comma or `and` is followed by another condition; a comma inside a value is no end. */
const between = /\s+and\s+|\s*&&\s*|,(?=\s*[^=<>!,\s]+\s*(?:!=|>=|<=|==|=|>|<))/

const isNumber = (text: string): boolean => text.trim() !== "" && !Number.isNaN(Number(text))

const isOrder = (operator: Operator): boolean => operator.includes(">") || operator.includes("<")

/** The conditions of all `--filter` flags, their columns by whole names; fails for what no row has. */
export const conditionsOf = Effect.fnUntraced(function* (
  filters: ReadonlyArray<string>,
  known: ReadonlySet<string>,
  isNumeric: (column: string) => boolean,
) {
  const conditions: Array<Condition> = []
  for (const text of filters.flatMap((filter) => filter.split(between))) {
    const [, key, operator, value] = one.exec(text) ?? []
    const found = operators.find((other) => other === operator)
    if (key === undefined || found === undefined || value === undefined)
      return yield* new Wrong({
        message: `--filter ${text}: is no condition; final/accuracy>0.6, seed=1 or kind!=fixed would be right`,
      })
    const column = yield* columnNamed(key, known)
    const wanted = value.split("|").map((word) => word.trim())
    if (isOrder(found) && (wanted.length > 1 || !isNumber(value)))
      return yield* new Wrong({
        message: `--filter ${text}: ${value || "nothing"} is no number; ${key}${found}0.5 would be right`,
      })
    if (isOrder(found) && !isNumeric(column))
      return yield* new Wrong({
        message: `--filter ${text}: ${column} is a text; ${key}=${value} or ${key}!=${value} would be right`,
      })
    conditions.push({ text: text.trim(), column, operator: found, wanted })
  }
  return conditions
})

const pattern = (wanted: string): RegExp =>
  new RegExp(
    `^${wanted
      .split("*")
      .map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}]/g, "\\$&"))
      .join(".*")}$`,
    "s",
  )

/** Equal as a person means it: a number as it is, or as tables show it. */
const isEqual = (value: Cell, wanted: string): boolean => {
  if (value === undefined) return wanted === ""
  if (typeof value === "number" && isNumber(wanted)) {
    const number = Number(wanted)
    return value === number || [4, 5, 6].some((digits) => Number(rounded(value, digits)) === number)
  }
  return String(value) === wanted || (wanted.includes("*") && pattern(wanted).test(String(value)))
}

const compares = (operator: Operator, value: number, wanted: number): boolean => {
  switch (operator) {
    case ">":
      return value > wanted
    case ">=":
      return value >= wanted
    case "<":
      return value < wanted
    default:
      return value <= wanted
  }
}

/** Whether a row meets a condition. */
export const meets = (row: Row, { column, operator, wanted }: Condition): boolean => {
  const value = cellOf(row, column)
  if (isOrder(operator))
    return typeof value === "number" && compares(operator, value, Number(wanted[0]))
  const all = row.several?.[column] ?? [value]
  const isAny = wanted.some((word) => all.some((item) => isEqual(item, word)))
  return operator === "!=" ? !isAny : isAny
}

/** Why no row is left: the values that a column has, where a condition asks for another one. */
export const whyNone = (
  rows: ReadonlyArray<Row>,
  conditions: ReadonlyArray<Condition>,
  what: "trials" | "groups",
): string => {
  const words = conditions.map(({ text }) => text).join(" and ")
  const hints = conditions.flatMap((condition) => {
    if (rows.some((row) => meets(row, condition)) || isOrder(condition.operator)) return []
    const values = new Set(
      rows.flatMap((row) => {
        const value = cellOf(row, condition.column)
        return row.several?.[condition.column] ?? (value === undefined ? [] : [String(value)])
      }),
    )
    const near = meant(condition.wanted[0] ?? "", values)
    const hint = near ?? (values.size <= 8 ? `it is ${[...values].join(", ")}` : undefined)
    return hint === undefined ? [] : [`${condition.column}: ${hint}`]
  })
  return [`none of ${rows.length} ${what} has ${words}`, ...hints].join("; ")
}
