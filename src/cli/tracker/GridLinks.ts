/** The grids of a state folder that are on a server, with the pages that compare their trials; nothing is sent or asked. */
import { Effect } from "effect"
import * as Grids from "../../orchestrator/Grids.ts"
import * as State from "../../orchestrator/State.ts"
import type { ViewName } from "../../track/Links.ts"
import * as RunLinks from "../../track/RunLinks.ts"
import * as Sent from "../../track/Sent.ts"
import type { Settings } from "../../track/TrackingSettings.ts"

export interface LinkedGrid {
  readonly id: string
  readonly name: string
  /** The page that opens first: accuracy against cost. */
  readonly link: string
  readonly views: Readonly<Record<ViewName, string>>
}

const sentOf = (folder: string, { target }: Settings) =>
  Effect.orElseSucceed(Sent.read(folder, target), () => undefined)

/** At most `most` of them, the newest first. */
export const linkedGrids = Effect.fnUntraced(function* (
  state: string,
  settings: Settings,
  most: number,
) {
  const found: Array<LinkedGrid> = []
  for (const { gridId, name, trials } of (yield* Grids.readAll(state)).toReversed()) {
    if (found.length === most) break
    const sent = yield* sentOf(State.gridFolder(state, gridId), settings)
    if (sent === undefined) continue
    const ofTrials = yield* Effect.forEach(trials, (id) =>
      sentOf(State.trialFolder(state, id), settings),
    )
    const ids = [sent, ...ofTrials].flatMap((one) => (one === undefined ? [] : [one.experimentId]))
    const page = (view: ViewName) => RunLinks.pageOf(settings, sent, [...new Set(ids)], view)
    const views = {
      accuracy: page("accuracy"),
      arms: page("arms"),
      curves: page("curves"),
      trials: page("trials"),
    }
    found.push({ id: gridId, name, link: views.accuracy, views })
  }
  return found
})
