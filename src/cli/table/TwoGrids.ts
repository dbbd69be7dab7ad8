/**
 * Two grids side by side, of one state folder or two: arms of one label, B less A paired by seed, and the parameters in
 * which the grids differ.
 */
import { Effect, type Option } from "effect"
import { pathText } from "../../declaration/Errors.ts"
import { differenceOf, type FiguredArm, type Figures, findArm } from "../../report/Figures.ts"
import { costText, differenceCell, meanText } from "../../report/FigureTexts.ts"
import { differingKeys } from "../../report/ArmLabels.ts"
import { Wrong } from "../ErrorMessages.ts"
import { dim, note, print, printJson } from "../Output.ts"
import { type ReadGrid, readGrid } from "../ReadGrid.ts"
import type { Row } from "./Columns.ts"
import { meets, whyNone } from "./Conditions.ts"
import {
  columnsToShow,
  conditionsFor,
  limited,
  printCsv,
  printTable,
  type Shown,
  sorted,
  type TableFlags,
} from "./Selection.ts"
import { trialRows } from "./TrialRows.ts"
import { seedJson, typed } from "./Written.ts"

interface Input extends TableFlags {
  readonly experiment: string
  readonly other: string
  readonly set: ReadonlyArray<string>
  readonly yes: boolean
  readonly state: Option.Option<string>
}

interface Side {
  readonly grid: ReadGrid
  readonly figures: Figures
}

interface ArmPair extends Row {
  readonly label: string
  readonly a: FiguredArm | undefined
  readonly b: FiguredArm | undefined
}

const sideOf = Effect.fnUntraced(function* (input: Input, experiment: string) {
  const grid = yield* readGrid("compare", { ...input, experiment })
  const figures = trialRows(grid.entries)[0]?.figures
  if (figures === undefined)
    return yield* new Wrong({ message: `${pathText(experiment)} has no trials` })
  return { grid, figures } satisfies Side
})

/** Values of a parameter over all arms of a grid. */
const valuesOf = ({ figures }: Side, key: string): string =>
  [...new Set(figures.arms.flatMap(({ parameters }) => parameters[key] ?? []))].join(", ")

/** Parameters that no arm of one grid has as the other has them; what each grid varies itself is none of them. */
const differingParameters = (a: Side, b: Side) => {
  const arms = [...a.figures.arms, ...b.figures.arms]
  const varied = new Set([...differingKeys(a.figures.arms), ...differingKeys(b.figures.arms)])
  const keys = new Set(arms.flatMap(({ parameters }) => Object.keys(parameters)))
  return [...keys]
    .filter((key) => key !== "name" && !varied.has(key))
    .map((key) => ({ key, a: valuesOf(a, key), b: valuesOf(b, key) }))
    .filter((one) => one.a !== one.b)
    .sort((x, y) => (x.key < y.key ? -1 : 1))
}

const metricCells = (side: "a" | "b", arm: FiguredArm | undefined, keys: Figures) =>
  [keys.quality, keys.cost].flatMap((key) => {
    const spread = arm?.metrics[key]
    const title = `${key.replace(/^final\//, "")} ${side.toUpperCase()}`
    return spread === undefined ? [] : [{ title, spread, key }]
  })

const pairOf = (label: string, a: Side, b: Side): ArmPair => {
  const [own, other] = [findArm(a.figures.arms, label), findArm(b.figures.arms, label)]
  const difference =
    own === undefined || other === undefined ? undefined : differenceOf(other, own, a.figures)
  const metrics = [
    ...metricCells("a", own, a.figures),
    ...metricCells("b", other, { ...b.figures, quality: a.figures.quality, cost: a.figures.cost }),
  ]
  const seeds = (arm: FiguredArm | undefined) =>
    arm === undefined ? undefined : `${arm.counts.finished}/${arm.trials.length}`
  return {
    label,
    a: own,
    b: other,
    cells: {
      arm: label,
      kind: (own ?? other)?.kind,
      "seeds A": seeds(own),
      "seeds B": seeds(other),
      ...Object.fromEntries(metrics.map(({ spread, title }) => [title, spread.mean])),
      "B - A": difference?.mean,
      low: difference?.interval?.low,
      high: difference?.interval?.high,
      pairs: difference?.pairs,
      costs: difference === undefined ? undefined : costText(difference),
    },
    shown: {
      ...Object.fromEntries(
        metrics.map(({ key, spread, title }) => [title, meanText(key, spread)]),
      ),
      ...(difference === undefined ? {} : { "B - A": differenceCell(difference) }),
    },
  }
}

