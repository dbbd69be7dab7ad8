/**
 * Every operation of a network in PyTorch: the module it needs, the expression that runs it, and where its variables go.
 *
 * Images are [batch, channels, height, width] there, kernels [out, in, height, width], dense weights [out, in]. Left out:
 * the order of the lines (`NetworkText.ts`), the text of the classes (`LayersText.ts`).
 */
import type { Network } from "../../network/Network.ts"
import type {
  ConvNode,
  Node,
  PadNode,
  PoolNode,
  ProductOperand,
  Shape,
} from "../../network/Graph.ts"
import { productOperands } from "../../network/Graph.ts"
import { siteOf } from "../../network/Sites.ts"
import { maximum } from "../../space/Quantity.ts"
import type { QuantizedOperand } from "../Operands.ts"
import type { LayerText } from "./LayersText.ts"

/** A variable of a node in the state of its module. */
export interface Placed {
  /** Last part of the variable's name here. */
  readonly from: string
  /** Key below the module, or below that of the node `of`. */
  readonly to: string
  /** Axes of the variable in the order that PyTorch has them; as they are when absent. */
  readonly order?: ReadonlyArray<number>
  /** Of a bias: the node whose module holds it. */
  readonly of?: string
}

export interface Lines {
  /** Its module, `nn.BatchNorm2d(16)`; absent where it needs none. */
  readonly module?: string
  /** What it gives: `run` is the module. */
  readonly value: (inputs: ReadonlyArray<string>, run: string) => string
  readonly variables: ReadonlyArray<Placed>
  readonly needs?: LayerText
}

export interface LayerContext {
  readonly network: Network
  /** By site. */
  readonly operands: ReadonlyArray<QuantizedOperand>
  /** Paths of the layers that a bias follows. */
  readonly withBias: ReadonlySet<string>
  /** The `Quantize` of an operand whose axis is `axis`; undefined where nothing is rounded. */
  readonly quantize: (operand: QuantizedOperand, axes: Axes) => string | undefined
}

/** Dimensions of an operand in PyTorch: along which blocks run, and of which each index has a scale. */
export interface Axes {
  readonly block: number
  readonly channel?: number
}

const runs: Lines["value"] = ([x], run) => `${run}(${x})`
const tuple = (numbers: ReadonlyArray<number>): string => `(${numbers.join(", ")})`

const sizeOf = (shape: Shape): readonly [number, number] => {
  if (shape.kind !== "image") throw new Error(`an image was expected, not ${shape.kind}`)
  return [maximum(shape.height), maximum(shape.width)]
}

/** TensorFlow's padding, (left, right, top, bottom): `same` gives ceil(size / stride), the odd pixel at the end. */
export const padding = (
  shape: Shape,
  window: ReadonlyArray<number>,
  stride: ReadonlyArray<number>,
  kind: ConvNode["padding"],
): readonly [number, number, number, number] => {
  if (kind === "valid") return [0, 0, 0, 0]
  const [[top, bottom], [left, right]] = sizeOf(shape).map((size, i) => {
    const [step, extent] = [stride[i]!, window[i]!]
    const all = Math.max((Math.ceil(size / step) - 1) * step + extent - size, 0)
    return [Math.floor(all / 2), Math.ceil(all / 2)] as const
  }) as [readonly [number, number], readonly [number, number]]
  return [left, right, top, bottom]
}

const inputShape = ({ graph }: Network, node: Node): Shape => graph.nodes[node.inputs[0]!]!.shape

/** Words of a call, a line each; the module that is called stands at the depth of a constructor. */
const onLines = (words: ReadonlyArray<string>): string =>
  `\n${words.map((word) => `            ${word},\n`).join("")}        `

/** `weights=...`, `activations=...` of a layer. */
const operandsText = (
  { operands, quantize }: LayerContext,
  layer: number,
  weights: Axes,
  input: Axes,
): ReadonlyArray<string> => {
  const of = (operand: "weights" | "activations", axes: Axes): string =>
    quantize(operands[siteOf(layer, operand)]!, axes) ?? "nn.Identity()"
  return [`weights=${of("weights", weights)}`, `activations=${of("activations", input)}`]
}

