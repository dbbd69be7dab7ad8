/** How one event of a run is sent, but for its start and its metrics. Left out: in which order (`MlflowSender.ts`). */
import { Effect, type FileSystem, Path } from "effect"
import * as RegularFile from "../../disk/RegularFile.ts"
import type { TrackerError } from "../Errors.ts"
import type { Artifact, End, Event, Metrics, Model, Start } from "../Event.ts"
import * as Limits from "../Limits.ts"
import * as MlflowArtifacts from "./MlflowArtifacts.ts"
import { removeTwins } from "./MlflowClaim.ts"
import * as MlflowExperiments from "./MlflowExperiments.ts"
import type { MlflowHttp } from "./MlflowHttp.ts"
import * as MlflowModels from "./MlflowModels.ts"
import * as MlflowRuns from "./MlflowRuns.ts"
import type { Pair } from "./MlflowRuns.ts"
import * as MlflowViews from "./MlflowViews.ts"
import * as NoteLinks from "../NoteLinks.ts"
import { note, toInput, toPairs } from "../Requests.ts"
import type { RunFolder } from "../RunFolder.ts"
import type * as Sent from "../Sent.ts"

type Sends = Effect.Effect<Sent.Sent, TrackerError, FileSystem.FileSystem | Path.Path>

/** Sends one event; gives back what is sent then, but for the offset. */
export const sendEvent = (
  http: MlflowHttp,
  run: RunFolder,
  sent: Sent.Sent,
  event: Exclude<Event, Start | Metrics>,
): Sends => {
  switch (event.type) {
    case "parameters":
      return Effect.as(sendPairs(http, sent, "parameters", toPairs(event.values)), sent)
    case "tag":
      return event.key === note
        ? sendNote(http, run, sent, event.value)
        : Effect.as(sendPairs(http, sent, "tags", [event]), sent)
    case "dataset":
      return Effect.as(MlflowRuns.logInput(http, sent.runId, toInput(event)), sent)
    case "artifact":
      return Effect.as(sendArtifact(http, run, sent, event), sent)
    case "model":
      return Effect.as(sendModel(http, run, sent, event), sent)
    case "views":
      return MlflowViews.install(http, sent.experimentId, sent.gridId, event).pipe(
        Effect.map((views) => ({ ...sent, views })),
      )
    case "headline":
      return sendHeadline(http, run, sent, event.text)
    case "end":
      return Effect.as(finish(http, sent, event), sent)
  }
}

/** Markdown with the addresses of what it links, and whether all that is linked has one. */
const linked = Effect.fnUntraced(function* (run: RunFolder, sent: Sent.Sent, text: string) {
  const ids = NoteLinks.trialsIn(text)
  const trials = new Map<string, NoteLinks.Place>()
  for (const id of ids) {
    const place = yield* run.sentOfTrial(id)
    if (place !== undefined) trials.set(id, place)
  }
  const value = NoteLinks.resolve(text, {
    run: sent,
    kind: sent.kind,
    gridId: sent.gridId,
    experimentIds: yield* run.experimentIdsOf(sent),
    hasViews: sent.views === true,
    trials,
  })
  return { value, isWhole: trials.size === ids.length }
})

/** Sends a note. Trials without a run are linked later (`relink`). */
const sendNote = Effect.fnUntraced(function* (
  http: MlflowHttp,
  run: RunFolder,
  sent: Sent.Sent,
  text: string,
) {
  const { isWhole, value } = yield* linked(run, sent, text)
  yield* sendPairs(http, sent, "tags", [{ key: note, value }])
  const { unlinked: _, ...rest } = sent
  return isWhole ? rest : { ...rest, unlinked: text }
})

/** Writes the head of the experiment; its links to trials without a run are completed later too. */
const sendHeadline = Effect.fnUntraced(function* (
  http: MlflowHttp,
  run: RunFolder,
  sent: Sent.Sent,
  text: string,
) {
  const { isWhole, value } = yield* linked(run, sent, text)
  yield* MlflowExperiments.describe(http, sent.experimentId, value)
  const { headline: _, ...rest } = sent
  return isWhole ? rest : { ...rest, headline: text }
})

/** Sends the texts of a grid again, with links to trials that had no run when they were sent. */
export const relink = Effect.fnUntraced(function* (
  http: MlflowHttp,
  run: RunFolder,
  sent: Sent.Sent,
): Effect.fn.Return<Sent.Sent, TrackerError, FileSystem.FileSystem | Path.Path> {
  const { headline, unlinked } = sent
  const noted = unlinked === undefined ? sent : yield* sendNote(http, run, sent, unlinked)
  return headline === undefined ? noted : yield* sendHeadline(http, run, noted, headline)
})

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

/** A file of the run's folder; undefined, with a warning, when there is none. */
const existing = Effect.fnUntraced(function* (run: RunFolder, name: string) {
  const path = yield* Path.Path
  const file = path.resolve(run.folder, name)
  if (RegularFile.isInside(run.folder, file)) return file
  yield* Effect.logWarning("an artifact's file is gone, or no file of the run's folder", {
    path: name,
  })
  return undefined
})

const sendArtifact = Effect.fnUntraced(function* (
  http: MlflowHttp,
  run: RunFolder,
  sent: Sent.Sent,
  event: Artifact,
) {
  const file = yield* existing(run, event.file)
  if (file !== undefined) yield* MlflowArtifacts.put(http, sent.artifactUri, event.path, { file })
})

const sendModel = Effect.fnUntraced(function* (
  http: MlflowHttp,
  run: RunFolder,
  sent: Sent.Sent,
  event: Model,
) {
  const files = new Map<string, string>()
  for (const [path, name] of Object.entries(event.files)) {
    const file = yield* existing(run, name)
    if (file !== undefined) files.set(path, file)
  }
  yield* MlflowModels.log(http, sent, event, files)
})

const finish = Effect.fnUntraced(function* (http: MlflowHttp, sent: Sent.Sent, end: End) {
  if (end.message !== undefined) {
    yield* sendPairs(http, sent, "tags", [{ key: "fliqs.message", value: end.message }])
  }
  yield* MlflowRuns.update(http, sent.runId, end.status, end.time)
  yield* removeTwins(http, sent)
})
