/** The tables of a report: arms and trials, each column with what it is sorted by. Left out: sorting them (`report/`). */
import { derived, final } from "../metric/Metrics.ts"
import type { Theme } from "../picture/Theme.ts"
import { differenceCell, meanText, rounded } from "./FigureTexts.ts"
import type { FiguredArm } from "./Figures.ts"
import { Html, html } from "./Html.ts"
import type { Report, ReportTrial } from "./ReportData.ts"

/** A column of a table that can be sorted; numbers begin with the best. */
interface Column<A> {
  readonly key: string
  readonly head: string
  readonly isNumber?: boolean
  /** What the cell shows, and what it is sorted by where that is another. */
  readonly cell: (row: A) => { readonly shown: Html | string; readonly sort?: number | string }
}

const headOf = <A>({ head, isNumber = false, key }: Column<A>): Html =>
  html`<th
    scope="col"
    aria-sort="none"
    data-key="${key}"
    data-first="${isNumber ? "descending" : "ascending"}"
    class="${isNumber ? "number" : ""}"
  >
    <button type="button">${head}</button>
  </th>`

const cellOf = <A>({ cell, isNumber = false }: Column<A>, row: A, isHead: boolean): Html => {
  const { shown, sort } = cell(row)
  const sorted = sort === undefined ? html`` : html` data-sort="${sort}"`
  const content = shown instanceof Html ? shown : html`${shown}`
  return isHead
    ? html`<th scope="row" ${sorted}>${content}</th>`
    : html`<td class="${isNumber ? "number" : ""}" ${sorted}>${content}</td>`
}

const numberCell = (value: number | undefined, shown?: string) => ({
  shown: shown ?? (value === undefined ? "" : rounded(value)),
  sort: value ?? "",
})

/** The colours of arms as the pictures of each theme have them. */
export type ArmColours = Readonly<Record<Theme, ReadonlyMap<string, string>>>

const swatch = ({ dark, light }: ArmColours, arm: string): Html => {
  const colour = light.get(arm) ?? "transparent"
  return html`<span
    class="swatch"
    aria-hidden="true"
    style="background: ${colour}; background: light-dark(${colour}, ${dark.get(arm) ?? colour})"
  ></span>`
}

/** The metrics that the tables show, as far as a trial has them. */
const shownMetrics = ({ figures }: Report): ReadonlyArray<string> => {
  const there = new Set(figures.arms.flatMap(({ metrics }) => Object.keys(metrics)))
  const wanted = [
    figures.quality,
    figures.cost,
    final.costOverTarget.key,
    derived.weightBits.key,
    derived.activationBits.key,
    final.retrainAccuracy.key,
    final.fineTunedAccuracy.key,
  ]
  return [...new Set(wanted)].filter((key) => there.has(key))
}

const nameOf = (key: string): string => key.replace(/^final\//, "").replaceAll("_", " ")

const armColumns = (report: Report, colours: ArmColours): ReadonlyArray<Column<FiguredArm>> => [
  {
    key: "arm",
    head: "arm",
    cell: ({ label }) => ({ shown: html`${swatch(colours, label)}${label}`, sort: label }),
  },
  {
    key: "seeds",
    head: "seeds",
    isNumber: true,
    cell: ({ counts, trials }) => ({
      shown: `${counts.finished}/${trials.length}`,
      sort: counts.finished,
    }),
  },
  ...shownMetrics(report).map((key): Column<FiguredArm> => ({
    key,
    head: nameOf(key),
    isNumber: true,
    cell: ({ metrics }) => {
      const spread = metrics[key]
      return numberCell(spread?.mean, spread === undefined ? "" : meanText(key, spread))
    },
  })),
  {
    key: "difference",
    head: "difference (points, 95 %)",
    isNumber: true,
    cell: ({ difference }) =>
      numberCell(difference?.mean, difference === undefined ? "" : differenceCell(difference)),
  },
  {
    key: "against",
    head: "against",
    cell: ({ difference }) => ({
      shown: difference === undefined ? "" : difference.against.label,
    }),
  },
  {
    key: "front",
    head: "Pareto front",
    cell: ({ isOnFront }) => ({ shown: isOnFront ? "yes" : "" }),
  },
]

const trialColumns = (report: Report, colours: ArmColours): ReadonlyArray<Column<ReportTrial>> => [
  {
    key: "trial",
    head: "trial",
    cell: ({ trial }) => ({
      shown: html`<a href="#trial-${trial.id}">${trial.label}</a>`,
      sort: trial.label,
    }),
  },
  {
    key: "arm",
    head: "arm",
    cell: ({ arm }) => ({
      shown: html`${swatch(colours, arm.label)}${arm.label}`,
      sort: arm.label,
    }),
  },
  {
    key: "seed",
    head: "seed",
    isNumber: true,
    cell: ({ trial }) => ({ shown: trial.seed, sort: trial.seed }),
  },
  {
    key: "state",
    head: "state",
    cell: ({ state, step, steps }) => ({
      shown:
        state === "finished" || state === "planned" ? state : `${state}, step ${step} of ${steps}`,
    }),
  },
  ...shownMetrics(report).map((key): Column<ReportTrial> => ({
    key,
    head: nameOf(key),
    isNumber: true,
    cell: ({ trial }) => numberCell(trial.metrics[key]),
  })),
  {
    key: "alarms",
    head: "alarms",
    isNumber: true,
    cell: ({ alarms }) =>
      numberCell(alarms.length, alarms.length === 0 ? "" : String(alarms.length)),
  },
  {
    key: "id",
    head: "id",
    cell: ({ trial }) => ({ shown: trial.id }),
  },
]

const table = <A>(
  id: string,
  caption: string,
  columns: ReadonlyArray<Column<A>>,
  rows: ReadonlyArray<A>,
  attributes: (row: A) => Html,
): Html =>
  html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0">
    <table id="${id}" class="sortable">
      <caption>
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map(headOf)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr${attributes(row)}>${columns.map((column, i) => cellOf(column, row, i === 0))}</tr>
`,
        )}
      </tbody>
    </table>
  </div>`

/** The arms of a grid, and its trials. */
export const armTable = (report: Report, colours: ArmColours): Html =>
  table(
    "arms",
    "Arms: mean over the seeds, of qualities with standard deviation; difference to the control, paired by seed, at equal cost or at so many times its cost",
    armColumns(report, colours),
    report.figures.arms,
    () => html``,
  )

export const trialTable = (report: Report, colours: ArmColours): Html =>
  table(
    "trials",
    "Trials: each name leads to its declaration, assignment, alarms and commands",
    trialColumns(report, colours),
    report.trials,
    ({ arm, state, trial }) =>
      html` data-id="${trial.id}" data-arm="${arm.label}" data-state="${state}"`,
  )
