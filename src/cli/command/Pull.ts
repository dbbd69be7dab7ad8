/**
 * `fliqs pull RUN`: a trial back from MLflow: the files that train it again under the same id, its assignment, its layers
 * and, where they are kept, the weights of the network that it found.
 */
import { Effect, FileSystem, Option } from "effect"
import * as nodePath from "node:path"
import { parse } from "yaml"
import { pathText, printable } from "../../declaration/Errors.ts"
import { shellCommand } from "../../declaration/Shell.ts"
import * as Durable from "../../disk/Durable.ts"
import { stored } from "../../disk/Patience.ts"
import * as TrialFiles from "../../experiment/TrialFiles.ts"
import * as MlflowHttp from "../../track/mlflow/MlflowHttp.ts"
import * as MlflowPull from "../../track/mlflow/MlflowPull.ts"
import { environmentServer } from "../../track/Tracker.ts"
import { Wrong } from "../ErrorMessages.ts"
import { readPlan, stateFolder } from "../Locations.ts"
import { note, print, printJson } from "../Output.ts"
import { trackingSettings } from "../Tracking.ts"

const trialFile = "trial.yaml"
const names = [trialFile, "assignment.json", "layers.json", "model.safetensors"]

/** The run and its files. */
const fetchRun = Effect.fnUntraced(function* (text: string, state: string) {
  const settings = yield* environmentServer({ stateFolder: state })
  return yield* Effect.gen(function* () {
    const http = yield* MlflowHttp.make(settings)
    const found = yield* MlflowPull.find(http, text)
    return { found, files: yield* MlflowPull.files(http, found, names) }
  }).pipe(Effect.provide(MlflowHttp.layerHttp(settings)))
})

/** The files that plan the trial, from its own. */
const planFiles = Effect.fnUntraced(function* (
  { parameters, runId }: MlflowPull.PulledRun,
  files: ReadonlyMap<string, Uint8Array>,
) {
  const bytes = files.get(trialFile)
  const declaration: unknown =
    bytes === undefined
      ? undefined
      : yield* Effect.try({
          try: (): unknown => parse(Buffer.from(bytes).toString("utf8")),
          catch: () => new Wrong({ message: `run ${runId}: its ${trialFile} is not YAML` }),
        })
  const made = TrialFiles.trialFiles(declaration, parameters.get("name") ?? "pulled")
  return (
    made ??
    (yield* new Wrong({
      message: `run ${runId} is no trial of fliqs: it has no ${trialFile} with a trial in it; that of a grid has none, its trials do`,
    }))
  )
})

/** Whether the written experiment plans the trial under its id; false with the reason in words. */
const repeats = Effect.fnUntraced(
  function* (experiment: string, trialId: string | undefined) {
    const { plan } = yield* readPlan("pull", { experiment, set: [], yes: false })
    return trialId !== undefined && plan.trials.some(({ id }) => id === trialId)
  },
  Effect.orElseSucceed(() => false),
)

export const run = Effect.fn("pull")(function* (input: {
  readonly run: string
  readonly out: Option.Option<string>
  readonly state: Option.Option<string>
  readonly json: boolean
}) {
  yield* trackingSettings
  const { files, found } = yield* fetchRun(input.run, yield* stateFolder(input.state))
  const trialId = found.tags.get("fliqs.trial_id")
  const made = yield* planFiles(found, files)
  const folder = Option.getOrElse(input.out, () => trialId ?? found.runId)
  const fs = yield* FileSystem.FileSystem
  yield* fs.makeDirectory(folder, { recursive: true }).pipe(stored("create", folder))
  const encoder = new TextEncoder()
  const all = new Map<string, Uint8Array>([
    ["experiment.yaml", encoder.encode(made.experiment)],
    [TrialFiles.spaceFile, encoder.encode(made.space)],
    ...files,
  ])
  for (const [name, content] of all) yield* Durable.replace(nodePath.join(folder, name), [content])
  const experiment = nodePath.join(folder, "experiment.yaml")
  const isSame = made.initialDigest === undefined && (yield* repeats(experiment, trialId))
  if (input.json)
    return yield* printJson({
      runId: found.runId,
      trialId: trialId ?? null,
      folder,
      files: [...all.keys()],
      sameId: isSame,
    })
  yield* print(
    `${printable(found.name)}, trial ${trialId ?? "?"}: ${[...all.keys()].join(", ")} in ${pathText(folder)}`,
  )
  if (!files.has("model.safetensors")) yield* note("MLflow has no weights of it")
  if (made.initialDigest !== undefined)
    return yield* note(
      `it starts from trained weights of digest ${made.initialDigest}, which MLflow does not keep: put them into ${pathText(nodePath.join(folder, TrialFiles.initialFile))}`,
    )
  yield* isSame
    ? print(`repeat it, under the same id: ${shellCommand(["fliqs", "run", experiment])}`)
    : note(
        `${pathText(experiment)} does not plan the trial ${trialId ?? ""} here: a file that it names is missing, or this version of fliqs reads it otherwise; \`${shellCommand(["fliqs", "plan", experiment])}\` says more`,
      )
})
