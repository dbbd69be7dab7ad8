/**
 * Sends the spooled events of one run to MLflow, in order, at least once and with the effect of once: the run is looked
 * for by its own tag before it is created, metric points carry the times fixed in the spool (MLflow drops identical
 * points), parameters and tags come out equal, artifacts overwrite. How far it came is in `Sent.ts`.
 *
 *     spool -> groups of events -> requests -> offset
 *
 * A run the server no longer knows is made again from the whole spool. An event the server refuses (a parameter that
 * changed, a path it does not take) is told, counted and stepped over; anything that says the server is not ours to
 * write to (credentials, an address that is not MLflow's) stops the sending and steps over nothing.
 */
import { Effect, FileSystem, Path } from "effect"
import { storageError } from "../disk/Errors.ts"
import { ofStorage, type TrackerError } from "./Errors.ts"
import type { Artifact, End, Event, Metrics, Start } from "./Event.ts"
import * as Limits from "./Limits.ts"
import type { MlflowClient, Pair, Run } from "./MlflowClient.ts"
import * as MlflowHttp from "./MlflowHttp.ts"
import {
  finitePoints,
  gridTags,
  kindOf,
  note,
  spoolId,
  startTags,
  toGroups,
  toInput,
  toPairs,
  withLinks,
} from "./Requests.ts"
import * as Sent from "./Sent.ts"
import * as Spool from "./Spool.ts"
import * as SpoolReader from "./SpoolReader.ts"

/** A run's folder (spool and `sent.json`), and what the state folder knows besides. */
export interface RunFolder {
  readonly folder: string
  /** Where the folders of grids are, by their ids. */
  readonly gridsFolder: string
  /** The grids that a trial is of. */
  readonly gridIds: ReadonlyArray<string>
  /** The experiments of MLflow that the trials of a grid are in, that of the grid first. */
  readonly experimentIdsOf: (grid: Sent.Sent) => Effect.Effect<ReadonlyArray<string>>
}

/** Our own tag that finds a run again; two spools never share it. */
export const spoolTag = "fliqs.spool_id"
const maxTimesForgotten = 3

/** Somebody has deleted the run. */
const isDeleted = ({ reason }: TrackerError) =>
  reason._tag === "Rejected" && /must be in the 'active' state/.test(reason.detail)

/** The server does not know the run, or somebody has deleted it. */
const isLost = (error: TrackerError) =>
  isDeleted(error) ||
  (error.reason._tag === "Rejected" && error.reason.code === "RESOURCE_DOES_NOT_EXIST")

/** MLflow itself (or we) said no to this one thing. */
const isRefusal = (error: TrackerError) =>
  error.reason._tag === "Rejected" &&
  !isLost(error) &&
  error.reason.status !== 401 &&
  error.reason.status !== 403 &&
  (error.reason.code !== undefined ||
    error.reason.status === undefined ||
    error.reason.status === 413)

/** Sends what is there and not yet sent, until nothing is left; gives back how far it is. */
export const send = Effect.fnUntraced(function* (
  client: MlflowClient,
  run: RunFolder,
): Effect.fn.Return<Sent.Sent | undefined, TrackerError, FileSystem.FileSystem | Path.Path> {
  for (let forgotten = 0; ; forgotten += 1) {
    const result = yield* Effect.result(sendAll(client, run))
    if (result._tag === "Success") return result.success
    if (!isLost(result.failure) || forgotten >= maxTimesForgotten) return yield* result.failure
    yield* Effect.logInfo("the server no longer has the run; sending it again", {
      folder: run.folder,
    })
    yield* Sent.forget(run.folder)
  }
})

/** Fails as lost when the server no longer has a run that was begun; one that a person deleted stays deleted. */
export const verify = Effect.fnUntraced(function* (client: MlflowClient, run: RunFolder) {
  const sent = yield* Sent.read(run.folder, client.settings.target)
  if (sent === undefined) return
  yield* client.getRun(sent.runId).pipe(
    Effect.asVoid,
    Effect.catchIf(isLost, () => Sent.forget(run.folder)),
  )
})

const sendAll = Effect.fnUntraced(function* (
  client: MlflowClient,
  run: RunFolder,
): Effect.fn.Return<Sent.Sent | undefined, TrackerError, FileSystem.FileSystem | Path.Path> {
  const path = yield* Path.Path
  const spool = path.join(run.folder, Spool.fileName)
  let sent = yield* Sent.read(run.folder, client.settings.target)
  for (let from = sent?.offset ?? 0; ;) {
    const { events, skippedBytes, offset } = yield* SpoolReader.read(spool, from).pipe(
      Effect.catchTag("PlatformError", (error) =>
        Effect.fail(ofStorage("send")(storageError("read", spool)(error))),
      ),
    )
    if (skippedBytes > 0)
      yield* Effect.logWarning("damaged records left out", { spool, skippedBytes })
    for (const group of toGroups(events)) {
      const next: Sent.Sent | undefined = yield* sendGroup(client, run, sent, group)
      if (next === undefined) continue
      sent = { ...next, offset: group.at(-1)!.end }
      yield* Sent.write(run.folder, sent)
    }
    if (events.length === 0 && offset === from) return yield* tagGrids(client, run, sent)
    from = offset
  }
})

