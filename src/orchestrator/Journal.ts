/**
 * What one trial reports, written down: train events become tracker events in the spool, artifacts become files beside
 * it. Left out: sending (`track/`), deciding when to save (`RunTrial`).
 */
import { Effect, FileSystem } from "effect"
import * as nodePath from "node:path"
import { stringify } from "yaml"
import * as Durable from "../disk/Durable.ts"
import type { StorageError } from "../disk/Errors.ts"
import { attempt, stored } from "../disk/Patience.ts"
import * as Event from "../track/Event.ts"
import * as Spool from "../track/Spool.ts"
import { spoolOf, takeOver } from "../track/SpoolPlace.ts"
import * as SpoolReader from "../track/SpoolReader.ts"
import type { Arithmetic } from "../train/ArithmeticRecord.ts"
import type { TrainEvent } from "../train/TrainEvent.ts"
import * as Fence from "./Fence.ts"
import * as State from "./State.ts"
import { labelTags } from "./TrialPage.ts"

export interface Journal {
  /** Writes what belongs to the tracker; the rest is silently not its business. */
  readonly tell: (event: TrainEvent) => Effect.Effect<void, StorageError, FileSystem.FileSystem>
  readonly metrics: (step: number, values: Readonly<Record<string, number>>) => void
  readonly artifact: (
    path: string,
    content: string | Uint8Array,
  ) => Effect.Effect<void, StorageError, FileSystem.FileSystem>
  /** Makes what was reported survive a power cut: before the checkpoint or the result that counts on it. */
  readonly flush: Effect.Effect<void, StorageError>
  readonly tag: (key: string, value: string) => void
  /** The network that was found, at `step`, with its metrics: path in the model -> file of the trial's folder. */
  readonly model: (
    step: number,
    values: Readonly<Record<string, number>>,
    files: Readonly<Record<string, string>>,
  ) => void
  /** Ends the run; it is not written before `flush` succeeds. */
  readonly end: (status: "FINISHED" | "FAILED" | "KILLED", message?: string) => void
}

const alarmTag = "fliqs.alarm."

/** So much may wait in memory for a disk that refuses; then training waits too. */
const mostWaitingBytes = 16 << 20

/** A spool, open until the scope closes; its warnings go to the log as they come. */
export const openSpool = Effect.fnUntraced(function* (folder: string, fence?: Fence.Fence) {
  const may = () => fence === undefined || !Fence.isSupersededNow(fence)
  const path = yield* attempt("copy", folder, () =>
    fence === undefined ? spoolOf(folder) : takeOver(folder, fence.attempt, may),
  )
  const run = Effect.runSyncWith(yield* Effect.context<never>())
  const warn = (text: string) => run(Effect.logWarning(text))
  return yield* Effect.acquireRelease(
    attempt("open", path, () => Spool.open(path, { onWarning: warn, may })),
    (spool) => Effect.sync(() => spool.close()),
  )
})

/** Waits, where patience is set, until all that was appended is on the disk. */
export const flush = (spool: Spool.Spool): Effect.Effect<void, StorageError> =>
  attempt("write", spool.file, () => spool.flush())

/** The artifact's place under `folder`, or undefined when the path would lead out of it. */
const artifactFile = (path: string): string | undefined => {
  const normal = nodePath.posix.normalize(path)
  const leadsOut = normal.startsWith("..") || nodePath.posix.isAbsolute(normal) || normal === "."
  return leadsOut ? undefined : `artifacts/${normal}`
}

/** Accuracies on 10 000 images are exact in so many. */
const digits = 5

/** A number as a person reads it; whole numbers stay whole. */
const readable = (values: Readonly<Record<string, number>>): Readonly<Record<string, number>> => {
  const few: Record<string, number> = {}
  for (const key in values) {
    const value = values[key]!
    few[key] = Number.isInteger(value) ? value : Number(value.toPrecision(digits))
  }
  return few
}

const eventOf = (event: TrainEvent): Event.Event | undefined => {
  if (event.type === "dataset") return event
  if (event.type === "metrics")
    return { ...event, values: readable(event.values), time: Event.now() }
  if (event.type === "warning")
    return { type: "tag", key: `${alarmTag}${event.alarm}`, value: event.message }
  return undefined
}

