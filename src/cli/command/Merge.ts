/** `fliqs merge OTHER`: takes the trials and grids of another state folder into this one. */
import { Effect, FileSystem, type Option } from "effect"
import { resolve } from "node:path"
import { pathText } from "../../declaration/Errors.ts"
import * as Lock from "../../disk/Lock.ts"
import * as State from "../../orchestrator/State.ts"
import * as StateFolders from "../../orchestrator/StateFolders.ts"
import { Wrong } from "../ErrorMessages.ts"
import { requireWritable, stateFolder } from "../Locations.ts"
import { note, print, printJson } from "../Output.ts"

export const run = Effect.fn("merge")(function* (input: {
  readonly other: string
  readonly state: Option.Option<string>
  readonly json: boolean
}) {
  const { other } = input
  const fs = yield* FileSystem.FileSystem
  const folder = yield* stateFolder(input.state)
  const isThere = yield* Effect.orElseSucceed(fs.exists(`${other}/trials`), () => false)
  if (!isThere)
    return yield* new Wrong({
      message: `${pathText(other)} is no state folder: it has no trials/; a folder such as OTHER/.fliqs would be right`,
    })
  if (resolve(other) === resolve(folder))
    return yield* new Wrong({
      message: `${pathText(other)} is the state folder itself; another one would be right`,
    })
  yield* requireWritable(folder)
  yield* Lock.hold(State.lockFolder(folder), "fliqs merge")
  const merged = yield* StateFolders.merge(folder, other)
  if (input.json) return yield* printJson(merged)
  const { added, grids, kept, left, replaced } = merged
  yield* print(
    `${added.length} trials added, ${replaced.length} replaced by further ones, ${kept.length} kept as they were; ${grids} grids added`,
  )
  for (const { id, state } of left) yield* note(`warning: ${id} is ${state} there and was left out`)
  if (added.length + replaced.length > 0)
    yield* note("`fliqs sync` sends them to MLflow, where they are not there yet")
}, Effect.scoped)
