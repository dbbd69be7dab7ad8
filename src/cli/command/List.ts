/** `fliqs list`: trials of the state folder and how they stand. */
import { Effect, Option } from "effect"
import { pathText } from "../../declaration/Errors.ts"
import { mostTelling } from "../../metric/Metrics.ts"
import * as Grids from "../../orchestrator/Grids.ts"
import type * as Result from "../../orchestrator/Result.ts"
import { stateFolder } from "../Locations.ts"
import { note, print, printJson, table } from "../Output.ts"
import {
  cellOf,
  checkColumn,
  checkColumnFlags,
  columnsOf,
  type Row,
  type Selection,
  selectRows,
  showCell,
} from "../Rows.ts"
import { damageWords, type Known, readAll } from "../Trials.ts"

const usualMetrics = mostTelling.map(({ key }) => key)

interface Listed extends Row {
  readonly known: Known<Result.Summary>
}

const rowOf = (known: Known<Result.Summary>, gridIds: ReadonlyArray<string>): Listed => {
  const { metrics, result, state, step, trial } = known
  const { experiment, id, name, steps } = trial
  const cause = result?.cause
  return {
    known,
    own: { id, name, experiment, state, step, steps, ...(cause === undefined ? {} : { cause }) },
    metrics,
    parameters: trial.parameters,
    several: { gridId: gridIds },
  }
}

export const run = Effect.fn("list")(function* (
  input: Selection & {
    readonly state: Option.Option<string>
    readonly json: boolean
  },
) {
  yield* checkColumnFlags(input)
  const folder = yield* stateFolder(input.state)
  const memberships = yield* Grids.memberships(folder)
  const all = (yield* readAll(folder)).map((known) =>
    rowOf(known, Grids.gridIdsOf(known.trial, memberships)),
  )
  for (const { damage, trial } of all.map(({ known }) => known))
    if (damage !== undefined) yield* note(`warning: ${damageWords(`trial ${trial.id}`, damage)}`)
  if (all.length === 0 && !input.json) return yield* note(`no trials in ${pathText(folder)} yet`)
  const known = columnsOf(all)
  let rows = yield* selectRows(all, input)
  if (rows.length === 0 && all.length > 0 && !input.json)
    return yield* note(`none of ${all.length} trials has ${input.filter.join(" and ")}`)
  if (Option.isSome(input.limit)) rows = rows.slice(0, input.limit.value)
  if (input.json)
    return yield* printJson(
      rows.map(({ known: { damage, metrics, result, state, step, trial } }) => ({
        id: trial.id,
        gridId: trial.gridId,
        gridIds: Grids.gridIdsOf(trial, memberships),
        name: trial.name,
        experiment: trial.experiment,
        state,
        step,
        steps: trial.steps,
        parameters: trial.parameters,
        metrics,
        ...(result?.cause === undefined ? {} : { cause: result.cause, message: result.message }),
        ...(damage === undefined ? {} : { damage }),
      })),
    )
  const extra = Option.isSome(input.columns)
    ? yield* Effect.forEach(input.columns.value.split(","), (column) => checkColumn(column, known))
    : usualMetrics.filter((metric) => known.has(metric))
  const cause = known.has("cause") && !extra.includes("cause") ? ["cause"] : []
  const head = ["id", "experiment", "name", "state", ...cause, "step", ...extra]
  yield* print(
    table(
      head,
      rows.map((row) =>
        head.map((column) =>
          column === "step"
            ? `${row.known.step}/${row.known.trial.steps}`
            : showCell(cellOf(row, column)),
        ),
      ),
    ),
  )
})
