/** The calls about experiments. Left out: their runs (`MlflowRuns.ts`). */
import { createHash } from "node:crypto"
import { Effect, Schema } from "effect"
import type { TrackerError } from "../Errors.ts"
import * as Limits from "../Limits.ts"
import { api, post } from "./MlflowApi.ts"
import * as MlflowHttp from "./MlflowHttp.ts"

const Experiment = Schema.Struct({
  experiment: Schema.Struct({
    experiment_id: Schema.String,
    name: Schema.String,
    lifecycle_stage: Schema.optionalKey(Schema.String),
    tags: Schema.optionalKey(
      Schema.Array(Schema.Struct({ key: Schema.String, value: Schema.String })),
    ),
  }),
})

const isAbsent = (error: TrackerError) =>
  error.reason._tag === "Rejected" &&
  (error.reason.code === "RESOURCE_DOES_NOT_EXIST" || error.reason.status === 404)
const isTaken = (error: TrackerError) =>
  error.reason._tag === "Rejected" && error.reason.code === "RESOURCE_ALREADY_EXISTS"

const get = (http: MlflowHttp.MlflowHttp, name: string) =>
  MlflowHttp.json(http, Experiment, {
    operation: "find the experiment",
    method: "GET",
    path: `${api}/experiments/get-by-name`,
    query: { experiment_name: name },
  })

const create = (http: MlflowHttp.MlflowHttp, name: string) =>
  MlflowHttp.json(http, Schema.Struct({ experiment_id: Schema.String }), {
    operation: "create the experiment",
    method: "POST",
    path: `${api}/experiments/create`,
    json: { name },
  })

const Places = Schema.Struct({
  experiments: Schema.optionalKey(
    Schema.Array(Schema.Struct({ artifact_location: Schema.optionalKey(Schema.String) })),
  ),
})

/** Where the newest experiment keeps its artifacts; shows too whether we may read at all. Undefined where there is none. */
export const artifactPlace = (http: MlflowHttp.MlflowHttp) =>
  Effect.map(
    MlflowHttp.json(http, Places, {
      operation: "list the experiments",
      method: "POST",
      path: `${api}/experiments/search`,
      json: { max_results: 1, order_by: ["creation_time DESC"] },
      retry: false,
    }),
    ({ experiments }) => experiments?.[0]?.artifact_location,
  )

/** The tags of an experiment. */
export const tagsOf = (http: MlflowHttp.MlflowHttp, experimentId: string) =>
  Effect.map(
    MlflowHttp.json(http, Experiment, {
      operation: "read the experiment",
      method: "GET",
      path: `${api}/experiments/get`,
      query: { experiment_id: experimentId },
    }),
    ({ experiment }): ReadonlyMap<string, string> =>
      new Map((experiment.tags ?? []).map(({ key, value }) => [key, value])),
  )

const noteTag = "mlflow.note.content"
/** The digests of the last two descriptions we wrote: the newer one may not have arrived. */
const noteDigestsTag = "fliqs.note"

const digestOf = (text: string): string =>
  createHash("sha256").update(text).digest("hex").slice(0, 16)

/** Describes the experiment, unless a person has. */
export const describe = Effect.fnUntraced(function* (
  http: MlflowHttp.MlflowHttp,
  experimentId: string,
  text: string,
) {
  const tags = yield* tagsOf(http, experimentId)
  const before = tags.get(noteTag) ?? ""
  const ours = (tags.get(noteDigestsTag) ?? "").split(" ")
  if (before === text || (before !== "" && !ours.includes(digestOf(before)))) return
  // Deleted by a person.
  if (before === "" && ours.length > 1) return
  const set = (key: string, value: string) =>
    post(http, "describe the experiment", "/experiments/set-experiment-tag", {
      experiment_id: experimentId,
      key,
      value,
    })
  const value = Limits.cut(text, Limits.maxExperimentTagLength)
  const last = before === "" ? [] : [digestOf(before)]
  yield* set(noteDigestsTag, [...last, digestOf(value)].join(" "))
  yield* set(noteTag, value)
})

/** The experiment's id: found, restored if it was deleted, or created (by us or by somebody at the same time). */
export const ensure = Effect.fnUntraced(function* (http: MlflowHttp.MlflowHttp, name: string) {
  const wanted = Limits.cut(name, Limits.maxExperimentNameLength)
  const found = yield* get(http, wanted).pipe(
    Effect.catchIf(isAbsent, () =>
      create(http, wanted).pipe(
        Effect.catchIf(isTaken, () => Effect.void),
        Effect.andThen(get(http, wanted)),
      ),
    ),
  )
  const { experiment_id, lifecycle_stage: stage, tags } = found.experiment
  if (stage === "deleted")
    yield* post(http, "restore the experiment", "/experiments/restore", { experiment_id })
  // Makes the web page show training runs first and not the view for language models.
  const key = "mlflow.experimentKind"
  if (!(tags ?? []).some((tag) => tag.key === key))
    yield* post(http, "tag the experiment", "/experiments/set-experiment-tag", {
      experiment_id,
      key,
      value: "custom_model_development",
    })
  return experiment_id
})
