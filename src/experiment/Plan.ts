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
import type { Space } from "../model/Network.ts"
import type { Trial } from "../train/Trial.ts"
import { canonicalJson, idOf } from "./Canonical.ts"
import { spaceProblems, trialProblems, uniformOf } from "./Checks.ts"
import { type Control, Experiment, experimentProblems, FilePath, type Track } from "./Experiment.ts"
import { Findings, locateTrial } from "./Findings.ts"
import { type Cell, cells, matrixProblems } from "./Matrix.ts"
import { apply, type Override, parsePath, parseSet } from "./Overrides.ts"
import { flatten, plainDecimal } from "./Parameters.ts"
import { Spaces } from "./Spaces.ts"

export interface Options {
  /** `path=value` as given to `--set`. */
  readonly sets?: ReadonlyArray<string>
  /** Allows more than a thousand cells. */
  readonly yes?: boolean
  /** Other checks than those of the built network, for tests. */
  readonly checks?: Partial<Checks>
}

/** What is asked of the network of a space. */
export interface Checks {
  /** Problems of a space, by paths into it. */
  readonly space: Check<Space>
  /** Problems of a trial whose space has none, by paths into the experiment, or `space` and a path into that. */
  readonly trial: Check<Trial>
  /** The dearest single format that the space offers within the target; a Problem when there is none. */
  readonly uniform: (trial: Trial) => string | Problem
}

