/** `fliqs doctor`: what this machine has and lacks, each finding with its fix. */
import { Effect, Option, Result } from "effect"
import { freemem, totalmem } from "node:os"
import { pathText } from "../../declaration/Errors.ts"
import * as Datasets from "../../data/Datasets.ts"
import * as MlflowExperiments from "../../track/mlflow/MlflowExperiments.ts"
import * as MlflowHealth from "../../track/mlflow/MlflowHealth.ts"
import * as MlflowHttp from "../../track/mlflow/MlflowHttp.ts"
import { artifactsFix, fixOf } from "../../track/ServerFix.ts"
import * as Settings from "../../track/TrackingSettings.ts"
import { cacheDirectory } from "../../disk/Installation.ts"
import * as InstallationChecks from "../InstallationChecks.ts"
import * as DiskChecks from "../DiskChecks.ts"
import { stateFolder } from "../Locations.ts"
import type { Finding } from "../Finding.ts"
import { green, print, printJson, red, yellow } from "../Output.ts"
import { trackingSettings } from "../Tracking.ts"
import { Ended, exitCodes } from "../ErrorMessages.ts"

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`

const memory = Effect.sync((): Finding => {
  const free = freemem()
  const isLow = free < 1.5e9
  return {
    name: "memory",
    state: isLow ? "warning" : "ok",
    found: `${gigabytes(free)} free of ${gigabytes(totalmem())}`,
    ...(isLow ? { fix: "end other programs; a trial of CIFAR size takes about 1.5 GB" } : {}),
  }
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

const throughProxy = ({ proxy }: Settings.Settings): string =>
  proxy === undefined ? "" : `, through the proxy ${proxy.shown} of ${proxy.variable}`

/** Whether files can be sent: the server has to take them itself. */
const placeOf = (
  settings: Settings.Settings,
  version: string,
  place: string | undefined,
): Finding => {
  const name = "mlflow"
  const found = `${settings.url}, version ${version}${throughProxy(settings)}`
  return place === undefined || place.startsWith("mlflow-artifacts:")
    ? { name, state: "ok", found }
    : {
        name,
        state: "warning",
        found: `${found}; it keeps artifacts at ${settings.scrub(place)} and does not take them itself`,
        fix: artifactsFix,
      }
}

/** Reach, credentials, host header and artifacts of a server of somebody else. */
const remoteMlflow = (settings: Settings.Settings) =>
  Effect.gen(function* () {
    const http = yield* MlflowHttp.make(settings)
    yield* MlflowHealth.check(http)
    const version = yield* MlflowHealth.version(http)
    return placeOf(settings, version, yield* MlflowExperiments.artifactPlace(http))
  }).pipe(
    Effect.provide(MlflowHttp.layerHttp(settings)),
    Effect.catch((error) =>
      Effect.succeed<Finding>({
        name: "mlflow",
        state: "problem",
        found: settings.scrub(error.message),
        fix: fixOf(settings, error),
      }),
    ),
  )

const mlflow = (state: string, cache: string) =>
  trackingSettings.pipe(
    Effect.flatMap((remote) =>
      Option.isSome(remote)
        ? remoteMlflow(remote.value)
        : InstallationChecks.localMlflow(state, cache),
    ),
    Effect.catch((error) =>
      Effect.succeed<Finding>({
        name: "mlflow",
        state: "problem",
        found: error.message,
        fix: "set the variable as said, or unset it",
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
    InstallationChecks.node,
    InstallationChecks.tensors,
    InstallationChecks.arithmetic,
    InstallationChecks.threads,
    memory,
    DiskChecks.folder("disk", cache, 2e9, "FLIQS_CACHE"),
    // Room for a trial's checkpoints, events and artifacts, several times over.
    DiskChecks.folder("state", state, 1e8, "--state DIR"),
    DiskChecks.temporaryFiles,
    DiskChecks.openFiles,
    DiskChecks.records(state),
    data(cache),
    mlflow(state, cache),
  ]).pipe(Effect.map((all) => all.filter((finding) => finding !== undefined)))
  if (input.json) yield* printJson(findings)
  else {
    const marks = { ok: green("ok"), warning: yellow("warning"), problem: red("problem") }
    for (const { found, fix, name, state } of findings) {
      yield* print(`${name.padEnd(9)} ${marks[state]}  ${pathText(found)}`)
      if (fix !== undefined) yield* print(`${" ".repeat(10)}fix: ${pathText(fix)}`)
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
