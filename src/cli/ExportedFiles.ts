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
  type Runner,
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

/** A comparison, and that of the faster way to run the files with its own model, where there is one. */
export interface Compared extends Verified {
  readonly fast?: Verified
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
      const against = async (runner: Runner, computed: FoundModel): Promise<Verified> => {
        const child = openChild(computed)
        const batches = openBatches(dataset, { ...data, seed })
        try {
          const images = firstOf(batches, height * width * channels, count)
          return await compare(child, runner, model.network.graph.classes, images, bound)
        } finally {
          await batches.close()
          child.dispose()
          await runner.close()
        }
      }
      const runner = await target.open!(path, model, options)
      if ("notRun" in runner) return runner
      const verified: Compared = await against(runner, model)
      const fast = verified.passed ? await target.openFast?.(path, model, options) : undefined
      return fast === undefined
        ? verified
        : { ...verified, fast: await against(fast.runner, fast.model) }
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
type Outcome = Compared | NotRun | string

const differenceWords = ({ beyond, bound, largest, limit, typical }: Verified): string => {
  const few = beyond === 0 ? "" : `, ${beyond} by more than ${short(limit)}`
  return `differ by at most ${short(typical)} on three of four images (bound: ${short(bound)}), by at most ${short(largest)} on all${few === "" ? ` (bound: ${short(limit)})` : few}`
}

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
  const line = (verified: Verified): string => {
    const { images, runtime, same, ties } = verified
    const tied = ties === 0 ? "" : `, ${ties} more ${ties === 1 ? "is a tie" : "are ties"}`
    return `${runtime}: ${same} of ${images} test images have the same largest logit${tied}; logits ${differenceWords(verified)}`
  }
  const fast =
    outcome.fast === undefined ? [] : [`${line(outcome.fast)}, of the network with rounded biases`]
  return [line(outcome), ...fast].join("\n")
}