/** The grids whose tag a trial's run lacks. */
export const gridsLeft = ({ gridIds }: RunFolder, sent: Sent.Sent): ReadonlyArray<string> =>
  sent.kind === "grid" ? [] : gridIds.filter((gridId) => !(sent.grids ?? []).includes(gridId))

/** Tells the run of a trial which grids it is of: also those that were planned after it had finished. */
const tagGrids = Effect.fnUntraced(function* (
  client: MlflowClient,
  run: RunFolder,
  sent: Sent.Sent | undefined,
) {
  const left = sent === undefined ? [] : gridsLeft(run, sent)
  if (sent === undefined || left.length === 0) return sent
  yield* client.setTags(sent.runId, gridTags(left)).pipe(
    // Somebody has deleted it: it stays deleted.
    Effect.catchIf(isDeleted, () => Effect.void),
  )
  const tagged = { ...sent, grids: [...(sent.grids ?? []), ...left] }
  yield* Sent.write(run.folder, tagged)
  return tagged
})

const sendGroup = Effect.fnUntraced(function* (
  client: MlflowClient,
  run: RunFolder,
  sent: Sent.Sent | undefined,
  group: SpoolReader.Read["events"],
) {
  const first = group[0]!.event
  if (first.type === "start") return yield* begin(client, run, sent, first)
  if (sent === undefined) {
    yield* Effect.logWarning("an event before the start of its run is left out", {
      folder: run.folder,
    })
    return undefined
  }
  const metrics = group.flatMap(({ event }) => (event.type === "metrics" ? [event] : []))
  if (first.type !== "metrics") {
    return yield* sendOne(client, run, sent, first).pipe(orStepOver(sent))
  }
  const { points, nonfinite } = finitePoints(metrics, sent.nonfinite)
  const whole = yield* Effect.result(client.logMetrics(sent.runId, points))
  if (whole._tag === "Success") return { ...sent, nonfinite }
  if (!isRefusal(whole.failure)) return yield* whole.failure
  // One bad event must not cost its neighbours: each alone.
  let left = sent
  for (const event of metrics) {
    const one = finitePoints([event], left.nonfinite)
    left = yield* client.logMetrics(sent.runId, one.points).pipe(orStepOver(left))
    left = { ...left, nonfinite: one.nonfinite }
  }
  return left
})

/** The same state when the effect succeeds, one more refusal when the server said no to just this. */
const orStepOver =
  (sent: Sent.Sent) =>
  <R>(effect: Effect.Effect<void, TrackerError, R>): Effect.Effect<Sent.Sent, TrackerError, R> =>
    effect.pipe(
      Effect.as(sent),
      Effect.catchIf(isRefusal, (error) =>
        Effect.as(Effect.logWarning("the server refused an event", error.message), {
          ...sent,
          rejected: sent.rejected + 1,
        }),
      ),
    )

const sendOne = (
  client: MlflowClient,
  run: RunFolder,
  sent: Sent.Sent,
  event: Exclude<Event, Start | Metrics>,
): Effect.Effect<void, TrackerError, FileSystem.FileSystem | Path.Path> => {
  switch (event.type) {
    case "parameters":
      return sendPairs(client, sent, "parameters", toPairs(event.values))
    case "tag":
      return Effect.flatMap(run.experimentIdsOf(sent), (ids) =>
        sendPairs(client, sent, "tags", [withLinks(sent, ids, event)]),
      )
    case "dataset":
      return client.logInput(sent.runId, toInput(event))
    case "artifact":
      return sendArtifact(client, run, sent, event)
    case "end":
      return finish(client, sent, event)
  }
}

/** A value longer than MLflow keeps (it would cut it without a word) goes whole into an artifact. */
const sendPairs = Effect.fnUntraced(function* (
  client: MlflowClient,
  sent: Sent.Sent,
  kind: "parameters" | "tags",
  values: ReadonlyArray<Pair>,
) {
  const limit = kind === "parameters" ? Limits.maxParameterLength : Limits.maxTagLength
  for (const { key, value } of values.filter((one) => one.value.length > limit)) {
    const path = key === note ? "note.md" : `${kind}/${Limits.key(key).replaceAll("/", "_")}.txt`
    yield* client.putArtifact(sent.artifactUri, path, { text: value })
  }
  yield* kind === "parameters"
    ? client.logParameters(sent.runId, values)
    : client.setTags(sent.runId, values)
})

