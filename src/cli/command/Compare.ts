/**
 * `fliqs compare EXPERIMENT`: the arms of a grid side by side, each over its seeds and beside its control, with the Pareto
 * front of their means; `fliqs compare A B`: two grids side by side (`table/TwoGrids.ts`).
 */
import { Effect, Option } from "effect"
import { kinds } from "../../cost/Costs.ts"
import type { Plan } from "../../experiment/Plan.ts"
import { final } from "../../metric/Metrics.ts"
import { figuresOf, levelsOf } from "../../report/Figures.ts"
import { frontOf } from "../../report/GridPictures.ts"
import { type Objective, paretoFront, parseObjectives } from "../../report/Pareto.ts"
import { isOwnSearch, rivalTrialsOf } from "../../report/Rivals.ts"
import { targetsOf } from "../../report/Targets.ts"
import { Wrong } from "../ErrorMessages.ts"
import { dim, note, print, printJson } from "../Output.ts"
import { themeOf, writePicture } from "../PictureFiles.ts"
import { type ReadGrid, readGrid } from "../ReadGrid.ts"
import { groupJson, groupsOf, trialJson, usualGroupColumns } from "../table/Answers.ts"
import { columnNamed } from "../table/Columns.ts"
import { meets, whyNone } from "../table/Conditions.ts"
import { checkControl } from "../table/Controls.ts"
import type { GroupRow } from "../table/GroupRows.ts"
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
import { bestTexts } from "../table/BestTexts.ts"
import { bitsKeys, type TrialRow, trialRows, usualMetrics } from "../table/TrialRows.ts"
import { compareTwo } from "../table/TwoGrids.ts"
import { typedAll } from "../table/Written.ts"

interface Input extends TableFlags {
  readonly experiment: string
  readonly other: Option.Option<string>
  readonly set: ReadonlyArray<string>
  readonly yes: boolean
  readonly state: Option.Option<string>
  readonly pareto: Option.Option<string>
  readonly onlyChanged: boolean
  readonly out: Option.Option<string>
  readonly dark: boolean
}

const objectivesOf = Effect.fnUntraced(function* (
  given: Option.Option<string>,
  rows: ReadonlyArray<TrialRow>,
) {
  if (Option.isNone(given)) return rows[0]?.figures.objectives ?? []
  const objectives = parseObjectives(given.value)
  if (typeof objectives === "string")
    return yield* new Wrong({ message: `--pareto: ${objectives}` })
  const known = new Set(rows.flatMap(({ metrics }) => Object.keys(metrics)))
  if (known.size === 0) return objectives
  return yield* Effect.forEach(objectives, (objective) =>
    Effect.map(columnNamed(objective.key, known), (key) => ({ ...objective, key })),
  )
})

const meanOf = ({ group }: GroupRow, key: string): number | undefined => group.metrics[key]?.mean

const wordsOf = (objectives: ReadonlyArray<Objective>): string =>
  objectives.map(({ direction, key }) => `${key}:${direction}`).join(", ")

/** The second objective on the horizontal axis, the first on the vertical one. */
const draw = Effect.fnUntraced(function* (
  file: string,
  title: string,
  groups: ReadonlyArray<GroupRow>,
  objectives: ReadonlyArray<Objective>,
  input: Pick<Input, "dark">,
) {
  const [y, x] = objectives
  if (y === undefined || x === undefined || objectives.length > 2)
    return yield* new Wrong({
      message: `--out draws two objectives, and there are ${objectives.length}; --pareto ${final.accuracy.key}:max,${final.gbops.key}:min would be right`,
    })
  const trials = groups.flatMap(({ group }) => group.trials)
  yield* writePicture(
    file,
    frontOf(figuresOf(trials, { objectives }), title, [y, x]),
    themeOf(input),
  )
})

const unitOf = (costKind: string): string | undefined =>
  kinds.find(({ kind }) => kind === costKind)?.unit

/** The one value that all agree in. */
const sharedBy = <A>(values: ReadonlyArray<A>): A | undefined =>
  new Set(values).size === 1 ? values[0] : undefined

const costKindOf = ({ arm }: TrialRow): string => arm.parameters["reward.cost.kind"] ?? ""

