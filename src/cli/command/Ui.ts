/** `fliqs ui [--stop]`: the page of the MLflow server: the local one, unless the environment names another. */
import { Effect, Option } from "effect"
import * as Server from "../../track/Server.ts"
import { requireWritable, stateFolder } from "../Locations.ts"
import { note, print, printJson } from "../Output.ts"
import { trackingSettings } from "../Tracking.ts"

const page = (url: string): string => `${url}/#/experiments?workflowType=machine_learning`

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
  const remote = yield* trackingSettings
  if (Option.isSome(remote)) {
    const { url } = remote.value
    yield* note("MLFLOW_TRACKING_URI names the server; none is started here")
    return yield* input.json ? printJson({ url, page: page(url), pid: null }) : print(page(url))
  }
  yield* requireWritable(folder)
  const server = yield* Server.start({ stateFolder: folder })
  yield* input.json
    ? printJson({ url: server.url, page: page(server.url), pid: server.pid })
    : print(page(server.url))
})
