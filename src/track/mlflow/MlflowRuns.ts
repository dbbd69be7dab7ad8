/**
 * The calls about runs, typed, one function per call, with the guards that keep the server from dropping data in silence: whole numbers
 * for times and steps, text for parameters and tags, no value that is not finite, keys it accepts, batches within its limits
 * (`Limits.ts`). A field of the wrong type would get HTTP 200 and lose the rest of its request.
 *
 * Left out: experiments (`MlflowExperiments.ts`), artifacts (`MlflowArtifacts.ts`), what is sent when (`MlflowSender.ts`).
 */
import { Effect, Schema } from "effect"
import * as Limits from "../Limits.ts"
import { api, post } from "./MlflowApi.ts"
import * as MlflowHttp from "./MlflowHttp.ts"

/** One value of one metric. */
export interface Point {
  readonly key: string
  readonly value: number
  /** Integer milliseconds since 1970. */
  readonly timestamp: number
  readonly step: number
  /** The model that it is measured on. */
  readonly model_id?: string
}

/** A parameter or a tag. */
export interface Pair {
  readonly key: string
  readonly value: string
}

export type RunStatus = "RUNNING" | "FINISHED" | "FAILED" | "KILLED"

/** One data set a run reads. */
export interface DatasetInput {
  readonly name: string
  readonly digest: string
  readonly context: string
  readonly sourceType: string
  readonly source: string
  readonly schema?: string
  readonly profile?: string
}

const Run = Schema.Struct({
  info: Schema.Struct({
    run_id: Schema.String,
    experiment_id: Schema.String,
    status: Schema.optionalKey(Schema.String),
    artifact_uri: Schema.optionalKey(Schema.String),
    start_time: Schema.optionalKey(Schema.Unknown),
  }),
  data: Schema.optionalKey(
    Schema.Struct({ metrics: Schema.optionalKey(Schema.Array(Schema.Unknown)) }),
  ),
})
/** A run as the server describes it. */
export type Run = typeof Run.Type

/** A whole number, whatever came in. */
const whole = (value: number) => Math.round(value)

const pairs = (values: ReadonlyArray<Pair>, length: number) =>
  values.map(({ key, value }) => ({
    key: Limits.key(key),
    value: Limits.cut(String(value), length),
  }))

/** Runs with this tag, oldest first. */
export const find = Effect.fnUntraced(function* (
  http: MlflowHttp.MlflowHttp,
  experimentId: string,
  tag: string,
  value: string,
) {
  const answer = yield* MlflowHttp.json(
    http,
    Schema.Struct({ runs: Schema.optionalKey(Schema.Array(Run)) }),
    {
      operation: "find the run",
      method: "POST",
      path: `${api}/runs/search`,
      json: {
        experiment_ids: [experimentId],
        filter: `tags.${tag} = '${value.replaceAll("'", "")}'`,
        run_view_type: "ACTIVE_ONLY",
        order_by: ["attributes.start_time ASC", "attributes.run_id ASC"],
        max_results: 100,
      },
    },
  )
  return answer.runs ?? []
})

const OneRun = Schema.Struct({ run: Run })

/** Not tried again by itself: look with `find` whether the first try came through. */
export const create = Effect.fnUntraced(function* (
  http: MlflowHttp.MlflowHttp,
  run: {
    readonly experimentId: string
    readonly name: string
    readonly startTime: number
    readonly tags: ReadonlyArray<Pair>
  },
) {
  const answer = yield* MlflowHttp.json(http, OneRun, {
    operation: "create the run",
    method: "POST",
    path: `${api}/runs/create`,
    json: {
      experiment_id: run.experimentId,
      run_name: run.name,
      start_time: whole(run.startTime),
      tags: pairs(run.tags, Limits.maxTagLength),
    },
    retry: false,
  })
  return answer.run
})

export const get = (http: MlflowHttp.MlflowHttp, runId: string) =>
  Effect.map(
    MlflowHttp.json(http, OneRun, {
      operation: "read the run",
      method: "GET",
      path: `${api}/runs/get`,
      query: { run_id: runId },
    }),
    ({ run }) => run,
  )

export const update = (
  http: MlflowHttp.MlflowHttp,
  runId: string,
  status: RunStatus,
  endTime?: number,
) =>
  post(http, "update the run", "/runs/update", {
    run_id: runId,
    status,
    ...(endTime === undefined ? {} : { end_time: whole(endTime) }),
  })

export const remove = (http: MlflowHttp.MlflowHttp, runId: string) =>
  post(http, "delete a run made twice", "/runs/delete", { run_id: runId })

/** Posts a long list in parts that fit one request each. */
const logInParts = (
  http: MlflowHttp.MlflowHttp,
  operation: string,
  runId: string,
  key: "metrics" | "params" | "tags",
  values: ReadonlyArray<object>,
) =>
  Effect.forEach(
    Limits.chunks(values, key === "metrics" ? Limits.maxMetrics : Limits.maxParametersOrTags),
    (part) => post(http, operation, "/runs/log-batch", { run_id: runId, [key]: part }),
    { discard: true },
  )

/** At most 1000 points per request; the caller has left out values that are not finite. */
export const logMetrics = (
  http: MlflowHttp.MlflowHttp,
  runId: string,
  points: ReadonlyArray<Point>,
) => {
  const values = points
    .filter(({ value }) => Number.isFinite(value))
    .map(({ key, step, timestamp, value, ...model }) => ({
      key: Limits.key(key),
      value,
      timestamp: whole(timestamp),
      step: whole(step),
      ...model,
    }))
  return logInParts(http, "log metrics", runId, "metrics", values)
}

/**
 * Gives metrics their place before there are values: MLflow shows metrics in the order in which they first came, and its
 * compare page opens on the first. Not a number, which JSON of protocol buffers spells as a word, is no value there.
 */
export const reserve = (
  http: MlflowHttp.MlflowHttp,
  runId: string,
  keys: ReadonlyArray<string>,
  timestamp: number,
) => {
  const values = keys.map((key) => ({ key, value: "NaN", timestamp: whole(timestamp), step: 0 }))
  return logInParts(http, "order the metrics", runId, "metrics", values)
}

export const logParameters = (
  http: MlflowHttp.MlflowHttp,
  runId: string,
  values: ReadonlyArray<Pair>,
) => logInParts(http, "log parameters", runId, "params", pairs(values, Limits.maxParameterLength))

export const setTags = (http: MlflowHttp.MlflowHttp, runId: string, values: ReadonlyArray<Pair>) =>
  logInParts(http, "set tags", runId, "tags", pairs(values, Limits.maxTagLength))

export const logInput = (http: MlflowHttp.MlflowHttp, runId: string, input: DatasetInput) =>
  post(http, "log the data set", "/runs/log-inputs", {
    run_id: runId,
    datasets: [
      {
        tags: [{ key: "mlflow.data.context", value: Limits.cut(input.context, 500) }],
        dataset: {
          name: Limits.cut(input.name, Limits.maxDatasetNameLength),
          digest: Limits.datasetDigest(input.digest),
          source_type: input.sourceType,
          source: input.source,
          ...(input.schema === undefined ? {} : { schema: input.schema }),
          ...(input.profile === undefined ? {} : { profile: input.profile }),
        },
      },
    ],
  })
