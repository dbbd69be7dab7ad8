/**
 * `fliqs export TRIAL --to TARGET --out PATH`: the network of a finished trial as files for another runtime, which must
 * give the network's logits on test images before the export counts as done.
 */
import { Effect, FileSystem, type Option } from "effect"
import { dirname, join } from "node:path"
import { type Batches, openBatches } from "../../data/Batches.ts"
import * as Datasets from "../../data/Datasets.ts"
import { pathText } from "../../declaration/Errors.ts"
import { oneOf } from "../../declaration/Suggest.ts"
import * as Durable from "../../disk/Durable.ts"
import { cacheDirectory } from "../../disk/Installation.ts"
import { stored } from "../../disk/Patience.ts"
import { targetNamed, targets } from "../../export/Exports.ts"
import type { FoundModel } from "../../export/FoundModel.ts"
import {
  type ExportedFile,
  type ExportOptions,
  type ExportTarget,
  Refused,
} from "../../export/Target.ts"
import { compare, type ImageBatch, openChild } from "../../export/Verify.ts"
import type * as State from "../../orchestrator/State.ts"
import * as Backend from "../../tensor/Backend.ts"
import { declarationOf, readFinished, readModel } from "../FoundModels.ts"
import { findTrial, sayTemporary, stateFolder } from "../Locations.ts"
import { note, print, printJson, short } from "../Output.ts"
import { readyStep } from "../Preparation.ts"
import { Ended, exitCodes, Wrong } from "../ErrorMessages.ts"

/** Images that are compared at once. */
const batchSize = 32

const wrong = (message: string) => Effect.fail(new Wrong({ message }))

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
  { bound, images: count }: { readonly bound: number; readonly images: number },
) {
  const { data, seed } = yield* declarationOf(trial)
  const dataset = yield* Datasets.load(data, cacheDirectory(), trial.execution.folder ?? ".")
  const { channels, height, width } = model.network.graph.input
  return yield* Effect.tryPromise({
    try: async () => {
      const runner = await target.open!(path, model, options)
      const child = openChild(model)
      const batches = openBatches(dataset, { ...data, seed })
      try {
        const images = firstOf(batches, height * width * channels, count)
        return await compare(child, runner, model.network.graph.classes, images, bound)
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
  /** Of the largest logit. */
  readonly bound: number
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
      : yield* verify(path, target, model, trial, options, input)
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
      : `${verified.runtime}: ${verified.same} of ${verified.images} test images have the same largest logit${verified.ties === 0 ? "" : `, ${verified.ties} are ties`}; logits differ by at most ${short(verified.largest)}, the bound is ${short(verified.bound)} (${short(100 * input.bound)} % of the largest)`,
  )
})
