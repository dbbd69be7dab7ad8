/** The printed result of a grid: the formats of each layer, each trial, each search compared with its controls. */
import { final, limits, type Metric } from "../metric/Metrics.ts"
import type { TrialSummary } from "../orchestrator/GridOptions.ts"
import type { Result } from "../orchestrator/Result.ts"
import { type Figures, figuresOf } from "../report/Figures.ts"
import { differenceText } from "../report/FigureTexts.ts"
import { rivalsOf } from "../report/Rivals.ts"
import { recordOf } from "../report/TrialRecords.ts"
import { isSearching } from "../search/Searches.ts"
import { bold, dim, percent, red, short, table } from "./Output.ts"

/** Layer, chosen formats, share of the cost. */
export const layerTable = ({ layers }: Pick<Result, "layers">): string =>
  table(
    ["layer", "weights", "activations", "MMACs", "share of cost"],
    layers.map((layer) => [
      layer.path,
      layer.weightFormat,
      layer.activationFormat,
      short(layer.macs / 1e6),
      percent(layer.costShare),
    ]),
  )

const isSearch = ({ trial: { parameters } }: TrialSummary): boolean =>
  parameters["control"] === undefined && isSearching(parameters["search.kind"])

/** Cost over target of every finished trial by its id, where it has one target. */
const ratiosOf = ({ arms }: Figures): ReadonlyMap<string, number> =>
  new Map(
    arms.flatMap(({ trials }) =>
      trials.flatMap(({ id, metrics }) => {
        const ratio = metrics[final.costOverTarget.key]
        return ratio === undefined ? [] : [[id, ratio] as const]
      }),
    ),
  )

/** A kind of limit that some trials have: its words in tables, and its metric. */
interface LimitColumn {
  readonly heading: string
  readonly metric: Metric
}

/** The limits that any of these trials has. */
const limitsIn = (summaries: ReadonlyArray<TrialSummary>): ReadonlyArray<LimitColumn> =>
  Object.entries(limits).flatMap(([kind, metric]) =>
    summaries.some(({ result }) => result?.metrics[metric.key] !== undefined)
      ? [{ heading: `${kind} / limit`, metric }]
      : [],
  )

const resultRow = (
  label: string,
  { result }: TrialSummary,
  ratio: number | undefined,
  limited: ReadonlyArray<LimitColumn>,
): ReadonlyArray<string> => {
  const of = ({ key }: Metric, show: (value: number) => string) => {
    const value = result?.metrics[key]
    return value === undefined ? "" : show(value)
  }
  return [
    label,
    of(final.accuracy, percent),
    ratio === undefined ? "" : ratio.toFixed(3),
    ...limited.map(({ metric }) => of(metric, (value) => value.toFixed(3))),
    of(final.gbops, (value) => short(value)),
    of(final.argmaxProbability, (value) => value.toFixed(3)),
  ]
}

/** The split that accuracies are of: `test`, `held-out`, or both. */
const splitsOf = (finished: ReadonlyArray<TrialSummary>): string => {
  const splits = new Set(finished.map(({ trial }) => trial.parameters["finish.evaluate"]))
  return [...splits].map((split) => (split === "heldOut" ? "held-out" : split)).join(" or ")
}

/** More differences than this are for `compare`. */
const mostDifferences = 24

/** `x1.5 reinforce: +2.1 points against uniform INT4 at equal cost; ...`: every search beside its rivals. */
const differenceTexts = ({ arms, quality }: Figures): ReadonlyArray<string> => {
  const texts = arms.flatMap((arm) =>
    rivalsOf(arm, arms, quality).map((one) => `${arm.label}: ${differenceText(one)}`),
  )
  return texts.length <= mostDifferences
    ? texts
    : [...texts.slice(0, mostDifferences), `${texts.length - mostDifferences} more: fliqs compare`]
}

/** The end of a run, for people. */
export const summaryText = (summaries: ReadonlyArray<TrialSummary>): string => {
  const lines: Array<string> = []
  const figures = figuresOf(
    summaries.map(({ result, state, trial }) => recordOf(trial, state, result)),
  )
  const ratios = ratiosOf(figures)
  const finished = summaries.filter((summary) => summary.state === "finished")
  // A grid of many trials shows its table only; `show` has the layers of each.
  const shown = finished.filter(isSearch)
  for (const summary of shown.length <= 3 ? shown : [])
    lines.push("", bold(summary.trial.name), layerTable(summary.result!))
  const limited = limitsIn(finished)
  const rows = finished.map((summary) =>
    resultRow(summary.trial.name, summary, ratios.get(summary.trial.id), limited),
  )
  if (rows.length > 0)
    lines.push(
      "",
      table(
        [
          "trial",
          `${splitsOf(finished)} accuracy`,
          "cost / target",
          ...limited.map(({ heading }) => heading),
          "GBOPs",
          "top probability",
        ],
        rows,
      ),
    )
  for (const line of differenceTexts(figures)) lines.push(dim(line))
  for (const { result, trial } of summaries.filter((summary) => summary.state === "failed"))
    lines.push("", red(`${trial.name} (${trial.id}) failed: ${result?.message ?? "see its log"}`))
  return lines.join("\n")
}

/** The page of a grid whose run was killed: no trial in its table is running any more. */
export const stoppedPage = (page: string): string =>
  page.replace(/^(\| (?:\\.|[^|\\])* \| )running(?= \|)/gm, "$1stopped")
