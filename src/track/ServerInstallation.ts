/**
 * The MLflow that the local server runs on: where set-up puts it, and installing it when it is missing. Left out: starting
 * the server (`Server.ts`).
 */
import { spawn } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import { Effect } from "effect"
import { cacheDirectory, setup } from "../disk/Installation.ts"
import { attempt } from "../disk/Patience.ts"
import { ServerMissing, TrackerError } from "./Errors.ts"
import { scrub } from "./Secrets.ts"

/** The MLflow that `scripts/setup.sh mlflow` installs. */
export const version = "3.18.0"

/** Where MLflow is, and how it comes there. */
export interface Options {
  /** Where set-up puts things; default `cacheDirectory()`. */
  readonly cache?: string
  /** The command that installs MLflow when it is missing; default `sh scripts/setup.sh mlflow`. */
  readonly setup?: ReadonlyArray<string>
}

/** There is no local server. */
export const missing = (detail: string, log?: string) =>
  new TrackerError({
    operation: "start the local MLflow server",
    reason: new ServerMissing({ detail, ...(log === undefined ? {} : { log }) }),
  })

const readText = (file: string): string => {
  try {
    return fs.readFileSync(file, "utf8")
  } catch {
    return ""
  }
}

/** The end of a log, on one line. */
export const lastLines = (file: string): string =>
  scrub(readText(file)).trimEnd().split("\n").slice(-3).join(" | ").slice(-400)

export const openLog = (file: string, flag: "a" | "w") =>
  attempt("open", file, () => fs.openSync(file, flag))

/** The Python that the set-up makes for it. */
export const pythonOf = (cache: string) => path.join(cache, `mlflow-${version}`, "bin", "python")

/** Whether the set-up has installed MLflow here. */
export const isInstalled = (cache: string): boolean =>
  fs.existsSync(pythonOf(cache)) && fs.existsSync(path.join(cache, `mlflow-${version}`, "ready"))

/** Installs MLflow by the set-up script, once; its words go to a log. */
export const install = Effect.fnUntraced(function* (folder: string, options: Options) {
  const cache = options.cache ?? cacheDirectory()
  const python = pythonOf(cache)
  if (isInstalled(cache)) return python
  const [command, ...rest] = options.setup ?? setup("mlflow")
  const log = path.join(folder, "setup.log")
  const output = yield* openLog(log, "w")
  const code = yield* Effect.callback<number>((resume, signal) => {
    const child = spawn(command!, rest, {
      stdio: ["ignore", output, output],
      env: { ...process.env, FLIQS_CACHE: cache },
      signal,
    })
    fs.closeSync(output)
    child.once("error", () => resume(Effect.succeed(127)))
    child.once("exit", (code) => resume(Effect.succeed(code ?? 1)))
  })
  if (code !== 0 || !isInstalled(cache)) {
    return yield* missing(lastLines(log) || `${command} ended with code ${code}`, log)
  }
  return python
})
