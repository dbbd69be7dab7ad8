/**
 * Weights as one safetensors file, called and shaped as `train.initial` takes them: every variable of the largest network
 * of the space, kernels [height, width, in, out], depthwise ones [height, width, channels, 1], dense ones [in, out].
 *
 * What an architecture decision cut away is not part of the found network; there the file has zeros (ones for `gamma` and
 * `variance`), and `fliqs.shapes` in its metadata has the shape of what was found. Left out: the container
 * (`disk/TensorFile.ts`), its numbers (`train/Safetensors.ts`).
 */
import { Result } from "effect"
import * as Container from "../disk/TensorFile.ts"
import type { Network } from "../network/Network.ts"
import { learnedScales } from "../supernet/OperandScale.ts"
import { cutValues, placesOf } from "../supernet/Child.ts"
import { variableShapes } from "../supernet/Variables.ts"
import type { VariableSpec } from "../supernet/operation/Operation.ts"
import { declaredVariables } from "../supernet/operation/Operations.ts"
import { digest } from "../train/Weights.ts"
import { floatPart, type Tensors } from "../train/Safetensors.ts"
import type { FoundModel, Values } from "./FoundModel.ts"
import { metadataOf } from "./Metadata.ts"
import { wholeSpace } from "./Rebuild.ts"
import { type ExportTarget, Refused } from "./Target.ts"

type Weights = FoundModel["weights"]

const sizeOf = (shape: ReadonlyArray<number>): number => shape.reduce((a, b) => a * b, 1)

/** The whole variable with the found part in its place. */
const whole = (found: Values | undefined, { centred = 0, initial, shape }: VariableSpec) => {
  const values = new Float32Array(sizeOf(shape)).fill(initial === "ones" ? 1 : 0)
  if (found === undefined) return values
  if (sizeOf(found.shape) === values.length) return found.values
  placesOf(shape, found.shape, centred).forEach((place, i) => (values[place] = found.values[i]!))
  return values
}

/** The first 32 hex digits of the SHA-256 of the found weights with their names and shapes. */
export const weightsDigest = (weights: Weights): string =>
  digest(
    weights,
    [...weights.keys()].sort((a, b) => (a < b ? -1 : 1)),
  )

/** The parts of the file, in order. */
export const safetensors = (model: FoundModel): ReadonlyArray<Uint8Array> => {
  const { network, weights } = model
  const variables = declaredVariables(wholeSpace(model.space)).map(({ name, spec }) =>
    floatPart(name, { shape: spec.shape, values: whole(weights.get(name), spec) }),
  )
  const scales = network.table.layers
    .flatMap((layer) => Object.values(learnedScales(layer)))
    .map(({ name }) => floatPart(name, { shape: [1], values: weights.get(name)!.values }))
  const shapes = Object.fromEntries([...weights].map(([name, { shape }]) => [name, shape]))
  return Container.encode([...variables, ...scales], {
    ...metadataOf(model),
    "fliqs.shapes": JSON.stringify(shapes),
    "fliqs.digest": weightsDigest(weights),
  })
}

/** Words for what a file lacks, or the weights of `network` cut out of the tensors of its largest network `all`. */
export const foundWeights = (
  { network, whole: all }: { readonly network: Network; readonly whole: Network },
  tensors: Tensors,
): Result.Result<Weights, string> => {
  const shapes = variableShapes(network)
  const specs = new Map(declaredVariables(all).map(({ name, spec }) => [name, spec]))
  const weights = new Map<string, Values>()
  for (const [name, shape] of shapes) {
    const spec = specs.get(name)
    const tensor = tensors.get(name)
    const expected = spec?.shape ?? shape
    if (tensor === undefined) return Result.fail(`${name} [${expected.join(", ")}] is missing`)
    if (tensor.unread !== undefined)
      return Result.fail(`${name} has dtype ${tensor.unread}; F32 would be right`)
    if (tensor.shape.join() !== expected.join())
      return Result.fail(
        `${name} has shape [${tensor.shape.join(", ")}], the variable [${expected.join(", ")}]`,
      )
    const values = cutValues(tensor.values, expected, shape, spec?.centred ?? 0)
    weights.set(name, { shape, values })
  }
  return Result.succeed(weights)
}

export const SafetensorsTarget: ExportTarget = {
  name: "safetensors",
  description: "The float32 weights alone, as train.initial takes them.",
  writes: "file",
  write: (model, { input }) => {
    if (input === "uint8") throw new Refused("a file of weights takes no images")
    return [{ path: "", parts: safetensors(model) }]
  },
}
