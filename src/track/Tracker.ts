/**
 * The tracker as the parent of a grid sees it: say which runs to watch, go on, and at the end wait a while for what is
 * not sent yet. Runs write spools (`Spool.ts`); one background fiber per process reads them and sends, one request at a
 * time, so nothing here can stop, slow or fail a training. What could not be sent stays in the spools for the next
 * process (`fliqs run` again, `fliqs sync`).
 *
 *     spool of the grid, spools of its trials -> MlflowSender -> server of MLFLOW_TRACKING_URI, else the local one
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import {
  Cause,
  Context,
  Effect,
  FileSystem,
  Layer,
  Option,
  Path,
  Schedule,
  Scope,
  Semaphore,
} from "effect"
import type { Duration } from "effect"
import * as Lock from "../disk/Lock.ts"
import { ofStorage, TrackerError, Unusable } from "./Errors.ts"
import * as Links from "./Links.ts"
import * as MlflowClient from "./MlflowClient.ts"
import * as MlflowHttp from "./MlflowHttp.ts"
import * as MlflowSender from "./MlflowSender.ts"
import * as Sent from "./Sent.ts"
import * as Server from "./Server.ts"
import * as Settings from "./Settings.ts"
import * as Spool from "./Spool.ts"
import * as SpoolReader from "./SpoolReader.ts"

/** How the sending stands. */
export interface Status {
  /** The server's address without secrets, once it is known. */
  readonly server: string | undefined
  /** What keeps it from sending right now. */
  readonly problem: TrackerError | undefined
}

/** What `flush` reached. */
export interface Outcome extends Status {
  /** Events of watched runs that are not on the server. */
  readonly waiting: number
  /** Events the server refused for good. */
  readonly rejected: number
}

/** Sends what runs have spooled. */
export class Tracker extends Context.Service<
  Tracker,
  {
    readonly kind: "mlflow" | "none"
    /** Sends the spool of a grid (the parent run) from now on. */
    readonly startGrid: (gridFolder: string) => Effect.Effect<void>
    /** Sends the spool of a trial (a child run) from now on. */
    readonly watchTrial: (trialFolder: string) => Effect.Effect<void>
    /** Watches everything in the state folder: what `fliqs sync` is made of. */
    readonly watchAll: Effect.Effect<void>
    /** Tries, at most so long, until everything spooled by now is sent. Never fails. */
    readonly flush: (timeout: Duration.Input) => Effect.Effect<Outcome>
    readonly status: Effect.Effect<Status>
    /** The page with the trials of a grid, once its run is on the server. */
    readonly gridLink: (gridFolder: string) => Effect.Effect<Option.Option<string>>
    /** The page of one run (of a grid or a trial), once it is on the server. */
    readonly runLink: (folder: string) => Effect.Effect<Option.Option<string>>
    /** The page that compares these trials, those that are on the server. */
    readonly compareLink: (
      trialFolders: ReadonlyArray<string>,
    ) => Effect.Effect<Option.Option<string>>
  }
>()("fliqs/track/Tracker/Tracker") {}

/** Sends nothing; spools stay where they are. */
export const layerNone: Layer.Layer<Tracker> = Layer.succeed(
  Tracker,
  Tracker.of({
    kind: "none",
    startGrid: () => Effect.void,
    watchTrial: () => Effect.void,
    watchAll: Effect.void,
    flush: () => Effect.succeed({ server: undefined, problem: undefined, waiting: 0, rejected: 0 }),
    status: Effect.succeed({ server: undefined, problem: undefined }),
    gridLink: () => Effect.succeedNone,
    runLink: () => Effect.succeedNone,
    compareLink: () => Effect.succeedNone,
  }),
)

/** The server of MLFLOW_TRACKING_URI, else the local one of this state folder, started if it must be. */
export const environmentServer = (server: Server.Options) =>
  Effect.gen(function* () {
    const remote = yield* Settings.fromEnvironment
    if (Option.isSome(remote))
      return Server.isOwn(server.stateFolder, remote.value.url)
        ? { ...remote.value, proxy: undefined }
        : remote.value
    const { url } = yield* Server.start(server)
    return Settings.local(url, yield* Settings.experimentName)
  })

/** The grids that each trial is of, by ids: what the state folder says. */
export type Memberships = ReadonlyMap<string, ReadonlyArray<string>>

interface Watched {
  readonly folder: string
  readonly isGrid: boolean
  verified: boolean
}

const between = "1 second"
const lull = Schedule.min([Schedule.exponential("1 second"), Schedule.spaced("30 seconds")])

