/**
 * Sends the spooled events of one run to MLflow, in order, at least once and with the effect of once: the run is looked
 * for by its own tag before it is created, metric points carry the times fixed in the spool (MLflow drops identical
 * points), parameters and tags come out equal, artifacts overwrite. How far it came is in `Sent.ts`.
 *
 *     spool -> groups of events -> requests -> offset
 *
 * A run the server no longer knows is made again from the whole spool. An event the server refuses (a parameter that
 * changed, a path it does not take) is logged, counted and stepped over; anything that says the server is not ours to
 * write to (credentials, an address that is not MLflow's) stops the sending and steps over nothing.
 */
import { Effect, type FileSystem, type Path } from "effect"
import { storageError } from "../../disk/Errors.ts"
import { ofStorage, type TrackerError } from "../Errors.ts"
import type { Start } from "../Event.ts"
import { claim } from "./MlflowClaim.ts"
import { relink as relinkNote, sendEvent } from "./MlflowEvents.ts"
import * as MlflowExperiments from "./MlflowExperiments.ts"
import { isDeleted, isLost, isRefusal } from "./MlflowFailure.ts"
import * as MlflowHttp from "./MlflowHttp.ts"
import * as MlflowRuns from "./MlflowRuns.ts"
import {
  finitePoints,
  firstMetrics,
  gridTags,
  kindOf,
  spoolId,
  startTags,
  toGroups,
  toPairs,
} from "../Requests.ts"
import { gridsLeft, type RunFolder } from "../RunFolder.ts"
import * as Sent from "../Sent.ts"
import { spoolOf } from "../SpoolPlace.ts"
import * as SpoolReader from "../SpoolReader.ts"

const maxTimesForgotten = 3

/** Sends what is there and not yet sent, until nothing is left; gives back how far it is. */
export const send = Effect.fnUntraced(function* (
  http: MlflowHttp.MlflowHttp,
  run: RunFolder,
): Effect.fn.Return<Sent.Sent | undefined, TrackerError, FileSystem.FileSystem | Path.Path> {
  for (let forgotten = 0; ; forgotten += 1) {
    const result = yield* Effect.result(sendAll(http, run))
    if (result._tag === "Success") return result.success
    if (!isLost(result.failure) || forgotten >= maxTimesForgotten) return yield* result.failure
    yield* Effect.logInfo("the server no longer has the run; sending it again", {
      folder: run.folder,
    })
    yield* Sent.forget(run.folder)
  }
})

/** Completes the links in a grid's note, once its trials are sent. */
export const relink = Effect.fnUntraced(function* (http: MlflowHttp.MlflowHttp, run: RunFolder) {
  const sent = yield* Sent.read(run.folder, http.settings.target)
  if (sent?.unlinked === undefined && sent?.headline === undefined) return
  const linked = yield* relinkNote(http, run, sent).pipe(
    // Somebody has deleted it: it stays deleted.
    Effect.catchIf(isDeleted, () => Effect.succeed(sent)),
  )
  if (linked !== sent) yield* Sent.write(run.folder, linked)
})

/** Fails as lost when the server no longer has a run that was begun; one that a person deleted stays deleted. */
export const verify = Effect.fnUntraced(function* (http: MlflowHttp.MlflowHttp, run: RunFolder) {
  const sent = yield* Sent.read(run.folder, http.settings.target)
  if (sent === undefined) return
  yield* MlflowRuns.get(http, sent.runId).pipe(
    Effect.asVoid,
    Effect.catchIf(isLost, () => Sent.forget(run.folder)),
  )
})

const sendAll = Effect.fnUntraced(function* (
  http: MlflowHttp.MlflowHttp,
  run: RunFolder,
): Effect.fn.Return<Sent.Sent | undefined, TrackerError, FileSystem.FileSystem | Path.Path> {
  const spool = spoolOf(run.folder)
  let sent = yield* Sent.read(run.folder, http.settings.target)
  for (let from = sent?.offset ?? 0; ;) {
    const { events, skippedBytes, offset } = yield* SpoolReader.read(spool, from).pipe(
      Effect.catchTag("PlatformError", (error) =>
        Effect.fail(ofStorage("send")(storageError("read", spool)(error))),
      ),
    )
    if (skippedBytes > 0)
      yield* Effect.logWarning("damaged records left out", { spool, skippedBytes })
    for (const group of toGroups(events)) {
      const next: Sent.Sent | undefined = yield* sendGroup(http, run, sent, group)
      if (next === undefined) continue
      sent = { ...next, offset: group.at(-1)!.end }
      yield* Sent.write(run.folder, sent)
    }
    if (events.length === 0 && offset === from) return yield* tagGrids(http, run, sent)
    from = offset
  }
})

/** Tells the run of a trial which grids it is of: also those that were planned after it had finished. */
const tagGrids = Effect.fnUntraced(function* (
  http: MlflowHttp.MlflowHttp,
  run: RunFolder,
  sent: Sent.Sent | undefined,
) {
  const left = sent === undefined ? [] : gridsLeft(run, sent)
  if (sent === undefined || left.length === 0) return sent
  yield* MlflowRuns.setTags(http, sent.runId, gridTags(left)).pipe(
    // Somebody has deleted it: it stays deleted.
    Effect.catchIf(isDeleted, () => Effect.void),
  )
  const tagged = { ...sent, grids: [...(sent.grids ?? []), ...left] }
  yield* Sent.write(run.folder, tagged)
  return tagged
})

