/** `fliqs list`: trials of the state folder and how they stand. */
import { Effect, Option } from "effect"
import { didYouMean } from "../../declaration/Suggest.ts"
import { stateFolder } from "../Files.ts"
import { note, print, printJson, short, table } from "../Output.ts"
import { type Known, readAll } from "../Trials.ts"
import { Wrong } from "../Words.ts"

const ownColumns = ["id", "name", "experiment", "state", "step", "steps"] as const
const usualMetrics = ["final/accuracy", "final/gbops", "final/cost_over_target"]

type Cell = string | number | undefined

const cellOf = (known: Known, column: string): Cell => {
  switch (column as (typeof ownColumns)[number]) {
    case "id":
    case "name":
    case "experiment":
    case "steps":
      return known.trial[column as "id" | "name" | "experiment" | "steps"]
    case "state":
      return known.state
    case "step":
      return known.step
    default:
      return known.metrics[column] ?? known.trial.parameters[column]
  }
}

const showCell = (value: Cell): string =>
  value === undefined ? "" : typeof value === "number" ? short(value, 5) : value

const compare = (a: Cell, b: Cell): number => {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined)
  if (typeof a === "number" && typeof b === "number") return b - a
  return String(b).localeCompare(String(a), "en", { numeric: true })
}

/** Every column there is a value for, so that a misspelt one can be told. */
const columnsOf = (all: ReadonlyArray<Known>): ReadonlySet<string> =>
  new Set([
    ...ownColumns,
    ...all.flatMap(({ metrics, trial }) => [
      ...Object.keys(metrics),
      ...Object.keys(trial.parameters),
    ]),
  ])

const checked = Effect.fnUntraced(function* (column: string, known: ReadonlySet<string>) {
  if (known.has(column)) return column
  return yield* new Wrong({
    message: `no trial has ${column}; ${didYouMean(column, [...known])}`,
  })
})

export const run = Effect.fn("list")(function* (input: {
  readonly state: Option.Option<string>
  readonly json: boolean
  readonly sort: Option.Option<string>
  readonly filter: ReadonlyArray<string>
  readonly columns: Option.Option<string>
  readonly limit: Option.Option<number>
}) {
  const folder = yield* stateFolder(input.state)
  const all = yield* readAll(folder)
  if (all.length === 0 && !input.json) return yield* note(`no trials in ${folder} yet`)
  const known = columnsOf(all)
  let rows: ReadonlyArray<Known> = all
  for (const filter of all.length === 0 ? [] : input.filter) {
    const [key = "", ...value] = filter.split("=")
    yield* checked(key, known)
    rows = rows.filter((row) => showCell(cellOf(row, key)) === value.join("="))
  }
  if (Option.isSome(input.sort) && all.length > 0) {
    const ascending = input.sort.value.endsWith(":asc")
    const key = yield* checked(input.sort.value.replace(/:(asc|desc)$/, ""), known)
    rows = rows.toSorted((a, b) => {
      const [x, y] = [cellOf(a, key), cellOf(b, key)]
      const missing = x === undefined || y === undefined
      return ascending && !missing ? -compare(x, y) : compare(x, y)
    })
  }
  if (Option.isSome(input.limit)) rows = rows.slice(0, input.limit.value)
  if (input.json)
    return yield* printJson(
      rows.map(({ metrics, state, step, trial }) => ({
        id: trial.id,
        gridId: trial.gridId,
        name: trial.name,
        experiment: trial.experiment,
        state,
        step,
        steps: trial.steps,
        parameters: trial.parameters,
        metrics,
      })),
    )
  const extra = Option.isSome(input.columns)
    ? yield* Effect.forEach(input.columns.value.split(","), (column) => checked(column, known))
    : usualMetrics.filter((metric) => known.has(metric))
  const head = ["id", "experiment", "name", "state", "step", ...extra]
  yield* print(
    table(
      head,
      rows.map((row) =>
        head.map((column) =>
          column === "step" ? `${row.step}/${row.trial.steps}` : showCell(cellOf(row, column)),
        ),
      ),
    ),
  )
})