const convolution = (node: ConvNode, context: LayerContext): Lines => {
  const isDepthwise = node.operation === "depthwiseConv"
  const kernel = node.kernel.map(maximum)
  const [inputs, outputs] = [maximum(node.inputChannels), maximum(node.shape.channels)]
  const { dilation = [1, 1], groups = 1 } = node
  const spanned = kernel.map((size, i) => (size - 1) * dilation[i]! + 1)
  const pad = padding(inputShape(context.network, node), spanned, node.stride, node.padding)
  const parts = isDepthwise ? inputs : groups
  const sizes = [
    inputs,
    outputs,
    `kernel_size=${tuple(kernel)}`,
    `stride=${tuple(node.stride)}`,
    ...(pad.some((n) => n > 0) ? [`pad=${tuple(pad)}`] : []),
    ...(node.dilation === undefined ? [] : [`dilation=${tuple(dilation)}`]),
    ...(isDepthwise || groups > 1 ? [`groups=${parts}`] : []),
    `bias=${context.withBias.has(node.path) ? "True" : "False"}`,
  ]
  const weights = { block: isDepthwise ? 0 : 1, channel: 0 }
  return {
    module: `QuantizedConv2d(${onLines([sizes.join(", "), ...operandsText(context, node.layer, weights, { block: 1 })])})`,
    value: runs,
    // [height, width, in, out], depthwise [height, width, channels, 1]
    variables: [{ from: "weight", to: "weight", order: isDepthwise ? [2, 3, 0, 1] : [3, 2, 0, 1] }],
    needs: "matrix",
  }
}

const pool = (node: PoolNode, { network }: LayerContext): Lines => {
  const pad = padding(inputShape(network, node), node.window, node.stride, node.padding)
  const isMaximum = node.operation === "maxPool"
  const sizes = [node.window, node.stride, pad].map(tuple).join(", ")
  return {
    value: ([x]) => `${isMaximum ? "max_pool" : "average_pool"}(${x}, ${sizes})`,
    variables: [],
    needs: isMaximum ? "maxPool" : "averagePool",
  }
}

const activations = {
  relu: "F.relu(?)",
  relu6: "F.relu6(?)",
  swish: "F.silu(?)",
  gelu: 'F.gelu(?, approximate="tanh")',
  hardSwish: "F.hardswish(?)",
  hardSigmoid: "F.hardsigmoid(?)",
  leakyRelu: "F.leaky_relu(?)",
  elu: "F.elu(?)",
  tanh: "torch.tanh(?)",
} as const

const attention = (
  node: Extract<Node, { operation: "attention" }>,
  { operands, quantize }: LayerContext,
): Lines => {
  const operandText = (operand: ProductOperand): ReadonlyArray<string> => {
    const found = operands.find(({ path }) => path === `${node.path}.${operand}`)
    // blocks run along what the product sums: channels of a head, then tokens
    const text =
      found === undefined ? undefined : quantize(found, { block: operand === "value" ? -2 : -1 })
    return text === undefined ? [] : [`${operand}=${text}`]
  }
  const all = [`head_dim=${node.headDim}`, ...productOperands.flatMap(operandText)]
  return {
    module: `Attention(${all.length > 1 ? onLines(all) : all.join("")})`,
    value: runs,
    variables: [],
    needs: "attention",
  }
}

const padded = (x: string, { around: [rows, columns], value }: PadNode): string => {
  const filling = value === "lowest" ? ", value=torch.finfo(torch.float32).min" : ""
  return `F.pad(${x}, ${tuple([...columns, ...rows])}${filling})`
}

const resized = (x: string, { shape }: Node): string =>
  `F.interpolate(${x}, size=${tuple(sizeOf(shape))}, mode="bilinear", align_corners=False)`

const zeros = (x: string, { shape }: Node): string => {
  const channels = maximum(shape.channels)
  const sizes =
    shape.kind === "image"
      ? [channels, maximum(shape.height), maximum(shape.width)]
      : shape.kind === "tokens"
        ? [shape.tokens, channels]
        : [channels]
  return `${x}.new_zeros(${x}.shape[0], ${sizes.join(", ")})`
}

const plain = (value: Lines["value"]): Lines => ({ value, variables: [] })

const dense = (node: Extract<Node, { operation: "dense" }>, context: LayerContext): Lines => {
  const bias = context.withBias.has(node.path) ? "True" : "False"
  const words = [
    `${maximum(node.inputChannels)}, ${maximum(node.shape.channels)}, bias=${bias}`,
    ...operandsText(context, node.layer, { block: 1, channel: 0 }, { block: -1 }),
  ]
  return {
    module: `QuantizedLinear(${onLines(words)})`,
    value: runs,
    variables: [{ from: "weight", to: "weight", order: [1, 0] }],
    needs: "matrix",
  }
}

