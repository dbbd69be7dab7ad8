/**
 * What an operation of the graph is on tensors: the variables it owns and its forward pass, in ordinary tfjs.
 *
 * To add one: a node type in `Graph.ts`, a file beside this, an entry in `Operations.ts`.
 */
import type { Tensor, Variable } from "../../tensor/Backend.ts"
import type { Size } from "../../tensor/Cut.ts"
import type { Quantity } from "../../space/Quantity.ts"
import type { RunningAverages } from "../../tensor/Norms.ts"
import type { Node, ProductOperand } from "../../network/Graph.ts"
import type { Operand } from "../../network/Sites.ts"

/**
 * Which channels run along an axis of a variable: those of its node's input, of its result, those between (`inner`), or
 * none.
 */
export type AxisChannels = "input" | "output" | "inner" | null

export interface VariableSpec {
  /** Last part of its name: `weight`, `gamma`, `mean`. */
  readonly name: string
  /** Of the largest network. */
  readonly shape: ReadonlyArray<number>
  /** Of each axis. Where two have channels, the first is read and the second is made. */
  readonly channels: ReadonlyArray<AxisChannels>
  /**
   * One number everywhere, or normal with the standard deviation sqrt(gain / fanIn), He et al. 2015 (arXiv 1502.01852),
   * equation 10.
   */
  readonly initial:
    | "zeros"
    | "ones"
    | { readonly value: number }
    | { readonly gain: number; readonly fanIn: number }
  /** `trained` by the optimizer, or an `average` that the norm itself assigns. */
  readonly kind: "trained" | "average"
  /** How many of its first axes are cut to their centre (kernels); the others to their first elements. Default 0. */
  readonly centred?: number
  /** Whether weight decay applies: to weights, not to norms and biases. */
  readonly decay: boolean
}

/**
 * `train`: batch statistics, running averages updated. `measure`: batch statistics, averages untouched (held-out
 * quality). `measureRunning`: the same by running averages. `infer`: running averages and frozen activation scales.
 */
export type Mode = "train" | "measure" | "measureRunning" | "infer"

export interface Context {
  readonly mode: Mode
  /** int32 [2], another one every training step: for what is random. */
  readonly seed?: Tensor
  /** Variable of this node by the last part of its name. */
  readonly variable: (name: string) => Variable
  /** Whether a decision chooses the size of the images, and with it all sizes of images behind them. */
  readonly isSizeSearched: boolean
  /** The size now: a number when nothing decides it, else an int32 scalar. */
  readonly size: (quantity: Quantity) => Size
  /**
   * A variable cut to `sizes`: the centre along its first `centred` axes (kernels), the first elements along the others
   * (channels). The variable itself when nothing decides a size.
   */
  readonly cut: (variable: Variable, sizes: ReadonlyArray<Quantity>, centred?: number) => Tensor
  /** Running averages of the active channels; what is written in a repeat that is left out is dropped. */
  readonly averages: (node: Node, mean: Variable, variance: Variable) => RunningAverages
  /** Fake quantization of a layer's weight or of its input, in the format this step gives it. */
  readonly quantize: (operand: Operand, layer: number, x: Tensor) => Tensor
  /** Fake quantization of an operand of attention's products, blocks along its dimension `blockAxis`. */
  readonly quantizeProduct: (operand: ProductOperand, x: Tensor, blockAxis: number) => Tensor
  /** Tells batch statistics of a norm, each [channels]. */
  readonly observeNorm: (path: string, mean: Tensor, variance: Tensor) => void
}

export interface Operation<N extends Node = Node> {
  readonly operations: ReadonlyArray<N["operation"]>
  variables(node: N): ReadonlyArray<VariableSpec>
  /** Inputs and result: images [batch, height, width, channels], vectors [batch, channels]. */
  forward(node: N, inputs: ReadonlyArray<Tensor>, context: Context): Tensor
}

/** An operation whose node type only its own file knows: what the list holds. */
export const defineOperation = <N extends Node>(operation: Operation<N>): Operation =>
  operation as Operation
