/**
 * Writes the saved views of a grid into its experiment. A view that a person has changed or deleted stays as it is: each
 * carries a digest of itself, which MLflow's page does not keep up to date, and a tag says that it was once written.
 */
import { Effect, Option, Schema } from "effect"
import type { TrackerError } from "../Errors.ts"
import type { Views } from "../Event.ts"
import { maxExperimentTagLength } from "../Limits.ts"
import * as Links from "../Links.ts"
import { post } from "./MlflowApi.ts"
import * as MlflowExperiments from "./MlflowExperiments.ts"
import { featuresOf } from "./MlflowFeatures.ts"
import type { MlflowHttp } from "./MlflowHttp.ts"
import { digestOf, type StoredView, storedViews } from "../ViewState.ts"

const viewTag = (key: string): string => `mlflow.sharedViewState.${key}`
const writtenTag = (key: string): string => `fliqs.view.${key}`

const decodeView = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({
      name: Schema.String,
      state: Schema.String,
      createdAt: Schema.Number,
      fliqs: Schema.String,
    }),
  ),
)

/** When the view was made, if it is as we wrote it; undefined for one that a person has changed. */
const oursSince = (value: string): number | undefined => {
  const view = Option.getOrUndefined(decodeView(value))
  return view !== undefined && digestOf(view) === view.fliqs ? view.createdAt : undefined
}

/** What to write in place of what is there; undefined to leave it. */
export const renewed = (
  view: StoredView,
  before: { readonly value: string | undefined; readonly wasWritten: boolean },
  now: number,
): string | undefined => {
  if (before.value === undefined && before.wasWritten) return undefined
  const since = before.value === undefined ? now : oursSince(before.value)
  if (since === undefined) return undefined
  const { name, state } = view
  const digest = digestOf(view)
  const isSame =
    before.value !== undefined &&
    Option.exists(decodeView(before.value), ({ fliqs }) => fliqs === digest)
  if (isSame) return undefined
  return JSON.stringify({ name, createdAt: since, updatedAt: now, state, fliqs: digest })
}

/** The colours of the first arms, as many as a tag of an experiment holds: the local server gives them to a browser. */
const coloursText = ({ colours = {} }: Views): string => {
  const arms = Object.entries(colours)
  for (let count = arms.length; ; count--) {
    const text = JSON.stringify(Object.fromEntries(arms.slice(0, count)))
    if (text.length <= maxExperimentTagLength) return text
  }
}

/** Writes the views of a grid and those of its experiment; false where the server has no named views. */
export const install = Effect.fnUntraced(function* (
  http: MlflowHttp,
  experimentId: string,
  gridId: string,
  views: Views,
): Effect.fn.Return<boolean, TrackerError> {
  if (!(yield* featuresOf(http)).views) return false
  const tags = yield* MlflowExperiments.tagsOf(http, experimentId)
  const set = (key: string, value: string) =>
    post(http, "write a saved view", "/experiments/set-experiment-tag", {
      experiment_id: experimentId,
      key,
      value,
    })
  const all = [undefined, gridId].flatMap((of) =>
    storedViews(views, of).map((view) => ({ view, key: Links.viewKey(view.key, of) })),
  )
  for (const { key, view } of all) {
    const wasWritten = tags.has(writtenTag(key))
    const before = { value: tags.get(viewTag(key)), wasWritten }
    const value = renewed(view, before, Date.now())
    if (value !== undefined) yield* set(viewTag(key), value)
    if (!wasWritten) yield* set(writtenTag(key), "written")
  }
  const colours = coloursText(views)
  const colourTag = `fliqs.colours.${gridId}`
  if (tags.get(colourTag) !== colours) yield* set(colourTag, colours)
  return true
})
