/** `fliqs doctor`: what this machine has and lacks, each finding with its mend. */
import { Effect, FileSystem, Option, Result } from "effect"
import { execFileSync } from "node:child_process"
import { existsSync, statfsSync } from "node:fs"
import { availableParallelism, freemem, totalmem } from "node:os"
import { dirname } from "node:path"
import { pathText } from "../../declaration/Errors.ts"
import * as Datasets from "../../data/Datasets.ts"
import * as Backend from "../../tensor/Backend.ts"
import * as MlflowClient from "../../track/MlflowClient.ts"
import * as MlflowHttp from "../../track/MlflowHttp.ts"
import * as Server from "../../track/Server.ts"
import * as Settings from "../../track/Settings.ts"
import { cacheDirectory, stateFolder } from "../Files.ts"
import { green, print, printJson, red, yellow } from "../Output.ts"
import { trackingSettings } from "../Tracking.ts"
import { Ended, exitCodes } from "../Words.ts"

interface Finding {
  readonly name: string
  /** `problem` keeps fliqs from working, `warning` only limits it. */
  readonly state: "ok" | "warning" | "problem"
  readonly found: string
  /** What to do; absent when all is well. */
  readonly mend?: string
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`

const node = Effect.sync((): Finding => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  const isRight = major === 22 && minor >= 18
  return {
    name: "node",
    state: isRight ? "ok" : "problem",
    found: `${process.version} ${process.platform}-${process.arch}`,
    ...(isRight ? {} : { mend: "start it by ./fliqs, which brings Node 22 along" }),
  }
})

const tensors = Backend.load({ threads: 1 }).pipe(
  Effect.map((): Finding => {
    const loaded = Backend.loaded()
    return {
      name: "tensors",
      state: "ok",
      found: `TensorFlow ${loaded?.tensorflow}, tfjs-node ${loaded?.tfjs}, ${loaded?.native === true ? "fused" : "composed"} quantizer`,
    }
  }),
  Effect.catch((error) =>
    Effect.succeed<Finding>({
      name: "tensors",
      state: "problem",
      found: error.message,
      mend: "sh scripts/setup.sh tensors, or ./fliqs run, which does it by itself",
    }),
  ),
)

const threads = Effect.sync((): Finding => {
  const count = availableParallelism()
  return { name: "threads", state: "ok", found: `${count}` }
})

const memory = Effect.sync((): Finding => {
  const free = freemem()
  const isLow = free < 1.5e9
  return {
    name: "memory",
    state: isLow ? "warning" : "ok",
    found: `${gigabytes(free)} free of ${gigabytes(totalmem())}`,
    ...(isLow ? { mend: "end other programs; a trial of CIFAR size takes about 1.5 GB" } : {}),
  }
})

const existing = (path: string): string =>
  existsSync(path) || dirname(path) === path ? path : existing(dirname(path))

const disk = (name: string, folder: string) =>
  Effect.sync((): Finding => {
    const { bavail, bsize } = statfsSync(existing(folder))
    const free = bavail * bsize
    const isLow = free < 2e9
    return {
      name,
      state: isLow ? "warning" : "ok",
      found: `${gigabytes(free)} free at ${folder}`,
      ...(isLow ? { mend: "make room, or move it (FLIQS_CACHE, --state)" } : {}),
    }
  })

const writable = Effect.fnUntraced(function* (folder: string) {
  const fs = yield* FileSystem.FileSystem
  const ok = yield* fs.access(existing(folder), { writable: true }).pipe(
    Effect.as(true),
    Effect.orElseSucceed(() => false),
  )
  return {
    name: "state",
    state: ok ? "ok" : "problem",
    found: ok ? folder : `${folder} cannot be written`,
    ...(ok ? {} : { mend: "make it writable or choose another by --state DIR" }),
  } satisfies Finding
})

const data = Effect.fnUntraced(function* (cache: string) {
  const all = yield* Datasets.list(cache)
  const present = all.filter(({ state }) => state === "present").map(({ kind }) => kind)
  return {
    name: "data",
    state: "ok",
    found:
      present.length === 0 ? "none fetched yet; runs fetch what they need" : present.join(", "),
  } satisfies Finding
})

const hasPython = (): boolean => {
  try {
    const check = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))"
    execFileSync("python3", ["-c", check], { stdio: "ignore", timeout: 10_000 })
    return true
  } catch {
    return false
  }
}

const localMlflow = Effect.fnUntraced(function* (state: string, cache: string) {
  const server = yield* Server.find(state)
  if (Option.isSome(server))
    return { name: "mlflow", state: "ok", found: `local server at ${server.value.url}` } as const
  if (existsSync(`${cache}/mlflow-${Server.version}`))
    return {
      name: "mlflow",
      state: "ok",
      found: `${Server.version} installed, not running; \`fliqs ui\` starts it`,
    } as const
  if (hasPython())
    return { name: "mlflow", state: "ok", found: "installed when a run first needs it" } as const
  return {
    name: "mlflow",
    state: "warning",
    found: "no Python 3.10 or newer with venv for a local server",
    mend: "install python3 and python3-venv, set MLFLOW_TRACKING_URI, or run with --no-track",
  } as const
})

