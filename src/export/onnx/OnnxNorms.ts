/**
 * A batch norm with its frozen statistics, and a bias before it, as a convolution takes them in:
 *
 *     gain = gamma / sqrt(variance + epsilon),  bias = beta + (bias - mean) gain
 *
 * Left out: the gain in the weight (`../Gains.ts`).
 */
import type { BatchNormNode, BiasNode } from "../../network/Graph.ts"
import { type FoundModel, valuesNamed } from "../FoundModel.ts"

const { fround } = Math
/** That of the network: `supernet/operation/`. */
const epsilon = fround(1e-5)

export interface Norm {
  /** Of each channel; absent where nothing is multiplied. */
  readonly gain?: Float32Array
  readonly bias: Float32Array
}

/** What a convolution takes in: one of the two, or both. */
export interface Behind {
  readonly bias?: BiasNode
  readonly norm?: BatchNormNode
}

/** A norm by its values: `gamma`, `beta`, `mean`, `variance`. */
export const foldedNorm = (
  valuesOf: (name: string) => Float32Array,
): { readonly gain: Float32Array; readonly bias: Float32Array } => {
  const [mean, variance] = [valuesOf("mean"), valuesOf("variance")]
  const gain = valuesOf("gamma").map((value, i) =>
    fround(value * fround(1 / Math.sqrt(fround(variance[i]! + epsilon)))),
  )
  const bias = valuesOf("beta").map((value, i) => fround(value - fround(mean[i]! * gain[i]!)))
  return { gain, bias }
}

export const normOf = (model: FoundModel, { bias, norm }: Behind): Norm | undefined => {
  const own = bias === undefined ? undefined : valuesNamed(model, `${bias.path}.bias`).values
  if (norm === undefined) return own === undefined ? undefined : { bias: own }
  const folded = foldedNorm((name) => valuesNamed(model, `${norm.path}.${name}`).values)
  if (own === undefined) return folded
  return {
    gain: folded.gain,
    bias: folded.bias.map((value, c) => fround(value + own[c]! * folded.gain[c]!)),
  }
}
