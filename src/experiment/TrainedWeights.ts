/**
 * The trained weights that `train.initial` names: read, matched with the network, and identified by their digest.
 *
 * Left out: the file's format and the matching (`train/`), the state folder (`orchestrator/`).
 */
import * as nodePath from "node:path"
import { Effect, FileSystem, Result } from "effect"
import { pathText, type Problem } from "../declaration/Errors.ts"
import type { Network } from "../network/Network.ts"
import { readSafetensors, type Tensors } from "../train/Safetensors.ts"
import type { InitialSpec } from "../train/TrainSpec.ts"
import { digest, fit } from "../train/Weights.ts"
import type { InitialSource } from "./Experiment.ts"

/** Weights and the file they are in. */
export interface Weights {
  readonly file: string
  readonly tensors: Tensors
}

/** The weights of a finished trial, or why there are none. */
export type TrialWeights = (
  id: string,
) => Effect.Effect<Weights | string, never, FileSystem.FileSystem>

/** Initial weights that match the network. */
export interface Initial {
  readonly spec: InitialSpec
  readonly file: string
  /** One line for each variable. */
  readonly map: ReadonlyArray<string>
}

/** Node cannot read a longer file in one call. */
const mostBytes = 2 ** 31 - 1
const mostShown = 30

/** A safetensors file, or why it cannot be used. */
export const readWeights = Effect.fnUntraced(
  function* (file: string) {
    const fs = yield* FileSystem.FileSystem
    const info = yield* fs.stat(file)
    if (info.type !== "File") return `${pathText(file)} is not a file`
    if (info.size > mostBytes)
      return `${pathText(file)} has ${info.size} bytes; up to ${mostBytes} can be read`
    const tensors = readSafetensors(yield* fs.readFile(file))
    return typeof tensors === "string" ? `${pathText(file)}: ${tensors}` : { file, tensors }
  },
  (effect, file) =>
    effect.pipe(
      Effect.catch((error) =>
        Effect.succeed(`${pathText(file)} cannot be read (${error.reason._tag})`),
      ),
    ),
)

/** Reads the weights and matches them with the network: everything that does not match is one problem. */
export const readInitial = Effect.fnUntraced(function* (
  source: InitialSource,
  folder: string,
  network: Network,
  ofTrial: TrialWeights | undefined,
): Effect.fn.Return<Result.Result<Initial, ReadonlyArray<Problem>>, never, FileSystem.FileSystem> {
  const isFile = "safetensors" in source
  const path = ["train", "initial", isFile ? "safetensors" : "trial"]
  const found = isFile
    ? yield* readWeights(nodePath.resolve(folder, source.safetensors))
    : ofTrial === undefined
      ? `no state folder is known in which trial ${source.trial} could be`
      : yield* ofTrial(source.trial)
  if (typeof found === "string") return Result.fail([{ path, message: found }])
  const { map, names, problems } = fit(network, found.tensors, source.skip)
  if (problems.length > 0) {
    const more = problems.length > mostShown ? `; and ${problems.length - mostShown} more` : ""
    const message = `${problems.slice(0, mostShown).join("; ")}${more}; tensors are called and shaped as the variables, others can be left fresh by skip: [PATTERN]`
    return Result.fail([{ path, message }])
  }
  const skip = source.skip === undefined ? {} : { skip: source.skip }
  const spec = { digest: digest(found.tensors, names), ...skip }
  return Result.succeed({ spec, file: found.file, map })
})
