/** Files of an export: written, compared with the network on test images, put in place. For `export` and `demo`. */
import { Effect, FileSystem } from "effect"
import { dirname, join } from "node:path"
import { type Batches, openBatches } from "../data/Batches.ts"
import * as Datasets from "../data/Datasets.ts"
import * as Durable from "../disk/Durable.ts"
import { cacheDirectory } from "../disk/Installation.ts"
import { stored } from "../disk/Patience.ts"
import type { FoundModel } from "../export/FoundModel.ts"
import {
  type ExportedFile,
  type ExportOptions,
  type ExportTarget,
  type NotRun,
  Refused,
} from "../export/Target.ts"
import { compare, type ImageBatch, openChild, type Verified } from "../export/Verify.ts"
import type * as State from "../orchestrator/State.ts"
import { Wrong } from "./ErrorMessages.ts"
import { declarationOf } from "./FoundModels.ts"
import { short } from "./Output.ts"

/** The files of a target. Fails where it cannot say what the model is. */
export const filesOf = (target: ExportTarget, model: FoundModel, options: ExportOptions) =>
  Effect.try({
    try: () => target.write(model, options),
    catch: (cause) => {
      if (!(cause instanceof Refused)) throw cause
      return new Wrong({ message: `--to ${target.name}: ${cause.message}` })
    },
  })

/** Images that are compared at once. */
const batchSize = 32

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
export const verify = Effect.fnUntraced(function* (
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
  if (options.input === "uint8" && "values" in dataset)
    return "its trial was trained on float32 arrays, which a page of images and a file of --input uint8 do not take"
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

/** Writes files; `out` is a folder, or the one file. */
export const writeAll = Effect.fnUntraced(function* (
  out: string,
  files: ReadonlyArray<ExportedFile>,
) {
  const fs = yield* FileSystem.FileSystem
  for (const { parts, path } of files) {
    const file = path === "" ? out : join(out, path)
    yield* fs.makeDirectory(dirname(file), { recursive: true }).pipe(stored("create", file))
    yield* Durable.replace(file, parts)
  }
})

/** Puts what was verified in its place; what else is in a folder stays. */
export const moveAll = Effect.fnUntraced(function* (
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

/** Why the files are no export; undefined where they are one. */
export const problemOf = (outcome: Outcome): string | undefined => {
  if (typeof outcome === "string") return `it does not run: ${outcome}`
  if ("notRun" in outcome || outcome.passed) return undefined
  const { images, same, ties } = outcome
  return `of ${images} images ${same} have the same largest logit (${ties} ties), and logits ${differenceWords(outcome)}`
}

/** For JSON. */
export const outcomeOf = (outcome: Exclude<Outcome, string>) =>
  "notRun" in outcome ? { verified: null, ...outcome } : { verified: outcome }

/** For people. */
export const wordsOf = (outcome: Exclude<Outcome, string>): string => {
  if ("notRun" in outcome) return `not compared: ${outcome.notRun}`
  const { images, runtime, same, ties } = outcome
  const tied = ties === 0 ? "" : `, ${ties} more ${ties === 1 ? "is a tie" : "are ties"}`
  return `${runtime}: ${same} of ${images} test images have the same largest logit${tied}; logits ${differenceWords(outcome)}`
}
