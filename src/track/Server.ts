/**
 * The local MLflow server: one per state folder, on SQLite, started when a run first needs it and left running for
 * `fliqs ui`. What is known of it stands in `mlflow/server.json`:
 *
 *     .fliqs/mlflow/  mlflow.db  artifacts/  server.json  server.log  lock  tmp/
 *
 * It is a process group of its own, so that a killed `fliqs` does not take it along and `stop` ends the whole of it (the
 * leader, when killed alone, leaves its worker on the port). A process found again must have the recorded number *and*
 * start time and this folder's artifacts among its arguments; then nothing else is ever signalled. Two runs at once start one
 * server: the second waits for the lock and finds it.
 */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import { createServer } from "node:net"
import * as path from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect, Layer, Option, Schedule } from "effect"
import { StorageError } from "../disk/Errors.ts"
import { root } from "../disk/Installation.ts"
import * as Lock from "../disk/Lock.ts"
import { attempt } from "../disk/Patience.ts"
import * as Process from "../disk/Process.ts"
import { ofStorage, type TrackerError } from "./Errors.ts"
import * as MlflowHealth from "./mlflow/MlflowHealth.ts"
import * as MlflowHttp from "./mlflow/MlflowHttp.ts"
import * as Installation from "./ServerInstallation.ts"
import {
  addressOf,
  appName,
  artifactsOf,
  database,
  findProcess,
  folderOf,
  inodeOf,
  isOrphaned,
  readRecord,
  type Server,
  writeRecord,
} from "./ServerRecord.ts"
import * as Settings from "./TrackingSettings.ts"

/** Where the server lives and what it is started with. */
export interface Options extends Installation.Options {
  /** The `.fliqs` folder. */
  readonly stateFolder: string
  /** Milliseconds until it must answer (it takes 6 to 15 s on a quiet machine). */
  readonly patience?: number
}

/** Gives the effect files; what they refuse is an error of the tracker. */
const withFiles = <A, E, R>(effect: Effect.Effect<A, E | StorageError | TrackerError, R>) =>
  effect.pipe(
    Effect.catchIf(
      (error): error is StorageError => error instanceof StorageError,
      (error) => Effect.fail(ofStorage("use the folder of the local MLflow server")(error)),
    ),
    Effect.provide(NodeServices.layer),
  )

type Ask = typeof MlflowHealth.check

const asked = (url: string, ask: Ask) => {
  const settings = { ...Settings.local(url), timeout: 3000, maxRetries: 0 }
  return MlflowHttp.make(settings).pipe(
    Effect.flatMap(ask),
    Effect.as(true),
    Effect.provide(MlflowHttp.layerHttp(settings).pipe(Layer.provideMerge(NodeServices.layer))),
    Effect.orElseSucceed(() => false),
  )
}

/** Whether it answers from its database. */
const answers = (url: string) => asked(url, MlflowHealth.checkStore)

/**
 * Whether it is up and cannot read its database, three times: that was deleted or damaged while it ran, and it never finds
 * it again by itself.
 */
export const hasLostStore = Effect.fnUntraced(function* ({ url }: Pick<Server, "url">) {
  for (let tries = 0; tries < 3; tries++) {
    if (tries > 0) yield* Effect.sleep("500 millis")
    if (!(yield* asked(url, MlflowHealth.check)) || (yield* answers(url))) return false
  }
  return true
})

/** True once the server answers, false when its process ends, has lost its database, or the time is over. */
const waitUntilUp = (server: Server, patience: number) =>
  Effect.suspend(() =>
    Process.isRunning(server)
      ? Effect.flatMap(answers(server.url), (up) =>
          up
            ? Effect.succeed("up" as const)
            : Effect.map(hasLostStore(server), (lost) => (lost ? ("down" as const) : undefined)),
        )
      : Effect.succeed("down" as const),
  ).pipe(
    Effect.repeat({
      schedule: Schedule.spaced("200 millis"),
      until: (state) => state !== undefined,
    }),
    Effect.timeoutOption(patience),
    Effect.map((state) => Option.getOrUndefined(state) === "up"),
  )

/** The server of this state folder if one runs and answers now; starts nothing. */
export const find = Effect.fnUntraced(function* (stateFolder: string) {
  const folder = folderOf(stateFolder)
  const server = findProcess(folder)
  const isUp = server !== undefined && !isOrphaned(folder) && (yield* answers(server.url))
  return isUp ? Option.some(server) : Option.none()
})

const isPortFree = (port: number): Promise<number | undefined> =>
  new Promise((resolve) => {
    const probe = createServer()
    probe.once("error", () => resolve(undefined))
    probe.listen(port, "127.0.0.1", () => {
      const address = probe.address()
      probe.close(() =>
        resolve(typeof address === "object" && address !== null ? address.port : undefined),
      )
    })
  })

/** The port of last time when nobody has it (links in notes and terminals stay right), else any free one. */
const choosePort = (before: number | undefined) =>
  Effect.promise(async () => {
    const same = before === undefined ? undefined : await isPortFree(before)
    return same ?? (await isPortFree(0))
  })

/** Our own variables for MLflow are for the client; the server gets its own and none of a user's. */
const serverEnvironment = () => ({
  ...Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(MLFLOW_|_MLFLOW_|PYTHON(PATH|HOME)$)/.test(name),
    ),
  ),
  // 2 processes and 0.4 GB instead of 11 and 2.1 GB.
  MLFLOW_SERVER_ENABLE_JOB_EXECUTION: "false",
  // The default lets 30 requests at once hang for 30 s and then fail.
  MLFLOW_SQLALCHEMYSTORE_POOL_SIZE: "60",
  MLFLOW_DISABLE_TELEMETRY: "true",
})

