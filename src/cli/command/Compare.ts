/** `fliqs compare EXPERIMENT`: the trials of a grid side by side, the parameters that differ, and their Pareto front. */
import { Effect, Option } from "effect"
import type * as Plan from "../../experiment/Plan.ts"
import * as Metrics from "../../metric/Metrics.ts"
import * as TrialIndex from "../../orchestrator/TrialIndex.ts"
import { standingOf as stateOf } from "../../orchestrator/TrialStatus.ts"
import { objectivesText, paretoFront, parseObjectives } from "../../report/Pareto.ts"
import { type Pair, pairsOf, type Standing, standingOf } from "../../report/Comparison.ts"
import { type Figures, figuresOf } from "../../report/Figures.ts"
import { frontOf } from "../../report/GridPictures.ts"
import { recordOf, type TrialRecord } from "../../report/TrialRecords.ts"
import { armTable, bestTexts } from "../ArmTable.ts"
import { isSearching } from "../../search/Searches.ts"
import { readPlan } from "../Locations.ts"
import { comparisonTexts, endedOf } from "../RunOutcome.ts"
import { dim, note, print, printJson, table } from "../Output.ts"
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
import { damageWords } from "../Trials.ts"
import { themeOf, writePicture } from "../PictureFiles.ts"
import { Wrong } from "../ErrorMessages.ts"

interface Compared extends Row {
  readonly trial: Plan.PlannedTrial
  readonly standing: Standing | undefined
  readonly record: TrialRecord
  /** Of a search: the trials it is compared with. */
  readonly pairs: ReadonlyArray<Pair>
}

interface Input extends Selection {
  readonly experiment: string
  readonly set: ReadonlyArray<string>
  readonly yes: boolean
  readonly state: Option.Option<string>
  readonly json: boolean
  readonly pareto: Option.Option<string>
  readonly onlyChanged: boolean
  readonly out: Option.Option<string>
  readonly dark: boolean
}

const usualObjectives = objectivesText([Metrics.final.accuracy, Metrics.final.gbops])
const usualMetrics = Metrics.mostTelling.map(({ key }) => key)
const ratioKey = Metrics.final.costOverTarget.key

const metricOf = ({ metrics }: Row, key: string): number | undefined => metrics[key]

/** Parameters that differ between the trials of the plan, in the order of the cells. */
const differing = (rows: ReadonlyArray<Compared>): ReadonlyArray<string> => {
  const keys = new Set(rows.flatMap(({ trial }) => Object.keys(trial.cell)))
  const values = (key: string) =>
    new Set(rows.map(({ parameters, trial }) => parameters[key] ?? trial.cell[key]))
  return [...keys].filter((key) => values(key).size > 1)
}

/** Cost over target is that of the grid: a uniform network stands beside searches at targets that are not its own. */
const metricsOf = (
  metrics: Readonly<Record<string, number>>,
  standing: Standing | undefined,
): Readonly<Record<string, number>> => {
  const { [ratioKey]: own, ...rest } = metrics
  if (own === undefined) return rest
  const ratio = standing?.target === undefined ? undefined : standing.cost / standing.target
  return ratio === undefined ? rest : { ...rest, [ratioKey]: ratio }
}

const readRows = Effect.fnUntraced(function* (folder: string, plan: Plan.Plan) {
  const index = TrialIndex.open(folder)
  const states = yield* Effect.forEach(plan.trials, ({ id }) => stateOf(index, id))
  yield* index.save
  for (const [i, { damage }] of states.entries())
    if (damage !== undefined) yield* note(`warning: ${damageWords(plan.trials[i]!.name, damage)}`)
  const results = new Map(plan.trials.map(({ id }, i) => [id, states[i]!.result]))
  const ended = endedOf(plan, results)
  const pairs = pairsOf(ended)
  const rows = ended.map((one, i): Compared => {
    const { trial } = one
    const { result, state } = states[i]!
    const standing = standingOf(one, ended)
    return {
      trial,
      standing,
      record: recordOf(trial, state, result),
      pairs: pairs.filter(({ search }) => search === trial),
      own: { id: trial.id, name: trial.name, state },
      metrics: result?.state === "finished" ? metricsOf(result.metrics, standing) : {},
      parameters: trial.parameters,
    }
  })
  return { ended, rows }
})

