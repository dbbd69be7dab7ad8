/**
 * How far the events of a run have been sent: a small file beside the spool, replaced whole. Losing it, or finding one
 * of another server, only means sending everything again, which changes nothing on the server.
 */
import { Effect, FileSystem, Option, Schema } from "effect"

/** The name of the file beside the spool. */
export const fileName = "sent.json"

export const Sent = Schema.Struct({
  version: Schema.Literal(1),
  /** The server it belongs to (`Settings.target`). */
  target: Schema.String,
  kind: Schema.Literals(["grid", "trial"]),
  gridId: Schema.String,
  /** Of a trial: the grids whose tag the run has. */
  grids: Schema.optionalKey(Schema.Array(Schema.String)),
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

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Sent))

/** What was sent to this server (to any, without a target); undefined when nothing was. */
export const read = Effect.fnUntraced(function* (folder: string, target: string | undefined) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs
    .readFileString(`${folder}/${fileName}`)
    .pipe(Effect.orElseSucceed(() => ""))
  const found = Option.getOrUndefined(decode(text))
  return target === undefined || found?.target === target ? found : undefined
})

/** Replaces the file. A disk that is full costs only a second sending, so it is no error. */
export const write = Effect.fnUntraced(
  function* (folder: string, sent: Sent) {
    const fs = yield* FileSystem.FileSystem
    const path = `${folder}/${fileName}`
    yield* fs.writeFileString(`${path}.new`, `${JSON.stringify(sent, undefined, 2)}\n`)
    yield* fs.rename(`${path}.new`, path)
  },
  Effect.catch((error) => Effect.logWarning("sent.json cannot be written", error.message)),
)

/** Forgets that anything was sent. */
export const forget = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.ignore(fs.remove(`${folder}/${fileName}`, { force: true }))
})
