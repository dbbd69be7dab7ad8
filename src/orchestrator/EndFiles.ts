/**
 * The pictures and the report of a grid, made once for what its trials came to: a `run` that finds every trial ended, as
 * the last `run` left them, makes none of them anew. Left out: what is on them.
 */
import { Effect, Schema } from "effect"
import * as FileIdentity from "../disk/FileIdentity.ts"
import { version as program } from "../disk/Installation.ts"
import * as Record from "../disk/JsonRecord.ts"
import { idOf } from "../experiment/Canonical.ts"
import type * as Spool from "../track/Spool.ts"
import type { Options, TrialSummary } from "./GridOptions.ts"
import * as GridRecord from "./GridRecord.ts"
import * as State from "./State.ts"

const fileName = "end-files.json"

class EndFiles extends Schema.Opaque<EndFiles>()(
  Schema.Struct({
    version: Schema.Literal(State.version),
    /** What they were made from. */
    source: Schema.String,
    /** The identity that each file had when it was written. */
    files: Schema.Record(Schema.String, Schema.String),
  }),
) {}

const read = Record.reader(EndFiles)

/** Undefined while a trial has no result: its curves may have changed without a word in the summaries. */
const sourceOf = (
  { files, tags, typed }: Options,
  summaries: ReadonlyArray<TrialSummary>,
): string | undefined =>
  summaries.every(({ result }) => result !== undefined)
    ? idOf({
        program: program(),
        files,
        tags,
        typed,
        trials: summaries.map(({ result, trial: { id, labels } }) => ({
          id,
          attempt: result!.attempt,
          finishedAt: result!.finishedAt,
          labels,
        })),
      })
    : undefined

const identities = (folder: string, paths: ReadonlyArray<string>): Record<string, string> =>
  Object.fromEntries(
    paths.map((path) => [path, FileIdentity.identityOf(`${folder}/${path}`)?.text ?? ""]),
  )

/** The files that are there already, made from the same; undefined where they are to be made. */
const findKnown = Effect.fnUntraced(function* (folder: string, source: string | undefined) {
  const known = yield* Effect.orElseSucceed(read(`${folder}/${fileName}`), () => undefined)
  if (known === undefined || known.source !== source) return undefined
  const paths = Object.keys(known.files)
  const now = identities(folder, paths)
  return paths.every((path) => now[path] === known.files[path]) ? paths : undefined
})

/** Writes what the grid's end shows of its trials. Without it the grid ends all the same. */
export const write = Effect.fnUntraced(
  function* (options: Options, spool: Spool.Spool, summaries: ReadonlyArray<TrialSummary>) {
    const { endFiles, grid, state } = options
    if (endFiles === undefined) return
    const folder = State.gridFolder(state, grid.gridId)
    const source = sourceOf(options, summaries)
    const known = yield* findKnown(folder, source)
    if (known !== undefined) return endFiles.onThere(known)
    const files = yield* endFiles.make(summaries)
    yield* GridRecord.writeFiles(folder, spool, files)
    const paths = Object.keys(files)
    endFiles.onThere(paths)
    if (source === undefined) return
    const record = { version: State.version, source, files: identities(folder, paths) }
    yield* Record.write(`${folder}/${fileName}`, record)
  },
  Effect.catch((error) => Effect.logWarning(`no pictures of the grid: ${error.message}`)),
)
