/** `fliqs ui [--stop]`: the local MLflow server. */
import { Effect, type Option } from "effect"
import * as Server from "../../track/Server.ts"
import { stateFolder } from "../Files.ts"
import { print, printJson } from "../Output.ts"

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
  const server = yield* Server.start({ stateFolder: folder })
  yield* input.json
    ? printJson({ url: server.url, page: page(server.url), pid: server.pid })
    : print(page(server.url))
})
