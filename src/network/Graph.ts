/**
 * The network as data: a list of operations in the order they run, each with the shape it gives.
 *
 * Blocks lower to these few operations; the supernet, the layer table and the exporters read nothing else. Sizes that
 * a search may change are quantities. No tensors in here.
 */
import type { FormatSlot } from "../cost/LayerTable.ts"
import type { Quantity } from "../space/Quantity.ts"

/** [tokens, channels]; channels are heads of `headDim` each. */
export interface TokensShape {
  readonly kind: "tokens"
  readonly tokens: number
  readonly headDim: number
  /** Whether the first token is the learned one. */
  readonly classToken: boolean
  readonly channels: Quantity
}

/** Of one example. Images are [height, width, channels], tokens [tokens, channels], vectors [channels]. */
export type Shape =
  | {
      readonly kind: "image"
      readonly height: Quantity
      readonly width: Quantity
      readonly channels: Quantity
    }
  | TokensShape
  | { readonly kind: "vector"; readonly channels: Quantity }

export type Padding = "same" | "valid"
/** Zeros around an image: [top, bottom], [left, right]. */
export type Around = readonly [readonly [number, number], readonly [number, number]]
export type ActivationName =
  | "relu"
  | "relu6"
  | "swish"
  | "gelu"
  | "hardSwish"
  | "hardSigmoid"
  | "leakyRelu"
  | "elu"
  | "tanh"
  | "none"
export type NormName = "batch" | "layer" | "group" | "none"

interface Common {
  /** Unique; variables are named after it. */
  readonly path: string
  /** Indices of the nodes read. */
  readonly inputs: ReadonlyArray<number>
  readonly shape: Shape
  /** How much of its input this node sees: the channels of that input. */
  readonly inputChannels: Quantity
  /** 1 when this node runs: 0 in a repeat that the depth decision leaves out. */
  readonly active: Quantity
}

export interface InputNode extends Common {
  readonly operation: "input"
}

/** Images in another size: bilinear, between the centres of pixels. */
export interface ResizeNode extends Common {
  readonly operation: "resize"
}

export interface ConvNode extends Common {
  readonly operation: "conv" | "depthwiseConv"
  /** Index into the layer table. */
  readonly layer: number
  /** [height, width] */
  readonly kernel: readonly [Quantity, Quantity]
  readonly stride: readonly [number, number]
  readonly padding: Padding
  /** Parts of the channels, each convolved alone; absent: 1. */
  readonly groups?: number
  /** Channels that one output reads, those of its group; absent where it reads all of them. */
  readonly groupInputs?: Quantity
  /** Pixels from one element of the kernel to the next; absent: 1. */
  readonly dilation?: readonly [number, number]
}

export interface DenseNode extends Common {
  readonly operation: "dense"
  readonly layer: number
}

export interface BatchNormNode extends Common {
  readonly operation: "batchNorm"
}

export interface BiasNode extends Common {
  readonly operation: "bias"
}

export interface ActivationNode extends Common {
  readonly operation: "activation"
  readonly activation: Exclude<ActivationName, "none">
}

export interface AddNode extends Common {
  readonly operation: "add"
}

export interface PoolNode extends Common {
  readonly operation: "maxPool" | "averagePool"
  readonly window: readonly [number, number]
  readonly stride: readonly [number, number]
  readonly padding: Padding
}

export interface GlobalPoolNode extends Common {
  readonly operation: "globalAveragePool" | "globalMaxPool"
}

/** Pixels around an image: zeros, or for a maximum the lowest number of float32. */
export interface PadNode extends Common {
  readonly operation: "pad"
  readonly around: Around
  readonly value: "zero" | "lowest"
}

/** All values of an image as a vector, channel after channel. */
export interface FlattenNode extends Common {
  readonly operation: "flatten"
}

/** Every channel times a trained factor (arXiv 2103.17239, section 2). */
export interface LayerScaleNode extends Common {
  readonly operation: "layerScale"
  /** What the factors begin with. */
  readonly initial: number
}

