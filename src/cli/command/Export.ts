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
  type NotRun,
  Refused,
} from "../../export/Target.ts"
import { compare, type ImageBatch, openChild, type Verified } from "../../export/Verify.ts"
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
      if ("notRun" in runner) return runner
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

/** Puts what was verified in its place; what else is in a folder stays. */
const moveAll = Effect.fnUntraced(function* (
  from: string,
  out: string,
  files: ReadonlyArray<ExportedFile>,
) {
  const fs = yield* FileSystem.FileSystem
  for (const { path } of files) {
    const file = path === "" ? out : join(out, path)
    yield* fs.makeDirectory(dirname(file), { recursive: true }).pipe(stored("create", file))
    yield* fs.rename(path === "" ? from : join(from, path), file).pipe(stored("rename", file))
  }
})

/** What the comparison came to: a text where the files do not run. */
type Outcome = Verified | NotRun | string

const differenceWords = ({ bound, largest, limit, typical }: Verified): string =>
  `differ by at most ${short(typical)} on three of four images (bound: ${short(bound)}), by at most ${short(largest)} on all (bound: ${short(limit)})`

const problemOf = (outcome: Outcome): string | undefined => {
  if (typeof outcome === "string") return `it does not run: ${outcome}`
  if ("notRun" in outcome || outcome.passed) return undefined
  const { images, same, ties } = outcome
  return `of ${images} images ${same} have the same largest logit (${ties} ties), and logits ${differenceWords(outcome)}`
}

const outcomeOf = (outcome: Exclude<Outcome, string>) =>
  "notRun" in outcome ? { verified: null, ...outcome } : { verified: outcome }

const wordsOf = (outcome: Exclude<Outcome, string>): string => {
  if ("notRun" in outcome) return `not compared: ${outcome.notRun}`
  const { images, runtime, same, ties } = outcome
  const tied = ties === 0 ? "" : ` (${ties} ties)`
  return `${runtime}: ${same} of ${images} test images have the same largest logit${tied}; logits ${differenceWords(outcome)}`
}

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
  readonly python: Option.Option<string>
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
  if (input.python._tag === "Some" && to !== "pytorch")
    yield* note(`--python changes nothing: what --to ${to} writes is not run in Python`)
  const python = input.python._tag === "None" ? {} : { python: input.python.value }
  const options: ExportOptions = { input: input.input, emulate, flavour, ...python }
  const files = yield* Effect.try({
    try: () => target.write(model, options),
    catch: (cause) => cause,
  }).pipe(
    Effect.catch((cause) =>
      cause instanceof Refused ? wrong(`--to ${to}: ${cause.message}`) : Effect.die(cause),
    ),
  )
  // Under another name until it is verified: what stood there before is not lost to a bad file.
  const unverified = `${out}.unverified`
  const fs = yield* FileSystem.FileSystem
  const remove = fs
    .remove(unverified, { recursive: true, force: true })
    .pipe(stored("remove", unverified))
  yield* remove
  yield* writeAll(unverified, files)
  const bytes = files.flatMap(({ parts }) => parts).reduce((sum, part) => sum + part.length, 0)
  const verified =
    target.open === undefined
      ? { notRun: "no runtime runs it" }
      : yield* verify(unverified, target, model, trial, options, input)
  const problem = problemOf(verified)
  if (typeof verified === "string" || problem !== undefined) {
    yield* remove
    yield* note(`${pathText(out)} was not written: ${problem}`)
    return yield* new Ended({ code: exitCodes.failed })
  }
  yield* moveAll(unverified, out, files)
  yield* remove
  if (json) return yield* printJson({ trial: id, to, path: out, bytes, ...outcomeOf(verified) })
  yield* print(`${pathText(out)}: ${id}, ${short(bytes / 1e6)} MB`)
  yield* print(wordsOf(verified))
})
