/**
 * The state folder `.fliqs`: where it is and what lies where. The folder, not the process, is the record:
 *
 *     trials/<id>/trial.json              the resolved trial (`TrialFile`)
 *     trials/<id>/attempt.<n>/            one per process that ever trained it (`Fence`)
 *     trials/<id>/checkpoint/<step>-<attempt>.safetensors
 *     trials/<id>/model.safetensors       the network that it found (`train/KeptModel`)
 *     trials/<id>/spool...                what goes to the tracker (`track/Spool`)
 *     trials/<id>/heartbeat.json          what it is doing now (`Heartbeat`)
 *     trials/<id>/result.json             written once (`Result`)
 *     trials/<id>/log.txt                 what the process printed
 *     grids/<gridId>/grid.json            the trials of one experiment file
 *     lock/<n>.json                       who runs grids here (`Lock`)
 *     mlflow/                             the local tracking server
 *
 * Left out: the tracker's files inside it.
 */
import { Effect, FileSystem, Schema } from "effect"
import * as nodePath from "node:path"
import * as Durable from "../disk/Durable.ts"
import { stored } from "../disk/Patience.ts"
import { Resources } from "../experiment/Resources.ts"
import * as Record from "../disk/JsonRecord.ts"

export const folderName = ".fliqs"

/** The version of every JSON file of the state folder. */
export const { version } = Record

const isFolder = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.stat(path).pipe(
    Effect.map((info) => info.type === "Directory"),
    Effect.orElseSucceed(() => false),
  )
})

/**
 * The state folder for an experiment file: the `.fliqs` of its nearest ancestor folder that has one, else that of
 * `workingFolder`. It need not exist yet. Without a file the search starts at `workingFolder`.
 */
export const locate = Effect.fnUntraced(function* (
  experimentFile: string | undefined,
  workingFolder: string,
) {
  const start =
    experimentFile === undefined
      ? workingFolder
      : nodePath.dirname(nodePath.resolve(workingFolder, experimentFile))
  for (let folder = start; ; folder = nodePath.dirname(folder)) {
    const candidate = nodePath.join(folder, folderName)
    if (yield* isFolder(candidate)) return candidate
    if (nodePath.dirname(folder) === folder) break
  }
  return nodePath.join(nodePath.resolve(workingFolder), folderName)
})

const idPattern = /^[0-9a-f]{16}$/
/** Whether a text is a trial's id: 16 hex digits, so it can never lead out of the folder. */
export const isTrialId = (text: string): boolean => idPattern.test(text)

/** The lock of whoever runs grids here. */
export const lockFolder = (state: string): string => `${state}/lock`
export const trialFolder = (state: string, id: string): string => `${state}/trials/${id}`
export const trialFile = (state: string, id: string): string =>
  `${trialFolder(state, id)}/trial.json`
export const checkpointFolder = (state: string, id: string): string =>
  `${trialFolder(state, id)}/checkpoint`
/** The network that the trial found; what exports are written from. */
export const modelFile = (state: string, id: string): string =>
  `${trialFolder(state, id)}/model.safetensors`
export const resultFile = (state: string, id: string): string =>
  `${trialFolder(state, id)}/result.json`
export const heartbeatFile = (state: string, id: string): string =>
  `${trialFolder(state, id)}/heartbeat.json`
export const logFile = (state: string, id: string): string => `${trialFolder(state, id)}/log.txt`
export const gridFolder = (state: string, gridId: string): string => `${state}/grids/${gridId}`
export const gridFile = (state: string, gridId: string): string =>
  `${gridFolder(state, gridId)}/grid.json`