/** A row as `--json` shows it. */
const describe = (row: Compared, isOnFront: boolean) => {
  const { cost, target, unit } = row.standing ?? {}
  return {
    ...row.own,
    control: row.trial.control ?? null,
    cell: row.trial.cell,
    parameters: row.parameters,
    metrics: row.metrics,
    cost: cost ?? null,
    costUnit: unit ?? null,
    target: target ?? null,
    costOverTarget: cost === undefined || target === undefined ? null : cost / target,
    comparisons: row.pairs.map(({ aim, gain, rival, rivalCost, side }) => ({
      id: rival.id,
      name: rival.name,
      control: rival.control ?? null,
      side,
      cost: rivalCost,
      costOverTarget: rivalCost / aim.target,
      difference: gain,
    })),
    pareto: isOnFront,
  }
}

/** What a column shows of a row; a trial that is trained at no target shows none. */
const shown = (row: Compared, key: string): string =>
  key.startsWith("reward.") && !isSearching(row.trial.declaration.search.kind)
    ? ""
    : showCell(cellOf(row, key))

const objectivesOf = Effect.fnUntraced(function* (
  given: Option.Option<string>,
  rows: ReadonlyArray<Compared>,
) {
  const objectives = parseObjectives(Option.getOrElse(given, () => usualObjectives))
  if (typeof objectives === "string")
    return yield* new Wrong({ message: `--pareto: ${objectives}` })
  const known = new Set(rows.flatMap(({ metrics }) => Object.keys(metrics)))
  if (Option.isSome(given) && known.size > 0)
    yield* Effect.forEach(objectives, ({ key }) => checkColumn(key, known))
  return objectives
})

/** The second objective on the horizontal axis, the first on the vertical one. */
const draw = Effect.fnUntraced(function* (
  file: string,
  title: string,
  figures: Figures,
  input: Pick<Input, "dark">,
) {
  const [y, x, more] = figures.objectives
  if (y === undefined || x === undefined || more !== undefined)
    return yield* new Wrong({
      message: `--out draws two objectives, and there are ${figures.objectives.length}; --pareto ${usualObjectives} would be right`,
    })
  yield* writePicture(file, frontOf(figures, title, [y, x]), themeOf(input))
})

const printArms = Effect.fnUntraced(function* (rows: ReadonlyArray<Compared>) {
  const figures = figuresOf(rows.map(({ record }) => record))
  const arms = armTable(figures)
  if (arms !== undefined) yield* print(`\n${arms}`)
  for (const line of bestTexts(figures)) yield* print(line)
})

export const run = Effect.fn("compare")(function* (input: Input) {
  yield* checkColumnFlags(input)
  const { folder, plan } = yield* readPlan("compare", input)
  const { ended, rows: all } = yield* readRows(folder, plan)
  const objectives = yield* objectivesOf(input.pareto, all)
  const selected = yield* selectRows(all, input)
  const front = new Set(paretoFront(selected, objectives, metricOf))
  if (Option.isSome(input.out)) {
    const figures = figuresOf(
      selected.map(({ record }) => record),
      { objectives },
    )
    yield* draw(input.out.value, plan.name, figures, input)
  }
  const selectedRows = Option.isSome(input.pareto)
    ? selected.filter((row) => front.has(row))
    : selected
  const rows = selectedRows.slice(
    0,
    Option.getOrElse(input.limit, () => selectedRows.length),
  )
  if (input.json) return yield* printJson(rows.map((row) => describe(row, front.has(row))))
  const known = columnsOf(all)
  const more = Option.isSome(input.columns)
    ? yield* Effect.forEach(input.columns.value.split(","), (key) => checkColumn(key, known))
    : [...differing(all), ...usualMetrics.filter((key) => known.has(key))]
  const agree = (key: string) => new Set(rows.map((row) => shown(row, key))).size <= 1
  const columns = ["id", "name", "state", ...more].filter(
    (key) => !input.onlyChanged || rows.length < 2 || !agree(key),
  )
  yield* print(
    table(
      ["", ...columns],
      rows.map((row) => [front.has(row) ? "*" : "", ...columns.map((key) => shown(row, key))]),
    ),
  )
  yield* printArms(selected)
  const words = objectives.map(({ direction, key }) => `${key}:${direction}`).join(", ")
  if (front.size > 0) yield* print(dim(`* on the Pareto front of ${words}`))
  const kept = new Set(selected.map(({ trial }) => trial))
  for (const line of comparisonTexts(ended.filter(({ trial }) => kept.has(trial))))
    yield* print(line)
  const failed = all.filter(({ own }) => own["state"] === "failed").length
  const damaged = all.filter(({ own }) => own["state"] === "damaged").length
  const waiting = all.filter(({ own }) => own["state"] !== "finished").length - failed - damaged
  if (waiting > 0) yield* note(`${waiting} of ${all.length} trials have not finished`)
  if (failed > 0) yield* note(`${failed} of ${all.length} trials failed`)
})
