/**
 * `fliqs ui [--stop]`: the page of the MLflow server, and those of the grids of the state folder in it. It is the local
 * server, unless the environment names another.
 */
import { Effect, Option } from "effect"
import * as Server from "../../track/Server.ts"
import * as ServerRecord from "../../track/ServerRecord.ts"
import * as Settings from "../../track/TrackingSettings.ts"
import { hyperlink } from "../Hyperlinks.ts"
import { requireWritable, stateFolder } from "../Locations.ts"
import { note, print, printable, printJson, width } from "../Output.ts"
import { type LinkedGrid, linkedGrids } from "../tracker/GridLinks.ts"
import { trackingSettings } from "../Tracking.ts"

/** The newest ones; the page of the server has them all. */
const mostGrids = 10

const page = (url: string): string => `${url}/#/experiments?workflowType=machine_learning`

/** `comparison  http://127.0.0.1:5000/grid/1/0123456789abcdef`, the links in one column. */
const gridLines = (grids: ReadonlyArray<LinkedGrid>): ReadonlyArray<string> => {
  const names = grids.map(({ name }) => printable(name))
  const wide = Math.max(...names.map(width))
  return grids.map(({ link }, i) => {
    const name = names[i]! + " ".repeat(wide - width(names[i]!))
    return `${name}  ${hyperlink(link, "accuracy against cost", process.stdout, wide + 2)}`
  })
}

/** The server that the environment names, else the local one, which is started if it must be. */
const find = Effect.fnUntraced(function* (folder: string) {
  const remote = yield* trackingSettings
  if (Option.isSome(remote)) {
    yield* note("MLFLOW_TRACKING_URI names the server; none is started here")
    return { settings: remote.value, pid: null }
  }
  yield* requireWritable(folder)
  const { app, pid, url } = yield* Server.start({ stateFolder: folder })
  return { settings: Settings.local(url, undefined, app === ServerRecord.appName), pid }
})

export const run = Effect.fn("ui")(function* (input: {
  readonly stop: boolean
  readonly state: Option.Option<string>
  readonly json: boolean
}) {
  const folder = yield* stateFolder(input.state)
  if (input.stop) {
    const stopped = yield* Server.stop(folder)
    return yield* input.json
      ? printJson({ stopped })
      : print(stopped ? "stopped the local MLflow server" : "no local MLflow server was running")
  }
  const { pid, settings } = yield* find(folder)
  const { url } = settings
  const grids = yield* linkedGrids(folder, settings, mostGrids)
  yield* input.json
    ? printJson({ url, page: page(url), pid, grids })
    : print([hyperlink(page(url), url), ...gridLines(grids)].join("\n"))
})
