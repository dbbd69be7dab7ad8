/**
 * Prepares what trials need besides the packages while the command already runs: TensorFlow and its addons, data sets.
 * A mistake in the files is thus reported before anything large is fetched. Left out: the set-up itself
 * (`scripts/setup.sh`, `data/`).
 */
import { spawn } from "node:child_process"
import { Effect } from "effect"
import * as Datasets from "../data/Datasets.ts"
import { cacheDirectory, setup } from "../disk/Installation.ts"
import * as Parts from "../tensor/Parts.ts"
import * as ServerInstallation from "../track/ServerInstallation.ts"
import { note } from "./Output.ts"
import { Ended, exitCodes } from "./ErrorMessages.ts"

/** Runs steps of the set-up and returns the exit code. Output goes to stderr, or nowhere. */
const runSetup = (output: 2 | "ignore", ...steps: ReadonlyArray<string>) =>
  Effect.callback<number>((resume, signal) => {
    const [command, ...rest] = setup(...steps)
    const child = spawn(command, rest, { stdio: ["ignore", output, output], signal })
    child.once("error", () => resume(Effect.succeed(127)))
    child.once("exit", (code) => resume(Effect.succeed(code ?? 1)))
  })

/** Makes what a step of the set-up makes, where it is not there. */
export const readyStep = (step: string) =>
  Effect.flatMap(runSetup(2, step), (code) =>
    code === 0 ? Effect.void : Effect.fail(new Ended({ code: exitCodes.notReady })),
  )

/** Builds the native parts of the backend that are missing. */
export const prepareTensors = Effect.suspend(() => {
  if (Parts.missing(Parts.parts()).length === 0) return Effect.void
  return Effect.flatMap(runSetup(2, "tensors"), (code) => {
    if (code === 0) return Effect.void
    const interrupted = code === exitCodes.interrupted
    return Effect.fail(
      new Ended({ code: interrupted ? exitCodes.interrupted : exitCodes.notReady }),
    )
  })
})

/** Installs the local MLflow server if it is missing. A failure is reported by the code that starts the server. */
export const prepareServer = Effect.suspend(() => {
  if (ServerInstallation.isInstalled(cacheDirectory())) return Effect.void
  return note(
    `fetching MLflow ${ServerInstallation.version} (100 MB, once); trials do not wait for it`,
  ).pipe(Effect.andThen(runSetup("ignore", "mlflow")), Effect.asVoid)
})

/** Fetches the data sets of trials into the cache, each once. A failure is reported by the trials. */
export const prepareData = (all: ReadonlyArray<Datasets.Data>) => {
  const distinct = new Map(all.map((data) => [JSON.stringify(data), data]))
  return Effect.forEach(distinct.values(), (data) =>
    Effect.ignore(Datasets.fetch(data, cacheDirectory())),
  )
}
