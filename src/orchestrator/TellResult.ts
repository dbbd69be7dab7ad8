/** What the tracker is told when a trial has finished: metrics, pictures, the network, its formats, the note. */
import { Effect } from "effect"
import { final } from "../metric/Metrics.ts"
import { isSearching } from "../search/Searches.ts"
import type * as Journal from "./Journal.ts"
import type * as State from "./State.ts"
import { choiceTags, type EndedTrial, formatTags, type TrialPage } from "./TrialPage.ts"

/** Files of the trial's folder that are the network it found. */
export const modelFiles: Readonly<Record<string, string>> = {
  "model.safetensors": "model.safetensors",
  "assignment.json": "artifacts/assignment.json",
  "trial.yaml": "artifacts/trial.yaml",
}

/**
 * Metrics that say something of their own: not the cost where it is a metric of its own, so that nothing has two names, nor
 * the cost over the target of a trial that is given its formats and has its own cost as its target.
 */
const telling = (
  { parameters }: State.TrialFile,
  metrics: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> => {
  const { [final.cost.key]: cost, [final.costOverTarget.key]: ratio, ...rest } = metrics
  const isTwice = [final.gbops.key, final.memoryBytes.key].some((key) => rest[key] === cost)
  const isGiven = !isSearching(parameters["search.kind"])
  return {
    ...rest,
    ...(isTwice || cost === undefined ? {} : { [final.cost.key]: cost }),
    ...(isGiven || ratio === undefined ? {} : { [final.costOverTarget.key]: ratio }),
  }
}

/** MLflow shows the images of a run in a grid where this tag says that there are some. */
const imageFolder = "images/"
const imagesTag = "mlflow.loggedImages"

const files = Effect.fnUntraced(function* (
  journal: Journal.Journal,
  page: TrialPage,
  trial: State.TrialFile,
  ended: EndedTrial,
) {
  const all = yield* Effect.tryPromise(() => page.files(trial, ended)).pipe(
    Effect.catch((error) =>
      Effect.as(Effect.logWarning(`no pictures of the trial: ${String(error.cause)}`), {}),
    ),
  )
  for (const [path, content] of Object.entries(all)) yield* journal.artifact(path, content)
  if (Object.keys(all).some((path) => path.startsWith(imageFolder))) journal.tag(imagesTag, "true")
  return Object.keys(all)
})

/** Writes it all down, but for the end itself. */
export const tellResult = Effect.fnUntraced(function* (
  journal: Journal.Journal,
  page: TrialPage,
  trial: State.TrialFile,
  ended: EndedTrial & { readonly step: number; readonly hasModel: boolean },
) {
  const metrics = { ...telling(trial, ended.metrics), ...page.derived(ended.layers) }
  journal.metrics(ended.step, metrics)
  const paths = yield* files(journal, page, trial, ended)
  const found = Object.entries(modelFiles).filter(
    ([name]) => ended.hasModel || !name.startsWith("model"),
  )
  const numbers = Object.entries(metrics).filter(([, value]) => Number.isFinite(value))
  journal.model(ended.step, Object.fromEntries(numbers), Object.fromEntries(found))
  for (const [key, value] of [...formatTags(ended.layers), ...choiceTags(ended.assignment)])
    journal.tag(key, value)
  tellNote(journal, page, trial, ended, paths)
})

export const noteKey = "mlflow.note.content"

/** The note as it is now; an empty one is not written. */
export const tellNote = (
  journal: Journal.Journal,
  page: TrialPage,
  trial: State.TrialFile,
  ended: EndedTrial | undefined,
  files: ReadonlyArray<string> = [],
): void => {
  const note = page.note(trial, ended, files)
  if (note !== "") journal.tag(noteKey, note)
}
