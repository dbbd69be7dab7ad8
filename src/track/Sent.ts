/**
 * How far the events of a run have been sent: a small file beside the spool, replaced whole. Losing it, or finding one
 * of another server, only means sending everything again, which changes nothing on the server.
 */
import { Effect, FileSystem, Schema } from "effect"
import * as Record from "../disk/JsonRecord.ts"
import { ofStorage } from "./Errors.ts"

/** The name of the file beside the spool. */
export const fileName = "sent.json"

export const Sent = Schema.Struct({
  version: Schema.Literal(1),
  /** The server it belongs to (`TrackingSettings.target`). */
  target: Schema.String,
  kind: Schema.Literals(["grid", "trial"]),
  gridId: Schema.String,
  /** Of a trial: the grids whose tag the run has. */
  grids: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Of a grid: whether its views are in its experiment. */
  views: Schema.optionalKey(Schema.Boolean),
  /** Of a grid: its note, while it links trials that have no run yet. */
  unlinked: Schema.optionalKey(Schema.String),
  /** Of a grid: the headline of its experiment, likewise. */
  headline: Schema.optionalKey(Schema.String),
  /** What finds the run again. */
  spoolId: Schema.String,
  experimentId: Schema.String,
  runId: Schema.String,
  artifactUri: Schema.String,
  /** Bytes of the spool that the server has. */
  offset: Schema.Int,
  /** Values so far that were not finite and therefore not sent. */
  nonfinite: Schema.Int,
  /** Events the server refused. */
  rejected: Schema.Int,
})
export type Sent = typeof Sent.Type

const readRecord = Record.reader(Sent)

/** What was sent to this server (to any, without a target); undefined when nothing was, or the file is damaged. */
export const read = Effect.fnUntraced(
  function* (folder: string, target: string | undefined) {
    const found = yield* readRecord(`${folder}/${fileName}`).pipe(
      Effect.catchIf(
        ({ reason }) => reason._tag !== "Unreachable",
        (error) => Effect.as(Effect.logWarning(`${error.message}; sending all again`), undefined),
      ),
    )
    return target === undefined || found?.target === target ? found : undefined
  },
  Effect.mapError(ofStorage("see what was sent")),
)

/** Folders whose file could not be written the last time: said once. */
const refused = new Set<string>()

/** Replaces the file. A disk that is full costs only a second sending, so it is no error. */
export const write = Effect.fnUntraced(function* (folder: string, sent: Sent) {
  const result = yield* Effect.result(
    Record.write(`${folder}/${fileName}`, sent, { synced: false }),
  )
  if (result._tag === "Success") return void refused.delete(folder)
  if (!refused.has(folder)) yield* Effect.logWarning(result.failure.message)
  refused.add(folder)
})

/** Forgets that anything was sent. */
export const forget = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.ignore(fs.remove(`${folder}/${fileName}`, { force: true }))
})
