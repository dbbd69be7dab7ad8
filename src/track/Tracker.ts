/**
 * The tracker as the parent of a grid sees it: say which runs to watch, go on, and at the end wait a while for what is
 * not sent yet. Runs write spools (`Spool.ts`); one background fiber per process reads them and sends, one request at a
 * time, so nothing here can stop, slow or fail a training. What could not be sent stays in the spools for the next
 * process (`fliqs run` again, `fliqs sync`).
 *
 *     spool of the grid, spools of its trials -> MlflowSender -> server of MLFLOW_TRACKING_URI, else the local one
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Context, Effect, Layer, Option, Path } from "effect"
import type { Duration, FileSystem } from "effect"
import type { TrackerError } from "./Errors.ts"
import type { ViewName } from "./Links.ts"
import * as RunLinks from "./RunLinks.ts"
import * as Sending from "./Sending.ts"
import * as SendingRounds from "./SendingRounds.ts"
import * as Server from "./Server.ts"
import * as ServerRecord from "./ServerRecord.ts"
import * as Settings from "./TrackingSettings.ts"

/** How the sending stands. */
export type Status = Sending.Status
/** What `flush` reached. */
export type Outcome = SendingRounds.Outcome

/** Sends what runs have spooled. */
export class Tracker extends Context.Service<
  Tracker,
  {
    /** Whether anything is sent. */
    readonly sends: boolean
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
    readonly gridLink: (gridFolder: string, view?: ViewName) => Effect.Effect<Option.Option<string>>
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
    sends: false,
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
      return ServerRecord.isOwn(server.stateFolder, remote.value.url)
        ? { ...remote.value, proxy: undefined }
        : remote.value
    const { app, url } = yield* Server.start(server)
    return Settings.local(url, yield* Settings.experimentName, app === ServerRecord.appName)
  })

/** What the tracker is made with. */
interface Options {
  /** The `.fliqs` folder, with `grids/` and `trials/` in it. */
  readonly stateFolder: string
  /** Asked when more is watched. */
  readonly memberships?: Effect.Effect<Sending.Memberships>
  /** Default: `environmentServer`. */
  readonly settings?: Effect.Effect<Settings.Settings, TrackerError>
}

/** Sends to MLflow. `settings` finds the server (and starts it); it is asked again when a local server goes away. */
export const layerMlflow = (options: Options): Layer.Layer<Tracker> =>
  Layer.effect(Tracker, make(options)).pipe(Layer.provide(NodeServices.layer))

const make = Effect.fnUntraced(function* (options: Options) {
  const platform = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
  const path = yield* Path.Path
  const stateFolder = path.resolve(options.stateFolder)
  const sending = yield* Sending.make({
    stateFolder,
    memberships: options.memberships ?? Effect.succeed(new Map()),
    findSettings: options.settings ?? environmentServer({ stateFolder }),
  })
  yield* Effect.forkScoped(SendingRounds.background(sending))
  const provided = <A, E>(effect: Effect.Effect<A, E, FileSystem.FileSystem | Path.Path>) =>
    Effect.provideContext(effect, platform)
  return Tracker.of({
    sends: true,
    startGrid: (folder) => provided(Sending.watch(sending, folder, "grid")),
    watchTrial: (folder) => provided(Sending.watch(sending, folder, "trial")),
    watchAll: provided(Sending.watchAll(sending)),
    flush: (timeout) => provided(SendingRounds.flush(sending, timeout)),
    status: Sending.statusOf(sending),
    gridLink: (folder, view = "accuracy") => provided(RunLinks.ofGrid(sending, folder, view)),
    runLink: (folder) => provided(RunLinks.ofRun(sending, folder)),
    compareLink: (folders) => provided(RunLinks.ofComparison(sending, folders)),
  })
})
