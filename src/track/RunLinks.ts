/** The pages of watched runs in MLflow, for those that are on the server. Left out: their addresses (`Links.ts`). */
import { Effect, Option } from "effect"
import * as Links from "./Links.ts"
import { viewLink } from "./NoteLinks.ts"
import { experimentIdsOf, type Sending, sentOf } from "./Sending.ts"
import type { Sent } from "./Sent.ts"
import type { Settings } from "./TrackingSettings.ts"

/** The page with the trials of a grid, in the experiments that they are in. */
export const pageOf = (
  { hasShortLinks, url }: Pick<Settings, "hasShortLinks" | "url">,
  { experimentId, gridId, views: hasViews = false }: Sent,
  experimentIds: ReadonlyArray<string>,
  name: Links.ViewName,
): string =>
  hasShortLinks && hasViews && experimentIds.length === 1
    ? Links.short(url, experimentId, gridId, name)
    : viewLink(url, { experimentIds, gridId, hasViews }, name)

/** The page with the trials of a grid. */
export const ofGrid = Effect.fnUntraced(function* (
  sending: Sending,
  folder: string,
  name: Links.ViewName,
) {
  const sent = yield* sentOf(sending, folder)
  if (sending.known === undefined || sent === undefined) return Option.none<string>()
  const ids = yield* experimentIdsOf(sending, sent)
  return Option.some(pageOf(sending.known, sent, ids, name))
})

/** The page of one run. */
export const ofRun = Effect.fnUntraced(function* (sending: Sending, folder: string) {
  const sent = yield* sentOf(sending, folder)
  if (sending.known === undefined || sent === undefined) return Option.none<string>()
  const { hasShortLinks, url } = sending.known
  const address = hasShortLinks ? Links.shortRun : Links.run
  return Option.some(address(url, sent.experimentId, sent.runId))
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
