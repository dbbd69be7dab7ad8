/** How one event of a run is sent, but for its start and its metrics. Left out: in which order (`MlflowSender.ts`). */
import { Effect, type FileSystem, Path } from "effect"
import * as RegularFile from "../disk/RegularFile.ts"
import type { TrackerError } from "./Errors.ts"
import type { Artifact, End, Event, Metrics, Start } from "./Event.ts"
import * as Limits from "./Limits.ts"
import * as MlflowArtifacts from "./MlflowArtifacts.ts"
import { removeTwins } from "./MlflowClaim.ts"
import type { MlflowHttp } from "./MlflowHttp.ts"
import * as MlflowRuns from "./MlflowRuns.ts"
import type { Pair } from "./MlflowRuns.ts"
import { note, toInput, toPairs, withLinks } from "./Requests.ts"
import type { RunFolder } from "./RunFolder.ts"
import type * as Sent from "./Sent.ts"

/** Sends one event. */
export const sendEvent = (
  http: MlflowHttp,
  run: RunFolder,
  sent: Sent.Sent,
  event: Exclude<Event, Start | Metrics>,
): Effect.Effect<void, TrackerError, FileSystem.FileSystem | Path.Path> => {
  switch (event.type) {
    case "parameters":
      return sendPairs(http, sent, "parameters", toPairs(event.values))
    case "tag":
      return Effect.flatMap(run.experimentIdsOf(sent), (ids) =>
        sendPairs(http, sent, "tags", [withLinks(sent, ids, event)]),
      )
    case "dataset":
      return MlflowRuns.logInput(http, sent.runId, toInput(event))
    case "artifact":
      return sendArtifact(http, run, sent, event)
    case "end":
      return finish(http, sent, event)
  }
}

/** A value longer than MLflow keeps (it would cut it without a word) goes whole into an artifact. */
const sendPairs = Effect.fnUntraced(function* (
  http: MlflowHttp,
  sent: Sent.Sent,
  kind: "parameters" | "tags",
  values: ReadonlyArray<Pair>,
) {
  const limit = kind === "parameters" ? Limits.maxParameterLength : Limits.maxTagLength
  for (const { key, value } of values.filter((one) => one.value.length > limit)) {
    const path = key === note ? "note.md" : `${kind}/${Limits.key(key).replaceAll("/", "_")}.txt`
    yield* MlflowArtifacts.put(http, sent.artifactUri, path, { text: value })
  }
  yield* kind === "parameters"
    ? MlflowRuns.logParameters(http, sent.runId, values)
    : MlflowRuns.setTags(http, sent.runId, values)
})

const sendArtifact = Effect.fnUntraced(function* (
  http: MlflowHttp,
  run: RunFolder,
  sent: Sent.Sent,
  event: Artifact,
) {
  const path = yield* Path.Path
  const file = path.resolve(run.folder, event.file)
  if (!RegularFile.isInside(run.folder, file)) {
    yield* Effect.logWarning("an artifact's file is gone, or no file of the run's folder", {
      path: event.path,
    })
    return
  }
  yield* MlflowArtifacts.put(http, sent.artifactUri, event.path, { file })
})

const finish = Effect.fnUntraced(function* (http: MlflowHttp, sent: Sent.Sent, end: End) {
  if (end.message !== undefined) {
    yield* sendPairs(http, sent, "tags", [{ key: "fliqs.message", value: end.message }])
  }
  yield* MlflowRuns.update(http, sent.runId, end.status, end.time)
  yield* removeTwins(http, sent)
})
