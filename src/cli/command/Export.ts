/**
 * `fliqs export TRIAL --to TARGET --out PATH`: the network of a finished trial as files for another runtime, which must
 * give the network's logits on test images before the export counts as done.
 */
import { Effect, FileSystem, type Option, Schema, Stream } from "effect"
import { dirname, join } from "node:path"
import { type Batches, openBatches } from "../../data/Batches.ts"
import * as Datasets from "../../data/Datasets.ts"
import { pathText } from "../../declaration/Errors.ts"
import { oneOf } from "../../declaration/Suggest.ts"
import * as Durable from "../../disk/Durable.ts"
import { cacheDirectory, version } from "../../disk/Installation.ts"
import { stored } from "../../disk/Patience.ts"
import { targetNamed, targets } from "../../export/Exports.ts"
import type { FoundModel } from "../../export/FoundModel.ts"
import { readFound } from "../../export/ReadFound.ts"
import {
  type ExportedFile,
  type ExportOptions,
  type ExportTarget,
  Refused,
} from "../../export/Target.ts"
import { compare, type ImageBatch, openChild, share } from "../../export/Verify.ts"
import * as Checkpoint from "../../orchestrator/Checkpoint.ts"
import * as Result from "../../orchestrator/Result.ts"
import * as State from "../../orchestrator/State.ts"
import * as Backend from "../../tensor/Backend.ts"
import { encode } from "../../train/KeptModel.ts"
import * as OneShot from "../../train/OneShot.ts"
import { Trial } from "../../train/Trial.ts"
import { findTrial, sayTemporary, stateFolder } from "../Locations.ts"
import { note, print, printJson, short } from "../Output.ts"
import { readyStep } from "../Preparation.ts"
import { Ended, exitCodes, Wrong } from "../ErrorMessages.ts"

/** Images that are compared at once. */
const batchSize = 32

const wrong = (message: string) => Effect.fail(new Wrong({ message }))

/** The trial, which must have finished. */
const readFinished = Effect.fnUntraced(function* (state: string, id: string) {
  const trial = yield* State.readTrial(State.trialFile(state, id))
  if (trial === undefined) return yield* wrong(`${pathText(State.trialFile(state, id))} is missing`)
  const result = yield* Result.read(State.resultFile(state, id))
  if (result?.state !== "finished")
    return yield* wrong(
      `trial ${id} has ${result === undefined ? "not finished" : "failed"}; \`fliqs run\` of its experiment goes on with it`,
    )
  return trial
})

/**
 * The model of a trial that finished before models were kept: frozen once more from its last checkpoint, which gives the
 * same bits on the same machine.
 */
const rebuilt = Effect.fnUntraced(function* (state: string, trial: State.TrialFile) {
  const folder = State.checkpointFolder(state, trial.id)
  const restart = `\`fliqs run ... --only ${trial.id} --restart\` trains it again and keeps it`
  const resume = yield* Checkpoint.readNewest(folder, "leave")
  if (resume === undefined || resume.step < trial.steps)
    return yield* wrong(
      `trial ${trial.id} kept no model, and no checkpoint of its end is in ${pathText(folder)}; ${restart}`,
    )
  yield* note(`trial ${trial.id} kept no model; it is frozen again from its last checkpoint`)
  const { threads, eager, folder: files } = trial.execution
  const last = yield* OneShot.run(
    { id: trial.id, declaration: trial.declaration },
    {
      resume,
      threads,
      eager,
      cacheDirectory: cacheDirectory(),
      ...(files === undefined ? {} : { folder: files }),
    },
  ).pipe(
    Stream.filter((event) => event.type === "model"),
    Stream.runLast,
  )
  if (last._tag === "None") return yield* wrong(`trial ${trial.id} gave no model; ${restart}`)
  const parts = encode(last.value.model, version())
  yield* Durable.replace(State.modelFile(state, trial.id), parts)
  return Buffer.concat(parts)
})

const readModel = Effect.fnUntraced(function* (state: string, trial: State.TrialFile) {
  const fs = yield* FileSystem.FileSystem
  const file = State.modelFile(state, trial.id)
  const kept = yield* fs.readFile(file).pipe(
    Effect.catchReason("PlatformError", "NotFound", () => Effect.undefined),
    stored("read", file),
  )
  const bytes = kept ?? (yield* rebuilt(state, trial))
  const { space } = yield* decodeTrial(trial)
  const model = readFound(bytes, { id: trial.id, space })
  return typeof model === "string" ? yield* wrong(`${pathText(file)}: ${model}`) : model
})

const decodeTrial = (trial: State.TrialFile) =>
  Schema.decodeUnknownEffect(Trial)(trial.declaration).pipe(
    Effect.mapError(({ message }) => new Wrong({ message: `trial ${trial.id}: ${message}` })),
  )

