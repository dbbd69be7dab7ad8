/**
 * What is known of the local server of a state folder: the record in `mlflow/server.json`, and the process that it names or
 * that can be found without it. A process found again must have the recorded number *and* start time and this folder's
 * artifacts among its arguments. Left out: starting and ending it (`Server.ts`).
 */
import * as fs from "node:fs"
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import { Option, Schema } from "effect"
import * as Process from "../disk/Process.ts"
import * as Record from "../disk/JsonRecord.ts"

const ServerRecord = Schema.Struct({
  version: Schema.Literal(1),
  url: Schema.String,
  port: Schema.Int,
  pid: Schema.Int,
  start: Schema.String,
  database: Schema.String,
  /** The app that it runs; absent for MLflow's own. Any but ours has no short addresses, or others. */
  app: Schema.optionalKey(Schema.String),
  /** Which file its database was when it came up; earlier versions did not write it. */
  inode: Schema.optionalKey(Schema.Int),
})
/** A server that runs. */
export type Server = typeof ServerRecord.Type

/** The name of the app in `scripts/mlflow-app`; another one whenever its addresses change, since a server may outlive them. */
export const appName = "fliqs-pages"

const decode = Schema.decodeUnknownOption(ServerRecord)

/** The folder of the server, by the state folder. */
export const folderOf = (stateFolder: string) => path.join(path.resolve(stateFolder), "mlflow")
/** From the folder that the server is started in: SQLAlchemy has no way to write `?` in the name of a database. */
export const database = "sqlite:///mlflow.db"
export const artifactsOf = (folder: string) => pathToFileURL(path.join(folder, "artifacts")).href
/** How earlier versions named the database to the server: by its whole path. */
const formerDatabaseOf = (folder: string) => `sqlite:///${path.join(folder, "mlflow.db")}`
const isOfFolder = (folder: string, { command }: Process.Running) =>
  command.includes("--port") &&
  (command.includes(artifactsOf(folder)) || command.includes(formerDatabaseOf(folder)))

const recordFile = (folder: string): string => path.join(folder, "server.json")

export const addressOf = (port: number) => `http://127.0.0.1:${port}`

const recordBytes = (folder: string): Uint8Array => {
  try {
    return fs.readFileSync(recordFile(folder))
  } catch {
    return new Uint8Array(0)
  }
}

/** Which file the database is now; undefined where there is none. */
export const inodeOf = (folder: string): number | undefined =>
  fs.statSync(path.join(folder, "mlflow.db"), { throwIfNoEntry: false })?.ino

/** Whether the database was deleted or replaced since the server came up: it goes on with a file that nobody sees. */
export const isOrphaned = (folder: string): boolean => {
  const now = inodeOf(folder)
  const then = readRecord(folder)?.inode
  return now === undefined || (then !== undefined && then !== now)
}

/** A record that is damaged is none: the process is found without it. */
export const readRecord = (folder: string): Server | undefined => {
  const parsed = Record.parse(recordBytes(folder))
  return typeof parsed === "string" ? undefined : Option.getOrUndefined(decode(parsed.value))
}

/** Whether an address is that of this state folder's own server, which no proxy leads to. */
export const isOwn = (stateFolder: string, url: string): boolean =>
  readRecord(folderOf(stateFolder))?.url === url

export const writeRecord = (folder: string, server: Server) =>
  Record.write(recordFile(folder), server, { synced: false })

/** The process of this state folder's server: the recorded one, or one whose record was lost. */
export const findProcess = (folder: string): Server | undefined => {
  const recorded = readRecord(folder)
  if (recorded !== undefined) {
    const found = Process.find(recorded.pid)
    if (found?.start === recorded.start && isOfFolder(folder, found)) return recorded
  }
  const leader = Process.findLeader((running) => isOfFolder(folder, running))
  if (leader === undefined) return undefined
  const port = Number(leader.command[leader.command.indexOf("--port") + 1])
  const { command, pid, start } = leader
  const app = command.includes(appName) ? { app: appName } : {}
  return { version: 1, url: addressOf(port), port, pid, start, database, ...app }
}
