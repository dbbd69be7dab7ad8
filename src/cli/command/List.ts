/** `fliqs list`: trials of the state folder and how they stand, or groups of them. */
import { Effect, Option } from "effect"
import { pathText } from "../../declaration/Errors.ts"
import * as State from "../../orchestrator/State.ts"
import { stateFolder } from "../Locations.ts"
import { note, printJson } from "../Output.ts"
import { readEntries } from "../ReadGrid.ts"
import { meets, whyNone } from "../table/Conditions.ts"
import { groupJson, groupsOf, trialJson, usualGroupColumns } from "../table/Answers.ts"
import {
  checkForm,
  columnsToShow,
  conditionsFor,
  limited,
  printCsv,
  printTable,
  type Shown,
  sorted,
  type TableFlags,
} from "../table/Selection.ts"
import { checkControl } from "../table/Controls.ts"
import { type TrialRow, trialRows, usualMetrics } from "../table/TrialRows.ts"

const usualColumns = (rows: ReadonlyArray<TrialRow>): ReadonlyArray<Shown> => {
  const [accuracy = "", ...others] = usualMetrics
  const hasOne = new Set(rows.map(({ cells }) => cells["experiment"])).size === 1
  return [
    { key: "id", isName: true },
    { key: "experiment", leaves: hasOne ? 9 : 2 },
    { key: "trial", isName: true },
    { key: "state" },
    { key: "cause", leaves: 3 },
    { key: "step", leaves: 4 },
    { key: accuracy },
    ...others.map((key, i) => ({ key, leaves: 8 - i })),
  ]
}

export const run = Effect.fn("list")(function* (
  input: TableFlags & { readonly state: Option.Option<string> },
) {
  yield* checkForm(input)
  const folder = yield* stateFolder(input.state)
  const entries = yield* readEntries(folder, yield* State.trialIds(folder))
  const isForPeople = !input.json && !input.csv
  if (entries.length === 0 && isForPeople)
    return yield* note(`no trials in ${pathText(folder)} yet`)
  const control = Option.getOrUndefined(input.control)
  const all = trialRows(entries, control === undefined ? {} : { control })
  yield* checkControl(control, all)
  if (Option.isSome(input.by)) {
    const { groups, why } = yield* groupsOf(all, input.by.value.split(","), input)
    if (why !== undefined && isForPeople) return yield* note(why)
    const rows = limited(yield* sorted(groups, input.sort), input.limit)
    if (input.json) return yield* printJson(rows.map(groupJson))
    const columns = usualGroupColumns(rows)
    if (input.csv)
      return yield* printCsv(
        rows,
        columns.map(({ key }) => key),
        input,
      )
    return yield* printTable(rows, yield* columnsToShow(rows, columns, input), input)
  }
  const conditions = all.length === 0 ? [] : yield* conditionsFor(all, input.filter)
  const found = all.filter((row) => conditions.every((condition) => meets(row, condition)))
  if (found.length === 0 && isForPeople) return yield* note(whyNone(all, conditions, "trials"))
  const rows = limited(yield* sorted(found, input.sort), input.limit)
  if (input.json) return yield* printJson(rows.map(trialJson))
  const columns = usualColumns(rows)
  if (input.csv)
    return yield* printCsv(
      rows,
      columns.map(({ key }) => key),
      input,
    )
  yield* printTable(rows, yield* columnsToShow(rows, columns, input), input)
})
