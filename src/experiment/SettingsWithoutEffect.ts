/**
 * Settings without effect: `--set` without which the plan is the same, lists of the matrix whose values all give one trial,
 * combinations and controls that repeat another trial.
 *
 * Left out: values that a later change replaces (`Shadows.ts`), settings that nothing reads (`Unread.ts`).
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

/** A cell with its changes and its trials. */
export interface ReadRow {
  readonly cell: Cell
  /** Those of `--set` come first. */
  readonly changes: ReadonlyArray<Override>
  readonly trials: ReadonlyArray<PlannedTrial>
}

const own = ({ trials }: ReadRow): PlannedTrial | undefined =>
  trials.find(({ control }) => control === undefined)

const ownId = (row: ReadRow): string | undefined => own(row)?.id

/** The id of a trial as declared: a trial that is trained without a target may be declared with several. */
const declaredId = (row: ReadRow): string | undefined => {
  const former = own(row)?.former[0]
  return former === undefined ? ownId(row) : trialId(former)
}

/** Whether some two cells that differ in this key alone give different trials; true if there are no two such cells. */
const makesADifference = (
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

/** Lists of the matrix that make no difference; else combinations and controls that repeat another trial. */
export const cellsWithoutEffect = (
  rows: ReadonlyArray<ReadRow>,
  { matrix = {} }: MatrixFields,
): ReadonlyArray<Problem> => {
  const idle = Object.keys(matrix).filter((key) => !makesADifference(key, rows, ownId))
  if (idle.length > 0)
    return idle.map((key) => ({
      path: ["matrix", key],
      at: "key",
      message: `all values of ${key} give the same trial; leave the list out`,
      ...(makesADifference(key, rows, declaredId) ? { severity: "warning" as const } : {}),
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
            message: `${repeats.length} of ${rows.length} combinations give the same trial as another (${repeats.slice(0, 3).join(", ")}${repeats.length > 3 ? ", ..." : ""}); each is run once`,
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

/** Whether a change unsets a key that an experiment does not have. */
const unknownOf = (reader: CellReader, set: Override): string | undefined => {
  if (set.value !== null || intoSpace(set)) return undefined
  const { document } = reader.changed([])
  return unknownKeyAt(Experiment, assign(document.value, set.path, {}), set.path)
}

/** Each `--set` without effect: a warning, or an error if it unsets a key that does not exist. */
export const setsWithoutEffect = Effect.fnUntraced(function* <R>(
  sets: ReadonlyArray<Override>,
  rows: ReadonlyArray<ReadRow>,
  reader: CellReader,
  read: (cell: Cell, changes: ReadonlyArray<Override>) => Effect.Effect<Reading, never, R>,
) {
  const errors: Array<DeclarationError> = []
  const warnings: Array<DeclarationError> = []
  /** The decoded experiment, which may lack values that only the matrix gives. */
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
    // A change that is given twice is reported already.
    if (sets.some((other) => other !== set && equal(other, set))) continue
    if (!(yield* isIdle(set))) continue
    const unknown = unknownOf(reader, set)
    if (unknown === undefined)
      warnings.push(at(set, "changes nothing; without it the plan is the same"))
    else errors.push(at(set, unknown))
  }
  return { errors, warnings }
})

/** Whether a change alters the grid, whatever its trials are. */
const ofGrid = ({ path }: Override): boolean => Object.hasOwn(Grid.fields, String(path[0]))
