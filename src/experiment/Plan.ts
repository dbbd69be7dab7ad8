/**
 * An experiment file -> its plan: every trial resolved, named and with its id (matrix x controls; seeds are a list of the matrix).
 *
 * Left out: the matrix itself (`Matrix.ts`), changes by path (`Overrides.ts`), what only a built network can say (`Checks.ts`).
 */
import * as nodePath from "node:path"
import { Effect, Schema } from "effect"
import type { FileSystem } from "effect"
import { type Check, inspect, valueAt } from "../declaration/Decode.ts"
import type { Document } from "../declaration/Document.ts"
import {
  DeclarationError,
  type DeclarationErrors,
  formatPath,
  type Path,
  type Problem,
} from "../declaration/Errors.ts"
import { FilePath } from "../declaration/Field.ts"
import type { Space } from "../model/Network.ts"
import { canonicalJson, idOf } from "./Canonical.ts"
import { builtOf, type Checks, networkChecks } from "./Checks.ts"
import { Experiment, experimentProblems, type InitialSource, type Track } from "./Experiment.ts"
import { Files } from "./Files.ts"
import { Findings, locateTrial } from "./Findings.ts"
import { type Initial, readInitial, type TrialWeights } from "./Initial.ts"
import { type Cell, cells, matrixProblems } from "./Matrix.ts"
import { apply, type Override, parsePath, parseSet } from "./Overrides.ts"
import { declare, type PlannedTrial, planCell, shortKeys } from "./PlannedTrial.ts"

export type { PlannedTrial } from "./PlannedTrial.ts"

