/** `fliqs diff A B`: what two trials differ in: parameters, metrics, the formats of their layers, other decisions. */
import { Effect, type Option } from "effect"
import { directionOf } from "../../metric/Metrics.ts"
import { pathText } from "../../declaration/Errors.ts"
import * as State from "../../orchestrator/State.ts"
import { rounded } from "../../report/FigureTexts.ts"
import { recordOf } from "../../report/TrialRecords.ts"
import { Wrong } from "../ErrorMessages.ts"
import { findTrial } from "../Locations.ts"
import { bold, dim, note, print, printJson, terminalColumns } from "../Output.ts"
import { folderAndName } from "../ReadGrid.ts"
import { type Column, fitted } from "../table/Fitted.ts"
import { cellValue, typed } from "../table/Written.ts"
import { type Known, readKnown } from "../Trials.ts"

interface Input {
  readonly first: string
  readonly second: string
  readonly state: Option.Option<string>
  readonly all: boolean
  readonly json: boolean
}

interface Side {
  readonly folder: string
  readonly known: Known
}

/** A key with its value on both sides; undefined where one has none. */
interface Pair<A> {
  readonly key: string
  readonly a: A | undefined
  readonly b: A | undefined
}

const readSide = Effect.fnUntraced(function* (given: string, state: Option.Option<string>) {
  const { folder, name } = yield* folderAndName(given, state)
  const id = yield* findTrial(folder, name)
  const known = yield* readKnown(folder, id)
  if (known === undefined)
    return yield* new Wrong({ message: `${pathText(State.trialFile(folder, id))} is missing` })
  return { folder, known } satisfies Side
})

const pairs = <A>(
  a: Readonly<Record<string, A>>,
  b: Readonly<Record<string, A>>,
): ReadonlyArray<Pair<A>> =>
  [...new Set([...Object.keys(a), ...Object.keys(b)])].map((key) => ({ key, a: a[key], b: b[key] }))

const metricsOf = ({ known: { metrics, result, state, trial } }: Side) =>
  state === "finished" ? recordOf(trial, state, result).metrics : metrics

type Layer = NonNullable<Known["result"]>["layers"][number]

const layersOf = ({ known }: Side): Readonly<Record<string, Layer>> =>
  Object.fromEntries((known.result?.layers ?? []).map((layer) => [layer.path, layer]))

const formatsText = (layer: Layer | undefined): string =>
  layer === undefined
    ? "absent"
    : layer.weightFormat === layer.activationFormat
      ? layer.weightFormat
      : `${layer.weightFormat}/${layer.activationFormat}`

const isSame = ({ a, b }: Pair<Layer>): boolean => formatsText(a) === formatsText(b)

/** Everything that two trials may differ in; `all` keeps what is the same too. */
const differences = (a: Side, b: Side, all: boolean) => {
  const [results, trials] = [
    [a.known.result, b.known.result],
    [a.known.trial, b.known.trial],
  ] as const
  const differ = (pair: Pair<unknown>) => all || pair.a !== pair.b
  const layers = pairs(layersOf(a), layersOf(b))
  const paths = new Set(layers.map(({ key }) => `${key}.format`))
  return {
    parameters: pairs(trials[0].parameters, trials[1].parameters).filter(differ),
    metrics: pairs(metricsOf(a), metricsOf(b)).filter(differ),
    layers: layers.filter((pair) => all || !isSame(pair)),
    layerCount: layers.length,
    // what a layer's own format is, its row says
    decisions: pairs(results[0]?.assignment ?? {}, results[1]?.assignment ?? {}).filter(
      (pair) => !paths.has(pair.key) && differ(pair),
    ),
  }
}

const section = Effect.fnUntraced(function* (title: string, columns: ReadonlyArray<Column>) {
  if (columns[0]!.cells.length === 0) return
  yield* print(`\n${bold(title)}`)
  yield* print(fitted(columns, terminalColumns()).text)
})

