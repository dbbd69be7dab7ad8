/**
 * A network with its decisions made and its weights frozen: what every export is written from.
 *
 * Left out: how it is found in a state folder, the files that it becomes (a file for each target).
 */
import type { Network } from "../network/Network.ts"

/** A weight as the network has it: kernels [height, width, in, out], depthwise [height, width, channels, 1], dense [in, out]. */
export interface Values {
  readonly shape: ReadonlyArray<number>
  readonly values: Float32Array
}

/** How bytes of an image become the input of the network: (byte / 255 - mean) / std for each channel. */
export interface Preprocessing {
  /** [channels] */
  readonly mean: ReadonlyArray<number>
  /** [channels] */
  readonly std: ReadonlyArray<number>
}

export interface FoundModel {
  /** Without decisions: every size and format fixed (`supernet/Child.ts`). */
  readonly network: Network
  /** Name of a variable (`stem.weight`, `stem.norm.gamma`) -> its values, not rounded to their formats. */
  readonly weights: ReadonlyMap<string, Values>
  /**
   * [sites of `network`]: the magnitude that each activation scale is frozen at, of formats with a zero point the span of
   * values; 0 where there is none.
   */
  readonly amax: Float32Array
  /** [sites of `network`]: frozen zero points; absent where no format has one. */
  readonly zeroPoints?: Float32Array
  /** Path of a decision -> what was chosen. */
  readonly assignment: Readonly<Record<string, unknown>>
  /** The space that it was found in, as it was declared. */
  readonly space: unknown
  /** In the order of the logits. */
  readonly classNames: ReadonlyArray<string>
  readonly preprocessing: Preprocessing
  /** Id of its trial. */
  readonly trial: string
  /** The fliqs that trained it. */
  readonly version: string
}

/** The values of a variable. Throws where the model has none of that name (a broken invariant). */
export const valuesNamed = ({ weights }: Pick<FoundModel, "weights">, name: string): Values => {
  const values = weights.get(name)
  if (values === undefined) throw new Error(`the model has no variable ${name}`)
  return values
}
