/**
 * Whole state folders: one taken into another, and room made in one. A folder can be moved or copied as it is: no
 * record of it names the folder itself. Left out: the words (`cli/`).
 */
import { Effect, FileSystem } from "effect"
import * as fs from "node:fs"
import * as Durable from "../disk/Durable.ts"
import { attempt } from "../disk/Patience.ts"
import * as Result from "./Result.ts"
import * as State from "./State.ts"
import { stateOf, type TrialState } from "./TrialStatus.ts"

/** What became of the trials of the other folder. */
export interface Merged {
  /** Trials that were not here. */
  readonly added: ReadonlyArray<string>
  /** Trials that were here without a result, or with a failed one, and have finished there: theirs took the place. */
  readonly replaced: ReadonlyArray<string>
  /** Trials that were here and stayed as they were. */
  readonly kept: ReadonlyArray<string>
  /** Trials that are at work there, or whose records cannot be read. */
  readonly left: ReadonlyArray<{ readonly id: string; readonly state: TrialState }>
  readonly grids: number
}

/** Copies a folder beside its place and renames it: whole or not at all. Links are not followed and not copied. */
const copyWhole = (from: string, to: string): void => {
  const temporary = `${to}.merging`
  fs.rmSync(temporary, { recursive: true, force: true })
  fs.cpSync(from, temporary, {
    recursive: true,
    preserveTimestamps: true,
    filter: (path) => {
      const stats = fs.lstatSync(path)
      return stats.isDirectory() || stats.isFile()
    },
  })
  fs.renameSync(temporary, to)
}

const byProgress: Readonly<Record<TrialState, number>> = {
  finished: 3,
  running: 2,
  elsewhere: 2,
  stopped: 1,
  failed: 1,
  planned: 0,
  damaged: 0,
}

const isAtWork = (state: TrialState): boolean => state === "running" || state === "elsewhere"

/** Takes the trials and grids of `other` into `state`; the other folder stays as it is. */
export const merge = Effect.fnUntraced(function* (state: string, other: string) {
  const added: Array<string> = []
  const replaced: Array<string> = []
  const kept: Array<string> = []
  const left: Array<Merged["left"][number]> = []
  yield* attempt("create", `${state}/trials`, () =>
    fs.mkdirSync(`${state}/trials`, { recursive: true }),
  )
  const here = new Set(yield* State.trialIds(state))
  for (const id of yield* State.trialIds(other)) {
    const theirs = yield* stateOf(other, id)
    if (theirs.state === "damaged" || isAtWork(theirs.state)) {
      left.push({ id, state: theirs.state })
      continue
    }
    const folder = State.trialFolder(state, id)
    if (here.has(id)) {
      const ours = yield* stateOf(state, id)
      if (isAtWork(ours.state) || byProgress[theirs.state] <= byProgress[ours.state]) {
        kept.push(id)
        continue
      }
      yield* Durable.setAside(folder)
      replaced.push(id)
    } else added.push(id)
    yield* attempt("copy", folder, () => copyWhole(State.trialFolder(other, id), folder))
  }
  const known = new Set(yield* State.gridIds(state))
  const grids = (yield* State.gridIds(other)).filter((gridId) => !known.has(gridId))
  if (grids.length > 0)
    yield* attempt("create", `${state}/grids`, () =>
      fs.mkdirSync(`${state}/grids`, { recursive: true }),
    )
  for (const gridId of grids) {
    const folder = State.gridFolder(state, gridId)
    yield* attempt("copy", folder, () => copyWhole(State.gridFolder(other, gridId), folder))
  }
  return { added, replaced, kept, left, grids: grids.length } satisfies Merged
})

/** What is removed, and what that frees. */
export interface Removal {
  readonly path: string
  readonly bytes: number
  readonly what: "trial" | "checkpoints" | "aside"
}

const sizeOf = (path: string): number => {
  const stats = fs.lstatSync(path)
  if (!stats.isDirectory()) return stats.size
  return fs.readdirSync(path).reduce((sum, name) => sum + sizeOf(`${path}/${name}`), 0)
}

const removal = (path: string, what: Removal["what"]): Removal => ({
  path,
  bytes: sizeOf(path),
  what,
})

export type Kept = "finished" | "best"

/** The finished trial of each grid with the highest value of a metric. */
const bestOf = Effect.fnUntraced(function* (state: string, metric: string) {
  const best = new Set<string>()
  for (const gridId of yield* State.gridIds(state)) {
    const grid = yield* Effect.orElseSucceed(
      State.readGrid(State.gridFile(state, gridId)),
      () => undefined,
    )
    let found: { readonly id: string; readonly value: number } | undefined
    for (const id of grid?.trials ?? []) {
      const result = yield* Effect.orElseSucceed(
        Result.read(State.resultFile(state, id)),
        () => undefined,
      )
      const value = result?.state === "finished" ? result.metrics[metric] : undefined
      if (value !== undefined && (found === undefined || value > found.value)) found = { id, value }
    }
    if (found !== undefined) best.add(found.id)
  }
  return best
})

/**
 * What can go: what `--restart` and merging have set aside; the checkpoints of finished trials; and the trials that are not
 * kept and not at work. Of a trial whose records cannot be read nothing goes. Nothing is removed here.
 */
export const removals = Effect.fnUntraced(function* (state: string, keep: Kept, metric: string) {
  const list: Array<Removal> = []
  const best = keep === "best" ? yield* bestOf(state, metric) : undefined
  for (const id of yield* State.trialIds(state)) {
    const standing = yield* stateOf(state, id)
    if (standing.state === "damaged" || isAtWork(standing.state)) continue
    const isKept = standing.state === "finished" && (best === undefined || best.has(id))
    const folder = State.trialFolder(state, id)
    if (!isKept) list.push(yield* attempt("measure", folder, () => removal(folder, "trial")))
    else {
      const checkpoints = State.checkpointFolder(state, id)
      if (fs.existsSync(checkpoints) && fs.readdirSync(checkpoints).length > 0)
        list.push(yield* attempt("measure", checkpoints, () => removal(checkpoints, "checkpoints")))
    }
  }
  const trials = `${state}/trials`
  const names = fs.existsSync(trials) ? fs.readdirSync(trials) : []
  for (const name of names.filter((one) => /^[0-9a-f]{16}\.(\d+|merging)$/.test(one)))
    list.push(
      yield* attempt("measure", `${trials}/${name}`, () => removal(`${trials}/${name}`, "aside")),
    )
  return list
})

/** Removes them. A folder of checkpoints stays, empty. */
export const remove = Effect.fnUntraced(function* (list: ReadonlyArray<Removal>) {
  const files = yield* FileSystem.FileSystem
  for (const { path, what } of list) {
    yield* attempt("remove", path, () => fs.rmSync(path, { recursive: true, force: true }))
    if (what === "checkpoints") yield* Effect.ignore(files.makeDirectory(path, { recursive: true }))
  }
})