const squeezeExcite = (node: Extract<Node, { operation: "squeezeExcite" }>): Lines => {
  const activation = activations[node.activation].replace("(?)", "")
  const gate = node.gate === undefined ? "" : ", F.hardsigmoid"
  return {
    module: `SqueezeExcite(${maximum(node.inputChannels)}, ${maximum(node.inner)}, ${activation}${gate})`,
    value: runs,
    variables: ["squeeze", "excite"].flatMap((name) => [
      { from: name, to: `${name}.weight`, order: [1, 0] },
      { from: `${name}Bias`, to: `${name}.bias` },
    ]),
    needs: "squeezeExcite",
  }
}

const affine = [
  { from: "gamma", to: "weight" },
  { from: "beta", to: "bias" },
] as const

/** What works on each channel by numbers of its own. */
const norm = (
  node: Extract<Node, { operation: "batchNorm" | "layerNorm" | "groupNorm" | "layerScale" }>,
): Lines => {
  const channels = maximum(node.shape.channels)
  switch (node.operation) {
    case "batchNorm":
      return {
        module: `nn.BatchNorm${node.shape.kind === "image" ? 2 : 1}d(${channels}, eps=1e-5)`,
        value: runs,
        variables: [
          ...affine,
          { from: "mean", to: "running_mean" },
          { from: "variance", to: "running_var" },
        ],
      }
    case "layerNorm":
      return node.shape.kind === "image"
        ? {
            module: `ImageNorm(${channels}, eps=1e-6)`,
            value: runs,
            variables: affine,
            needs: "imageNorm",
          }
        : { module: `nn.LayerNorm(${channels}, eps=1e-6)`, value: runs, variables: affine }
    case "groupNorm": {
      const module = `nn.GroupNorm(${node.groups}, ${channels}, eps=1e-6)`
      return { module, value: runs, variables: affine }
    }
    case "layerScale":
      return {
        module: `LayerScale(${channels})`,
        value: runs,
        variables: [{ from: "gamma", to: "weight" }],
        needs: "layerScale",
      }
  }
}

/** What a node is in PyTorch. */
export const linesOf = (node: Node, context: LayerContext): Lines => {
  const channels = maximum(node.shape.channels)
  switch (node.operation) {
    case "input":
    case "dropout":
    case "dropPath":
      return plain(([x]) => x ?? "images")
    case "conv":
    case "depthwiseConv":
      return convolution(node, context)
    case "dense":
      return dense(node, context)
    case "bias": {
      const { path } = context.network.graph.nodes[node.inputs[0]!]!
      return { value: ([x]) => x!, variables: [{ from: "bias", to: "bias", of: path }] }
    }
    case "batchNorm":
    case "layerNorm":
    case "groupNorm":
    case "layerScale":
      return norm(node)
    case "activation":
      return plain(([x]) => activations[node.activation].replace("?", x!))
    case "add":
      return plain(([a, b]) => `${a} + ${b}`)
    case "concat":
      return plain((inputs) => `torch.cat([${inputs.join(", ")}], dim=1)`)
    case "maxPool":
    case "averagePool":
      return pool(node, context)
    case "globalAveragePool":
      return plain(([x]) => `${x}.mean(dim=(2, 3))`)
    case "globalMaxPool":
      return plain(([x]) => `${x}.amax(dim=(2, 3))`)
    case "resize":
      return plain(([x]) => resized(x!, node))
    case "pad":
      return plain(([x]) => padded(x!, node))
    case "flatten":
      return plain(([x]) => `${x}.flatten(1)`)
    case "squeezeExcite":
      return squeezeExcite(node)
    case "embedTokens":
      return {
        module: `EmbedTokens(${node.shape.tokens}, ${channels}, ${node.classToken ? "True" : "False"})`,
        value: runs,
        variables: [
          { from: "positions", to: "positions" },
          ...(node.classToken ? [{ from: "classToken", to: "class_token" }] : []),
        ],
        needs: "embedTokens",
      }
    case "attention":
      return attention(node, context)
    case "takeClassToken":
      return plain(([x]) => `${x}[:, 0]`)
    case "tokenMean":
      return plain(([x]) => `${x}.mean(dim=1)`)
    case "zeros":
      return plain(([x]) => zeros(x!, node))
    case "enter":
    case "leave":
    case "choose":
      throw new Error(`${node.path}: a found network has nothing left that may be left out`)
  }
}
