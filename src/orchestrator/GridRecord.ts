/** The records that are of a grid as a whole: `grid.json`, its files, the beginning of its run in the tracker. */
import { Effect, FileSystem } from "effect"
import * as nodePath from "node:path"
import * as Durable from "../disk/Durable.ts"
import { stored } from "../disk/Patience.ts"
import * as Event from "../track/Event.ts"
import type * as Spool from "../track/Spool.ts"
import type { Options } from "./GridOptions.ts"
import * as Journal from "./Journal.ts"
import * as State from "./State.ts"

export type Recorded = Pick<
  Options,
  "files" | "grid" | "parameters" | "state" | "tags" | "trials" | "views"
>

/** Keeps files beside the record of the grid, for its run in the tracker. */
export const writeFiles = Effect.fnUntraced(function* (
  folder: string,
  spool: Spool.Spool,
  files: Readonly<Record<string, string | Uint8Array>>,
) {
  const fs = yield* FileSystem.FileSystem
  for (const [file, content] of Object.entries(files)) {
    const path = `${folder}/${file}`
    const parent = nodePath.dirname(path)
    yield* fs.makeDirectory(parent, { recursive: true }).pipe(stored("create", parent))
    yield* Durable.replace(path, [
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    ])
    spool.append({ type: "artifact", path: file, file })
  }
})

/** Writes them, and opens the spool of the grid's run; `engine` is what runs its trials. */
export const open = Effect.fnUntraced(function* (options: Recorded, engine: string) {
  const { grid, state } = options
  const startedAt = Event.now()
  yield* State.writeGrid(state, {
    ...grid,
    version: State.version,
    ...(engine === "local" ? {} : { engine }),
    trials: options.trials.map((trial) => trial.id),
    startedAt,
  })
  const folder = State.gridFolder(state, grid.gridId)
  const spool = yield* Journal.openSpool(folder)
  spool.append({
    type: "start",
    time: startedAt,
    gridId: grid.gridId,
    experiment: grid.experiment,
    name: grid.name,
    tags: { ...options.tags },
  })
  const known = (yield* Journal.beginning(folder)).parameters
  const shared = Object.entries(options.parameters ?? {}).filter(([name]) => !(name in known))
  if (shared.length > 0) spool.append({ type: "parameters", values: Object.fromEntries(shared) })
  if (options.views !== undefined) spool.append({ type: "views", ...options.views })
  yield* writeFiles(folder, spool, options.files)
  return spool
})
