/**
 * What one trial tells, written down: train events become tracker events in the spool, artifacts become files beside
 * it. Left out: sending (`track/`), deciding when to save (`RunTrial`).
 */
import { Effect, FileSystem } from "effect"
import * as nodePath from "node:path"
import { stringify } from "yaml"
import * as Event from "../track/Event.ts"
import * as Spool from "../track/Spool.ts"
import type { Arithmetic } from "../train/Arithmetic.ts"
import type { TrainEvent } from "../train/TrainEvent.ts"
import * as Durable from "../disk/Durable.ts"
import { Conflict, orUnreachable, StorageError } from "../disk/Errors.ts"
import * as State from "./State.ts"

export interface Journal {
  /** Writes what belongs to the tracker; the rest is silently not its business. */
  readonly tell: (event: TrainEvent) => Effect.Effect<void, StorageError, FileSystem.FileSystem>
  readonly metrics: (step: number, values: Readonly<Record<string, number>>) => void
  readonly artifact: (
    path: string,
    content: string | Uint8Array,
  ) => Effect.Effect<void, StorageError, FileSystem.FileSystem>
  /** Makes what was told survive a power cut: before the checkpoint that counts on it. */
  readonly sync: Effect.Effect<void>
  readonly end: (status: "FINISHED" | "FAILED" | "KILLED", message?: string) => void
}

const openSpool = Effect.fnUntraced(function* (folder: string) {
  const warnings: Array<string> = []
  const spool = yield* Effect.try({
    try: () =>
      Spool.open(`${folder}/${Spool.fileName}`, { onWarning: (text) => warnings.push(text) }),
    catch: (cause) =>
      new StorageError({
        operation: "open the spool",
        path: folder,
        reason: new Conflict({ message: cause instanceof Error ? cause.message : String(cause) }),
      }),
  })
  for (const text of warnings) yield* Effect.logWarning(text)
  return spool
})

/** The artifact's place under `folder`, or undefined when the path would lead out of it. */
const artifactFile = (path: string): string | undefined => {
  const normal = nodePath.posix.normalize(path)
  const leadsOut = normal.startsWith("..") || nodePath.posix.isAbsolute(normal) || normal === "."
  return leadsOut ? undefined : `artifacts/${normal}`
}

const told = (event: TrainEvent): Event.Event | undefined => {
  if (event.type === "dataset") return event
  if (event.type === "metrics") return { ...event, time: Event.now() }
  if (event.type === "warning")
    return { type: "tag", key: `fliqs.alarm.${event.alarm}`, value: event.message }
  return undefined
}

/** Names of the parameters that earlier attempts have told; they stand at the very beginning. */
const toldParameters = (folder: string) =>
  Spool.read(`${folder}/${Spool.fileName}`, 0).pipe(
    Effect.map(({ events }) =>
      events.flatMap(({ event }) => (event.type === "parameters" ? Object.keys(event.values) : [])),
    ),
    Effect.orElseSucceed((): ReadonlyArray<string> => []),
    Effect.map((names) => new Set(names)),
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

/** Opens a trial's journal for this attempt; the spool is synced and closed with the scope. */
export const open = Effect.fnUntraced(function* (state: string, trial: State.TrialFile) {
  const fs = yield* FileSystem.FileSystem
  const folder = State.trialFolder(state, trial.id)
  const spool = yield* Effect.acquireRelease(openSpool(folder), (open) =>
    Effect.sync(() => open.close()),
  )
  spool.append({
    type: "start",
    time: Event.now(),
    gridId: trial.gridId,
    trialId: trial.id,
    experiment: trial.experiment,
    name: trial.name,
    tags: trial.tags,
  })
  const artifact: Journal["artifact"] = Effect.fnUntraced(function* (path, content) {
    const file = artifactFile(path)
    if (file === undefined) return yield* Effect.die(new Error(`artifact path ${path}`))
    const target = `${folder}/${file}`
    yield* fs
      .makeDirectory(nodePath.dirname(target), { recursive: true })
      .pipe(orUnreachable("create", target))
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content
    yield* Durable.replace(target, [bytes])
    spool.append({ type: "artifact", path, file })
  })
  const known = yield* toldParameters(folder)
  // Write-once in most trackers: told by the first attempt that knows them and never again.
  const parameters = (values: Readonly<Record<string, string>>) => {
    if (Object.keys(values).some((name) => known.has(name))) return
    spool.append({ type: "parameters", values })
  }
  parameters({ ...trial.parameters, threads: String(trial.execution.threads) })
  yield* artifact("trial.yaml", stringify(trial.declaration))
  const journal: Journal = {
    artifact,
    tell: (event) => {
      if (event.type === "artifact") return artifact(event.path, event.content)
      return Effect.sync(() => {
        if (event.type === "arithmetic") return parameters(arithmeticParameters(event.arithmetic))
        const entry = told(event)
        if (entry !== undefined) spool.append(entry)
      })
    },
    metrics: (step, values) =>
      spool.append({ type: "metrics", step, time: Event.now(), values: { ...values } }),
    sync: Effect.sync(() => spool.sync()),
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
