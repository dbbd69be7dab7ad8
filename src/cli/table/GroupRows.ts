/**
 * Groups of trials as rows: means with their spread over the trials, and differences to the controls, paired by seed.
 *
 * Left out: the figures (`report/`), which rows are printed (`Selection.ts`).
 */
import { Effect } from "effect"
import { differenceCell, meanText } from "../../report/FigureTexts.ts"
import { type Group, groupOf } from "../../report/Groups.ts"
import { groupedBy } from "../../report/Arms.ts"
import { type Cell, cellOf, columnNamed, columnsOf, type Row } from "./Columns.ts"
import type { TrialRow } from "./TrialRows.ts"

export interface GroupRow extends Row {
  readonly keys: ReadonlyArray<string>
  readonly group: Group
  readonly members: ReadonlyArray<TrialRow>
}

/** Columns of a group that are no metric and no parameter. */
export const groupColumns = ["seeds", "difference", "low", "high", "against"] as const

/** Values that all trials of a group share. */
const shared = (members: ReadonlyArray<TrialRow>): Readonly<Record<string, Cell>> => {
  const [first, ...rest] = members
  if (first === undefined) return {}
  return Object.fromEntries(
    Object.entries(first.cells).filter(([key, value]) =>
      rest.every(({ cells }) => cells[key] === value),
    ),
  )
}

const rowOf = (keys: ReadonlyArray<string>, members: ReadonlyArray<TrialRow>): GroupRow => {
  const [{ figures }] = members as readonly [TrialRow, ...ReadonlyArray<TrialRow>]
  const group = groupOf(members, figures)
  const { counts, difference, metrics, trials } = group
  const spreads = Object.entries(metrics)
  return {
    keys,
    group,
    members,
    cells: {
      ...shared(members),
      ...Object.fromEntries(spreads.map(([key, { mean }]) => [key, mean])),
      ...Object.fromEntries(keys.map((key) => [key, cellOf(members[0]!, key)])),
      trials: trials.length,
      ...counts,
      seeds: counts.finished,
      difference: difference?.mean,
      low: difference?.interval?.low,
      high: difference?.interval?.high,
      against: difference?.against.label,
    },
    shown: {
      ...Object.fromEntries(spreads.map(([key, spread]) => [key, meanText(key, spread)])),
      seeds: `${counts.finished}/${trials.length}`,
      ...(difference === undefined ? {} : { difference: differenceCell(difference) }),
    },
  }
}

/** Rows by the columns of `--by`, in the order of the arms; each experiment has groups of its own. */
export const groupRows = Effect.fnUntraced(function* (
  rows: ReadonlyArray<TrialRow>,
  by: ReadonlyArray<string>,
) {
  const known = columnsOf(rows)
  const keys = yield* Effect.forEach(by, (key) => columnNamed(key, known))
  const ordered = rows.toSorted((a, b) => a.arm.index - b.arm.index)
  const groups = groupedBy(ordered, (row) =>
    JSON.stringify([row.cells["experiment"], ...keys.map((key) => cellOf(row, key) ?? null)]),
  )
  return [...groups.values()].map((members) => rowOf(keys, members))
})