const sendGroup = Effect.fnUntraced(function* (
  http: MlflowHttp.MlflowHttp,
  run: RunFolder,
  sent: Sent.Sent | undefined,
  group: SpoolReader.Read["events"],
) {
  const first = group[0]!.event
  if (first.type === "start") return yield* begin(http, run, sent, first)
  if (sent === undefined) {
    yield* Effect.logWarning("an event before the start of its run is left out", {
      folder: run.folder,
    })
    return undefined
  }
  const metrics = group.flatMap(({ event }) => (event.type === "metrics" ? [event] : []))
  if (first.type === "tag" && group.length > 1) {
    const tags = group.flatMap(({ event }) => (event.type === "tag" ? [event] : []))
    const pairs = tags.map(({ key, value }) => ({ key, value }))
    const together = yield* Effect.result(MlflowRuns.setTags(http, sent.runId, pairs))
    if (together._tag === "Success") return sent
    if (!isRefusal(together.failure)) return yield* together.failure
    // One bad tag must not cost its neighbours: each alone.
    let left = sent
    for (const tag of tags) left = yield* sendEvent(http, run, left, tag).pipe(orStepOver(left))
    return left
  }
  if (first.type !== "metrics") {
    return yield* sendEvent(http, run, sent, first).pipe(orStepOver(sent))
  }
  const { points, nonfinite } = finitePoints(metrics, sent.nonfinite)
  const whole = yield* Effect.result(MlflowRuns.logMetrics(http, sent.runId, points))
  if (whole._tag === "Success") return { ...sent, nonfinite }
  if (!isRefusal(whole.failure)) return yield* whole.failure
  // One bad event must not cost its neighbours: each alone.
  let left = sent
  for (const event of metrics) {
    const one = finitePoints([event], left.nonfinite)
    left = yield* MlflowRuns.logMetrics(http, sent.runId, one.points).pipe(
      Effect.as(left),
      orStepOver(left),
    )
    left = { ...left, nonfinite: one.nonfinite }
  }
  return left
})

/** The state that the effect gives, one more refusal when the server said no to just this. */
const orStepOver =
  (sent: Sent.Sent) =>
  <R>(
    effect: Effect.Effect<Sent.Sent, TrackerError, R>,
  ): Effect.Effect<Sent.Sent, TrackerError, R> =>
    effect.pipe(
      Effect.catchIf(isRefusal, (error) =>
        Effect.as(Effect.logWarning("the server refused an event", error.message), {
          ...sent,
          rejected: sent.rejected + 1,
        }),
      ),
    )

/** The run of a trial's grid, made (again) if the server does not have it. */
const parentRunId = Effect.fnUntraced(function* (
  http: MlflowHttp.MlflowHttp,
  run: RunFolder,
  start: Start,
): Effect.fn.Return<string | undefined, TrackerError, FileSystem.FileSystem | Path.Path> {
  const { gridId, trialId } = start
  if (trialId === undefined || /[/\\]|^\.*$/.test(gridId)) return undefined
  const grid: RunFolder = { ...run, folder: `${run.gridsFolder}/${gridId}`, gridIds: [] }
  yield* verify(http, grid)
  const sent = (yield* Sent.read(grid.folder, http.settings.target)) ?? (yield* send(http, grid))
  return sent?.runId
})

const begin = Effect.fnUntraced(function* (
  http: MlflowHttp.MlflowHttp,
  run: RunFolder,
  sent: Sent.Sent | undefined,
  start: Start,
): Effect.fn.Return<Sent.Sent, TrackerError, FileSystem.FileSystem | Path.Path> {
  if (sent !== undefined) {
    // A second start: the same run goes on after a crash, perhaps with new tags.
    yield* MlflowRuns.update(http, sent.runId, "RUNNING")
    yield* MlflowRuns.setTags(http, sent.runId, toPairs(start.tags))
    return sent
  }
  const parent = yield* parentRunId(http, run, start)
  const experimentId = yield* MlflowExperiments.ensure(
    http,
    http.settings.experimentName ?? start.experiment,
  )
  const id = spoolId(start)
  const gridIds = start.trialId === undefined ? [] : [...new Set([start.gridId, ...run.gridIds])]
  const tags = [...startTags(start, parent), ...gridTags(gridIds)]
  const made = yield* claim(http, experimentId, id, start, tags).pipe(
    // Every new try looks first whether the one before came through.
    Effect.retry(MlflowHttp.backoff(http.settings)),
  )
  yield* MlflowRuns.setTags(http, made.info.run_id, tags)
  if (start.trialId !== undefined)
    yield* MlflowRuns.reserve(http, made.info.run_id, firstMetrics, start.time).pipe(
      // Only the order is lost.
      Effect.catchIf(isRefusal, () => Effect.void),
    )
  return {
    version: 1,
    target: http.settings.target,
    kind: kindOf(start),
    gridId: start.gridId,
    ...(start.trialId === undefined ? {} : { grids: gridIds }),
    spoolId: id,
    experimentId,
    runId: made.info.run_id,
    artifactUri: http.settings.scrub(made.info.artifact_uri ?? ""),
    offset: 0,
    nonfinite: 0,
    rejected: 0,
  }
})