/** Sends to MLflow. `settings` finds the server (and starts it); it is asked again when a local server goes away. */
export const layerMlflow = (options: {
  /** The `.fliqs` folder, with `grids/` and `trials/` in it. */
  readonly stateFolder: string
  /** Asked when more is watched. */
  readonly memberships?: Effect.Effect<Memberships>
  /** Default: `environmentServer`. */
  readonly settings?: Effect.Effect<Settings.Settings, TrackerError>
}): Layer.Layer<Tracker> =>
  Layer.effect(Tracker, make(options)).pipe(Layer.provide(NodeServices.layer))

const make = Effect.fnUntraced(function* (options: {
  readonly stateFolder: string
  readonly memberships?: Effect.Effect<Memberships>
  readonly settings?: Effect.Effect<Settings.Settings, TrackerError>
}) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const platform = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
  const scope = yield* Effect.scope
  const state = path.resolve(options.stateFolder)
  const gridsFolder = path.join(state, "grids")
  const trialsFolder = path.join(state, "trials")
  const findSettings = options.settings ?? environmentServer({ stateFolder: state })
  const watched = new Map<string, Watched>()
  const oneAtATime = yield* Semaphore.make(1)
  const clients = new Map<string, MlflowClient.MlflowClient>()
  let client: MlflowClient.MlflowClient | undefined
  /** Stays when the client is dropped, so that links and counts do too. */
  let known: Settings.Settings | undefined
  let problem: TrackerError | undefined
  let missing: TrackerError | undefined
  let memberships: Memberships | undefined
  /** Why a run cannot be sent at all; the first of them. */
  let unsendable: TrackerError | undefined

  const watch = (folder: string, isGrid: boolean) =>
    Effect.sync(() => {
      const resolved = path.resolve(folder)
      if (watched.has(resolved)) return
      watched.set(resolved, { folder: resolved, isGrid, verified: false })
      memberships = undefined
    })

  const makeClient = Effect.fnUntraced(function* (settings: Settings.Settings) {
    const http = yield* Layer.build(MlflowHttp.layerHttp(settings)).pipe(Scope.provide(scope))
    return yield* Effect.provide(MlflowClient.make(settings), http)
  })

  const connect = Effect.gen(function* () {
    if (client !== undefined) return client
    // Installing MLflow takes minutes: not again in this process.
    if (missing !== undefined) return yield* missing
    known = yield* findSettings.pipe(
      Effect.tapError((error) =>
        Effect.sync(() => {
          if (error.reason._tag === "ServerMissing") missing = error
        }),
      ),
    )
    client = clients.get(known.url) ?? (yield* makeClient(known))
    clients.set(known.url, client)
    return client
  })

  const findMemberships = Effect.gen(function* () {
    memberships ??= yield* options.memberships ?? Effect.succeed<Memberships>(new Map())
    return memberships
  })

  /** The experiments of MLflow that a grid and its trials are in: a trial stays where its first grid has put it. */
  const experimentIdsOf = Effect.fnUntraced(function* (grid: Sent.Sent) {
    const trials = [...(yield* findMemberships)].flatMap(([trialId, gridIds]) =>
      gridIds.includes(grid.gridId) ? [path.join(trialsFolder, trialId)] : [],
    )
    const sent = yield* Effect.forEach(trials, sentOf)
    const ids = sent.flatMap((one) => (one === undefined ? [] : [one.experimentId]))
    return [...new Set([grid.experimentId, ...ids])]
  })

  const runFolder = Effect.fnUntraced(function* (folder: string) {
    const gridIds = (yield* findMemberships).get(path.basename(folder)) ?? []
    return { folder, gridsFolder, gridIds, experimentIdsOf } satisfies MlflowSender.RunFolder
  })

  const sendRun = Effect.fnUntraced(function* (to: MlflowClient.MlflowClient, run: Watched) {
    const folder = yield* runFolder(run.folder)
    if (!run.verified) yield* MlflowSender.verify(to, folder)
    run.verified = true
    yield* MlflowSender.send(to, folder)
  })

  /** Everything that is spooled and not sent, grids before their trials. */
  const sendAll = Effect.gen(function* () {
    const runs = [...watched.values()].sort((a, b) => Number(b.isGrid) - Number(a.isGrid))
    const to = yield* connect
    for (const run of runs) {
      yield* sendRun(to, run).pipe(
        Effect.catchIf(
          // A spool of a newer fliqs, or one that cannot be read: its run alone cannot be sent.
          ({ isRetryable, reason }) =>
            !isRetryable && (reason._tag === "Unusable" || reason._tag === "Storage"),
          (error) => {
            watched.delete(run.folder)
            unsendable ??= error
            return Effect.logWarning(error.message)
          },
        ),
      )
    }
  }).pipe(
    // Two processes (a run and a `sync`) never send at the same time; each reads how far the other came.
    Lock.withLock(path.join(state, "sending.lock"), "sending to MLflow"),
    Effect.catchTag("StorageError", (error) => Effect.fail(ofStorage("send")(error))),
    Effect.catchDefect((defect) =>
      Effect.fail(
        new TrackerError({
          operation: "send to the tracker",
          reason: new Unusable({ detail: defect instanceof Error ? defect.message : "it broke" }),
        }),
      ),
    ),
    Effect.tap(() => Effect.sync(() => (problem = undefined))),
    Effect.tapError((error) =>
      Effect.sync(() => {
        problem = error
        // A local server that is gone comes back on another port, when it is asked for.
        const isLocal = client?.settings.target === "local"
        if (isLocal && error.reason._tag === "Unreachable" && error.reason.status === undefined)
          client = undefined
      }),
    ),
    oneAtATime.withPermits(1),
    Effect.provideContext(platform),
  )

  /** One round; nothing is touched before a run is watched: the state folder may not be there yet. */
  const round = Effect.suspend(() => (watched.size === 0 ? Effect.void : sendAll))

  const background = round.pipe(
    Effect.tapCause((cause) =>
      Cause.hasInterrupts(cause) ? Effect.void : Effect.logDebug("not sent", Cause.pretty(cause)),
    ),
    Effect.retry({ schedule: lull, while: (error) => error.reason._tag !== "ServerMissing" }),
    Effect.repeat(Schedule.spaced(between)),
  )
  yield* Effect.forkScoped(background)

  const status = Effect.sync((): Status => ({ server: known?.url, problem: problem ?? unsendable }))

  const sentOf = (folder: string) =>
    Effect.suspend(() => Sent.read(path.resolve(folder), known?.target)).pipe(
      Effect.orElseSucceed(() => undefined),
      Effect.provideContext(platform),
    )

  /** Events of one run that are not on the server (a tag of a grid counts as one), and those it refused. */
  const count = Effect.fnUntraced(
    function* (run: Watched) {
      const sent = yield* sentOf(run.folder)
      const spool = path.join(run.folder, Spool.fileName)
      const folder = yield* runFolder(run.folder)
      let waiting = sent === undefined ? 0 : MlflowSender.gridsLeft(folder, sent).length
      for (let offset = sent?.offset ?? 0; ;) {
        const part = yield* SpoolReader.read(spool, offset).pipe(Effect.provideContext(platform))
        if (part.offset === offset) return { waiting, rejected: sent?.rejected ?? 0 }
        waiting += part.events.length
        offset = part.offset
      }
    },
    Effect.orElseSucceed(() => ({ waiting: 0, rejected: 0 })),
  )

  const flush = Effect.fnUntraced(function* (timeout: Duration.Input) {
    yield* round.pipe(
      Effect.retry({
        schedule: Schedule.spaced("500 millis"),
        while: (error) => error.isRetryable,
      }),
      Effect.timeoutOption(timeout),
      Effect.ignore,
    )
    const counts = yield* Effect.forEach([...watched.values()], count)
    return {
      ...(yield* status),
      waiting: counts.reduce((sum, one) => sum + one.waiting, 0),
      rejected: counts.reduce((sum, one) => sum + one.rejected, 0),
    }
  })

  const watchFolder = (folder: string, isGrid: boolean) =>
    fs.readDirectory(folder).pipe(
      Effect.orElseSucceed(() => []),
      Effect.flatMap((names) =>
        Effect.forEach(names.sort(), (name) => watch(path.join(folder, name), isGrid)),
      ),
      Effect.asVoid,
    )

  const linkOf = (folder: string, make: (base: string, sent: Sent.Sent) => Effect.Effect<string>) =>
    Effect.gen(function* () {
      const sent = yield* sentOf(folder)
      if (known === undefined || sent === undefined) return Option.none<string>()
      return Option.some(yield* make(known.url, sent))
    })

  return Tracker.of({
    kind: "mlflow",
    startGrid: (folder) => watch(folder, true),
    watchTrial: (folder) => watch(folder, false),
    watchAll: Effect.andThen(watchFolder(gridsFolder, true), watchFolder(trialsFolder, false)),
    flush,
    status,
    gridLink: (folder) =>
      linkOf(folder, (base, sent) =>
        Effect.map(experimentIdsOf(sent), (ids) => Links.trials(base, ids, sent.gridId)),
      ),
    runLink: (folder) =>
      linkOf(folder, (base, sent) =>
        Effect.succeed(Links.run(base, sent.experimentId, sent.runId)),
      ),
    compareLink: Effect.fnUntraced(function* (folders: ReadonlyArray<string>) {
      const all = yield* Effect.forEach(folders, sentOf)
      const sent = all.filter((one) => one !== undefined)
      if (known === undefined || sent.length === 0) return Option.none()
      const experiments = [...new Set(sent.map(({ experimentId }) => experimentId))]
      return Option.some(
        Links.compare(
          known.url,
          experiments,
          sent.map(({ runId }) => runId),
        ),
      )
    }),
  })
})
