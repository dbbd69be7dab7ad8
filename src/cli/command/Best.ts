/**
 * `fliqs best EXPERIMENT`: the best arm by its mean over the seeds, within a cost where one is given, and its best trial;
 * with `--id` the id of that trial alone, for the next command.
 */
import { Effect, Option } from "effect"
import { directionOf, final } from "../../metric/Metrics.ts"
import { type ArmTrial } from "../../report/Arms.ts"
import { differenceOf } from "../../report/Figures.ts"
import { differenceText, meanText, rounded } from "../../report/FigureTexts.ts"
import { Ended, Wrong } from "../ErrorMessages.ts"
import { bold, note, print, printJson } from "../Output.ts"
import { readGrid } from "../ReadGrid.ts"
import { groupJson, groupsOf, trialJson } from "../table/Answers.ts"
import { cellOf, columnNamed, columnsOf, type Row } from "../table/Columns.ts"
import { checkControl } from "../table/Controls.ts"
import type { GroupRow } from "../table/GroupRows.ts"
import { type TrialRow, trialRows } from "../table/TrialRows.ts"
import { typedAll } from "../table/Written.ts"

interface Input {
  readonly experiment: string
  readonly set: ReadonlyArray<string>
  readonly yes: boolean
  readonly state: Option.Option<string>
  readonly max: ReadonlyArray<string>
  readonly min: ReadonlyArray<string>
  readonly filter: ReadonlyArray<string>
  readonly metric: Option.Option<string>
  readonly control: Option.Option<string>
  readonly by: "arm" | "trial"
  readonly id: boolean
  readonly json: boolean
}

interface Limit {
  readonly key: string
  readonly side: "max" | "min"
  readonly value: number
}

const limitsOf = Effect.fnUntraced(function* (input: Input, known: ReadonlySet<string>) {
  const given = (["max", "min"] as const).flatMap((side) =>
    input[side].map((text) => ({ side, text })),
  )
  return yield* Effect.forEach(
    given,
    Effect.fnUntraced(function* ({ side, text }) {
      const [, key, value] = /^([^=]+)=(.+)$/.exec(text) ?? []
      if (key === undefined || value === undefined || !Number.isFinite(Number(value)))
        return yield* new Wrong({
          message: `--${side} ${text}: a metric and a number, such as ${final.gbops.key}=0.1, would be right`,
        })
      return { key: yield* columnNamed(key, known), side, value: Number(value) } satisfies Limit
    }),
  )
})

const meetsAll = (row: Row, limits: ReadonlyArray<Limit>): boolean =>
  limits.every(({ key, side, value }) => {
    const own = cellOf(row, key)
    return typeof own === "number" && (side === "max" ? own <= value : own >= value)
  })

const bestOf = <R extends Row>(rows: ReadonlyArray<R>, metric: string): ReadonlyArray<R> => {
  const sign = directionOf(metric) === "min" ? -1 : 1
  const valueOf = (row: R) => {
    const value = cellOf(row, metric)
    return typeof value === "number" ? [{ row, value }] : []
  }
  return rows
    .flatMap(valueOf)
    .sort((a, b) => sign * (b.value - a.value))
    .map(({ row }) => row)
}

/** Says how near the limits the trials come, and ends with 1: a pipe must not go on. */
const nothing = Effect.fnUntraced(function* (
  rows: ReadonlyArray<Row>,
  limits: ReadonlyArray<Limit>,
  metric: string,
  what: "arm" | "trial",
) {
  const reaches = limits.flatMap(({ key, side, value }) => {
    const values = rows.flatMap((row) => {
      const own = cellOf(row, key)
      return typeof own === "number" ? [own] : []
    })
    const [word, reach] =
      side === "max" ? ["least", Math.min(...values)] : ["most", Math.max(...values)]
    return values.length === 0
      ? []
      : [
          `${key} ${side === "max" ? "at most" : "at least"} ${value} (the ${word} is ${rounded(reach)})`,
        ]
  })
  yield* note(
    reaches.length === 0
      ? `no finished ${what} of ${rows.length} has ${metric}`
      : `no finished ${what} of ${rows.length} has ${reaches.join(" and ")}`,
  )
  return yield* new Ended({ code: 1 })
})