/**
 * Costs in the unit of the target, and the target: of a search its own one, of a control that of all searches, if they have
 * one. The plan knows targets before a trial has finished.
 */
const standingsOf = (rows: ReadonlyArray<TrialRow>, plan: Plan) => {
  const targets = targetsOf(plan)
  const searches = rows.filter(({ arm }) => isOwnSearch(arm))
  const shared = sharedBy(searches.map(({ trial }) => targets.get(trial.id)))
  const kind = sharedBy((searches.length === 0 ? rows : searches).map(costKindOf))
  return (row: TrialRow) => {
    const target = row.arm.isSearch || searches.length === 0 ? targets.get(row.trial.id) : shared
    const isKnown = row.arm.isSearch || costKindOf(row) === kind
    const cost = isKnown ? row.trial.metrics[final.cost.key] : undefined
    return {
      cost: cost ?? null,
      costUnit: isKnown ? (unitOf(costKindOf(row)) ?? null) : null,
      target: target ?? null,
      costOverTarget: cost === undefined || target === undefined ? null : cost / target,
    }
  }
}

/** A search's trial beside each finished rival of its seed. */
const comparisonsOf = ({ arm, figures, trial }: TrialRow, names: ReadonlyMap<string, string>) => {
  const [cost, ratio] = [final.cost, final.costOverTarget].map(({ key }) => trial.metrics[key])
  const target = cost === undefined || ratio === undefined ? undefined : cost / ratio
  return rivalTrialsOf(trial, arm, figures.arms, figures.quality).map((rival) => ({
    id: rival.trial.id,
    name: names.get(rival.trial.id) ?? rival.trial.label,
    control: rival.arm.control ?? null,
    side: rival.side,
    cost: rival.cost,
    costOverTarget: target === undefined ? null : rival.cost / target,
    difference: rival.gain,
  }))
}

const unplanned = { cost: null, costUnit: null, target: null, costOverTarget: null }

const printTrialsJson = Effect.fnUntraced(function* (
  grid: ReadGrid,
  all: ReadonlyArray<TrialRow>,
  rows: ReadonlyArray<TrialRow>,
  onFront: ReadonlySet<string>,
) {
  const standingOf = grid.plan === undefined ? () => unplanned : standingsOf(all, grid.plan)
  const names = new Map(all.map(({ entry: { known } }) => [known.trial.id, known.trial.name]))
  yield* printJson(
    rows.map((row) => ({
      ...trialJson(row),
      control: row.arm.control ?? null,
      cell: typedAll(row.entry.known.trial.cell),
      ...standingOf(row),
      comparisons: grid.plan === undefined ? [] : comparisonsOf(row, names),
      pareto: onFront.has(row.trial.id),
    })),
  )
})

const trialColumns: ReadonlyArray<Shown> = [
  { key: "id", isName: true },
  { key: "trial", isName: true },
  { key: "state" },
  ...usualMetrics.map((key, i) => ({ key, ...(i === 0 ? {} : { leaves: i }) })),
  ...bitsKeys.map((key, i) => ({ key, leaves: 5 + i })),
]

/** What is said below a table: what the mark means, what the best arms are, and what is missing. */
const printBelow = Effect.fnUntraced(function* (
  rows: ReadonlyArray<TrialRow>,
  all: ReadonlyArray<GroupRow>,
  objectives: ReadonlyArray<Objective>,
  isMarked: boolean,
) {
  const figures = rows[0]?.figures
  if (figures === undefined) return
  if (isMarked) yield* print(dim(`* on the Pareto front of ${wordsOf(objectives)}`))
  if (all.some(({ group }) => group.difference !== undefined)) {
    const unit = figures.quality === final.accuracy.key ? "points of accuracy" : figures.quality
    yield* print(
      dim(`difference: ${unit} [95 % interval], paired by seed; at 1.27x: at 1.27 times the cost`),
    )
  }
  const arms = all.flatMap(({ group, keys }) =>
    keys.length === 1 && keys[0] === "arm"
      ? group.arms.map((arm) => ({
          ...arm,
          counts: group.counts,
          metrics: group.metrics,
          trials: group.trials,
        }))
      : [],
  )
  for (const line of bestTexts(figures.cost, levelsOf(arms, figures))) yield* print(line)
  const count = (state: string) => rows.filter(({ cells }) => cells["state"] === state).length
  const [failed, damaged] = [count("failed"), count("damaged")]
  const waiting = rows.length - count("finished") - failed - damaged
  if (waiting > 0) yield* note(`${waiting} of ${rows.length} trials have not finished`)
  if (failed > 0) yield* note(`${failed} of ${rows.length} trials failed`)
})

