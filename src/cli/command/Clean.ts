/** `fliqs clean --keep best|finished`: says what would go from the state folder and how much that frees; --yes removes it. */
import { Effect, type Option } from "effect"
import * as Lock from "../../disk/Lock.ts"
import * as Metrics from "../../metric/Metrics.ts"
import * as State from "../../orchestrator/State.ts"
import * as StateFolders from "../../orchestrator/StateFolders.ts"
import { requireWritable, stateFolder } from "../Locations.ts"
import { note, print, printJson } from "../Output.ts"

const size = (bytes: number): string =>
  bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`

const words = {
  trial: "trials",
  checkpoints: "checkpoints of finished trials",
  aside: "trials that were set aside",
} as const

export const run = Effect.fn("clean")(function* (input: {
  readonly keep: StateFolders.Kept
  readonly yes: boolean
  readonly state: Option.Option<string>
  readonly json: boolean
}) {
  const folder = yield* stateFolder(input.state)
  yield* requireWritable(folder)
  yield* Lock.hold(State.lockFolder(folder), "fliqs clean")
  const list = yield* StateFolders.removals(folder, input.keep, Metrics.final.accuracy.key)
  const bytes = list.reduce((sum, one) => sum + one.bytes, 0)
  if (input.yes) yield* StateFolders.remove(list)
  if (input.json)
    return yield* printJson({ removed: input.yes, bytes, folders: list.map(({ path }) => path) })
  for (const what of ["trial", "checkpoints", "aside"] as const) {
    const some = list.filter((one) => one.what === what)
    const freed = some.reduce((sum, one) => sum + one.bytes, 0)
    if (some.length > 0) yield* print(`${words[what]}: ${some.length}, ${size(freed)}`)
  }
  yield* print(
    input.yes ? `${size(bytes)} are free now` : `${size(bytes)} would be free; nothing was removed`,
  )
  if (!input.yes && list.length > 0) yield* note("the same command with --yes removes it")
}, Effect.scoped)