const scripts = path.join(root, "scripts")
/** What gives the server short addresses. */
const appFolder = path.join(scripts, "mlflow-app")
/** What lets it start from a path with % in it. */
const percentFolder = path.join(scripts, "mlflow")

const launch = Effect.fnUntraced(function* (folder: string, python: string, port: number) {
  const log = yield* Installation.openLog(path.join(folder, "server.log"), "a")
  const address = `--host 127.0.0.1 --port ${port} --workers 1`.split(" ")
  const temporary = path.join(folder, "tmp")
  yield* attempt("create", temporary, () => fs.mkdirSync(temporary, { recursive: true }))
  const storage = ["--backend-store-uri", database, "--artifacts-destination", artifactsOf(folder)]
  const app = ["--app-name", appName]
  const child = spawn(python, ["-m", "mlflow", "server", ...app, ...address, ...storage], {
    cwd: folder,
    detached: true,
    stdio: ["ignore", log, log],
    // Its own: the one of the user may be missing or full, and MLflow names locks after an address that all our servers share.
    env: {
      ...serverEnvironment(),
      TMPDIR: temporary,
      PYTHONPATH: [appFolder, ...(python.includes("%") ? [percentFolder] : [])].join(
        path.delimiter,
      ),
    },
  })
  child.on("error", () => {
    // Told by the process that is not there.
  })
  child.unref()
  fs.closeSync(log)
  const pid = child.pid ?? 0
  const start = Process.find(pid)?.start ?? ""
  const server: Server = {
    version: 1,
    url: addressOf(port),
    port,
    pid,
    start,
    database,
    app: appName,
  }
  yield* writeRecord(folder, server)
  return server
})

const launchAndWait = Effect.fnUntraced(function* (folder: string, options: Options) {
  const python = yield* Installation.install(folder, options)
  const log = path.join(folder, "server.log")
  let port = readRecord(folder)?.port
  for (let attempt = 0; attempt < 3; attempt += 1) {
    port = yield* choosePort(attempt === 0 ? port : undefined)
    if (port === undefined) break
    const server = yield* launch(folder, python, port)
    if (yield* waitUntilUp(server, options.patience ?? 120_000)) {
      const inode = inodeOf(folder)
      const known = inode === undefined ? server : { ...server, inode }
      yield* writeRecord(folder, known)
      return known
    }
    yield* end(server)
    if (!/address already in use/i.test(Installation.lastLines(log))) break
  }
  return yield* Installation.missing(`it does not come up: ${Installation.lastLines(log)}`, log)
})

/** The server of this state folder: the one that runs, or a new one. Takes up to 15 s; more on the very first use. */
export const start = Effect.fnUntraced(function* (options: Options) {
  const folder = folderOf(options.stateFolder)
  yield* attempt("create", folder, () => fs.mkdirSync(folder, { recursive: true }))
  const running = yield* find(options.stateFolder)
  if (Option.isSome(running)) {
    // Its record may have been lost; `endRemains` needs it.
    if (readRecord(folder)?.pid !== running.value.pid) yield* writeRecord(folder, running.value)
    return running.value
  }
  return yield* Effect.gen(function* () {
    const known = findProcess(folder)
    if (known !== undefined) {
      // Somebody was killed while it came up, or it hangs.
      if (!isOrphaned(folder) && (yield* waitUntilUp(known, options.patience ?? 120_000))) {
        yield* writeRecord(folder, known)
        return known
      }
      yield* end(known)
    }
    yield* endRemains(folder)
    return yield* launchAndWait(folder, options)
  }).pipe(Lock.withLock(path.join(folder, "lock"), "starting the local MLflow server"))
}, withFiles)

const signal = (group: number, name: NodeJS.Signals) => {
  try {
    process.kill(-group, name)
  } catch {
    // Gone already.
  }
}

const endGroup = Effect.fnUntraced(function* (group: number) {
  signal(group, "SIGTERM")
  yield* Effect.sync(() => Process.isGroupLeft(group)).pipe(
    Effect.repeat({ schedule: Schedule.spaced("100 millis"), until: (left) => !left }),
    Effect.timeoutOption("10 seconds"),
  )
  if (Process.isGroupLeft(group)) signal(group, "SIGKILL")
})

/** Ends the whole group of this very process, first kindly. */
const end = (server: Server) =>
  Effect.suspend(() => (Process.isRunning(server) ? endGroup(server.pid) : Effect.void))

/** Ends what a killed leader left on the port: members of the recorded group that are MLflow's worker on that port. */
const endRemains = (folder: string) =>
  Effect.suspend(() => {
    const recorded = readRecord(folder)
    if (recorded === undefined || Process.find(recorded.pid) !== undefined) return Effect.void
    const isOurs = Process.members(recorded.pid).some(
      ({ command }) =>
        command.includes(String(recorded.port)) &&
        command.some((word) => word.startsWith("mlflow.server") || word.startsWith("fliqs_app")),
    )
    return isOurs ? endGroup(recorded.pid) : Effect.void
  })

/** Ends the server of this state folder; true when there was one. */
export const stop = Effect.fnUntraced(function* (stateFolder: string) {
  const folder = folderOf(stateFolder)
  if (!fs.existsSync(folder)) return false
  return yield* Effect.gen(function* () {
    const server = findProcess(folder)
    yield* endRemains(folder)
    if (server === undefined) return false
    yield* end(server)
    return true
  }).pipe(Lock.withLock(path.join(folder, "lock"), "stopping the local MLflow server"))
}, withFiles)
