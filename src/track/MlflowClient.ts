/**
 * The calls of MLflow's REST API that fliqs makes, typed, one method per call, with the guards that keep the server from
 * dropping data in silence: whole numbers for times and steps, text for parameters and tags, no value that is not
 * finite, keys it accepts, batches within its limits (`Limits.ts`). A field of the wrong type would get HTTP 200 and
 * lose the rest of its request.
 *
 * Left out: how one request is made and tried again (`MlflowHttp.ts`), what is sent when (`MlflowSender.ts`).
 */
import { Effect, Schema } from "effect"
import { Rejected, TrackerError } from "./Errors.ts"
import * as Limits from "./Limits.ts"
import * as MlflowHttp from "./MlflowHttp.ts"
import { decodePercent } from "./Secrets.ts"
import type { Settings } from "./Settings.ts"

/** One value of one metric. */
export interface Point {
  readonly key: string
  readonly value: number
  /** Integer milliseconds since 1970. */
  readonly timestamp: number
  readonly step: number
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

const Nothing = Schema.Record(Schema.String, Schema.Unknown)

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

const api = "/api/2.0/mlflow"
const isAbsent = (error: TrackerError) =>
  error.reason._tag === "Rejected" &&
  (error.reason.code === "RESOURCE_DOES_NOT_EXIST" || error.reason.status === 404)
const isTaken = (error: TrackerError) =>
  error.reason._tag === "Rejected" && error.reason.code === "RESOURCE_ALREADY_EXISTS"

/** A whole number, whatever came in. */
const whole = (value: number) => Math.round(value)

const pairs = (values: ReadonlyArray<Pair>, length: number) =>
  values.map(({ key, value }) => ({
    key: Limits.key(key),
    value: Limits.cut(String(value), length),
  }))

/** Where the server takes the artifacts of a run; undefined when they go to a store we cannot write through it. */
const artifactRoot = (uri: string | undefined): string | undefined => {
  if (uri === undefined || !uri.startsWith("mlflow-artifacts:")) return undefined
  const path = uri.replace(/^mlflow-artifacts:(\/\/[^/]*)?/, "").replace(/^\/+|\/+$/g, "")
  return path
    .split("/")
    .map((part) => encodeURIComponent(decodePercent(part)))
    .join("/")
}

/** A client for one server. */
export const make = Effect.fnUntraced(function* (settings: Settings) {
  const http = yield* MlflowHttp.make(settings)
  const nothing = http.json(Nothing)
  const post = (operation: string, path: string, json: unknown) =>
    Effect.asVoid(nothing({ operation, method: "POST", path: `${api}${path}`, json }))

  const getExperiment = (name: string) =>
    http.json(Experiment)({
      operation: "find the experiment",
      method: "GET",
      path: `${api}/experiments/get-by-name`,
      query: { experiment_name: name },
    })

  const createExperiment = (name: string) =>
    http.json(Schema.Struct({ experiment_id: Schema.String }))({
      operation: "create the experiment",
      method: "POST",
      path: `${api}/experiments/create`,
      json: { name },
    })

  const setExperimentTag = (experimentId: string, key: string, value: string) =>
    post("tag the experiment", "/experiments/set-experiment-tag", {
      experiment_id: experimentId,
      key,
      value,
    })

  /** The experiment's id: found, restored if it was deleted, or created (by us or by somebody at the same time). */
  const ensureExperiment = Effect.fnUntraced(function* (name: string) {
    const wanted = Limits.cut(name, Limits.maxExperimentNameLength)
    const found = yield* getExperiment(wanted).pipe(
      Effect.catchIf(isAbsent, () =>
        createExperiment(wanted).pipe(
          Effect.catchIf(isTaken, () => Effect.void),
          Effect.andThen(getExperiment(wanted)),
        ),
      ),
    )
    const { experiment_id: id, lifecycle_stage: stage, tags } = found.experiment
    if (stage === "deleted") {
      yield* post("restore the experiment", "/experiments/restore", { experiment_id: id })
    }
    // Makes the web page show training runs first and not the view for language models.
    if (!(tags ?? []).some(({ key }) => key === "mlflow.experimentKind")) {
      yield* setExperimentTag(id, "mlflow.experimentKind", "custom_model_development")
    }
    return id
  })

  /** Runs with this tag, oldest first. */
  const findRuns = Effect.fnUntraced(function* (experimentId: string, tag: string, value: string) {
    const answer = yield* http.json(Schema.Struct({ runs: Schema.optionalKey(Schema.Array(Run)) }))(
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

  /** Not tried again by itself: look with `findRuns` whether the first try came through. */
  const createRun = Effect.fnUntraced(function* (run: {
    readonly experimentId: string
    readonly name: string
    readonly startTime: number
    readonly tags: ReadonlyArray<Pair>
  }) {
    const answer = yield* http.json(Schema.Struct({ run: Run }))({
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

  const getRun = (runId: string) =>
    Effect.map(
      http.json(Schema.Struct({ run: Run }))({
        operation: "read the run",
        method: "GET",
        path: `${api}/runs/get`,
        query: { run_id: runId },
      }),
      ({ run }) => run,
    )

  const updateRun = (runId: string, status: RunStatus, endTime?: number) =>
    Effect.asVoid(
      nothing({
        operation: "update the run",
        method: "POST",
        path: `${api}/runs/update`,
        json: {
          run_id: runId,
          status,
          ...(endTime === undefined ? {} : { end_time: whole(endTime) }),
        },
      }),
    )

  const deleteRun = (runId: string) =>
    post("delete a run made twice", "/runs/delete", { run_id: runId })

  /** At most 1000 points per request; the caller has left out values that are not finite. */
  const logMetrics = (runId: string, points: ReadonlyArray<Point>) =>
    Effect.forEach(
      Limits.chunks(
        points
          .filter(({ value }) => Number.isFinite(value))
          .map((point) => ({
            key: Limits.key(point.key),
            value: point.value,
            timestamp: whole(point.timestamp),
            step: whole(point.step),
          })),
        Limits.maxMetrics,
      ),
      (metrics) => post("log metrics", "/runs/log-batch", { run_id: runId, metrics }),
      { discard: true },
    )

  const logParameters = (runId: string, values: ReadonlyArray<Pair>) =>
    Effect.forEach(
      Limits.chunks(pairs(values, Limits.maxParameterLength), Limits.maxParametersOrTags),
      (params) => post("log parameters", "/runs/log-batch", { run_id: runId, params }),
      { discard: true },
    )

  const setTags = (runId: string, values: ReadonlyArray<Pair>) =>
    Effect.forEach(
      Limits.chunks(pairs(values, Limits.maxTagLength), Limits.maxParametersOrTags),
      (tags) => post("set tags", "/runs/log-batch", { run_id: runId, tags }),
      { discard: true },
    )

  const logInput = (runId: string, input: DatasetInput) =>
    post("log the data set", "/runs/log-inputs", {
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

  /** Writes a file or a text to `path` in the artifacts of the run; again gives the same. */
  const putArtifact = Effect.fnUntraced(function* (
    artifactUri: string,
    path: string,
    content: { readonly file: string } | { readonly text: string },
  ) {
    const operation = `upload ${path}`
    const segments = Limits.artifactSegments(path)
    const root = artifactRoot(artifactUri)
    if (segments === undefined || root === undefined) {
      return yield* new TrackerError({
        operation,
        reason: new Rejected({
          detail:
            segments === undefined
              ? `${JSON.stringify(path)} is no path for an artifact`
              : `the server keeps artifacts at ${settings.scrub(artifactUri)} and does not take them itself`,
        }),
      })
    }
    const target = `${root}/${segments.map(encodeURIComponent).join("/")}`
    yield* nothing({
      operation,
      method: "PUT",
      path: `/api/2.0/mlflow-artifacts/artifacts/${target}`,
      ...content,
    })
  })

  /** Succeeds when the server is up. */
  const health = http
    .text({ operation: "reach the server", method: "GET", path: "/health", retry: false })
    .pipe(Effect.asVoid)

  /** The server's version, which also shows whether our credentials are taken. */
  const version = http
    .text({ operation: "ask for the version", method: "GET", path: "/version", retry: false })
    .pipe(
      Effect.map((text) => text.trim()),
      Effect.filterOrFail(
        // Anything else is some other server's page, which may hold whatever it was sent.
        (text) => /^\d+(\.\w+){1,5}$/.test(text) && text.length <= 40,
        () =>
          new TrackerError({
            operation: "ask for the version",
            reason: new Rejected({ detail: "what answers is no MLflow server" }),
          }),
      ),
    )

  return {
    settings,
    getExperiment,
    ensureExperiment,
    setExperimentTag,
    findRuns,
    createRun,
    getRun,
    updateRun,
    deleteRun,
    logMetrics,
    logParameters,
    setTags,
    logInput,
    putArtifact,
    health,
    version,
  }
})

/** A client for one server. */
export type MlflowClient = Effect.Success<ReturnType<typeof make>>
