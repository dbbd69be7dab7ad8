/**
 * The network that a trial found as a model of MLflow 3, with its files; where the server has no such models, as artifacts
 * of the run. Sent again it stays one model: it is looked for by its run.
 */
import { Effect, Schema } from "effect"
import type { TrackerError } from "../Errors.ts"
import type { Model } from "../Event.ts"
import { api, post, send } from "./MlflowApi.ts"
import * as MlflowArtifacts from "./MlflowArtifacts.ts"
import * as MlflowHttp from "./MlflowHttp.ts"
import * as MlflowRuns from "./MlflowRuns.ts"
import type * as Sent from "../Sent.ts"

const Info = Schema.Struct({
  info: Schema.Struct({ model_id: Schema.String, artifact_uri: Schema.String }),
})
type Info = (typeof Info.Type)["info"]
const One = Schema.Struct({ model: Info })
const Many = Schema.Struct({ models: Schema.optionalKey(Schema.Array(Info)) })

/** The server has no such calls. */
const isUnknownCall = ({ reason }: TrackerError): boolean =>
  reason._tag === "Rejected" &&
  (reason.status === 404 || reason.status === 405 || reason.code === "ENDPOINT_NOT_FOUND")

/** The models of a run. */
export const ofRun = Effect.fnUntraced(function* (
  http: MlflowHttp.MlflowHttp,
  experimentId: string,
  runId: string,
) {
  const found = yield* MlflowHttp.json(http, Many, {
    operation: "find the model",
    method: "POST",
    path: `${api}/logged-models/search`,
    json: {
      experiment_ids: [experimentId],
      filter: `source_run_id = '${runId.replaceAll("'", "")}'`,
      max_results: 10,
    },
  })
  return (found.models ?? []).map(({ info }) => info)
})

const create = Effect.fnUntraced(function* (
  http: MlflowHttp.MlflowHttp,
  { experimentId, runId }: Sent.Sent,
  name: string,
) {
  const answer = yield* MlflowHttp.json(http, One, {
    operation: "create the model",
    method: "POST",
    path: `${api}/logged-models`,
    json: { experiment_id: experimentId, name, model_type: "fliqs", source_run_id: runId },
    retry: false,
  })
  return answer.model.info
})

/** Uploads files; `at` makes the path of each. */
type Upload = (
  at: (path: string) => string,
  artifactUri: string,
) => Effect.Effect<void, TrackerError>

const complete = Effect.fnUntraced(function* (
  http: MlflowHttp.MlflowHttp,
  { runId }: Sent.Sent,
  event: Model,
  { artifact_uri: uri, model_id: id }: Info,
  upload: Upload,
) {
  yield* upload((path) => path, uri)
  yield* send(http, {
    operation: "finish the model",
    method: "PATCH",
    path: `${api}/logged-models/${encodeURIComponent(id)}`,
    json: { model_id: id, status: "LOGGED_MODEL_READY" },
  })
  yield* post(http, "name the model of the run", "/runs/outputs", {
    run_id: runId,
    models: [{ model_id: id, step: event.step }],
  })
  const points = Object.entries(event.values).map(([key, value]) => ({
    key,
    value,
    step: event.step,
    timestamp: event.time,
    model_id: id,
  }))
  yield* MlflowRuns.logMetrics(http, runId, points)
})

/** Sends the model, its files and its metrics. */
export const log = Effect.fnUntraced(function* (
  http: MlflowHttp.MlflowHttp,
  sent: Sent.Sent,
  event: Model,
  files: ReadonlyMap<string, string>,
) {
  const upload: Upload = (at, artifactUri) =>
    Effect.forEach(
      files,
      ([path, file]) => MlflowArtifacts.put(http, artifactUri, at(path), { file }),
      { discard: true },
    )
  const model = yield* ofRun(http, sent.experimentId, sent.runId).pipe(
    Effect.flatMap(([before]) =>
      before === undefined ? create(http, sent, event.name) : Effect.succeed(before),
    ),
    Effect.catchIf(isUnknownCall, () => Effect.undefined),
  )
  yield* model === undefined
    ? upload((path) => `${event.name}/${path}`, sent.artifactUri)
    : complete(http, sent, event, model, upload)
})