/** What earlier attempts wrote at the very beginning of the spool. */
export const beginning = Effect.fnUntraced(function* (folder: string) {
  const { events } = yield* Effect.orElseSucceed(SpoolReader.read(spoolOf(folder), 0), () => ({
    events: [] as SpoolReader.Read["events"],
  }))
  let start: Event.Start | undefined
  const parameters: Record<string, string> = {}
  for (const { event } of events) {
    if (event.type === "start") start ??= event
    if (event.type === "parameters") Object.assign(parameters, event.values)
  }
  return { start, parameters }
})

/** What a trial has reported so far, as its heartbeat says it: for when that is lost. */
export const reported = Effect.fnUntraced(
  function* (folder: string) {
    const metrics: Record<string, number> = {}
    const alarms = new Map<string, string>()
    const spool = spoolOf(folder)
    for (let offset = 0; ;) {
      const read = yield* SpoolReader.read(spool, offset)
      for (const { event } of read.events) {
        if (event.type === "metrics") Object.assign(metrics, event.values)
        if (event.type === "tag" && event.key.startsWith(alarmTag))
          alarms.set(event.key.slice(alarmTag.length), event.value)
      }
      if (read.offset === offset) break
      offset = read.offset
    }
    return { metrics, warnings: [...alarms].map(([alarm, message]) => ({ alarm, message })) }
  },
  Effect.orElseSucceed(() => ({
    metrics: {} as Record<string, number>,
    warnings: [] as ReadonlyArray<{ readonly alarm: string; readonly message: string }>,
  })),
)

/** What bits depend on, beside the threads of the trial. */
const arithmeticParameters = (it: Arithmetic): Readonly<Record<string, string>> => ({
  oneDnn: it.oneDnn,
  interOpThreads: String(it.interOpThreads),
  processor: it.processor,
  processorFlags: it.processorFlags.join(" "),
  tensorflow: it.tensorflow,
  ...Object.fromEntries(
    Object.entries(it.variables).filter(([name]) => name !== "TF_ENABLE_ONEDNN_OPTS"),
  ),
})

/** Opens a trial's journal for this attempt; the spool is closed with the scope. */
export const open = Effect.fnUntraced(function* (
  state: string,
  trial: State.TrialFile,
  fence: Fence.Fence,
) {
  const fs = yield* FileSystem.FileSystem
  const folder = State.trialFolder(state, trial.id)
  const may = () => !Fence.isSupersededNow(fence)
  const spool = yield* openSpool(folder, fence)
  spool.append({
    type: "start",
    time: Event.now(),
    gridId: trial.gridId,
    trialId: trial.id,
    experiment: trial.experiment,
    name: trial.labels?.name ?? trial.name,
    tags: { ...trial.tags, ...labelTags(trial) },
  })
  const artifact: Journal["artifact"] = Effect.fnUntraced(function* (path, content) {
    const file = artifactFile(path)
    if (file === undefined) return yield* Effect.die(new Error(`artifact path ${path}`))
    const target = `${folder}/${file}`
    yield* fs
      .makeDirectory(nodePath.dirname(target), { recursive: true })
      .pipe(stored("create", target))
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content
    yield* Durable.replace(target, [bytes], { may })
    spool.append({ type: "artifact", path, file })
  })
  const known = (yield* beginning(folder)).parameters
  // Write-once in most trackers: written by the first attempt that knows them and never again.
  const parameters = (values: Readonly<Record<string, string>>) => {
    if (Object.keys(values).some((name) => Object.hasOwn(known, name))) return
    spool.append({ type: "parameters", values })
  }
  parameters({ ...trial.parameters, threads: String(trial.execution.threads) })
  yield* artifact("trial.yaml", stringify(trial.declaration))
  const journal: Journal = {
    artifact,
    tell: Effect.fnUntraced(function* (event) {
      if (event.type === "artifact") return yield* artifact(event.path, event.content)
      if (event.type === "arithmetic") return parameters(arithmeticParameters(event.arithmetic))
      const entry = eventOf(event)
      if (entry !== undefined) spool.append(entry)
      if (spool.waitingBytes > mostWaitingBytes) yield* flush(spool)
    }),
    metrics: (step, values) =>
      spool.append({ type: "metrics", step, time: Event.now(), values: readable(values) }),
    tag: (key, value) => spool.append({ type: "tag", key, value }),
    model: (step, values, files) =>
      spool.append({
        type: "model",
        time: Event.now(),
        step,
        name: "network",
        files: { ...files },
        values: readable(values),
      }),
    flush: flush(spool),
    end: (status, message) =>
      spool.append({
        type: "end",
        time: Event.now(),
        status,
        ...(message === undefined ? {} : { message }),
      }),
  }
  return journal
})
