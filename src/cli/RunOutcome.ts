/** The printed result of a grid: the formats of each layer, and each search compared with its controls. */
import type { Side } from "../cost/NearestCosts.ts"
import type { Plan } from "../experiment/Plan.ts"
import { final, limits, type Metric } from "../metric/Metrics.ts"
import type { Result, Summary } from "../orchestrator/Result.ts"
import type { TrialSummary } from "../orchestrator/GridOptions.ts"
import { type Comparison, compare, type Ended, standingOf } from "../report/Comparison.ts"
import { pairedDifference } from "../report/Paired.ts"
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

/** The trials of a plan with their results. */
export const endedOf = (
  { trials }: Pick<Plan, "trials">,
  results: ReadonlyMap<string, Pick<Summary, "assignment" | "metrics" | "state"> | undefined>,
): ReadonlyArray<Ended> =>
  trials.map((trial) => {
    const result = results.get(trial.id)
    const accuracy = result?.state === "finished" ? result.metrics[final.accuracy.key] : undefined
    return {
      trial,
      outcome:
        result === undefined || accuracy === undefined
          ? undefined
          : { accuracy, assignment: result.assignment },
    }
  })

const resultsOf = (summaries: ReadonlyArray<TrialSummary>) =>
  new Map(summaries.map(({ result, trial }) => [trial.id, result]))

/** Cost over target of every trial of a plan by its id, where it has one target. */
const ratiosOf = (ended: ReadonlyArray<Ended>): ReadonlyMap<string, number> =>
  new Map(
    ended.flatMap((one) => {
      const standing = standingOf(one, ended)
      return standing?.target === undefined
        ? []
        : [[one.trial.id, standing.cost / standing.target] as const]
    }),
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

/** Points of accuracy, with a sign. */
const signed = (difference: number): string =>
  `${difference >= 0 ? "+" : "-"}${Math.abs(100 * difference).toFixed(1)}`

const sides: Readonly<Record<Side, string>> = {
  near: "",
  below: " (the nearest below)",
  above: " (the nearest above)",
}

/** A search compared with a rival, with the cost of each. */
const comparisonText = (comparison: Comparison): string => {
  const { gains, model, rival, rivalCost, search, searchCost, side, target } = comparison
  const { high, low, mean, pairs } = pairedDifference(gains)
  const over =
    pairs === 1
      ? "one seed shows no more than that"
      : `mean of ${pairs} seeds, 95 % interval ${signed(low)} to ${signed(high)}`
  const costs = [searchCost, rivalCost].map((cost) => short(cost / model.scale)).join(" and ")
  const ratios = [searchCost, rivalCost].map((cost) => (cost / target).toFixed(3)).join(" and ")
  return `${search} - ${rival}: ${signed(mean)} points of accuracy, ${over}; at ${costs} ${model.printUnit}, ${ratios} of the target${sides[side]}`
}

/** Every search compared with its rivals, paired over the seeds. */
export const comparisonTexts = (ended: ReadonlyArray<Ended>): ReadonlyArray<string> =>
  compare(ended).map(comparisonText)

/** The end of a run, for people. */
export const summaryText = (
  plan: Pick<Plan, "trials">,
  summaries: ReadonlyArray<TrialSummary>,
): string => {
  const lines: Array<string> = []
  const ended = endedOf(plan, resultsOf(summaries))
  const ratios = ratiosOf(ended)
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
  for (const line of comparisonTexts(ended)) lines.push(dim(line))
  for (const { result, trial } of summaries.filter((summary) => summary.state === "failed"))
    lines.push("", red(`${trial.name} (${trial.id}) failed: ${result?.message ?? "see its log"}`))
  return lines.join("\n")
}

/** The page of a grid whose run was killed: no trial in its table is running any more. */
export const stoppedPage = (page: string): string =>
  page.replace(/^(\| (?:\\.|[^|\\])* \| )running(?= \|)/gm, "$1stopped")
