/** The found model of a trial, from the file that it kept and its declaration. Left out: reading files (`cli/`). */
import { Option, Result, Schema } from "effect"
import { Space } from "../network/SpaceFile.ts"
import { variableShapes } from "../supernet/Variables.ts"
import { decode } from "../train/KeptModel.ts"
import type { FoundModel } from "./FoundModel.ts"
import { rebuild } from "./Rebuild.ts"

const decodeSpace = Schema.decodeUnknownOption(Space)

/** The model of that space; words for why the file is none. */
export const readFound = (
  bytes: Uint8Array,
  { id, space: declared }: { readonly id: string; readonly space: unknown },
): Result.Result<FoundModel, string> => {
  const kept = decode(bytes)
  if (Result.isFailure(kept)) return Result.fail(kept.failure)
  const { fliqs, model } = kept.success
  const space = Option.getOrUndefined(decodeSpace(declared))
  if (space === undefined) return Result.fail("the space of the trial cannot be read")
  const rebuilt = rebuild(space, model.assignment)
  if (Result.isFailure(rebuilt))
    return Result.fail(rebuilt.failure.map(({ message }) => message).join("; "))
  const { network } = rebuilt.success
  for (const [name, shape] of variableShapes(network))
    if (model.weights.get(name)?.shape.join() !== shape.join())
      return Result.fail(`it has no ${name} [${shape.join(", ")}]`)
  return Result.succeed({
    network,
    weights: model.weights,
    amax: model.amax,
    ...(model.zeroPoints === undefined ? {} : { zeroPoints: model.zeroPoints }),
    assignment: model.assignment,
    space: declared,
    classNames: model.classNames,
    preprocessing: { mean: model.mean, std: model.std },
    trial: id,
    version: fliqs,
  })
}
