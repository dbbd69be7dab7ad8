/**
 * What a process that sends to MLflow knows while it does: which runs it watches, the server once it is found, what keeps
 * it from sending. Left out: the sending itself (`SendingRounds.ts`), links (`RunLinks.ts`).
 */
import { Effect, FileSystem, Layer, Path, Scope, Semaphore } from "effect"
import type { TrackerError } from "./Errors.ts"
import * as MlflowHttp from "./mlflow/MlflowHttp.ts"
import type { RunFolder } from "./RunFolder.ts"
import * as Sent from "./Sent.ts"
import type { Settings } from "./TrackingSettings.ts"

/** How the sending stands. */
export interface Status {
  /** The server's address without secrets, once it is known. */
  readonly server: string | undefined
  /** What keeps it from sending right now. */
  readonly problem: TrackerError | undefined
}

/** The grids that each trial is of, by ids: what the state folder says. */
export type Memberships = ReadonlyMap<string, ReadonlyArray<string>>

/** A run whose spool is sent. */
export interface Watched {
  readonly folder: string
  readonly kind: "grid" | "trial"
  /** Whether the server still has it was looked at. */
  isVerified: boolean
}

interface Options {
  /** The absolute path of the `.fliqs` folder. */
  readonly stateFolder: string
  /** Asked when more is watched. */
  readonly memberships: Effect.Effect<Memberships>
  /** Finds the server, and starts it if it must. */
  readonly findSettings: Effect.Effect<Settings, TrackerError>
}

/** The state of the sending; its steps change it. */
export interface Sending extends Options {
  readonly scope: Scope.Scope
  readonly oneAtATime: Semaphore.Semaphore
  readonly watched: Map<string, Watched>
  /** By address: what was made once is used again. */
  readonly connections: Map<string, MlflowHttp.MlflowHttp>
  /** The one in use. */
  connection: MlflowHttp.MlflowHttp | undefined
  /** Stays when the connection is dropped, so that links and counts do too. */
  known: Settings | undefined
  /** Why the last round failed. */
  problem: TrackerError | undefined
  /** Why there is no server, and will be none in this process. */
  missing: TrackerError | undefined
  /** Why a run cannot be sent at all; the first of them. */
  unsendable: TrackerError | undefined
  knownMemberships: Memberships | undefined
}

export const make = Effect.fnUntraced(function* (options: Options) {
  const sending: Sending = {
    ...options,
    scope: yield* Effect.scope,
    oneAtATime: yield* Semaphore.make(1),
    watched: new Map(),
    connections: new Map(),
    connection: undefined,
    known: undefined,
    problem: undefined,
    missing: undefined,
    unsendable: undefined,
    knownMemberships: undefined,
  }
  return sending
})

/** Sends the spool of this run from now on. */
export const watch = Effect.fnUntraced(function* (
  sending: Sending,
  folder: string,
  kind: Watched["kind"],
) {
  const path = yield* Path.Path
  const resolved = path.resolve(folder)
  if (sending.watched.has(resolved)) return
  sending.watched.set(resolved, { folder: resolved, kind, isVerified: false })
  sending.knownMemberships = undefined
})

const runsFolder = ({ stateFolder }: Sending, kind: Watched["kind"]): string =>
  `${stateFolder}/${kind}s`

/** Sends everything in the state folder from now on. */
export const watchAll = Effect.fnUntraced(function* (sending: Sending) {
  const fs = yield* FileSystem.FileSystem
  for (const kind of ["grid", "trial"] as const) {
    const folder = runsFolder(sending, kind)
    const names = yield* Effect.orElseSucceed(fs.readDirectory(folder), () => [])
    for (const name of names.sort()) yield* watch(sending, `${folder}/${name}`, kind)
  }
})

export const statusOf = (sending: Sending): Effect.Effect<Status> =>
  Effect.sync(() => ({
    server: sending.known?.url,
    problem: sending.problem ?? sending.unsendable,
  }))

const makeConnection = Effect.fnUntraced(function* (scope: Scope.Scope, settings: Settings) {
  const layer = yield* Layer.build(MlflowHttp.layerHttp(settings)).pipe(Scope.provide(scope))
  return yield* Effect.provide(MlflowHttp.make(settings), layer)
})

/** The server that is sent to. */
export const connect = Effect.fnUntraced(function* (sending: Sending) {
  if (sending.connection !== undefined) return sending.connection
  // Installing MLflow takes minutes: not again in this process.
  if (sending.missing !== undefined) return yield* sending.missing
  const settings = yield* sending.findSettings.pipe(
    Effect.tapError((error) =>
      Effect.sync(() => {
        if (error.reason._tag === "ServerMissing") sending.missing = error
      }),
    ),
  )
  sending.known = settings
  const before = sending.connections.get(settings.url)
  const connection = before ?? (yield* makeConnection(sending.scope, settings))
  sending.connections.set(settings.url, connection)
  sending.connection = connection
  return connection
})

/** What of a run is on the server that is known, or on any; undefined when nothing is. */
export const sentOf = Effect.fnUntraced(
  function* (sending: Sending, folder: string) {
    const path = yield* Path.Path
    return yield* Sent.read(path.resolve(folder), sending.known?.target)
  },
  Effect.orElseSucceed(() => undefined),
)

const membershipsOf = Effect.fnUntraced(function* (sending: Sending) {
  sending.knownMemberships ??= yield* sending.memberships
  return sending.knownMemberships
})

/** The experiments of MLflow that a grid and its trials are in: a trial stays where its first grid has put it. */
export const experimentIdsOf = Effect.fnUntraced(function* (sending: Sending, grid: Sent.Sent) {
  const trials = [...(yield* membershipsOf(sending))].flatMap(([trialId, gridIds]) =>
    gridIds.includes(grid.gridId) ? [`${runsFolder(sending, "trial")}/${trialId}`] : [],
  )
  const sent = yield* Effect.forEach(trials, (trial) => sentOf(sending, trial))
  const ids = sent.flatMap((one) => (one === undefined ? [] : [one.experimentId]))
  return [...new Set([grid.experimentId, ...ids])]
})

/** The folder of a run, with what the state folder knows of its grids. */
export const runFolderOf = Effect.fnUntraced(function* (sending: Sending, { folder }: Watched) {
  const platform = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
  const path = yield* Path.Path
  const gridIds = (yield* membershipsOf(sending)).get(path.basename(folder)) ?? []
  return {
    folder,
    gridsFolder: runsFolder(sending, "grid"),
    gridIds,
    experimentIdsOf: (grid) => Effect.provideContext(experimentIdsOf(sending, grid), platform),
    sentOfTrial: (trialId) =>
      Effect.provideContext(
        sentOf(sending, `${runsFolder(sending, "trial")}/${trialId}`),
        platform,
      ),
  } satisfies RunFolder
})
