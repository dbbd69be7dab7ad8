/** The calls about experiments. Left out: their runs (`MlflowRuns.ts`). */
import { Effect, Schema } from "effect"
import type { TrackerError } from "./Errors.ts"
import * as Limits from "./Limits.ts"
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
