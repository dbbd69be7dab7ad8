/** Artifacts of runs and models: where the server takes and gives them, and the call that uploads one. */
import { Effect } from "effect"
import { Rejected, TrackerError } from "../Errors.ts"
import * as Limits from "../Limits.ts"
import { send } from "./MlflowApi.ts"
import type { MlflowHttp } from "./MlflowHttp.ts"
import { decodePercent } from "../Secrets.ts"

/** Where the server takes the artifacts of a run; undefined when they go to a store we cannot write through it. */
const artifactRoot = (uri: string | undefined): string | undefined => {
  if (uri === undefined || !uri.startsWith("mlflow-artifacts:")) return undefined
  const path = uri.replace(/^mlflow-artifacts:(\/\/[^/]*)?/, "").replace(/^\/+|\/+$/g, "")
  return path
    .split("/")
    .map((part) => encodeURIComponent(decodePercent(part)))
    .join("/")
}

const refusal = (operation: string, detail: string) =>
  new TrackerError({ operation, reason: new Rejected({ detail }) })

/** The path of the calls that write and read an artifact; an error for one that the server does not take. */
export const artifactPath = (
  http: MlflowHttp,
  artifactUri: string,
  path: string,
  operation: string,
): string | TrackerError => {
  const segments = Limits.artifactSegments(path)
  if (segments === undefined)
    return refusal(operation, `${JSON.stringify(path)} is no path for an artifact`)
  const root = artifactRoot(artifactUri)
  if (root === undefined) {
    const place = http.settings.scrub(artifactUri)
    return refusal(
      operation,
      `the server keeps artifacts at ${place} and does not take them itself; \`fliqs doctor\` says what to change`,
    )
  }
  return `/api/2.0/mlflow-artifacts/artifacts/${root}/${segments.map(encodeURIComponent).join("/")}`
}

/** Writes a file or a text to `path` in the artifacts of the run; again gives the same. */
export const put = Effect.fnUntraced(function* (
  http: MlflowHttp,
  artifactUri: string,
  path: string,
  content: { readonly file: string } | { readonly text: string },
) {
  const operation = `upload ${path}`
  const target = artifactPath(http, artifactUri, path, operation)
  if (target instanceof TrackerError) return yield* target
  yield* send(http, { operation, method: "PUT", path: target, ...content })
})
