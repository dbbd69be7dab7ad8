/**
 * An experiment file -> its plan: every trial, resolved, with its name and id (matrix x controls; seeds are a list of the matrix).
 *
 * Left out: the matrix itself (`Matrix.ts`), changes by path (`Overrides.ts`), one cell (`CellReader.ts`), checks that need
 * the built network (`Checks.ts`).
 */
import * as nodePath from "node:path"
import { Effect } from "effect"
import type { FileSystem } from "effect"
import { type Check, inspect, valueAt } from "../declaration/Decode.ts"
import type { Document } from "../declaration/Document.ts"
import {
  DeclarationError,
  type DeclarationErrors,
  formatPath,
  type Path,
} from "../declaration/Errors.ts"
import { useEarlierIds, type StandingOf } from "./EarlierIds.ts"
import { errorsAtChanges, type KnownOrigins } from "./ErrorOrigin.ts"
import { canonicalJson, idOf } from "./Canonical.ts"
import { CellReader } from "./CellReader.ts"
import { type Checks, networkChecks } from "./Checks.ts"
import { Experiment, Grid, type Track } from "./Experiment.ts"
import { Findings } from "./Findings.ts"
import { type CellErrors, errorsByCell } from "./CellErrors.ts"
import { cellsWithoutEffect, setsWithoutEffect, type ReadRow } from "./SettingsWithoutEffect.ts"
import type { TrialWeights } from "./TrainedWeights.ts"
import { type Cell, cells, type MatrixFields, matrixProblems } from "./Matrix.ts"
import { type Override, parsePath, parseSets } from "./Overrides.ts"
import { type PlannedTrial, shortKeys, withoutTwins } from "./PlannedTrial.ts"
import { shadowsOf } from "./Shadows.ts"
import { smallerNetworks } from "./SmallerNetworks.ts"
import { unreadOf, type UnreadRow } from "./Unread.ts"

export type { PlannedTrial } from "./PlannedTrial.ts"

export interface Options {
  /** `path=value` as given to `--set`. */
  readonly sets?: ReadonlyArray<string>
  /** Allows more than a thousand cells. */
  readonly yes?: boolean
  /** Finds the weights of finished trials, if there is a state folder. */
  readonly trialWeights?: TrialWeights
  /** Reads the states of trials, if there is a state folder. */
  readonly standing?: StandingOf
  /** Checks in place of those on the built network, for tests. */
  readonly checks?: Partial<Checks>
}

export interface Plan {
  /** Made from the ids of its trials. */
  readonly gridId: string
  readonly name: string
  readonly description: string | undefined
  readonly file: string
  readonly track: Track
  readonly trials: ReadonlyArray<PlannedTrial>
  readonly warnings: ReadonlyArray<DeclarationError>
}

/** Reading stops once so many different errors were found. */
const mostErrors = 200

/** The id of a set of trials: the same trials are the same grid, whatever the name of the file. */
export const gridId = (trialIds: Iterable<string>): string => idOf([...new Set(trialIds)].sort())

/** What the steps of one expansion share. */
interface Expansion {
  readonly document: Document
  readonly options: Options
  readonly found: Findings
  readonly reader: CellReader
  /** The changes of `--set`. */
  readonly sets: ReadonlyArray<Override>
  /** The document with these changes. */
  readonly base: Document
  readonly knownOrigins: { readonly file: string; readonly known: KnownOrigins }
}

type Shared = Parameters<CellReader["read"]>[2]

/** A cell with its own changes. */
interface Combination {
  readonly cell: Cell
  readonly own: ReadonlyArray<Override>
}