/** The first `count` test images. */
async function* firstOf(
  batches: Batches,
  pixels: number,
  count: number,
): AsyncGenerator<ImageBatch> {
  let left = count
  for await (const batch of batches.testBatches(batchSize)) {
    const some = Math.min(batch.count, left)
    yield { images: batch.images.subarray(0, some * pixels), count: some }
    left -= some
    if (left === 0) return
  }
}

/** Runs what was written on test images, beside the child network. */
const verify = Effect.fnUntraced(function* (
  path: string,
  target: ExportTarget,
  model: FoundModel,
  trial: State.TrialFile,
  options: ExportOptions,
  count: number,
) {
  const { data, seed } = yield* decodeTrial(trial)
  const dataset = yield* Datasets.load(data, cacheDirectory(), trial.execution.folder ?? ".")
  const { channels, height, width } = model.network.graph.input
  return yield* Effect.tryPromise({
    try: async () => {
      const runner = await target.open!(path, model, options)
      const child = openChild(model)
      const batches = openBatches(dataset, { ...data, seed })
      try {
        const images = firstOf(batches, height * width * channels, count)
        return await compare(child, runner, model.network.graph.classes, images)
      } finally {
        await batches.close()
        child.dispose()
        await runner.close()
      }
    },
    catch: (cause) => (cause instanceof Error ? cause.message : String(cause)),
  }).pipe(Effect.catch((message) => Effect.succeed(message)))
})

const writeAll = Effect.fnUntraced(function* (out: string, files: ReadonlyArray<ExportedFile>) {
  const fs = yield* FileSystem.FileSystem
  for (const { parts, path } of files) {
    const file = path === "" ? out : join(out, path)
    yield* fs.makeDirectory(dirname(file), { recursive: true }).pipe(stored("create", file))
    yield* Durable.replace(file, parts)
  }
})

const removeAll = Effect.fnUntraced(function* (out: string, files: ReadonlyArray<ExportedFile>) {
  const fs = yield* FileSystem.FileSystem
  for (const { path } of files) {
    const file = path === "" ? out : join(out, path)
    yield* fs.remove(file, { force: true }).pipe(stored("remove", file))
  }
})

export const run = Effect.fn("export")(function* (input: {
  readonly trial: string
  readonly to: string
  readonly out: string
  readonly input: ExportOptions["input"]
  readonly emulate: boolean
  readonly flavour: ExportOptions["flavour"]
  readonly images: number
  readonly state: Option.Option<string>
  readonly json: boolean
}) {
  const { emulate, flavour, json, out, to } = input
  const target = targetNamed(to)
  if (target === undefined)
    return yield* wrong(`--to ${to}: ${oneOf(targets.map(({ name }) => name))} would be right`)
  const state = yield* stateFolder(input.state)
  const id = yield* findTrial(state, input.trial)
  const trial = yield* readFinished(state, id)
  if (target.needs !== undefined) yield* readyStep(target.needs)
  yield* sayTemporary
  yield* Backend.load({ threads: trial.execution.threads })
  const model = yield* readModel(state, trial)
  const options: ExportOptions = { input: input.input, emulate, flavour }
  const files = yield* Effect.try({
    try: () => target.write(model, options),
    catch: (cause) => cause,
  }).pipe(
    Effect.catch((cause) =>
      cause instanceof Refused ? wrong(`--to ${to}: ${cause.message}`) : Effect.die(cause),
    ),
  )
  // Under another name until it is verified: what stood there before is not lost to a bad file.
  const isFile = target.writes === "file"
  const path = isFile ? `${out}.unverified` : out
  yield* writeAll(path, files)
  const bytes = files.flatMap(({ parts }) => parts).reduce((sum, part) => sum + part.length, 0)
  const verified =
    target.open === undefined
      ? undefined
      : yield* verify(path, target, model, trial, options, input.images)
  if (typeof verified === "string" || verified?.passed === false) {
    yield* removeAll(path, files)
    yield* note(
      typeof verified === "string"
        ? `${pathText(out)} was not written: it does not run: ${verified}`
        : `${pathText(out)} was not written: of ${verified.images} images ${verified.same} have the same largest logit (${verified.ties} ties), and logits differ by up to ${short(verified.largest)}, the bound is ${short(verified.bound)}`,
    )
    return yield* new Ended({ code: exitCodes.failed })
  }
  const fs = yield* FileSystem.FileSystem
  if (isFile) yield* fs.rename(path, out).pipe(stored("rename", out))
  if (json) return yield* printJson({ trial: id, to, path: out, bytes, verified: verified ?? null })
  yield* print(`${pathText(out)}: ${id}, ${short(bytes / 1e6)} MB`)
  yield* print(
    verified === undefined
      ? "not compared: no runtime runs it"
      : `${verified.runtime}: ${verified.same} of ${verified.images} test images have the same largest logit${verified.ties === 0 ? "" : `, ${verified.ties} are ties`}; logits differ by at most ${short(verified.largest)}, the bound is ${short(verified.bound)} (${100 * share} % of the largest)`,
  )
})
