/**
 * Links in the note of a run to what has an address only once it is on the server. Notes name it, `MlflowSender.ts` fills
 * in the address:
 *
 *     [best trial](fliqs:trial/ID)   [curves](fliqs:view/curves)   [comparison](fliqs:grid/)
 *     ![front](fliqs:file/front.png)   [report](fliqs:artifact/report.html)
 *
 * A link to a trial that has no run yet is left out and its text stays.
 */
import * as Links from "./Links.ts"
import { decodePercent } from "./Secrets.ts"

/** Where a run of the server is. */
export interface Place {
  readonly experimentId: string
  readonly runId: string
}

export interface Known {
  readonly run: Place
  readonly kind: "grid" | "trial"
  readonly gridId: string
  /** The experiments that the trials of the grid are in, that of the grid first. */
  readonly experimentIds: ReadonlyArray<string>
  readonly hasViews: boolean
  /** Of trials that have a run. */
  readonly trials: ReadonlyMap<string, Place>
}

const marker = /(!?)\[((?:\\.|[^\]\\])*)\]\(fliqs:(trial|view|file|artifact|grid)\/([^)\s]*)\)/g

/** The ids of trials that a note links. */
export const trialsIn = (note: string): ReadonlyArray<string> => [
  ...new Set(
    [...note.matchAll(marker)].flatMap(([, , , kind, name]) => (kind === "trial" ? [name!] : [])),
  ),
]

const isView = (name: string): name is Links.ViewName =>
  Links.viewNames.some((view) => view === name)

/** The address of a page with the trials of a grid: a saved view, else the same trials by a filter. */
export const viewLink = (
  base: string,
  { experimentIds, gridId, hasViews }: Pick<Known, "experimentIds" | "gridId" | "hasViews">,
  name: Links.ViewName,
): string => {
  const [first = ""] = experimentIds
  return hasViews && experimentIds.length === 1
    ? Links.view(base, first, name, gridId)
    : Links.trials(base, experimentIds, gridId)
}

const addressOf = (known: Known, kind: string, name: string): string | undefined => {
  const { run, trials } = known
  switch (kind) {
    case "trial": {
      const place = trials.get(name)
      return place === undefined ? undefined : Links.run("", place.experimentId, place.runId)
    }
    case "view":
      return isView(name) ? viewLink("", known, name) : undefined
    case "file":
      return Links.file(run.runId, decodePercent(name))
    case "grid":
      return Links.run("", run.experimentId, run.runId)
    default:
      return Links.run("", run.experimentId, run.runId, name)
  }
}

/** The note with addresses, relative to the server. A note from an earlier version begins with a link to the trials. */
export const resolve = (note: string, known: Known): string => {
  const hasMarkers = note.search(marker) >= 0
  const isEarlier = !hasMarkers && known.kind === "grid"
  const text = note.replace(
    marker,
    (_, image: string, words: string, kind: string, name: string) => {
      const address = addressOf(known, kind, name)
      return address === undefined ? words : `${image}[${words}](${address})`
    },
  )
  return isEarlier
    ? `[Trials of this grid, best first](${viewLink("", known, "accuracy")})\n\n${text}`
    : text
}
