/**
 * What `list` and `compare` answer of trials and groups: the groups under the conditions of the flags, the usual columns,
 * and JSON with stable names.
 */
import { Effect } from "effect"
import type { Wrong } from "../ErrorMessages.ts"
import { meets, whyNone } from "./Conditions.ts"
import { groupColumns, groupRows, type GroupRow } from "./GroupRows.ts"
import { conditionsFor, type Shown, type TableFlags } from "./Selection.ts"
import { bitsKeys, type TrialRow, usualMetrics } from "./TrialRows.ts"
import { seedJson, typedAll } from "./Written.ts"

/** Columns of single trials: conditions on them choose the trials that means are over, all others choose groups. */
const ofTrials = new Set(["id", "trial", "name", "seed", "state", "step", "cause", "gridId"])

export interface Groups {
  /** Those that meet all conditions. */
  readonly groups: ReadonlyArray<GroupRow>
  /** Those of the trials that meet the conditions on single trials. */
  readonly all: ReadonlyArray<GroupRow>
  /** Why there is none. */
  readonly why?: string
}

/** Groups of the trials that the conditions leave. */
export const groupsOf = Effect.fnUntraced(function* (
  rows: ReadonlyArray<TrialRow>,
  by: ReadonlyArray<string>,
  input: Pick<TableFlags, "filter">,
): Effect.fn.Return<Groups, Wrong> {
  if (rows.length === 0) return { groups: [], all: [] }
  const conditions = yield* conditionsFor(rows, input.filter, groupColumns)
  const first = conditions.filter(({ column }) => ofTrials.has(column))
  const members = rows.filter((row) => first.every((condition) => meets(row, condition)))
  if (members.length === 0) return { groups: [], all: [], why: whyNone(rows, first, "trials") }
  const all = yield* groupRows(members, by)
  const rest = conditions.filter((condition) => !first.includes(condition))
  const groups = all.filter((row) => rest.every((condition) => meets(row, condition)))
  return { groups, all, ...(groups.length === 0 ? { why: whyNone(all, rest, "groups") } : {}) }
})

/** The columns of a table of groups. */
export const usualGroupColumns = (rows: ReadonlyArray<GroupRow>): ReadonlyArray<Shown> => {
  const [row] = rows
  if (row === undefined) return []
  const figures = row.members[0]!.figures
  const hasOne = new Set(rows.map(({ cells }) => cells["experiment"])).size === 1
  const hasFailed = rows.some(({ group }) => group.counts.failed > 0)
  const metrics = [...new Set([figures.quality, figures.cost, ...usualMetrics, ...bitsKeys])]
  const [quality = "", cost = "", ...others] = metrics
  return [
    ...(hasOne || row.keys.includes("experiment") ? [] : [{ key: "experiment", isName: true }]),
    ...row.keys.map((key) => ({ key, isName: true })),
    { key: "seeds", leaves: 2 },
    ...(hasFailed ? [{ key: "failed" }] : []),
    { key: quality },
    { key: cost, leaves: 1 },
    { key: "difference" },
    { key: "against", leaves: 3 },
    ...others.map((key, i) => ({ key, leaves: 4 + i })),
  ]
}

/** A trial as `list --json` shows it. */
export const trialJson = ({ arm, entry, metrics, trial: { label, seed } }: TrialRow) => {
  const { damage, result, state, step, trial } = entry.known
  return {
    id: trial.id,
    gridId: trial.gridId,
    gridIds: entry.gridIds,
    name: trial.name,
    label,
    arm: arm.label,
    armKey: arm.key,
    seed: seedJson(seed),
    experiment: trial.experiment,
    state,
    step,
    steps: trial.steps,
    parameters: typedAll(trial.parameters),
    metrics,
    ...(result?.cause === undefined ? {} : { cause: result.cause, message: result.message }),
    ...(damage === undefined ? {} : { damage }),
  }
}

/** A group as `--by ... --json` shows it. */
export const groupJson = ({ cells, group, keys, members }: GroupRow) => ({
  by: Object.fromEntries(keys.map((key) => [key, cells[key] ?? null])),
  experiment: members[0]!.cells["experiment"],
  arms: group.arms.map(({ control, index, key, label }) => ({
    key,
    label,
    index,
    control: control ?? null,
  })),
  trials: group.trials.map(({ id, label, seed }) => ({ id, label, seed: seedJson(seed) })),
  counts: group.counts,
  metrics: group.metrics,
  difference: group.difference ?? null,
})