/** Expands a file and its spaces to a plan, or fails with all their errors. */
export const expand = Effect.fn("Plan.expand")(function* (
  document: Document,
  options: Options = {},
): Effect.fn.Return<Plan, DeclarationErrors, FileSystem.FileSystem> {
  const expansion = begin(document, options)
  const { found } = expansion
  const grid = yield* readGrid(expansion)
  const name = grid.name ?? nodePath.basename(document.file).replace(/\.[^.]*$/, "")
  const shared = { name, labels: shortKeys(Object.keys(grid.matrix ?? {})) }
  const combinations = yield* combine(expansion, grid)
  const rows = yield* readCells(expansion, combinations, shared)
  yield* refuseIdle(expansion, grid, rows, shared)
  const alike = withoutTwins(rows.flatMap(({ trials }) => trials))
  const command = { file: document.file, sets: options.sets ?? [] }
  for (const problem of smallerNetworks(grid, alike, command)) found.report(problem, expansion.base)
  const trials = yield* useEarlierIds(alike, options.standing)
  return {
    gridId: gridId(trials.map(({ id }) => id)),
    name,
    description: grid.description,
    file: document.file,
    track: grid.track,
    trials,
    warnings: found.warnings,
  }
})

const begin = (document: Document, options: Options): Expansion => {
  const found = new Findings()
  const checks: Checks = { ...networkChecks(nodePath.dirname(document.file)), ...options.checks }
  const reader = new CellReader({ document, checks, trialWeights: options.trialWeights })
  const { changes: sets, errors: unread } = parseSets(options.sets ?? [])
  found.add(unread)
  const base = reader.changed(sets).document
  const knownOrigins = { file: document.file, known: new Map() satisfies KnownOrigins }
  return { document, options, found, reader, sets, base, knownOrigins }
}

/** The settings that all cells share; fails if they are wrong, because then no cells are made. */
const readGrid = Effect.fnUntraced(function* (expansion: Expansion) {
  const { base, knownOrigins, found, options, reader, sets } = expansion
  const isChanged = sets.some(({ path }) => path[0] === "matrix")
  const ofMatrix: Check<MatrixFields> = (fields) =>
    matrixProblems(fields, { yes: options.yes ?? false, isChanged })
  const { value: grid, warnings } = inspect(Grid, gridOf(base), ofMatrix)
  if (grid !== undefined) {
    found.add(reader.changed(sets).errors)
    found.warn(warnings)
    return grid
  }
  // The rules of the file and its space are checked nevertheless.
  const errorsOf = (changes: ReadonlyArray<Override>) =>
    Effect.map(reader.read({}, changes, { name: "", labels: new Map() }), (read) => {
      const { document: changed } = reader.changed(changes)
      const ofGrid = inspect(Grid, gridOf(changed), ofMatrix).errors
      const reported = new Set(read.errors.map(({ text }) => text))
      return [...read.errors, ...ofGrid.filter(({ text }) => !reported.has(text))]
    })
  found.add(yield* errorsAtChanges(yield* errorsOf(sets), sets, knownOrigins, errorsOf))
  return yield* found.fail()
})

/** The cells with their changes; fails if changes replace each other, because then it is unclear which is meant. */
const combine = Effect.fnUntraced(function* ({ base, found, sets }: Expansion, grid: Grid) {
  const changesOf = makeChangesOf(grid, base, found)
  const combinations = cells(grid).map((cell): Combination => ({ cell, own: changesOf(cell) }))
  const shadows = shadowsOf(
    sets,
    combinations.map(({ own }) => own),
  )
  found.take(shadows)
  if (combinations.length === 0)
    found.report(
      {
        path: ["exclude"],
        at: "key",
        message: "every cell of the matrix is excluded; leave at least one",
      },
      base,
    )
  if (combinations.length === 0 || shadows.errors.length > 0) return yield* found.fail()
  return combinations
})

