/** The found model of a trial, from the file that it kept and its declaration. Left out: reading files (`cli/`). */
import { Option, Result, Schema } from "effect"
import { Space } from "../network/SpaceFile.ts"
import { variableShapes } from "../supernet/Variables.ts"
import { decode } from "../train/KeptModel.ts"
import type { FoundModel } from "./FoundModel.ts"
import { rebuild } from "./Rebuild.ts"

const decodeSpace = Schema.decodeUnknownOption(Space)

/** Words for why the file is not the model of that space, or the model. */
export const readFound = (
  bytes: Uint8Array,
  { id, space: declared }: { readonly id: string; readonly space: unknown },
): FoundModel | string => {
  const kept = decode(bytes)
  if (typeof kept === "string") return kept
  const { fliqs, model } = kept
  const space = Option.getOrUndefined(decodeSpace(declared))
  if (space === undefined) return "the space of the trial cannot be read"
  const rebuilt = rebuild(space, model.assignment)
  if (Result.isFailure(rebuilt)) return rebuilt.failure.map(({ message }) => message).join("; ")
  const { network } = rebuilt.success
  for (const [name, shape] of variableShapes(network))
    if (model.weights.get(name)?.shape.join() !== shape.join())
      return `it has no ${name} [${shape.join(", ")}]`
  return {
    network,
    weights: model.weights,
    amax: model.amax,
    assignment: model.assignment,
    space: declared,
    classNames: model.classNames,
    preprocessing: { mean: model.mean, std: model.std },
    trial: id,
    version: fliqs,
  }
}