/** Squeeze-excite: a gate per channel from two small dense layers with bias; float32 always, no layer of the table. */
export interface SqueezeExciteNode extends Common {
  readonly operation: "squeezeExcite"
  /** Width between the two dense layers. */
  readonly inner: Quantity
  /** Between the two dense layers. */
  readonly activation: Exclude<ActivationName, "none">
  /** Behind the second; absent: sigmoid. */
  readonly gate?: "hardSigmoid"
}

/** In training only: elements (`dropout`) or whole examples (`dropPath`) become 0 with probability `rate`. */
export interface DropNode extends Common {
  readonly operation: "dropout" | "dropPath"
  readonly rate: number
  /** Differs for every such node of the network: no two draw the same. */
  readonly place: number
}

/** Patches become tokens: a class token before them, positions added. */
export interface EmbedNode extends Common {
  readonly operation: "embedTokens"
  readonly shape: TokensShape
  readonly classToken: boolean
}

export interface LayerNormNode extends Common {
  readonly operation: "layerNorm"
}

export interface GroupNormNode extends Common {
  readonly operation: "groupNorm"
  readonly groups: number
}

/** From queries, keys and values, [heads, 3, headDim] along channels, to what each token takes in. */
export interface AttentionNode extends Common {
  readonly operation: "attention"
  readonly headDim: number
  /** Format of the operands of both products; absent: they are not quantized. */
  readonly products?: FormatSlot
  /** Whether integer formats of the probabilities take the range 0 to 2^b - 1. */
  readonly unsignedProbabilities?: boolean
}

export interface TokensToVectorNode extends Common {
  readonly operation: "takeClassToken" | "tokenMean"
}

/** Joins images along channels. */
export interface ConcatNode extends Common {
  readonly operation: "concat"
}

/**
 * Head of a part that a decision may leave out: passes one example only when inactive. Where the shape has other channels than
 * the input, they are equal when it is active.
 */
export interface EnterNode extends Common {
  readonly operation: "enter"
}

/** End of such a repeat. Inputs [result of the repeat, its input]: gives the first when active, else the second. */
export interface LeaveNode extends Common {
  readonly operation: "leave"
}

/** The result of one of several parts of which only one is active: that of input `option`. */
export interface ChooseNode extends Common {
  readonly operation: "choose"
  readonly option: Quantity
}

/** Zeros in its shape, whatever its input holds. */
export interface ZerosNode extends Common {
  readonly operation: "zeros"
}

export type Node =
  | InputNode
  | ResizeNode
  | ConvNode
  | DenseNode
  | BatchNormNode
  | BiasNode
  | ActivationNode
  | AddNode
  | PoolNode
  | GlobalPoolNode
  | PadNode
  | FlattenNode
  | LayerScaleNode
  | SqueezeExciteNode
  | DropNode
  | EmbedNode
  | LayerNormNode
  | GroupNormNode
  | AttentionNode
  | TokensToVectorNode
  | ConcatNode
  | EnterNode
  | LeaveNode
  | ChooseNode
  | ZerosNode

/** A node that multiplies with the weights of a layer. */
export type LayerNode = Extract<Node, { readonly layer: number }>
export const isLayerNode = (node: Node): node is LayerNode => "layer" in node

/** A node before the builder knows in which repeat it stands. */
export type NodeDraft = Node extends infer N ? (N extends Node ? Omit<N, "active"> : never) : never

export interface Graph {
  readonly nodes: ReadonlyArray<Node>
  /** The last node: logits, [classes]. */
  readonly output: number
  /** Of the images of the data set: the largest where the size is searched. */
  readonly input: { readonly height: number; readonly width: number; readonly channels: number }
  readonly classes: number
}

/** The operands of attention's two products, in the order of their format rows. */
export const productOperands = ["query", "key", "probabilities", "value"] as const
export type ProductOperand = (typeof productOperands)[number]
