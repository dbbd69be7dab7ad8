/**
 * The policy as a pass through the supernet reads it: formats and sizes are tensors, so that another policy at every
 * step needs no other graph. Left out: where the policy comes from (`search/`).
 */
import type { Tensor, Tensor1D, Tensor2D } from "../tensor/Backend.ts"

export interface PolicyTensors {
  /** [sites, rowLength]: format rows, in the order of `network/Sites.ts`. */
  readonly rows: Tensor2D
  /** [sites]: frozen largest magnitudes; 0 takes the magnitude from the tensor at hand. */
  readonly amax: Tensor1D
  /** int32 [searched sizes], in the order of `SearchedSizes.ts`. */
  readonly sizes: Tensor1D
  /** Every searched format in the proportion of its probability; scales then come from the tensor at hand. */
  readonly relaxed?: Relaxed
}

export interface Relaxed {
  /** Format site -> [options of its decision]; a tensor for each site, so that each has its own gradient. */
  readonly probabilities: ReadonlyMap<number, Tensor1D>
  /** Elements of the roundings that a pass keeps for its gradient; a pass adds its own. */
  copied: number
}

/** The statistics of a `measure` pass, from which norms and scales are estimated again. */
export interface Observed {
  /** Path of a norm -> its batch mean and variance, each [channels], kept: the caller disposes of them. */
  readonly norms: Map<string, readonly [Tensor, Tensor]>
  /** Site of an activation -> the magnitude that its frozen scale comes from, a scalar. */
  readonly activations: Map<number, Tensor>
  /** Site of an activation that may take a format with a zero point -> its lowest value and 0, a scalar. */
  readonly leasts: Map<number, Tensor>
}
