/**
 * Trained weights for the variables of a network: which tensor goes where, everything that does not fit, and the digest
 * by which a trial knows them.
 *
 * Tensors are called as variables are, `stage1.0.conv1.weight`, and have their shapes in the largest network. Left out:
 * where they come from (`Safetensors.ts`, `orchestrator/`).
 */
import { createHash } from "node:crypto"
import type { Network } from "../network/Network.ts"
import { declaredVariables } from "../supernet/operation/Operations.ts"
import { isLearnedScale } from "../supernet/OperandScale.ts"
import { matcher } from "../network/format/Pattern.ts"
import type { TrainEvent } from "./TrainEvent.ts"
import type { InitialSpec } from "./TrainSpec.ts"
import type { Tensors } from "./Safetensors.ts"

const words = (shape: ReadonlyArray<number>): string => `[${shape.join(", ")}]`

export interface Fit {
  /** Everything that does not fit. */
  readonly problems: ReadonlyArray<string>
  /** The variables that are filled, in the network's order. */
  readonly names: ReadonlyArray<string>
  /** For people: one line for each variable, and for each tensor that is left out. */
  readonly map: ReadonlyArray<string>
}

/** Lays tensors on the variables of a network. */
export const fit = (network: Network, tensors: Tensors, skip: ReadonlyArray<string> = []): Fit => {
  const skips = skip.map((pattern) => ({ pattern, matches: matcher(pattern) }))
  const isSkipped = (name: string) => skips.some(({ matches }) => matches(name))
  // Learned scales are not among them: they are set from the weights at their first use.
  const variables = declaredVariables(network).map(({ name, spec }) => ({
    name,
    shape: spec.shape,
  }))
  const known = new Set(variables.map(({ name }) => name))
  const problems: Array<string> = []
  for (const { matches, pattern } of skips)
    if (![...known, ...tensors.keys()].some(matches))
      problems.push(`skip ${pattern} matches no variable and no tensor`)
  for (const { name, shape } of variables) {
    if (isSkipped(name)) continue
    const tensor = tensors.get(name)
    if (tensor === undefined) problems.push(`${name} ${words(shape)} is missing`)
    else if (tensor.unread !== undefined)
      problems.push(`${name} has dtype ${tensor.unread}; F32, F16 or BF16 can be read`)
    else if (words(tensor.shape) !== words(shape))
      problems.push(`${name} has shape ${words(tensor.shape)}, the variable ${words(shape)}`)
    else if (!tensor.values.every(Number.isFinite)) problems.push(`${name} is not finite`)
    else if (name.endsWith(".norm.variance") && tensor.values.some((value) => value < 0))
      problems.push(`${name} has values below 0`)
  }
  const others = [...tensors].filter(([name]) => !known.has(name) && !isLearnedScale(name))
  for (const [name, { shape }] of others)
    if (!isSkipped(name)) problems.push(`${name} ${words(shape)} belongs to no variable`)
  return {
    problems,
    names: variables.flatMap(({ name }) => (isSkipped(name) ? [] : [name])),
    map: [
      ...variables.map(({ name, shape }) =>
        isSkipped(name)
          ? `fresh -> ${name} ${words(shape)}`
          : `${name} ${words(tensors.get(name)?.shape ?? [])} -> ${name} ${words(shape)}`,
      ),
      ...others.map(([name, { shape }]) => `${name} ${words(shape)} -> left out`),
    ],
  }
}

/** Which tensor went where, as a file beside the assignment. */
export const weightsArtifact = (
  network: Network,
  tensors: Tensors,
  skip: ReadonlyArray<string> | undefined,
): TrainEvent => ({
  type: "artifact",
  path: "initial-weights.txt",
  content: `${fit(network, tensors, skip).map.join("\n")}\n`,
})

/**
 * The tensors that a trial starts from. Throws `WrongWeights` when they are not those it was planned with: the file has
 * changed since.
 */
export const initialTensors = (
  network: Network,
  tensors: Tensors | undefined,
  spec: InitialSpec,
): Tensors => {
  if (tensors === undefined) throw new WrongWeights("the initial weights were not read")
  const { names, problems } = fit(network, tensors, spec.skip)
  if (problems.length > 0 || digest(tensors, names) !== spec.digest)
    throw new WrongWeights(
      "the initial weights have changed since the trial was planned; plan it again for a trial of its own",
    )
  return new Map(names.map((name) => [name, tensors.get(name)!]))
}

/** Initial weights that are not those of the trial. */
export class WrongWeights extends Error {}

/** The first 32 hex digits of the SHA-256 of the named tensors: the same values are the same weights, wherever from. */
export const digest = (tensors: Tensors, names: ReadonlyArray<string>): string => {
  const hash = createHash("sha256")
  for (const name of names) {
    const { shape, values } = tensors.get(name)!
    hash.update(`${JSON.stringify([name, shape])}\n`)
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
  }
  return hash.digest("hex").slice(0, 32)
}