const columnsOf = ({ cost, quality }: Figures): ReadonlyArray<Shown> => {
  const [q, c] = [quality, cost].map((key) => key.replace(/^final\//, ""))
  return [
    { key: "arm", isName: true },
    { key: `${q} A` },
    { key: `${q} B` },
    { key: "B - A" },
    { key: `${c} A`, leaves: 2 },
    { key: `${c} B`, leaves: 2 },
    { key: "seeds A", leaves: 1 },
    { key: "seeds B", leaves: 1 },
  ]
}

const armJson = (arm: FiguredArm | undefined) =>
  arm === undefined
    ? null
    : {
        key: arm.key,
        counts: arm.counts,
        metrics: arm.metrics,
        trials: arm.trials.map(({ id, label, seed }) => ({ id, label, seed: seedJson(seed) })),
      }

const sideJson = ({ figures, grid }: Side) => ({
  name: grid.name,
  folder: grid.folder,
  counts: figures.counts,
})

const printTwo = Effect.fnUntraced(function* (
  rows: ReadonlyArray<ArmPair>,
  [a, b]: readonly [Side, Side],
  input: Input,
) {
  const columns = columnsOf(a.figures)
  if (input.csv)
    return yield* printCsv(rows, [...columns.map(({ key }) => key), "low", "high"], input)
  if (!input.md)
    for (const [name, { figures, grid }] of [
      ["A", a],
      ["B", b],
    ] as const)
      yield* print(
        `${name}: ${grid.name}, ${figures.counts.finished} of ${figures.counts.trials} trials finished, in ${pathText(grid.folder)}`,
      )
  yield* printTable(rows, yield* columnsToShow(rows, columns, input), input)
  if (input.md) return
  yield* print(dim("B - A: paired by seed, with the 95 % interval"))
  for (const one of differingParameters(a, b))
    yield* print(`${one.key}: A ${one.a || "not set"}, B ${one.b || "not set"}`)
})

export const compareTwo = Effect.fnUntraced(function* (input: Input) {
  const [a, b] = [yield* sideOf(input, input.experiment), yield* sideOf(input, input.other)]
  const labels = new Set([...a.figures.arms, ...b.figures.arms].map(({ label }) => label))
  const all = [...labels].map((label) => pairOf(label, a, b))
  const conditions = yield* conditionsFor(all, input.filter)
  const found = all.filter((row) => conditions.every((condition) => meets(row, condition)))
  const rows = limited(yield* sorted(found, input.sort), input.limit)
  if (rows.length === 0 && !input.json) return yield* note(whyNone(all, conditions, "groups"))
  if (!input.json) return yield* printTwo(rows, [a, b], input)
  yield* printJson({
    a: sideJson(a),
    b: sideJson(b),
    quality: a.figures.quality,
    cost: a.figures.cost,
    parameters: differingParameters(a, b).map((one) => ({
      key: one.key,
      a: typed(one.a),
      b: typed(one.b),
    })),
    arms: rows.map((row) => ({
      label: row.label,
      a: armJson(row.a),
      b: armJson(row.b),
      difference:
        row.a === undefined || row.b === undefined
          ? null
          : (differenceOf(row.b, row.a, a.figures) ?? null),
    })),
  })
})