const metricsText = ({ trial: { metrics } }: TrialRow, keys: ReadonlyArray<string>): string =>
  keys
    .flatMap((key) => (metrics[key] === undefined ? [] : [`${key} ${rounded(metrics[key])}`]))
    .join(", ")

/** The arm in words: its means, what it gains over its control and over the second best. */
const printArm = Effect.fnUntraced(function* (
  best: GroupRow,
  second: GroupRow | undefined,
  keys: { readonly quality: string; readonly cost: string },
) {
  const { counts, difference, metrics, trials } = best.group
  const means = [...new Set([keys.quality, keys.cost])].flatMap((key) =>
    metrics[key] === undefined ? [] : [`${key} ${meanText(key, metrics[key])}`],
  )
  yield* print(
    `${bold(String(best.cells["arm"]))}  ${means.join(", ")}; ${counts.finished} of ${trials.length} seeds`,
  )
  if (difference !== undefined) yield* print(`  ${differenceText(difference)}`)
  const [own, other] = [best.group.arms[0], second?.group.arms[0]]
  if (own === undefined || other === undefined) return
  const lead = differenceOf(own, other, keys)
  if (lead !== undefined && other.label !== difference?.against.label)
    yield* print(`  ${differenceText(lead)} (the second best)`)
})

const answer = Effect.fnUntraced(function* (
  best: { readonly trial: TrialRow; readonly arm?: GroupRow; readonly second?: GroupRow },
  keys: { readonly quality: string; readonly cost: string },
  input: Input,
  folder: string,
) {
  const { arm, second, trial } = best
  if (input.id) return yield* print(trial.trial.id)
  if (input.json)
    return yield* printJson({
      ...trialJson(trial),
      control: trial.arm.control ?? null,
      cell: typedAll(trial.entry.known.trial.cell),
      folder,
      arm: trial.arm.label,
      group: arm === undefined ? null : groupJson(arm),
    })
  if (arm !== undefined) yield* printArm(arm, second, keys)
  yield* print(
    `${bold(trial.trial.id)}  ${trial.trial.label}  ${metricsText(trial, [keys.quality, keys.cost])}`,
  )
})

const isFinished = ({ trial }: { readonly trial: ArmTrial }): boolean => trial.state === "finished"

export const run = Effect.fn("best")(function* (input: Input) {
  if (input.id && input.json)
    return yield* new Wrong({ message: "--id and --json: an answer has one form; leave one out" })
  const grid = yield* readGrid("best", input)
  const control = Option.getOrUndefined(input.control)
  const found = trialRows(grid.entries)
  const known = new Set([...columnsOf(found), final.accuracy.key])
  const quality = Option.isSome(input.metric)
    ? yield* columnNamed(input.metric.value, known)
    : final.accuracy.key
  const rows = trialRows(grid.entries, { quality, ...(control === undefined ? {} : { control }) })
  yield* checkControl(control, rows)
  const limits = yield* limitsOf(input, known)
  const cost = rows[0]?.figures.cost ?? final.gbops.key
  const { groups, why } = yield* groupsOf(rows, [input.by === "arm" ? "arm" : "id"], input)
  if (why !== undefined) yield* note(why)
  const within = groups.filter((group) => meetsAll(group, limits))
  const [best, second] = bestOf(within, quality)
  if (best === undefined) return yield* nothing(groups, limits, quality, input.by)
  const trials = best.members.filter(isFinished)
  const [trial] = bestOf(
    trials.some((row) => meetsAll(row, limits))
      ? trials.filter((row) => meetsAll(row, limits))
      : trials,
    quality,
  )
  if (trial === undefined) return yield* nothing(groups, limits, quality, input.by)
  const arm = input.by === "arm" ? { arm: best, ...(second === undefined ? {} : { second }) } : {}
  yield* answer({ trial, ...arm }, { quality, cost }, input, grid.folder)
})
