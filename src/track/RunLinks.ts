/** The pages of watched runs in MLflow, for those that are on the server. Left out: their addresses (`Links.ts`). */
import { Effect, Option } from "effect"
import * as Links from "./Links.ts"
import { viewLink } from "./NoteLinks.ts"
import { experimentIdsOf, type Sending, sentOf } from "./Sending.ts"

/** The page with the trials of a grid. */
export const ofGrid = Effect.fnUntraced(function* (
  sending: Sending,
  folder: string,
  name: Links.ViewName,
) {
  const sent = yield* sentOf(sending, folder)
  if (sending.known === undefined || sent === undefined) return Option.none<string>()
  const ids = yield* experimentIdsOf(sending, sent)
  const { hasShortLinks, url } = sending.known
  const { gridId, views: hasViews = false } = sent
  const isShort = hasShortLinks && hasViews && ids.length === 1 && name === "accuracy"
  return Option.some(
    isShort
      ? Links.short(url, sent.experimentId, gridId)
      : viewLink(url, { experimentIds: ids, gridId, hasViews }, name),
  )
})

/** The page of one run. */
export const ofRun = Effect.fnUntraced(function* (sending: Sending, folder: string) {
  const sent = yield* sentOf(sending, folder)
  if (sending.known === undefined || sent === undefined) return Option.none<string>()
  return Option.some(Links.run(sending.known.url, sent.experimentId, sent.runId))
})

/** The page that compares trials. */
export const ofComparison = Effect.fnUntraced(function* (
  sending: Sending,
  folders: ReadonlyArray<string>,
) {
  const all = yield* Effect.forEach(folders, (folder) => sentOf(sending, folder))
  const sent = all.filter((one) => one !== undefined)
  if (sending.known === undefined || sent.length === 0) return Option.none<string>()
  const experiments = [...new Set(sent.map(({ experimentId }) => experimentId))]
  const runs = sent.map(({ runId }) => runId)
  return Option.some(Links.compare(sending.known.url, experiments, runs))
})