/** The trials of all cells; fails if a cell is wrong. */
const readCells = Effect.fnUntraced(function* (
  { base, knownOrigins, found, reader, sets }: Expansion,
  combinations: ReadonlyArray<Combination>,
  shared: Shared,
) {
  const isRight = inspect(Experiment, base).value !== undefined
  const ofFile = yield* Effect.cached(
    Effect.map(reader.read({}, [], shared), ({ errors }) => errors),
  )
  const rows: Array<ReadRow & UnreadRow> = []
  const wrong: Array<CellErrors> = []
  const texts = new Set<string>()
  for (const { cell, own } of combinations) {
    const changes = [...sets, ...own]
    const reading = yield* reader.read(cell, changes, shared)
    const errors = yield* errorsAtChanges(reading.errors, changes, knownOrigins, (fewer) =>
      fewer.length === 0
        ? ofFile
        : Effect.map(reader.read(cell, fewer, shared), (read) => read.errors),
    )
    wrong.push({ cell, errors })
    for (const { text } of errors) texts.add(text)
    found.warn(reading.warnings)
    rows.push({ cell, changes, trials: reading.trials, unread: reading.unread })
    if (texts.size >= mostErrors || (!isRight && reading.errors.length > 0)) break
  }
  found.add(errorsByCell(wrong))
  return found.hasErrors ? yield* found.fail() : rows
})

/** Reports settings, cells and changes without effect; fails if one of them is an error. */
const refuseIdle = Effect.fnUntraced(function* (
  { base, found, reader, sets }: Expansion,
  grid: Grid,
  rows: ReadonlyArray<ReadRow & UnreadRow>,
  shared: Shared,
) {
  found.take(unreadOf(rows, (changes) => reader.changed(changes).document.value))
  for (const problem of cellsWithoutEffect(rows, grid)) found.report(problem, base)
  found.take(
    yield* setsWithoutEffect(sets, rows, reader, (cell, changes) =>
      reader.read(cell, changes, shared),
    ),
  )
  if (found.hasErrors) return yield* found.fail()
})

/** The part of a document that all cells share. */
const gridOf = (document: Document): Document => ({
  ...document,
  errors: [],
  value: Object.fromEntries(
    Object.keys(Grid.fields).flatMap((key) => {
      const value = valueAt(document.value, [key])
      return value === undefined ? [] : [[key, value]]
    }),
  ),
})

/** The changes of a cell, parents before their children, each with its place in the matrix. */
const makeChangesOf = (grid: Grid, document: Document, found: Findings) => {
  const placeOf = placesOf(grid)
  const known = new Map<string, Override | undefined>()
  const make = (key: string, value: unknown): Override | undefined => {
    const place = placeOf(key, value)
    const at = {
      key: document.locate(place.slice(0, place[0] === "matrix" ? 2 : 3), "key"),
      value: document.locate(place),
    }
    const path = parsePath(key)
    const first = path?.[0]
    if (path !== undefined && first !== undefined && !notVaried.has(String(first)))
      return { path, value, at, origin: place }
    found.add([
      new DeclarationError({
        ...at.key,
        path: formatPath(place),
        message: `${key} cannot be varied; give the path of a setting, such as train.steps or space.widthMultiplier`,
      }),
    ])
    return undefined
  }
  return (cell: Cell): ReadonlyArray<Override> =>
    Object.entries(cell)
      .flatMap(([key, value]) => {
        const text = canonicalJson([key, value])
        const change = known.has(text) ? known.get(text) : make(key, value)
        known.set(text, change)
        return change === undefined ? [] : [change]
      })
      .sort((a, b) => a.path.length - b.path.length)
}

/** Keys that do not belong to a single trial. */
const notVaried = new Set([
  "matrix",
  "exclude",
  "include",
  "controls",
  "track",
  "name",
  "description",
  "$schema",
  "threads",
])

/** Where the value of a key of a cell was written: in the matrix, else in `include`. */
const placesOf = (grid: Grid): ((key: string, value: unknown) => Path) => {
  const places = new Map<string, Path>()
  const note = (key: string, value: unknown, path: Path) => {
    const text = canonicalJson([key, value])
    if (!places.has(text)) places.set(text, path)
  }
  for (const [key, list] of Object.entries(grid.matrix ?? {}))
    list.forEach((value, i) => note(key, value, ["matrix", key, i]))
  for (const [i, extra] of (grid.include ?? []).entries())
    for (const [key, value] of Object.entries(extra)) note(key, value, ["include", i, key])
  return (key, value) => places.get(canonicalJson([key, value])) ?? ["matrix"]
}
