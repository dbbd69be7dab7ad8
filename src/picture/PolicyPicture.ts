/**
 * Each decision's probabilities over the steps: a small plot for every decision, its options stacked in the order of the
 * file, the first pale, the last strong. Decisions with the same options stand together under one legend; the heading of a plot
 * says what was the most probable in the end. Left out: comparing trials.
 */
import { picture, type Picture, shortened, type Spec } from "./Picture.ts"
import { spread } from "./Series.ts"
import { labelSize } from "./Theme.ts"

export interface PolicyHistory {
  readonly decisions: ReadonlyArray<{
    readonly path: string
    /** As words. */
    readonly options: ReadonlyArray<string | number>
  }>
  readonly history: ReadonlyArray<{
    readonly step: number
    readonly probabilities: ReadonlyArray<ReadonlyArray<number>>
  }>
}

const cell = { width: 152, height: 46 }
const columns = 4
const mostPoints = 48
/** More decisions than this are cut off: nobody reads them. */
const mostDecisions = 240

type Decision = PolicyHistory["decisions"][number] & { readonly index: number }

/** Decisions with the same options, in the order of the first of each. */
const groupsOf = (decisions: ReadonlyArray<Decision>): ReadonlyArray<ReadonlyArray<Decision>> => {
  const groups = new Map<string, Array<Decision>>()
  for (const decision of decisions) {
    const key = JSON.stringify(decision.options)
    groups.set(key, [...(groups.get(key) ?? []), decision])
  }
  return [...groups.values()]
}

/** The field that all paths of a group end with, such as `format`; undefined where they differ. */
const fieldOf = (group: ReadonlyArray<Decision>): string | undefined => {
  const fields = new Set(group.map(({ path }) => path.split(".").at(-1)))
  return fields.size === 1 ? [...fields][0] : undefined
}

/** One row a decision, its probabilities in lists, and what its plot is headed by. */
const rowsOf = (group: ReadonlyArray<Decision>, history: PolicyHistory["history"]) => {
  const field = fieldOf(group)
  const steps = history.map(({ step }) => step)
  return group.map(({ index, options, path }) => {
    const words = options.map(String)
    const end = history.at(-1)?.probabilities[index] ?? []
    const most = end.indexOf(Math.max(...end))
    const name = field === undefined || path === field ? path : path.slice(0, -field.length - 1)
    const at = (step: ReadonlyArray<ReadonlyArray<number>>, k: number): number =>
      Math.round(1000 * (step[index]?.[k] ?? 0)) / 1000
    return {
      heading: [
        shortened(name, cell.width - 8, labelSize),
        most < 0 ? "" : `${words[most]} ${end[most]!.toFixed(2)}`,
      ],
      row: {
        d: path,
        o: words,
        p: words.map((_, k) => history.map(({ probabilities }) => at(probabilities, k))),
        s: steps,
      },
    }
  })
}

const plotSpec = (field: string, options: ReadonlyArray<string>, last: number): Spec => ({
  ...cell,
  mark: { type: "area", interpolate: "monotone", line: false },
  encoding: {
    x: {
      field: "s",
      type: "quantitative",
      title: null,
      axis: { tickCount: 3, grid: false, format: "~s", labelFlush: true },
      scale: { nice: false, domain: [0, Math.max(1, last)] },
    },
    y: {
      field: "p",
      type: "quantitative",
      stack: "zero",
      title: null,
      scale: { domain: [0, 1], nice: false },
      axis: { values: [0, 1], grid: false },
    },
    color: {
      field: "o",
      type: "ordinal",
      scale: { domain: options },
      legend: { title: field, orient: "right", symbolType: "square" },
    },
    order: { field: "k", type: "quantitative" },
    tooltip: [
      { field: "d", type: "nominal", title: "decision" },
      { field: "o", type: "nominal", title: "option" },
      { field: "p", type: "quantitative", format: ".2f", title: "probability" },
      { field: "s", type: "quantitative", title: "step" },
    ],
  },
})

const groupSpec = (group: ReadonlyArray<Decision>, history: PolicyHistory["history"]): Spec => {
  const rows = rowsOf(group, history)
  const options = group[0]!.options.map(String)
  const headings = Object.fromEntries(rows.map(({ heading, row }) => [row.d, heading]))
  return {
    data: { values: rows.map(({ row }) => row) },
    transform: [
      { flatten: ["o", "p"] },
      { flatten: ["s", "p"] },
      { calculate: `indexof(${JSON.stringify(options)}, datum.o)`, as: "k" },
    ],
    facet: {
      field: "d",
      type: "nominal",
      sort: group.map(({ path }) => path),
      title: `${fieldOf(group) ?? "decision"} (${group.length})`,
      header: {
        titleAnchor: "start",
        titleFontWeight: 600,
        titlePadding: 8,
        labelAnchor: "start",
        labelPadding: 3,
        labelLineHeight: 13,
        labelExpr: `${JSON.stringify(headings)}[datum.label]`,
      },
    },
    columns: Math.min(columns, group.length),
    spacing: { row: 10, column: 16 },
    spec: plotSpec(fieldOf(group) ?? "option", options, history.at(-1)?.step ?? 1),
    resolve: { scale: { x: "shared", y: "shared", color: "shared" } },
  }
}

export const policyPicture = ({ decisions, history }: PolicyHistory, title: string): Picture => {
  const shown = decisions.map((decision, index) => ({ ...decision, index })).slice(0, mostDecisions)
  const left = decisions.length - shown.length
  const groups = groupsOf(shown)
  const thin = spread(history, mostPoints)
  return picture(
    {
      title,
      subtitle: `Probability of each option over the steps, stacked; beside a name its most probable option in the end${left === 0 ? "" : `; ${left} more decisions are not shown`}`,
      description: `Probabilities of the options of ${decisions.length} decisions over ${history.at(-1)?.step ?? 0} steps.`,
      width: columns * cell.width,
    },
    groups.length === 0
      ? { data: { values: [] }, mark: "area" }
      : {
          vconcat: groups.map((group) => groupSpec(group, thin)),
          spacing: 28,
          resolve: { scale: { color: "independent", x: "independent", y: "independent" } },
        },
  )
}
