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

/** The weights of a finished trial; fails with the words for why there are none. */
export type TrialWeights = (id: string) => Effect.Effect<Weights, string, FileSystem.FileSystem>

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

const bytesOf = Effect.fnUntraced(
  function* (file: string) {
    const fs = yield* FileSystem.FileSystem
    const { size, type } = yield* fs.stat(file)
    if (type !== "File") return yield* Effect.fail(`${pathText(file)} is not a file`)
    if (size > mostBytes)
      return yield* Effect.fail(
        `${pathText(file)} has ${size} bytes; up to ${mostBytes} can be read`,
      )
    return yield* fs.readFile(file)
  },
  (effect, file) =>
    Effect.mapError(effect, (error) =>
      typeof error === "string" ? error : `${pathText(file)} cannot be read (${error.reason._tag})`,
    ),
)

/** A safetensors file; fails with the words for why it cannot be used. */
export const readWeights = Effect.fnUntraced(function* (
  file: string,
): Effect.fn.Return<Weights, string, FileSystem.FileSystem> {
  const tensors = readSafetensors(yield* bytesOf(file))
  return Result.isFailure(tensors)
    ? yield* Effect.fail(`${pathText(file)}: ${tensors.failure}`)
    : { file, tensors: tensors.success }
})

/** Reads the weights and matches them with the network: everything that does not match is one problem. */
export const readInitial = Effect.fnUntraced(function* (
  source: InitialSource,
  folder: string,
  network: Network,
  ofTrial: TrialWeights | undefined,
): Effect.fn.Return<Result.Result<Initial, ReadonlyArray<Problem>>, never, FileSystem.FileSystem> {
  const isFile = "safetensors" in source
  const path = ["train", "initial", isFile ? "safetensors" : "trial"]
  const found = yield* Effect.result(
    isFile
      ? readWeights(nodePath.resolve(folder, source.safetensors))
      : ofTrial === undefined
        ? Effect.fail(`no state folder is known in which trial ${source.trial} could be`)
        : ofTrial(source.trial),
  )
  if (Result.isFailure(found)) return Result.fail([{ path, message: found.failure }])
  const { file, tensors } = found.success
  const { map, names, problems } = fit(network, tensors, source.skip)
  if (problems.length > 0) {
    const more = problems.length > mostShown ? `; and ${problems.length - mostShown} more` : ""
    const message = `${problems.slice(0, mostShown).join("; ")}${more}; tensors are called and shaped as the variables, others can be left fresh by skip: [PATTERN]`
    return Result.fail([{ path, message }])
  }
  const skip = source.skip === undefined ? {} : { skip: source.skip }
  const spec = { digest: digest(tensors, names), ...skip }
  return Result.succeed({ spec, file, map })
})
