/** What a grid and its trials look like in the tracker: their names, notes, metrics, views, pictures. */
import { randomUUID } from "node:crypto"
import { Effect, type FileSystem } from "effect"
import type { Plan } from "../../experiment/Plan.ts"
import type { Options, TrialSummary } from "../../orchestrator/GridOptions.ts"
import type { TrialPage } from "../../orchestrator/TrialPage.ts"
import { jsonOf, pngOf, svgOf } from "../../picture/Render.ts"
import { type Figures, figuresOf } from "../../report/Figures.ts"
import { gridHeadline, gridMetrics, gridNote, type GridNote } from "../../report/GridNote.ts"
import { gridPictures, trialPictures } from "../../report/GridPictures.ts"
import { sharedParameters, trialLabels } from "../../report/TrialLabels.ts"
import { trialNote } from "../../report/TrialNote.ts"
import { bitsOf, recordOf } from "../../report/TrialRecords.ts"

const computed = new WeakMap<ReadonlyArray<TrialSummary>, Figures>()
/** The note, the headline, the metrics and the pictures are of the same figures. */
const figuresNow = (summaries: ReadonlyArray<TrialSummary>): Figures => {
  const figures =
    computed.get(summaries) ??
    figuresOf(summaries.map(({ result, state, trial }) => recordOf(trial, state, result)))
  computed.set(summaries, figures)
  return figures
}

/** How the trials of a plan are named in the tracker. */
export const labelsOf = ({ trials }: Pick<Plan, "trials">) => trialLabels(trials).labels

type Files = Record<string, string | Uint8Array>

/** The front of the grid as the note shows it, and all its pictures as SVG with their specifications. */
const pictureFiles = async (figures: Figures, title: string): Promise<Files> => {
  const files: Files = {}
  for (const { name, picture } of gridPictures(figures, {
    title,
    curves: new Map(),
    targets: new Map(),
  })) {
    files[`pictures/${name}.svg`] = await svgOf(picture, "light")
    files[`pictures/${name}.vl.json`] = jsonOf(picture)
    if (name === "front") files[`pictures/${name}.png`] = await pngOf(picture, "light", 1)
  }
  return files
}

/** The file of the report beside the pictures. */
const reportFile = "report.html"

/**
 * The pages of a grid.
 *
 * @param report makes the report of the grid as it stands; the grid does without one that cannot be made
 */
export const gridPages = (
  plan: Pick<Plan, "description" | "name" | "trials">,
  command: string,
  report: Effect.Effect<string, { readonly message: string }, FileSystem.FileSystem>,
): Pick<Options, "endFiles" | "headline" | "metrics" | "note" | "parameters" | "views"> => {
  const { colours, cost, differing } = trialLabels(plan.trials)
  let pictures: GridNote["pictures"] = []
  let written: GridNote["report"]
  const reportFiles = report.pipe(
    Effect.map((page): Files => ({ [reportFile]: page })),
    Effect.catch(({ message }) =>
      Effect.as(Effect.logWarning(`no report of the grid: ${message}`), {} as Files),
    ),
  )
  return {
    note: (summaries) =>
      gridNote(figuresNow(summaries), {
        description: plan.description,
        command,
        states: new Map(summaries.map(({ state, trial }) => [trial.id, state])),
        pictures,
        report: written,
      }),
    headline: (summaries) => gridHeadline(figuresNow(summaries)),
    metrics: (summaries) => gridMetrics(figuresNow(summaries)),
    parameters: sharedParameters(plan.trials),
    views: {
      cost,
      differing,
      trials: plan.trials.length,
      colours: Object.fromEntries(colours),
    },
    endFiles: {
      make: (summaries) =>
        Effect.tryPromise({
          try: () => pictureFiles(figuresNow(summaries), plan.name),
          catch: (cause) => ({ message: String(cause) }),
        }).pipe(
          Effect.flatMap((files) =>
            Effect.map(reportFiles, (own): Files => ({ ...files, ...own })),
          ),
        ),
      onThere: (paths) => {
        const path = paths.find((file) => file.endsWith(".png"))
        written = paths.includes(reportFile) ? reportFile : undefined
        pictures = path === undefined ? [] : [{ title: "Accuracy against cost", path }]
      },
    },
  }
}

/**
 * An image as MLflow's grid of images wants it: its name tells key, step and time, and a small copy stands beside it. MLflow
 * takes `%` in place of `+` too, and then refuses a step that begins with 23, which it decodes to `#`.
 */
const imageFiles = async (key: string, step: number, png: Uint8Array): Promise<Files> => {
  const { default: sharp } = await import("sharp")
  const stem = `images/${key}+step+${step}+timestamp+${Date.now()}+${randomUUID()}`
  return {
    [`${stem}.png`]: png,
    [`${stem}+compressed.webp`]: await sharp(png).resize({ width: 512 }).webp().toBuffer(),
  }
}

/** The page of a trial. */
export const trialPage: TrialPage = {
  note: (trial, ended, files) =>
    trialNote(
      trial,
      ended === undefined
        ? undefined
        : { ...ended, metrics: { ...ended.metrics, ...bitsOf(ended.layers) } },
      files
        .filter((path) => path.endsWith(".png"))
        .map((path) => ({ path: encodeURIComponent(path), title: path.split(/[/+]/)[1] ?? path })),
    ),
  derived: bitsOf,
  files: async (trial, { assignment, layers, metrics }) => {
    const { cell, id, parameters } = trial
    const known = { ...metrics, ...bitsOf(layers) }
    const record = {
      id,
      state: "finished",
      cell,
      parameters,
      metrics: known,
      assignment,
      layers,
    } as const
    const figures = figuresOf([record])
    const [arm] = figures.arms
    const own = arm === undefined ? [] : trialPictures(figures, arm, arm.trials[0]!, {})
    const files: Files = {}
    for (const { name, picture } of own)
      Object.assign(files, await imageFiles(name, trial.steps, await pngOf(picture, "light", 1)))
    return files
  },
}