export interface PlannedTrial {
  readonly id: string
  /** `times=1.1 seed=2`, `uniform INT4 seed=2`; the experiment's name when there is only one. */
  readonly name: string
  /** Undefined for a trial of the matrix itself. */
  readonly control: Control | undefined
  /** What tells it from its siblings: the cell, `search.kind`. */
  readonly cell: Readonly<Record<string, string>>
  /** All of it, flat: `search.kind`, `reward.cost.target.times`, ... */
  readonly parameters: Readonly<Record<string, string>>
  readonly declaration: Trial
  /** Threads and checkpoint interval: how it runs, not what it is. */
  readonly execution: { readonly threads: number | undefined; readonly checkpointEvery: number }
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

/** What an id is made from: the trial without the name of its space. */
export const identity = (trial: Trial): unknown => {
  const { name: _, ...space } = trial.space
  return { ...trial, space }
}

/** First 16 hex digits of sha256 over the canonical JSON of the trial's identity. */
export const trialId = (trial: Trial): string => idOf(identity(trial))

/** The id of a set of trials: the same trials are the same grid, whatever the file is called. */
export const gridId = (trialIds: Iterable<string>): string => idOf([...new Set(trialIds)].sort())

/** Everything the file and its spaces say, or everything that is wrong with them. */
export const expand = Effect.fn("Plan.expand")(function* (
  document: Document,
  options: Options = {},
): Effect.fn.Return<Plan, DeclarationErrors, FileSystem.FileSystem> {
  const found = new Findings()
  const checks: Checks = {
    space: spaceProblems,
    trial: trialProblems,
    uniform: uniformOf,
    ...options.checks,
  }
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
  const spaces = new Spaces(document.file, checks.space)

  const whole = inspect(Experiment, base.document, (experiment) =>
    matrixProblems(experiment, options.yes ?? false),
  )
  found.add(whole.errors)
  const experiment = whole.value
  if (experiment === undefined) {
    // No cells are made of a wrong matrix; the rules of the file and its space are still looked at.
    const partial = inspect(Experiment, base.document, experimentProblems)
    found.add(partial.errors)
    const path = valueAt(base.document.value, ["space"])
    if (isFilePath(path)) found.add((yield* spaces.inspect(base.document, path, spaceSets)).errors)
    return yield* found.fail()
  }

  const name = experiment.name ?? nodePath.basename(document.file).replace(/\.[^.]*$/, "")
  const trials = new Map<string, PlannedTrial>()
  const labels = shortKeys(Object.keys(experiment.matrix ?? {}))
  for (const cell of cells(experiment)) {
    const overrides = overridesOf(cell, experiment, base.document, found)
    const changed = apply(
      base.document,
      overrides.filter((override) => !intoSpace(override)),
    )
    found.add(changed.errors)
    const inspected = inspect(Experiment, changed.document, experimentProblems)
    found.add(inspected.errors)
    found.warn(inspected.warnings)
    const spacePath = valueAt(changed.document.value, ["space"])
    if (isFilePath(spacePath)) {
      const space = yield* spaces.inspect(changed.document, spacePath, [
        ...spaceSets,
        ...overrides.filter(intoSpace).map(withinSpace),
      ])
      found.add(space.errors)
      found.warn(space.warnings)
      if (inspected.value !== undefined && space.value !== undefined)
        for (const planned of plan(
          inspected.value,
          space.value,
          cell,
          labels,
          name,
          checks,
          (problem) => locateTrial(problem, changed.document, space.document),
        )) {
          if (planned instanceof DeclarationError) found.add([planned])
          else if (!trials.has(planned.id)) trials.set(planned.id, planned)
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

/** The trial of one cell and its controls. */
const plan = function* (
  experiment: Experiment,
  space: Space,
  cell: Cell,
  labels: ReadonlyMap<string, string>,
  name: string,
  checks: Checks,
  locate: (problem: Problem) => DeclarationError,
): Generator<PlannedTrial | DeclarationError> {
  const { checkpointEvery, ...train } = experiment.train
  const { data, search, reward, finish, seed, threads, controls } = experiment
  const { $schema: _s, description: _d, ...declaredSpace } = space
  const declaration: Trial = {
    data,
    search,
    ...(reward === undefined ? {} : { reward }),
    finish,
    seed,
    train,
    space: declaredSpace,
  }
  const make = (trial: Trial, control: Control | undefined, label: string): PlannedTrial => {
    const { space: shown, ...rest } = trial
    const varied = Object.entries(cell).map(
      ([key, value]) => [key, flatten({ [key]: value })] as const,
    )
    const words = Object.entries(cell).map(
      ([key, value]) => `${labels.get(key) ?? key}=${short(value)}`,
    )
    return {
      id: trialId(trial),
      name:
        [label, ...words]
          .filter((word) => word !== "")
          .join(" ")
          .slice(0, 200) || name,
      control,
      cell: {
        ...Object.assign({}, ...varied.map(([, flat]) => flat)),
        "search.kind": trial.search.kind,
      },
      parameters: {
        name,
        "space.name": shown.name,
        ...Object.assign(
          {},
          ...varied.filter(([key]) => key.startsWith("space.")).map(([, flat]) => flat),
        ),
        ...flatten(rest),
        ...(control === undefined ? {} : { control }),
      },
      declaration: trial,
      execution: { threads, checkpointEvery },
    }
  }
  const problems = checks.trial(declaration)
  for (const problem of problems) yield locate(problem)
  if (problems.length > 0) return
  yield make(declaration, undefined, "")
  if (controls.includes("uniform")) {
    const uniform = checks.uniform(declaration)
    if (typeof uniform !== "string") yield locate(uniform)
    else
      yield make(
        { ...declaration, search: { kind: "fixed", uniform } as Trial["search"] },
        "uniform",
        `uniform ${uniform}`,
      )
  }
  if (controls.includes("random"))
    yield make({ ...declaration, search: { kind: "random" } as never }, "random", "random")
}

const isFilePath = Schema.is(FilePath)

const intoSpace = (override: Override): boolean =>
  override.path[0] === "space" && override.path.length > 1

const withinSpace = (override: Override): Override => ({
  ...override,
  path: override.path.slice(1),
})

/** The changes of a cell, `space` first, each with the place in the matrix it comes from. */
const overridesOf = (
  cell: Cell,
  experiment: Experiment,
  document: Document,
  found: Findings,
): ReadonlyArray<Override> => {
  const changes = Object.entries(cell).flatMap(([key, value]): ReadonlyArray<Override> => {
    const place = placeOf(key, value, experiment)
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
  const isSpace = (change: Override) =>
    change.path.length === 1 && change.path[0] === "space" ? 0 : 1
  return [...changes].sort((a, b) => isSpace(a) - isSpace(b))
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

const placeOf = (key: string, value: unknown, experiment: Experiment): Path => {
  const text = canonicalJson(value)
  const index = (experiment.matrix?.[key] ?? []).findIndex((item) => canonicalJson(item) === text)
  if (index >= 0) return ["matrix", key, index]
  const entry = (experiment.include ?? []).findIndex(
    (extra) => key in extra && canonicalJson(extra[key]) === text,
  )
  return ["include", entry, key]
}

/** The last part of each path, or as many as tell it from the others: `times`, `seed`. */
const shortKeys = (keys: ReadonlyArray<string>): ReadonlyMap<string, string> => {
  const last = (key: string, parts: number) => key.split(".").slice(-parts).join(".")
  return new Map(
    keys.map((key) => {
      let parts = 1
      while (
        keys.some((other) => other !== key && last(other, parts) === last(key, parts)) &&
        parts < 50
      )
        parts++
      return [key, last(key, parts)]
    }),
  )
}

const short = (value: unknown): string => {
  if (typeof value === "number") return plainDecimal(value)
  const text = typeof value === "string" ? value : canonicalJson(value)
  return text.length > 40 ? `${text.slice(0, 37)}...` : text
}
