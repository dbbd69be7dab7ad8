/**
 * What is said and comes to nothing: `--set` without which the plan is the same, lists of the matrix whose values all come
 * to one trial, combinations and controls that are another trial again.
 *
 * Left out: values that are replaced before anybody sees them (`Shadows.ts`), settings that nothing reads (`Unread.ts`).
 */
import { Effect } from "effect"
import { inspect, unknownKeyAt } from "../declaration/Decode.ts"
import { DeclarationError, formatPath, type Problem } from "../declaration/Errors.ts"
import { canonicalJson } from "./Canonical.ts"
import type { CellReader, Reading } from "./CellReader.ts"
import { Experiment, Grid } from "./Experiment.ts"
import type { Cell, MatrixFields } from "./Matrix.ts"
import { assign, intoSpace, type Override } from "./Overrides.ts"
import { trialId } from "./Identity.ts"
import type { PlannedTrial } from "./PlannedTrial.ts"
import { equal } from "./Shadows.ts"

/** A cell with its changes and what it came to. */
export interface ReadRow {
  readonly cell: Cell
  /** Those of `--set` first. */
  readonly changes: ReadonlyArray<Override>
  readonly trials: ReadonlyArray<PlannedTrial>
}

const own = ({ trials }: ReadRow): PlannedTrial | undefined =>
  trials.find(({ control }) => control === undefined)

const ownId = (row: ReadRow): string | undefined => own(row)?.id

/** What was declared: a trial that is trained at no target may be declared at many. */
const declaredId = (row: ReadRow): string | undefined => {
  const former = own(row)?.former[0]
  return former === undefined ? ownId(row) : trialId(former)
}

/** Whether some two cells that differ in this key alone are different trials; true where there are no two such cells. */
const tells = (
  key: string,
  rows: ReadonlyArray<ReadRow>,
  idOf: (row: ReadRow) => string | undefined,
): boolean => {
  const groups = new Map<string, Array<string | undefined>>()
  for (const row of rows) {
    if (!Object.hasOwn(row.cell, key)) continue
    const { [key]: _, ...rest } = row.cell
    const group = canonicalJson(rest)
    groups.set(group, [...(groups.get(group) ?? []), idOf(row)])
  }
  const pairs = [...groups.values()].filter((ids) => ids.length > 1)
  return pairs.length === 0 || pairs.some((ids) => new Set(ids).size > 1)
}

/** Lists of the matrix that make no difference; else combinations, and controls, that are another trial again. */
export const idleCells = (
  rows: ReadonlyArray<ReadRow>,
  { matrix = {} }: MatrixFields,
): ReadonlyArray<Problem> => {
  const idle = Object.keys(matrix).filter((key) => !tells(key, rows, ownId))
  if (idle.length > 0)
    return idle.map((key) => ({
      path: ["matrix", key],
      at: "key",
      message: `all values of ${key} come to the same trial; leave the list out`,
      ...(tells(key, rows, declaredId) ? { severity: "warning" as const } : {}),
    }))
  const names = new Map<string, string>()
  const repeats: Array<string> = []
  for (const { trials } of rows)
    for (const { control, id, name } of trials) {
      if (control !== undefined) continue
      const first = names.get(id)
      if (first === undefined) names.set(id, name)
      else if (first !== name) repeats.push(`"${name}" is "${first}"`)
    }
  const controls = new Map(
    rows.flatMap(({ trials }) =>
      trials.flatMap(({ control, id, name }) => {
        const own = names.get(id)
        return control === undefined || own === undefined || own === name ? [] : [[name, own]]
      }),
    ),
  )
  return [
    ...(repeats.length === 0
      ? []
      : [
          {
            path: [Object.keys(matrix).length > 0 ? "matrix" : "include"],
            at: "key" as const,
            message: `${repeats.length} of ${rows.length} combinations come to the trial of another (${repeats.slice(0, 3).join(", ")}${repeats.length > 3 ? ", ..." : ""}); each is run once`,
            severity: "warning" as const,
          },
        ]),
    ...[...controls].map(([name, own]) => ({
      path: ["controls"],
      message: `the control "${name}" is the trial "${own}" itself; it is run once`,
      severity: "warning" as const,
    })),
  ]
}

/** What a plan shows of its trials. */
const signature = (trials: ReadonlyArray<PlannedTrial>): string =>
  JSON.stringify(
    trials.map(({ control, execution, id, name, parameters }) => [
      id,
      name,
      control,
      parameters,
      execution,
    ]),
  )

const at = (set: Override, message: string) =>
  new DeclarationError({ ...set.at.value, path: formatPath(set.path), message })

/** The key that is unset is none that an experiment has. */
const unknownOf = (reader: CellReader, set: Override): string | undefined => {
  if (set.value !== null || intoSpace(set)) return undefined
  const { document } = reader.changed([])
  return unknownKeyAt(Experiment, assign(document.value, set.path, {}), set.path)
}

/** Each `--set` without which all is the same: a warning, or an error where it unsets a key that does not exist. */
export const idleSets = Effect.fnUntraced(function* <R>(
  sets: ReadonlyArray<Override>,
  rows: ReadonlyArray<ReadRow>,
  reader: CellReader,
  read: (cell: Cell, changes: ReadonlyArray<Override>) => Effect.Effect<Reading, never, R>,
) {
  const errors: Array<DeclarationError> = []
  const warnings: Array<DeclarationError> = []
  /** The experiment as it is decoded, which may lack what only the matrix gives. */
  const decoded = (changes: ReadonlyArray<Override>): string | undefined => {
    const { value } = inspect(Experiment, reader.changed(changes).document)
    return value === undefined ? undefined : canonicalJson(value)
  }
  const whole = decoded(sets)
  const isIdle = Effect.fnUntraced(function* (set: Override) {
    const fewer = sets.filter((other) => other !== set)
    if (!intoSpace(set)) {
      const isSame = whole !== undefined && decoded(fewer) === whole
      if (isSame || ofGrid(set)) return isSame
    }
    for (const { cell, changes, trials } of rows) {
      const without = yield* read(
        cell,
        changes.filter((other) => other !== set),
      )
      if (without.errors.length > 0 || signature(without.trials) !== signature(trials)) return false
    }
    return true
  })
  for (const set of sets) {
    // one that is given twice has been told
    if (sets.some((other) => other !== set && equal(other, set))) continue
    if (!(yield* isIdle(set))) continue
    const unknown = unknownOf(reader, set)
    if (unknown === undefined)
      warnings.push(at(set, "changes nothing; without it the plan is the same"))
    else errors.push(at(set, unknown))
  }
  return { errors, warnings }
})

/** Whether a change is seen in the grid, whatever its trials are. */
const ofGrid = ({ path }: Override): boolean => Object.hasOwn(Grid.fields, String(path[0]))
