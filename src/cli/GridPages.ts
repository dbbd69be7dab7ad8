/** What a grid and its trials look like in the tracker: their names, notes, metrics, views. */
import type { Plan } from "../experiment/Plan.ts"
import type { Options, TrialSummary } from "../orchestrator/GridOptions.ts"
import type { TrialPage } from "../orchestrator/TrialPage.ts"
import { type Figures, figuresOf } from "../report/Figures.ts"
import { gridHeadline, gridMetrics, gridNote } from "../report/GridNote.ts"
import { sharedParameters, trialLabels } from "../report/TrialLabels.ts"
import { trialNote } from "../report/TrialNote.ts"
import { bitsOf, recordOf } from "../report/TrialRecords.ts"

const figuresNow = (summaries: ReadonlyArray<TrialSummary>): Figures =>
  figuresOf(summaries.map(({ result, state, trial }) => recordOf(trial, state, result)))

/** How the trials of a plan are named in the tracker. */
export const labelsOf = ({ trials }: Pick<Plan, "trials">) => trialLabels(trials).labels

/** The pages of a grid. */
export const gridPages = (
  plan: Pick<Plan, "description" | "trials">,
  command: string,
): Pick<Options, "headline" | "metrics" | "note" | "parameters" | "views"> => {
  const { cost, differing } = trialLabels(plan.trials)
  return {
    note: (summaries) =>
      gridNote(figuresNow(summaries), {
        description: plan.description,
        command,
        states: new Map(summaries.map(({ state, trial }) => [trial.id, state])),
        pictures: [],
        report: undefined,
      }),
    headline: (summaries) => gridHeadline(figuresNow(summaries)),
    metrics: (summaries) => gridMetrics(figuresNow(summaries)),
    parameters: sharedParameters(plan.trials),
    views: { cost, differing },
  }
}

/** The page of a trial. */
export const trialPage: TrialPage = {
  note: (trial, ended) =>
    trialNote(
      trial,
      ended === undefined
        ? undefined
        : { ...ended, metrics: { ...ended.metrics, ...bitsOf(ended.layers) } },
    ),
  derived: bitsOf,
  files: async () => ({}),
}