const sendArtifact = Effect.fnUntraced(function* (
  client: MlflowClient,
  run: RunFolder,
  sent: Sent.Sent,
  event: Artifact,
) {
  const path = yield* Path.Path
  const fs = yield* FileSystem.FileSystem
  const file = path.resolve(run.folder, event.file)
  const inside = file.startsWith(path.resolve(run.folder) + path.sep)
  if (!inside || !(yield* Effect.orElseSucceed(fs.exists(file), () => false))) {
    yield* Effect.logWarning("an artifact's file is gone", { path: event.path })
    return
  }
  yield* client.putArtifact(sent.artifactUri, event.path, { file })
})

const finish = Effect.fnUntraced(function* (client: MlflowClient, sent: Sent.Sent, end: End) {
  if (end.message !== undefined) {
    yield* sendPairs(client, sent, "tags", [{ key: "fliqs.message", value: end.message }])
  }
  yield* client.updateRun(sent.runId, end.status, end.time)
  yield* removeTwins(client, sent)
})

/** A request to create the run may have come through after we gave it up and asked again: what it left goes. */
const removeTwins = Effect.fnUntraced(function* (client: MlflowClient, sent: Sent.Sent) {
  const runs = yield* client.findRuns(sent.experimentId, spoolTag, sent.spoolId)
  const twins = runs.filter((run) => run.info.run_id !== sent.runId && size(run) === 0)
  yield* Effect.forEach(twins, (twin) => client.deleteRun(twin.info.run_id), { discard: true })
})

/** The run of a trial's grid, made (again) if the server does not have it. */
const parentRunId = Effect.fnUntraced(function* (
  client: MlflowClient,
  run: RunFolder,
  start: Start,
): Effect.fn.Return<string | undefined, TrackerError, FileSystem.FileSystem | Path.Path> {
  const { gridId, trialId } = start
  if (trialId === undefined || /[/\\]|^\.*$/.test(gridId)) return undefined
  const grid: RunFolder = { ...run, folder: `${run.gridsFolder}/${gridId}`, gridIds: [] }
  yield* verify(client, grid)
  const sent =
    (yield* Sent.read(grid.folder, client.settings.target)) ?? (yield* send(client, grid))
  return sent?.runId
})

const begin = Effect.fnUntraced(function* (
  client: MlflowClient,
  run: RunFolder,
  sent: Sent.Sent | undefined,
  start: Start,
): Effect.fn.Return<Sent.Sent, TrackerError, FileSystem.FileSystem | Path.Path> {
  if (sent !== undefined) {
    // A second start: the same run goes on after a crash, perhaps with new tags.
    yield* client.updateRun(sent.runId, "RUNNING")
    yield* client.setTags(sent.runId, toPairs(start.tags))
    return sent
  }
  const parent = yield* parentRunId(client, run, start)
  const experimentId = yield* client.ensureExperiment(
    client.settings.experimentName ?? start.experiment,
  )
  const id = spoolId(start)
  const gridIds = start.trialId === undefined ? [] : [...new Set([start.gridId, ...run.gridIds])]
  const tags = [...startTags(start, parent), ...gridTags(gridIds)]
  const made = yield* claim(client, experimentId, id, start, tags).pipe(
    // Every new try looks first whether the one before came through.
    Effect.retry(MlflowHttp.backoff(client.settings)),
  )
  yield* client.setTags(made.info.run_id, tags)
  return {
    version: 1,
    target: client.settings.target,
    kind: kindOf(start),
    gridId: start.gridId,
    ...(start.trialId === undefined ? {} : { grids: gridIds }),
    spoolId: id,
    experimentId,
    runId: made.info.run_id,
    artifactUri: client.settings.scrub(made.info.artifact_uri ?? ""),
    offset: 0,
    nonfinite: 0,
    rejected: 0,
  }
})

const size = (run: Run) => run.data?.metrics?.length ?? 0

/** The run of this spool: found (of two, the fuller one), or created. */
const claim = Effect.fnUntraced(function* (
  client: MlflowClient,
  experimentId: string,
  id: string,
  start: Start,
  tags: ReadonlyArray<Pair>,
) {
  const found = yield* client.findRuns(experimentId, spoolTag, id)
  const before = found.toSorted((a, b) => size(b) - size(a))[0]
  if (before !== undefined) {
    yield* client.updateRun(before.info.run_id, "RUNNING")
    return before
  }
  return yield* client.createRun({
    experimentId,
    name: start.name,
    startTime: start.time,
    tags: [{ key: spoolTag, value: id }, ...tags].slice(0, Limits.maxParametersOrTags),
  })
})