/** One row a trial: for programs, and where `--by trial` asks for it. */
const answerTrials = Effect.fnUntraced(function* (
  grid: ReadGrid,
  all: ReadonlyArray<TrialRow>,
  onFront: ReadonlySet<string>,
  input: Input,
) {
  const conditions = all.length === 0 ? [] : yield* conditionsFor(all, input.filter)
  const found = all.filter(
    (row) =>
      conditions.every((condition) => meets(row, condition)) &&
      (Option.isNone(input.pareto) || onFront.has(row.trial.id)),
  )
  const rows = limited(yield* sorted(found, input.sort), input.limit)
  if (input.json) return yield* printTrialsJson(grid, all, rows, onFront)
  const names = trialColumns.map(({ key }) => key)
  if (input.csv) return yield* printCsv(rows, names, input)
  if (rows.length === 0) return yield* note(whyNone(all, conditions, "trials"))
  const marks = new Set(rows.filter(({ trial }) => onFront.has(trial.id)))
  yield* printTable(rows, yield* columnsToShow(rows, trialColumns, input), input, marks)
})

/** Two experiments have one table: what only one of them has a use for is refused. */
const refuseForTwo = Effect.fnUntraced(function* (input: Input) {
  const flags = [
    ["--by", input.by],
    ["--control", input.control],
    ["--pareto", input.pareto],
    ["--out", input.out],
  ] as const
  const found = flags.find(([, value]) => Option.isSome(value))
  if (found !== undefined)
    return yield* new Wrong({
      message: `${found[0]} has no effect on two experiments; leave it out, or compare one`,
    })
})

export const run = Effect.fn("compare")(function* (input: Input) {
  yield* checkForm(input)
  if (Option.isSome(input.other)) {
    yield* refuseForTwo(input)
    return yield* compareTwo({ ...input, other: input.other.value })
  }
  const grid = yield* readGrid("compare", input)
  const control = Option.getOrUndefined(input.control)
  const rows = trialRows(grid.entries, control === undefined ? {} : { control })
  yield* checkControl(control, rows)
  const objectives = yield* objectivesOf(input.pareto, rows)
  const given = Option.map(input.by, (by) => by.split(",").map((key) => key.trim()))
  const isByTrial = Option.exists(given, ([key]) => key === "trial" || key === "id")
  const by = Option.isSome(given) && !isByTrial ? given.value : ["arm"]
  const { all, groups, why } = yield* groupsOf(
    rows,
    by,
    // what is listed trial by trial is filtered so too
    isByTrial || (Option.isNone(given) && (input.json || input.csv)) ? { filter: [] } : input,
  )
  const front = new Set(paretoFront(all, objectives, meanOf))
  if (Option.isSome(input.out)) yield* draw(input.out.value, grid.name, groups, objectives, input)
  if (isByTrial || (Option.isNone(given) && (input.json || input.csv))) {
    const onFront = [...front].flatMap(({ group }) => group.trials.map(({ id }) => id))
    yield* answerTrials(grid, rows, new Set(onFront), input)
  } else {
    const left = Option.isSome(input.pareto) ? groups.filter((row) => front.has(row)) : groups
    const shown = limited(yield* sorted(left, input.sort), input.limit)
    const columns = usualGroupColumns(shown)
    if (input.json)
      return yield* printJson(shown.map((row) => ({ ...groupJson(row), pareto: front.has(row) })))
    if (input.csv)
      return yield* printCsv(
        shown,
        columns.map(({ key }) => key),
        input,
      )
    if (why !== undefined) return yield* note(why)
    yield* printTable(shown, yield* columnsToShow(shown, columns, input), input, front)
  }
  if (!input.json && !input.csv && !input.md)
    yield* printBelow(rows, isByTrial ? [] : all, objectives, front.size > 0)
})
