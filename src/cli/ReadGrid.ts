/**
 * The trials that a command line names, read once: of an experiment file, of a state folder, or of an experiment in it.
 *
 *     experiments/x.yaml      the trials of its plan, in the state folder that goes with it or of --state
 *     quickstart              the grid of that name that was run last there; or the beginning of a grid's id
 *     ../other                the state folder there, or the .fliqs in that folder
 *     ../other:quickstart     one experiment or grid of that state folder
 *
 * Left out: what is made of them (`report/`), how it is printed (`table/`).
 */
import { Effect, FileSystem, type Option } from "effect"
import * as nodePath from "node:path"
import { didYouMean } from "../declaration/Suggest.ts"
import { pathText, printable } from "../declaration/Errors.ts"
import type { Plan } from "../experiment/Plan.ts"
import * as Grids from "../orchestrator/Grids.ts"
import { trackedExperiment } from "../orchestrator/Planned.ts"
import type { Summary } from "../orchestrator/Result.ts"
import * as State from "../orchestrator/State.ts"
import { totalSteps } from "../train/TrainSpec.ts"
import { Wrong } from "./ErrorMessages.ts"
import { readPlan, stateFolder } from "./Locations.ts"
import { note } from "./Output.ts"
import { damageWords, type Known, readAll } from "./Trials.ts"

export interface Entry {
  readonly known: Known<Summary>
  readonly gridIds: ReadonlyArray<string>
}

export interface ReadGrid {
  /** As a person calls it: the name of the experiment. */
  readonly name: string
  readonly folder: string
  readonly entries: ReadonlyArray<Entry>
  /** Of an experiment file. */
  readonly plan?: Plan
}

/** The trials of these ids that a state folder has; damaged ones are told. */
export const readEntries = Effect.fnUntraced(function* (
  folder: string,
  ids: ReadonlyArray<string>,
) {
  const memberships = yield* Grids.memberships(folder)
  const entries = (yield* readAll(folder, ids)).map((known): Entry => ({
    known,
    gridIds: Grids.gridIdsOf(known.trial, memberships),
  }))
  for (const { damage, trial } of entries.map(({ known }) => known))
    if (damage !== undefined) yield* note(`warning: ${damageWords(`trial ${trial.id}`, damage)}`)
  return entries
})

/** The trials of a plan, those that have not begun too, as the plan describes them. */
const ofPlan = Effect.fnUntraced(function* (folder: string, plan: Plan) {
  const begun = yield* readEntries(
    folder,
    plan.trials.map(({ id }) => id),
  )
  const byId = new Map(begun.map((entry) => [entry.known.trial.id, entry]))
  const experiment = trackedExperiment(plan)
  return plan.trials.map((trial): Entry => {
    const { cell, declaration, id, name, parameters } = trial
    const found = byId.get(id)
    const described = { id, name, experiment, cell, parameters, steps: totalSteps(declaration) }
    return found === undefined
      ? {
          known: {
            trial: { ...described, gridId: plan.gridId },
            state: "planned",
            step: 0,
            result: undefined,
            heartbeat: undefined,
            metrics: {},
            damage: undefined,
          },
          gridIds: [plan.gridId],
        }
      : {
          ...found,
          known: { ...found.known, trial: { ...described, gridId: found.known.trial.gridId } },
        }
  })
})

const typeOf = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.stat(path).pipe(
    Effect.map(({ type }) => type),
    Effect.orElseSucceed(() => undefined),
  )
})

/** The state folder that a folder is or has; undefined for a folder without. */
const stateIn = Effect.fnUntraced(function* (folder: string) {
  for (const candidate of [nodePath.join(folder, State.folderName), folder])
    if ((yield* typeOf(`${candidate}/trials`)) === "Directory") return candidate
  return undefined
})

const requireState = Effect.fnUntraced(function* (folder: string) {
  const found = yield* stateIn(folder)
  if (found !== undefined) return found
  return yield* new Wrong({
    message: `${pathText(folder)} is no state folder and has none; a folder with ${State.folderName} in it, or an experiment file would be right`,
  })
})

/** The grid of a state folder by the name of its experiment or the beginning of its id; of several the last one run. */
const ofName = Effect.fnUntraced(function* (folder: string, name: string) {
  const grids = yield* Grids.readAll(folder)
  const named = grids.filter((grid) => grid.experiment === name || grid.name === name)
  const found =
    named.at(-1) ??
    (/^[0-9a-f]{4,16}$/.test(name)
      ? grids.findLast(({ gridId }) => gridId.startsWith(name))
      : undefined)
  if (found === undefined) {
    const names = [...new Set(grids.map((grid) => grid.name))]
    return yield* new Wrong({
      message: `${printable(name)} is no experiment file, no folder, and no experiment in ${pathText(folder)}${names.length === 0 ? "" : `; ${didYouMean(name, names)}`}`,
    })
  }
  const entries = yield* readEntries(folder, found.trials)
  return { name: found.name, folder, entries } satisfies ReadGrid
})

/** All of a state folder, which must hold one experiment only. */
const ofFolder = Effect.fnUntraced(function* (folder: string, given: string) {
  const names = [...new Set((yield* Grids.readAll(folder)).map(({ name }) => name))]
  const [only] = names
  if (names.length > 1)
    return yield* new Wrong({
      message: `${pathText(folder)} has ${names.length} experiments: ${names.slice(0, 12).join(", ")}; ${pathText(given)}:${only} would name one`,
    })
  if (only !== undefined) return yield* ofName(folder, only)
  const entries = yield* readEntries(folder, yield* State.trialIds(folder))
  return { name: nodePath.basename(nodePath.resolve(given)), folder, entries } satisfies ReadGrid
})

/** `DIR:NAME` as a state folder and a name in it; any other word is a name in the state folder of `--state`. */
export const folderAndName = Effect.fnUntraced(function* (
  given: string,
  state: Option.Option<string>,
) {
  const colon = given.lastIndexOf(":")
  const folder = given.slice(0, colon)
  return colon > 0 && (yield* typeOf(folder)) === "Directory"
    ? { folder: yield* requireState(folder), name: given.slice(colon + 1) }
    : { folder: yield* stateFolder(state), name: given }
})

/** The trials of `EXPERIMENT`, as the head of this file lists them. */
export const readGrid = Effect.fnUntraced(function* (
  command: "best" | "compare",
  input: {
    readonly experiment: string
    readonly set: ReadonlyArray<string>
    readonly yes: boolean
    readonly state: Option.Option<string>
  },
): Effect.fn.Return<ReadGrid, GridErrors, FileSystem.FileSystem> {
  const { experiment } = input
  const type = yield* typeOf(experiment)
  if (type === "Directory") return yield* ofFolder(yield* requireState(experiment), experiment)
  if (type === undefined && !/\.ya?ml$/.test(experiment)) {
    const { folder, name } = yield* folderAndName(experiment, input.state)
    return yield* ofName(folder, name)
  }
  const { folder, plan } = yield* readPlan(command, input)
  return { name: plan.name, folder, plan, entries: yield* ofPlan(folder, plan) }
})

type GridErrors =
  | Effect.Error<ReturnType<typeof readPlan>>
  | Effect.Error<ReturnType<typeof ofName>>
  | Effect.Error<ReturnType<typeof ofFolder>>
