/** Reads a run back: which one is meant, what it has, its files. Left out: writing runs (`MlflowRuns.ts`). */
import { Effect, Schema } from "effect"
import { Rejected, TrackerError } from "../Errors.ts"
import { api } from "./MlflowApi.ts"
import { artifactPath } from "./MlflowArtifacts.ts"
import * as MlflowHttp from "./MlflowHttp.ts"
import * as MlflowModels from "./MlflowModels.ts"

const operation = "find the run"

const Pairs = Schema.optionalKey(
  Schema.Array(Schema.Struct({ key: Schema.String, value: Schema.String })),
)
const Run = Schema.Struct({
  info: Schema.Struct({
    run_id: Schema.String,
    experiment_id: Schema.String,
    artifact_uri: Schema.String,
    run_name: Schema.optionalKey(Schema.String),
  }),
  data: Schema.Struct({ params: Pairs, tags: Pairs }),
})
const OneRun = Schema.Struct({ run: Run })
const Runs = Schema.Struct({ runs: Schema.optionalKey(Schema.Array(Run)) })
const Experiments = Schema.Struct({
  experiments: Schema.optionalKey(Schema.Array(Schema.Struct({ experiment_id: Schema.String }))),
  next_page_token: Schema.optionalKey(Schema.String),
})

/** A run of a trial. */
export interface PulledRun {
  readonly runId: string
  readonly experimentId: string
  readonly artifactUri: string
  readonly name: string
  readonly parameters: ReadonlyMap<string, string>
  readonly tags: ReadonlyMap<string, string>
}

const pulled = ({ data, info }: typeof Run.Type): PulledRun => ({
  runId: info.run_id,
  experimentId: info.experiment_id,
  artifactUri: info.artifact_uri,
  name: info.run_name ?? "",
  parameters: new Map((data.params ?? []).map(({ key, value }) => [key, value])),
  tags: new Map((data.tags ?? []).map(({ key, value }) => [key, value])),
})

const refuse = (detail: string) => new TrackerError({ operation, reason: new Rejected({ detail }) })

const experimentIds = Effect.fnUntraced(function* (http: MlflowHttp.MlflowHttp) {
  const ids: Array<string> = []
  for (let token: string | undefined; ;) {
    const answer: typeof Experiments.Type = yield* MlflowHttp.json(http, Experiments, {
      operation,
      method: "POST",
      path: `${api}/experiments/search`,
      json: { max_results: 1000, ...(token === undefined ? {} : { page_token: token }) },
    })
    ids.push(...(answer.experiments ?? []).map(({ experiment_id: id }) => id))
    token = answer.next_page_token
    if (token === undefined || token === "") return ids
  }
})

/** Runs of trials whose ids begin like this. */
const byTrial = Effect.fnUntraced(function* (http: MlflowHttp.MlflowHttp, beginning: string) {
  const answer = yield* MlflowHttp.json(http, Runs, {
    operation,
    method: "POST",
    path: `${api}/runs/search`,
    json: {
      experiment_ids: yield* experimentIds(http),
      filter: `tags.fliqs.trial_id LIKE '${beginning}%'`,
      run_view_type: "ACTIVE_ONLY",
      order_by: ["attributes.start_time DESC"],
      max_results: 100,
    },
  })
  return (answer.runs ?? []).map(pulled)
})

/** The id of a run in what a person gave: the id itself, or the address of its page. */
export const runIdIn = (text: string): string | undefined =>
  /^[0-9a-f]{32}$/i.test(text) ? text : /\/(?:runs|run\/\d+)\/([0-9a-f]{32})\b/i.exec(text)?.[1]

/** The run that is meant: by its id, its address, or the beginning of its trial's id. */
export const find = Effect.fnUntraced(function* (http: MlflowHttp.MlflowHttp, text: string) {
  const runId = runIdIn(text)
  if (runId !== undefined) {
    const { run } = yield* MlflowHttp.json(http, OneRun, {
      operation,
      method: "GET",
      path: `${api}/runs/get`,
      query: { run_id: runId },
    })
    return pulled(run)
  }
  if (!/^[0-9a-f]{4,16}$/i.test(text))
    return yield* refuse(
      `${JSON.stringify(text)} is no run: its id has 32 hex digits, that of a trial 16 (4 or more of its first are enough); the address of its page would be right too`,
    )
  const runs = yield* byTrial(http, text.toLowerCase())
  const trials = new Set(runs.map(({ tags }) => tags.get("fliqs.trial_id")))
  const [first] = runs
  if (first === undefined) return yield* refuse(`no run of a trial ${text}`)
  if (trials.size > 1)
    return yield* refuse(
      `${text} is the beginning of ${trials.size} trials: ${[...trials].slice(0, 5).join(", ")}; give more of it`,
    )
  return first
})

/** The largest file that is read back. */
const mostBytes = 2 ** 31 - 1

/** The bytes of an artifact; undefined when there is none at this path. */
const read = Effect.fnUntraced(function* (
  http: MlflowHttp.MlflowHttp,
  artifactUri: string,
  path: string,
) {
  const target = artifactPath(http, artifactUri, path, `read ${path}`)
  if (target instanceof TrackerError) return yield* target
  return yield* MlflowHttp.bytes(http, {
    operation: `read ${path}`,
    method: "GET",
    path: target,
    mostBytes,
  }).pipe(
    Effect.catchIf(
      ({ reason }) => reason._tag === "Rejected" && reason.status === 404,
      () => Effect.undefined,
    ),
  )
})

/** The files of a run that are there, of those asked for; what its model has comes before what the run has. */
export const files = Effect.fnUntraced(function* (
  http: MlflowHttp.MlflowHttp,
  run: PulledRun,
  names: ReadonlyArray<string>,
) {
  const models = yield* MlflowModels.ofRun(http, run.experimentId, run.runId).pipe(
    Effect.catchIf(
      ({ isRetryable }) => !isRetryable,
      () => Effect.succeed([]),
    ),
  )
  const places = [
    ...models.map(({ artifact_uri: uri }) => ({ uri, at: (name: string) => name })),
    { uri: run.artifactUri, at: (name: string) => name },
    { uri: run.artifactUri, at: (name: string) => `network/${name}` },
  ]
  const found = new Map<string, Uint8Array>()
  for (const name of names)
    for (const { at, uri } of places) {
      if (found.has(name)) break
      const content = yield* read(http, uri, at(name))
      if (content !== undefined) found.set(name, content)
    }
  return found
})