export interface Options {
  /** `path=value` as given to `--set`. */
  readonly sets?: ReadonlyArray<string>
  /** Allows more than a thousand cells. */
  readonly yes?: boolean
  /** Finds the weights of finished trials, where there is a state folder. */
  readonly trialWeights?: TrialWeights
  /** Other checks than those of the built network, for tests. */
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

/** The id of a set of trials: the same trials are the same grid, whatever the file is called. */
export const gridId = (trialIds: Iterable<string>): string => idOf([...new Set(trialIds)].sort())

/** Everything the file and its spaces say, or everything that is wrong with them. */
export const expand = Effect.fn("Plan.expand")(function* (
  document: Document,
  options: Options = {},
): Effect.fn.Return<Plan, DeclarationErrors, FileSystem.FileSystem> {
  const found = new Findings()
  const folder = nodePath.dirname(document.file)
  const checks: Checks = { ...networkChecks(folder), ...options.checks }
  const rules: Check<Experiment> = (experiment) => experimentProblems(experiment, folder)
  const sets = (options.sets ?? []).flatMap((text, i) => {
    const result = parseSet(text, i + 1)
    if (result._tag === "Success") return [result.success]
    found.add([result.failure])
    return []
  })
  const spaceSets = sets.filter(intoSpace).map(withinSpace)
  const base = apply(
    document,
    sets.filter((set) => !intoSpace(set)),
  )
  found.add(base.errors)
  const files = new Files(document.file, checks.space)

  const whole = inspect(Experiment, base.document, (experiment) =>
    matrixProblems(experiment, options.yes ?? false),
  )
  found.add(whole.errors)
  const experiment = whole.value
  if (experiment === undefined) {
    // No cells are made of a wrong file; the rules of the file and its space are still looked at.
    const path = valueAt(base.document.value, ["space"])
    const space = isFilePath(path) ? yield* files.space(base.document, path, spaceSets) : undefined
    found.add(space?.errors ?? [])
    found.add(inspect(Experiment, base.document, rulesOf(checks, space?.value, rules)).errors)
    return yield* found.fail()
  }

  const name = experiment.name ?? nodePath.basename(document.file).replace(/\.[^.]*$/, "")
  const trials = new Map<string, PlannedTrial>()
  const labels = shortKeys(Object.keys(experiment.matrix ?? {}))
  const placeOf = placesOf(experiment)
  const weightsOf = makeWeightsOf(nodePath.dirname(document.file), options.trialWeights)
  for (const cell of cells(experiment)) {
    const overrides = overridesOf(cell, placeOf, base.document, found)
    const changed = apply(
      base.document,
      overrides.filter((override) => !intoSpace(override)),
    )
    found.add(changed.errors)
    const inspected = inspect(Experiment, changed.document, rules)
    found.add(inspected.errors)
    found.warn(inspected.warnings)
    const spacePath = valueAt(changed.document.value, ["space"])
    if (isFilePath(spacePath)) {
      const intoIts = [...spaceSets, ...overrides.filter(intoSpace).map(withinSpace)]
      const space = yield* files.space(changed.document, spacePath, intoIts)
      found.add(space.errors)
      found.warn(space.warnings)
      if (inspected.value !== undefined && space.value !== undefined) {
        const parts = [{ path: ["space"], document: space.document }]
        const { search } = inspected.value
        const file = search.kind === "fixed" ? search.assignment : undefined
        const assignment =
          typeof file === "string" ? yield* files.assignment(changed.document, file) : undefined
        if (assignment !== undefined) {
          found.add(assignment.errors)
          parts.push({ path: ["search", "assignment"], document: assignment.document })
        }
        const table = tableFile(inspected.value)
        const latencyTable =
          table === undefined ? undefined : yield* files.latencyTable(changed.document, table)
        if (latencyTable !== undefined) {
          found.add(latencyTable.errors)
          parts.push({ path: ["reward", "cost", "table"], document: latencyTable.document })
          if (latencyTable.document === changed.document)
            found.add([
              locateTrial(
                {
                  path: ["reward", "cost", "table"],
                  message: `the table cannot be read; measure one by fliqs latency ${space.document.file} --out FILE`,
                },
                changed.document,
                [],
              ),
            ])
        }
        const source = inspected.value.train.initial
        const initial = source === undefined ? undefined : yield* weightsOf(source, space.value)
        if (initial !== undefined && "message" in initial) {
          found.add([locateTrial(initial, changed.document, [])])
          continue
        }
        const planned = planCell(
          {
            name,
            cell,
            labels,
            experiment: inspected.value,
            space: space.value,
            ...(assignment?.value === undefined ? {} : { assignment: assignment.value }),
            ...(latencyTable?.value === undefined
              ? {}
              : {
                  latencyTable: latencyTable.value,
                  fill: fillCommand(space.document, intoIts, latencyTable.document),
                }),
            ...(initial === undefined ? {} : { initial }),
          },
          checks,
        )
        found.add(planned.problems.map((problem) => locateTrial(problem, changed.document, parts)))
        for (const trial of planned.trials) if (!trials.has(trial.id)) trials.set(trial.id, trial)
      }
    }
    if (found.full) break
  }
  if (found.some) return yield* found.fail()
  if (trials.size === 0)
    return yield* found.failWith(base.document, {
      path: ["exclude"],
      at: "key",
      message: "every cell of the matrix is excluded; leave at least one",
    })
  return {
    gridId: gridId(trials.keys()),
    name,
    description: experiment.description,
    file: document.file,
    track: experiment.track,
    trials: [...trials.values()],
    warnings: found.warnings,
  }
})

/** The file of a latency table. */
const tableFile = ({ reward }: Experiment): string | undefined =>
  reward?.cost.kind === "latency" && typeof reward.cost.table === "string"
    ? reward.cost.table
    : undefined

/** What measures the times that a table lacks for a variant of a space. */
const fillCommand = (
  space: Document,
  changes: ReadonlyArray<Override>,
  table: Document,
): string => {
  const sets = changes.map(({ path, value }) => {
    const text = `${formatPath(path)}=${typeof value === "string" ? value : JSON.stringify(value)}`
    return ` --set ${/^[\w.=-]+$/.test(text) ? text : `'${text}'`}`
  })
  return `fliqs latency ${space.file}${sets.join("")} --out ${table.file}`
}

/** Reads each initial weights once for each space. */
const makeWeightsOf = (folder: string, ofTrial: TrialWeights | undefined) => {
  const known = new Map<string, Initial | Problem>()
  return Effect.fnUntraced(function* (source: InitialSource, space: Space) {
    const { network } = builtOf(space)
    if (network === undefined) return undefined
    const key = canonicalJson([source, space])
    const read = known.get(key) ?? (yield* readInitial(source, folder, network, ofTrial))
    known.set(key, read)
    return read
  })
}

const isFilePath = Schema.is(FilePath)

const intoSpace = (override: Override): boolean =>
  override.path[0] === "space" && override.path.length > 1

const withinSpace = (override: Override): Override => ({
  ...override,
  path: override.path.slice(1),
})

const spaceFirst = ({ path }: Override): number =>
  path.length === 1 && path[0] === "space" ? 0 : 1

/** The changes of a cell, `space` first, each with the place in the matrix it comes from. */
const overridesOf = (
  cell: Cell,
  placeOf: (key: string, value: unknown) => Path,
  document: Document,
  found: Findings,
): ReadonlyArray<Override> => {
  const changes = Object.entries(cell).flatMap(([key, value]): ReadonlyArray<Override> => {
    const place = placeOf(key, value)
    const at = {
      key: document.locate(place.slice(0, place[0] === "matrix" ? 2 : 3), "key"),
      value: document.locate(place),
    }
    const path = parsePath(key)
    const first = path?.[0]
    if (path === undefined || first === undefined || notVaried.has(String(first))) {
      found.add([
        new DeclarationError({
          ...at.key,
          path: formatPath(place),
          message: `${key} cannot be varied; give the path of a setting, such as train.steps or space.widthMultiplier`,
        }),
      ])
      return []
    }
    return [{ path, value, at }]
  })
  return [...changes].sort((a, b) => spaceFirst(a) - spaceFirst(b))
}

/** Keys that are not a trial's own. */
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

/** All rules at once, for a file of a wrong shape: those of the network too when there is one and no cell can change it. */
const rulesOf =
  (checks: Checks, space: Space | undefined, rules: Check<Experiment>): Check<Experiment> =>
  (experiment) => [
    ...rules(experiment),
    ...(space === undefined || experiment.matrix !== undefined
      ? []
      : checks.trial(declare({ experiment, space }))),
  ]

/** Where the value of a key of a cell was written: in the matrix, else in `include`. */
const placesOf = (experiment: Experiment): ((key: string, value: unknown) => Path) => {
  const places = new Map<string, Path>()
  const note = (key: string, value: unknown, path: Path) => {
    const text = canonicalJson([key, value])
    if (!places.has(text)) places.set(text, path)
  }
  for (const [key, list] of Object.entries(experiment.matrix ?? {}))
    list.forEach((value, i) => note(key, value, ["matrix", key, i]))
  for (const [i, extra] of (experiment.include ?? []).entries())
    for (const [key, value] of Object.entries(extra)) note(key, value, ["include", i, key])
  return (key, value) => places.get(canonicalJson([key, value])) ?? ["matrix"]
}
