/** What a finished grid looks like on a terminal: formats layer by layer, each search beside its controls. */
import { pathText } from "../declaration/Errors.ts"
import type { Plan } from "../experiment/Plan.ts"
import type { Result } from "../orchestrator/Result.ts"
import type { TrialSummary } from "../orchestrator/RunGrid.ts"
import { pairedDifference } from "../report/Paired.ts"
import { bold, dim, percent, red, short, table } from "./Output.ts"

/** Layer, chosen formats, share of the cost. */
export const layerTable = ({ layers }: Result): string =>
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
  parameters["control"] === undefined && parameters["search.kind"] !== "fixed"

/** The cell of a trial without its search and retraining: controls share it with the searches they stand beside. */
const siblings = ({ trial }: TrialSummary): string =>
  JSON.stringify(
    Object.entries(trial.cell).filter(
      ([key]) => !key.startsWith("search.") && key !== "finish.retrain",
    ),
  )

const resultRow = (label: string, { result }: TrialSummary): ReadonlyArray<string> => {
  const of = (key: string, show: (value: number) => string) => {
    const value = result?.metrics[key]
    return value === undefined ? "" : show(value)
  }
  return [
    label,
    of("final/accuracy", percent),
    of("final/cost_over_target", (value) => value.toFixed(3)),
    of("final/gbops", (value) => short(value)),
    of("final/argmax_probability", (value) => value.toFixed(3)),
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

/** Every search beside each of its controls at the same target, paired over the seeds. */
const comparisons = (finished: ReadonlyArray<TrialSummary>): ReadonlyArray<string> => {
  const groups = new Map<
    string,
    { readonly names: [string, string]; readonly gains: Array<number> }
  >()
  const controlsOf = (search: TrialSummary) =>
    finished.filter((other) => !isSearch(other) && siblings(other) === siblings(search))
  const beside = finished
    .filter(isSearch)
    .flatMap((search) => controlsOf(search).map((control) => ({ search, control })))
  for (const { search, control } of beside) {
    const [mine, theirs] = [search, control].map((s) => s.result?.metrics["final/accuracy"])
    if (mine === undefined || theirs === undefined) continue
    const names: [string, string] = [unseeded(search), unseeded(control)]
    const key = JSON.stringify([armOf(search), armOf(control)])
    const group = groups.get(key) ?? { names, gains: [] }
    group.gains.push(mine - theirs)
    groups.set(key, group)
  }
  return [...groups.values()].map(({ names: [search, control], gains }) => {
    const { mean, low, high, pairs } = pairedDifference(gains)
    const found = `${search} - ${control}: ${signed(mean)} points of accuracy at the same cost target`
    return pairs === 1
      ? `${found}; one seed shows no more than that`
      : `${found}, mean of ${pairs} seeds, 95 % interval ${signed(low)} to ${signed(high)}`
  })
}

/** What tells a trial from its siblings but its seed. Names may be cut short. */
const armOf = ({ trial: { cell, parameters } }: TrialSummary): ReadonlyArray<unknown> => [
  Object.entries(cell).filter(([key]) => key !== "seed"),
  parameters["control"],
  parameters["search.uniform"],
]

/** A trial's name without its seed: trials that differ in nothing else are repetitions. */
const unseeded = ({ trial }: TrialSummary): string =>
  trial.name.replace(/\s*\bseed=\d+\b/, "").trim() || "searched"

/** The end of a run, for people. */
export const summaryText = (summaries: ReadonlyArray<TrialSummary>): string => {
  const lines: Array<string> = []
  const finished = summaries.filter((summary) => summary.state === "finished")
  // A grid of many trials shows its table only; `show` has the layers of each.
  const shown = finished.filter(isSearch)
  for (const summary of shown.length <= 3 ? shown : [])
    lines.push("", bold(summary.trial.name), layerTable(summary.result!))
  const rows = finished.map((summary) => resultRow(summary.trial.name, summary))
  if (rows.length > 0)
    lines.push(
      "",
      table(
        ["trial", `${splitsOf(finished)} accuracy`, "cost / target", "GBOPs", "top probability"],
        rows,
      ),
    )
  for (const line of comparisons(finished)) lines.push(dim(line))
  for (const { result, trial } of summaries.filter((summary) => summary.state === "failed"))
    lines.push("", red(`${trial.name} (${trial.id}) failed: ${result?.message ?? "see its log"}`))
  return lines.join("\n")
}

/** Text as it stands in Markdown: nothing in it is read as a mark. */
const cell = (text: string): string => pathText(text).replace(/[\\`*[\]<>|~&]/g, "\\$&")

/** A block of code, whatever is in it. */
const block = (code: string): ReadonlyArray<string> => {
  const longest = Math.max(2, ...(code.match(/`+/g) ?? []).map((run) => run.length))
  const fence = "`".repeat(longest + 1)
  return [`${fence}sh`, code, fence]
}

/** The Markdown page of a grid in the tracker: the command and how its trials stand. */
export const gridNote = (
  plan: Plan,
  command: string,
  summaries: ReadonlyArray<TrialSummary>,
): string => {
  const row = (cells: ReadonlyArray<string>) => `| ${cells.map(cell).join(" | ")} |`
  const metric = (summary: TrialSummary, key: string) => {
    const value = summary.result?.metrics[key]
    return value === undefined ? "" : short(value)
  }
  const rows = summaries.map((summary) =>
    row([
      summary.trial.name,
      summary.state,
      metric(summary, "final/accuracy"),
      metric(summary, "final/cost_over_target"),
      metric(summary, "final/gbops"),
    ]),
  )
  return [
    ...(plan.description === undefined ? [] : [plan.description, ""]),
    ...block(command),
    "",
    row(["trial", "state", "final/accuracy", "final/cost_over_target", "final/gbops"]),
    "|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n")
}