const text = (value: unknown): string =>
  typeof value === "number" ? rounded(value) : value === undefined ? "" : String(value)

const columnsOf = <A>(
  title: string,
  rows: ReadonlyArray<Pair<A>>,
  show: (value: A | undefined) => string,
): ReadonlyArray<Column> => [
  { title, cells: rows.map(({ key }) => key), isName: true },
  { title: "A", cells: rows.map(({ a }) => show(a)) },
  { title: "B", cells: rows.map(({ b }) => show(b)) },
]

/** B less A, with a word for the better side where a metric has one. */
const changeText = ({ a, b, key }: Pair<number>): string => {
  if (a === undefined || b === undefined) return ""
  const change = `${b < a ? "-" : "+"}${rounded(Math.abs(b - a), 3)}`
  const direction = directionOf(key)
  return direction === undefined || a === b
    ? change
    : `${change} ${b > a === (direction === "max") ? "better" : "worse"}`
}

const printed = Effect.fnUntraced(function* (a: Side, b: Side, all: boolean) {
  for (const [name, { folder, known }] of [
    ["A", a],
    ["B", b],
  ] as const)
    yield* print(
      `${bold(name)}: ${known.trial.id}  ${known.trial.experiment}, ${known.trial.name}  ${known.state}  ${dim(pathText(folder))}`,
    )
  const { decisions, layerCount, layers, metrics, parameters } = differences(a, b, all)
  yield* section(
    "parameters",
    columnsOf("parameter", parameters, (value) =>
      value === undefined ? "" : text(cellValue(value)),
    ),
  )
  yield* section("metrics", [
    ...columnsOf("metric", metrics, text),
    { title: "B - A", cells: metrics.map(changeText) },
  ])
  yield* section("formats", [
    ...columnsOf("layer", layers, formatsText),
    {
      title: "share of cost in A",
      cells: layers.map((pair) =>
        pair.a === undefined ? "" : `${(100 * pair.a.costShare).toFixed(1)} %`,
      ),
      leaves: 1,
    },
  ])
  yield* section("other decisions", columnsOf("decision", decisions, text))
  if (parameters.length + metrics.length + layers.length + decisions.length === 0)
    yield* print("no difference")
  else if (layerCount > 0 && !all)
    yield* note(
      `${layerCount - layers.length} of ${layerCount} layers have equal formats; --all shows what is equal too`,
    )
})

const sideJson = ({ folder, known: { state, trial } }: Side) => ({
  id: trial.id,
  name: trial.name,
  experiment: trial.experiment,
  state,
  folder: State.trialFolder(folder, trial.id),
})

const formatJson = (layer: Layer | undefined) =>
  layer === undefined
    ? null
    : {
        weightFormat: layer.weightFormat,
        activationFormat: layer.activationFormat,
        costShare: layer.costShare,
      }

const json = (a: Side, b: Side, all: boolean) => {
  const { decisions, layers, metrics, parameters } = differences(a, b, all)
  const value = (parameter: string | undefined) =>
    parameter === undefined ? null : typed(parameter)
  return {
    a: sideJson(a),
    b: sideJson(b),
    parameters: parameters.map((pair) => ({ key: pair.key, a: value(pair.a), b: value(pair.b) })),
    metrics: metrics.map((pair) => ({
      key: pair.key,
      a: pair.a ?? null,
      b: pair.b ?? null,
      difference: pair.a === undefined || pair.b === undefined ? null : pair.b - pair.a,
    })),
    layers: layers.map((pair) => ({
      path: pair.key,
      a: formatJson(pair.a),
      b: formatJson(pair.b),
    })),
    assignment: decisions.map((pair) => ({ path: pair.key, a: pair.a ?? null, b: pair.b ?? null })),
  }
}

export const run = Effect.fn("diff")(function* (input: Input) {
  const a = yield* readSide(input.first, input.state)
  const b = yield* readSide(input.second, input.state)
  if (input.json) return yield* printJson(json(a, b, input.all))
  yield* printed(a, b, input.all)
})