/** What a trial's process needs to know; how it is run may change between attempts, the declaration may not. */
export class TrialFile extends Schema.Opaque<TrialFile>()(
  Schema.Struct({
    version: Schema.Literal(version),
    id: Schema.String.check(Schema.isPattern(idPattern)),
    gridId: Schema.String,
    experiment: Schema.String,
    name: Schema.String,
    /** What distinguishes this trial from others of its grid: its cell of the matrix. */
    cell: Schema.Record(Schema.String, Schema.String),
    /** All of it, flat, as the tracker gets it. */
    parameters: Schema.Record(Schema.String, Schema.String),
    declaration: Schema.Unknown,
    /** Training steps of the whole trial. */
    steps: Schema.Int,
    tags: Schema.Record(Schema.String, Schema.String),
    /** How the tracker names it among the trials of its grid; absent in records of earlier versions. */
    labels: Schema.optionalKey(
      Schema.Struct({
        /** Begins with what differs: `s2 x1.5 reinforce`. */
        name: Schema.String,
        /** The same for trials that differ only in their seed. */
        arm: Schema.String,
        cell: Schema.String,
        /** `#rrggbb`, one hue for each arm. */
        color: Schema.optionalKey(Schema.String),
      }),
    ),
    execution: Schema.Struct({
      threads: Schema.Int,
      /** Completed steps between two checkpoints. */
      checkpointEvery: Schema.Int,
      eager: Schema.Boolean,
      /** What paths in the declaration are relative to: the folder of the experiment file. */
      folder: Schema.optionalKey(Schema.String),
      /** Where the initial weights are that the declaration knows by their digest. */
      initial: Schema.optionalKey(Schema.String),
      /** What an engine asks its scheduler for. */
      resources: Schema.optionalKey(Resources),
      /** Seconds that it may train, all attempts together. */
      timeout: Schema.optionalKey(Schema.Finite),
    }),
  }),
) {}

/** One experiment file as it was last run. */
export class GridFile extends Schema.Opaque<GridFile>()(
  Schema.Struct({
    version: Schema.Literal(version),
    gridId: Schema.String,
    experiment: Schema.String,
    name: Schema.String,
    file: Schema.String,
    /** What runs its trials when that is not the `run` itself: they go on without it. */
    engine: Schema.optionalKey(Schema.String),
    trials: Schema.Array(Schema.String),
    /** Milliseconds since 1970. */
    startedAt: Schema.Int,
  }),
) {}

export const readTrial = Record.reader(TrialFile)
export const readGrid = Record.reader(GridFile)

/**
 * Makes a trial's folder with its `trial.json`. An existing one keeps the grid that first planned it and, since results
 * depend on them to the last bit, its threads.
 */
export const writeTrial = Effect.fnUntraced(function* (state: string, trial: TrialFile) {
  const fs = yield* FileSystem.FileSystem
  const folder = checkpointFolder(state, trial.id)
  yield* fs.makeDirectory(folder, { recursive: true }).pipe(stored("create", folder))
  const path = trialFile(state, trial.id)
  const before = yield* readTrial(path)
  const written =
    before === undefined
      ? trial
      : {
          ...trial,
          gridId: before.gridId,
          execution: { ...trial.execution, threads: before.execution.threads },
        }
  if (before !== undefined && JSON.stringify(before) === JSON.stringify(written)) return
  yield* Record.write(path, written)
})

export const writeGrid = Effect.fnUntraced(function* (state: string, grid: GridFile) {
  const fs = yield* FileSystem.FileSystem
  const folder = gridFolder(state, grid.gridId)
  yield* fs.makeDirectory(folder, { recursive: true }).pipe(stored("create", folder))
  yield* Record.write(gridFile(state, grid.gridId), grid)
})

const entries = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  if (!(yield* isFolder(folder))) return []
  return yield* fs.readDirectory(folder).pipe(stored("list", folder))
})

/** Ids of all trials that were ever started here. */
export const trialIds = (state: string) =>
  Effect.map(entries(`${state}/trials`), (names) => names.filter(isTrialId).sort())

/** Ids of all grids that were ever run here. */
export const gridIds = (state: string) =>
  Effect.map(entries(`${state}/grids`), (names) => names.filter(isTrialId).sort())
/** The folders of a trial that files are written in. */
export const foldersOfTrial = (state: string, id: string): ReadonlyArray<string> => {
  const folder = trialFolder(state, id)
  return [folder, `${folder}/checkpoint`, `${folder}/artifacts`]
}

/** Removes what writers that were killed long ago have left in the folder, and in those of these trials. */
export const sweep = Effect.fnUntraced(function* (state: string, ids: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const inside = (folder: string) =>
    Effect.map(
      Effect.orElseSucceed(fs.readDirectory(folder), () => []),
      (names) => names.map((name) => `${folder}/${name}`),
    )
  const folders = [
    state,
    `${state}/mlflow`,
    `${state}/lock`,
    ...(yield* inside(`${state}/grids`)),
    ...ids.flatMap((id) => foldersOfTrial(state, id)),
  ]
  yield* Effect.forEach(folders, (folder) => Durable.sweep(folder, "stale"), { discard: true })
})
