/**
 * Trials as rows, with the arm that each is of and the metrics that follow from its layers.
 *
 * Left out: groups of them (`GroupRows.ts`), which are printed (`Selection.ts`).
 */
import { derived, mostTelling } from "../../metric/Metrics.ts"
import type { FiguredArm, Figures, Options } from "../../report/Figures.ts"
import { figuresOf } from "../../report/Figures.ts"
import { groupedBy, type ArmTrial } from "../../report/Arms.ts"
import { kindKey } from "../../report/ArmLabels.ts"
import { recordOf } from "../../report/TrialRecords.ts"
import type { Entry } from "../ReadGrid.ts"
import { type Cell, type Row } from "./Columns.ts"
import { cellValue } from "./Written.ts"

export interface TrialRow extends Row {
  readonly entry: Entry
  readonly arm: FiguredArm
  readonly trial: ArmTrial
  /** Of all trials of its experiment. */
  readonly figures: Figures
  /** Final metrics, or the last ones of a trial that has not ended. */
  readonly metrics: Readonly<Record<string, number>>
}

/** What a table of trials shows where nothing else is asked for. */
export const usualMetrics = mostTelling.map(({ key }) => key)
export const bitsKeys = [derived.weightBits.key, derived.activationBits.key]

const valuesOf = (parameters: Readonly<Record<string, string>>): Readonly<Record<string, Cell>> =>
  Object.fromEntries(Object.entries(parameters).map(([key, value]) => [key, cellValue(value)]))

const rowOf = (entry: Entry, arm: FiguredArm, trial: ArmTrial, figures: Figures): TrialRow => {
  const { known } = entry
  const { experiment, id, name, parameters, steps } = known.trial
  const metrics = known.state === "finished" ? trial.metrics : known.metrics
  return {
    entry,
    arm,
    trial,
    figures,
    metrics,
    cells: {
      ...valuesOf(parameters),
      ...metrics,
      id,
      trial: trial.label,
      name,
      arm: arm.label,
      experiment,
      state: known.state,
      step: known.step,
      steps,
      seed: cellValue(trial.seed),
      cell: Object.entries(arm.cell)
        .filter(([key]) => key !== kindKey)
        .map(([key, value]) => `${key.replace(/^.*\./, "")}=${value}`)
        .join(" "),
      control: arm.control,
      cause: known.result?.cause,
    },
    shown: { step: `${known.step}/${steps}` },
    several: { gridId: entry.gridIds },
  }
}

/** The trials of several experiments as rows, in the order given; each experiment has figures of its own. */
export const trialRows = (
  entries: ReadonlyArray<Entry>,
  options: Options = {},
): ReadonlyArray<TrialRow> => {
  const rows = new Map<Entry, TrialRow>()
  for (const own of groupedBy(entries, ({ known }) => known.trial.experiment).values()) {
    const byId = new Map(own.map((entry) => [entry.known.trial.id, entry]))
    const figures = figuresOf(
      own.map(({ known: { result, state, trial } }) => recordOf(trial, state, result)),
      options,
    )
    for (const arm of figures.arms)
      for (const trial of arm.trials) {
        const entry = byId.get(trial.id)!
        rows.set(entry, rowOf(entry, arm, trial, figures))
      }
  }
  return entries.map((entry) => rows.get(entry)!)
}