const throughProxy = ({ proxy }: Settings.Settings): string =>
  proxy === undefined ? "" : `, through the proxy ${proxy.shown} of ${proxy.variable}`

/** Reach, credentials and host header of a server of somebody else. */
const remoteMlflow = (settings: Settings.Settings) =>
  Effect.gen(function* () {
    const client = yield* MlflowClient.make(settings)
    yield* client.health
    return yield* client.version
  }).pipe(
    Effect.provide(MlflowHttp.layerHttp(settings)),
    Effect.map((version): Finding => ({
      name: "mlflow",
      state: "ok",
      found: `${settings.url}, version ${version}${throughProxy(settings)}`,
    })),
    Effect.catch((error) =>
      Effect.succeed<Finding>({
        name: "mlflow",
        state: "problem",
        found: settings.scrub(error.message),
        mend: /invalid host/i.test(error.message)
          ? "allow this name on the server: mlflow server --allowed-hosts"
          : `check MLFLOW_TRACKING_URI, MLFLOW_TRACKING_USERNAME, _PASSWORD and _TOKEN${settings.proxy === undefined ? "" : `, and ${settings.proxy.variable} (NO_PROXY=${new URL(settings.url).hostname} goes around it)`}`,
      }),
    ),
  )

const mlflow = (state: string, cache: string) =>
  trackingSettings.pipe(
    Effect.flatMap((remote) =>
      Option.isSome(remote) ? remoteMlflow(remote.value) : localMlflow(state, cache),
    ),
    Effect.catch((error) =>
      Effect.succeed<Finding>({
        name: "mlflow",
        state: "problem",
        found: error.message,
        mend: "set the variable as said, or unset it",
      }),
    ),
  )

export const run = Effect.fn("doctor")(function* (input: {
  readonly state: Option.Option<string>
  readonly json: boolean
}) {
  const state = yield* stateFolder(input.state)
  const cache = cacheDirectory()
  const findings: ReadonlyArray<Finding> = yield* Effect.all([
    node,
    tensors,
    threads,
    memory,
    disk("disk", cache),
    writable(state),
    data(cache),
    mlflow(state, cache),
  ])
  if (input.json) yield* printJson(findings)
  else {
    const marks = { ok: green("ok"), warning: yellow("warning"), problem: red("problem") }
    for (const { found, mend, name, state } of findings) {
      yield* print(`${name.padEnd(8)} ${marks[state]}  ${pathText(found)}`)
      if (mend !== undefined) yield* print(`${" ".repeat(9)}mend: ${mend}`)
    }
  }
  const problems = findings.filter((finding) => finding.state === "problem")
  if (problems.length === 0) return
  const isRefused = Result.isFailure(yield* Effect.result(Settings.read))
  return yield* new Ended({
    code:
      isRefused && problems.every(({ name }) => name === "mlflow")
        ? exitCodes.wrong
        : exitCodes.notReady,
  })
})
