/**
 * The operations of the network in ONNX: one function each, from the names of its inputs to that of its result. Images are
 * [batch, channels, height, width], tokens [batch, tokens, channels], vectors [batch, channels].
 *
 * A norm is part of its convolution: its gain in the weight's scales, the rest as the bias (`OnnxFolding.ts`).
 *
 * Left out: weights and the rounding of operands (`OnnxWeights.ts`, `OnnxInputs.ts`), which `Context` hands in.
 */
import type {
  AttentionNode,
  BatchNormNode,
  ConvNode,
  EmbedNode,
  GroupNormNode,
  LayerNode,
  Node,
  PoolNode,
  ProductOperand,
  Shape,
  SqueezeExciteNode,
} from "../../network/Graph.ts"
import { activations } from "./OnnxActivations.ts"
import { pad, paddingOf, resize, sizeOf, zeros } from "./OnnxFilling.ts"
import { floats, type Graph } from "./OnnxGraph.ts"
import { foldedNorm, type Norm } from "./OnnxNorms.ts"

/** That of layer and group norms in the network: `supernet/operation/`. */
const epsilon = Math.fround(1e-6)

export interface Context {
  readonly graph: Graph
  /** The shape of an input. */
  readonly shapeOf: (node: Node, input: number) => Shape
  /** Values of a variable of this node, by the last part of its name. */
  readonly values: (node: Node, name: string) => Float32Array
  /** The norm or the bias that a convolution takes in, which is behind it; undefined where there is none. */
  readonly norm: (node: ConvNode) => Norm | undefined
  /** Whether another node does the work of this one. */
  readonly isGone: (node: Node) => boolean
  /**
   * The weight of a layer as floats, times the gain of its norm: [out, in, height, width], depthwise [channels, 1, height,
   * width], dense [in, out].
   */
  readonly weight: (node: LayerNode) => string
  /** x rounded as the input of a layer. */
  readonly rounded: (node: LayerNode, x: string) => string
  /** x rounded as an operand of attention's products. `sizes` has 0 for the batch. */
  readonly product: (
    node: AttentionNode,
    operand: ProductOperand,
    x: string,
    axis: number,
    sizes: ReadonlyArray<number>,
  ) => string
}

const imageSize = (shape: Shape): readonly [number, number] => {
  if (shape.kind !== "image") throw new Error(`an image was expected, not ${shape.kind}`)
  return [sizeOf(shape.height), sizeOf(shape.width)]
}

/** Numbers of channels in a shape that broadcasts over x. */
const perChannel = (
  graph: Graph,
  name: string,
  values: ArrayLike<number>,
  { kind }: Shape,
): string =>
  graph.constant(name, floats(values, kind === "image" ? [values.length, 1, 1] : [values.length]))

const conv = (node: ConvNode, [x]: ReadonlyArray<string>, context: Context): string => {
  const depthwise = node.operation === "depthwiseConv"
  const kernel = node.kernel.map(sizeOf) as [number, number]
  const input = imageSize(context.shapeOf(node, 0))
  const norm = context.norm(node)
  const weight = context.weight(node)
  const { graph } = context
  const { dilation = [1, 1] } = node
  const spanned = kernel.map((size, i) => (size - 1) * dilation[i]! + 1) as [number, number]
  const summand = norm === undefined ? [] : [graph.constant(`${node.path}.bias`, floats(norm.bias))]
  return graph.node("Conv", [context.rounded(node, x!), weight, ...summand], node.path, {
    kernel_shape: kernel,
    strides: node.stride,
    pads: paddingOf(input, spanned, node.stride, node.padding),
    group: depthwise ? sizeOf(node.inputChannels) : (node.groups ?? 1),
    ...(node.dilation === undefined ? {} : { dilations: dilation }),
  })
}

/** A norm that no convolution takes in: x gain + bias. */
const batchNorm = (
  node: BatchNormNode,
  [x]: ReadonlyArray<string>,
  { graph, values }: Context,
): string => {
  const { bias: summand, gain } = foldedNorm((name) => values(node, name))
  const factors = perChannel(graph, `${node.path}.gain`, gain, node.shape)
  const scaled = graph.node("Mul", [x!, factors], `${node.path}.scaled`)
  const summands = perChannel(graph, `${node.path}.bias`, summand, node.shape)
  return graph.node("Add", [scaled, summands], node.path)
}

const bias = (node: Node, [x]: ReadonlyArray<string>, context: Context): string => {
  const { graph } = context
  const values = perChannel(graph, `${node.path}.bias`, context.values(node, "bias"), node.shape)
  return graph.node("Add", [x!, values], node.path)
}

const pool = (node: PoolNode, [x]: ReadonlyArray<string>, { graph, shapeOf }: Context): string => {
  const { operation, padding, path, stride, window } = node
  return graph.node(operation === "maxPool" ? "MaxPool" : "AveragePool", [x!], path, {
    kernel_shape: window,
    strides: stride,
    pads: paddingOf(imageSize(shapeOf(node, 0)), window, stride, padding),
    // padded places do not count
    ...(operation === "maxPool" ? {} : { count_include_pad: 0 }),
  })
}

const squeezeExcite = (
  node: SqueezeExciteNode,
  [x]: ReadonlyArray<string>,
  { graph, values }: Context,
): string => {
  const { path } = node
  const [channels, inner] = [sizeOf(node.inputChannels), sizeOf(node.inner)]
  const dense = (input: string, name: string, from: number, to: number): string => {
    const weight = graph.constant(`${path}.${name}`, floats(values(node, name), [from, to]))
    const product = graph.node("MatMul", [input, weight], `${path}.${name}.product`)
    const shift = graph.constant(`${path}.${name}Bias`, floats(values(node, `${name}Bias`)))
    return graph.node("Add", [product, shift], `${path}.${name}.sum`)
  }
  const mean = graph.reduce("ReduceMean", x!, [2, 3], `${path}.mean`, false)
  const squeezed = dense(mean, "squeeze", channels, inner)
  const active = activations[node.activation](graph, squeezed, `${path}.active`)
  const excited = dense(active, "excite", inner, channels)
  const gate =
    node.gate === undefined
      ? graph.node("Sigmoid", [excited], `${path}.gate`)
      : activations[node.gate](graph, excited, `${path}.gate`)
  const spread = graph.node("Reshape", [gate, graph.whole(0, channels, 1, 1)], `${path}.gates`)
  return graph.node("Mul", [x!, spread], path)
}

const embedTokens = (
  node: EmbedNode,
  [x]: ReadonlyArray<string>,
  { graph, values }: Context,
): string => {
  const { classToken, path, shape } = node
  const channels = sizeOf(shape.channels)
  const flat = graph.node("Reshape", [x!, graph.whole(0, channels, -1)], `${path}.flat`)
  const patches = graph.node("Transpose", [flat], `${path}.patches`, { perm: [0, 2, 1] })
  const tokens = ((): string => {
    if (!classToken) return patches
    const one = floats(values(node, "classToken"), [1, 1, channels])
    const token = graph.constant(`${path}.classToken`, one)
    const sizes = graph.node("Shape", [x!], `${path}.sizes`)
    const batch = graph.node("Gather", [sizes, graph.whole(0)], `${path}.batch`)
    const each = graph.node("Concat", [batch, graph.whole(1, channels)], `${path}.each`, {
      axis: 0,
    })
    const first = graph.node("Expand", [token, each], `${path}.first`)
    return graph.node("Concat", [first, patches], `${path}.tokens`, { axis: 1 })
  })()
  const positions = floats(values(node, "positions"), [shape.tokens, channels])
  return graph.node("Add", [tokens, graph.constant(`${path}.positions`, positions)], path)
}

const layerNorm = (node: Node, [x]: ReadonlyArray<string>, context: Context): string => {
  const { graph } = context
  const { path } = node
  const last = [node.shape.kind === "tokens" ? 2 : 1]
  const mean = graph.reduce("ReduceMean", x!, last, `${path}.mean`, true)
  const centred = graph.node("Sub", [x!, mean], `${path}.centred`)
  const squares = graph.node("Mul", [centred, centred], `${path}.squares`)
  const variance = graph.reduce("ReduceMean", squares, last, `${path}.variance`, true)
  const raised = graph.node("Add", [variance, graph.scalar(epsilon)], `${path}.raised`)
  const deviation = graph.node("Sqrt", [raised], `${path}.deviation`)
  const normal = graph.node("Div", [centred, deviation], `${path}.normal`)
  return affine(node, normal, context)
}

/** x gamma + beta */
const affine = (node: Node, x: string, { graph, values }: Context): string => {
  const { path, shape } = node
  const gamma = perChannel(graph, `${path}.gamma`, values(node, "gamma"), shape)
  const beta = perChannel(graph, `${path}.beta`, values(node, "beta"), shape)
  return graph.node("Add", [graph.node("Mul", [x, gamma], `${path}.scaled`), beta], path)
}

const groupNorm = (node: GroupNormNode, [x]: ReadonlyArray<string>, context: Context): string => {
  const { graph } = context
  const { groups, path, shape } = node
  const [height, width] = imageSize(shape)
  const parts = graph.node("Reshape", [x!, graph.whole(0, groups, -1)], `${path}.parts`)
  const mean = graph.reduce("ReduceMean", parts, [2], `${path}.mean`, true)
  const centred = graph.node("Sub", [parts, mean], `${path}.centred`)
  const squares = graph.node("Mul", [centred, centred], `${path}.squares`)
  const variance = graph.reduce("ReduceMean", squares, [2], `${path}.variance`, true)
  const raised = graph.node("Add", [variance, graph.scalar(epsilon)], `${path}.raised`)
  const deviation = graph.node("Sqrt", [raised], `${path}.deviation`)
  const normal = graph.node("Div", [centred, deviation], `${path}.normal`)
  const sizes = graph.whole(0, sizeOf(shape.channels), height, width)
  return affine(node, graph.node("Reshape", [normal, sizes], `${path}.image`), context)
}

const attention = (
  node: AttentionNode,
  [x]: ReadonlyArray<string>,
  { graph, product, shapeOf }: Context,
): string => {
  const { headDim: size, path } = node
  const shape = shapeOf(node, 0)
  if (shape.kind !== "tokens") throw new Error(`${path} needs tokens`)
  const { tokens } = shape
  const heads = sizeOf(node.inputChannels) / (3 * size)
  const split = graph.node(
    "Reshape",
    [x!, graph.whole(0, tokens, heads, 3 * size)],
    `${path}.split`,
  )
  const each = graph.node("Transpose", [split], `${path}.heads`, { perm: [0, 2, 1, 3] })
  const part = (name: string, i: number): string =>
    graph.node(
      "Slice",
      [each, graph.whole(i * size), graph.whole((i + 1) * size), graph.whole(3)],
      `${path}.${name}`,
    )
  const [query, key, value] = [part("queries", 0), part("keys", 1), part("values", 2)]
  const scaled = graph.node("Mul", [query, graph.scalar(1 / Math.sqrt(size))], `${path}.scaled`)
  const ofHead = [0, heads, tokens, size]
  const q = product(node, "query", scaled, 3, ofHead)
  // Turned before it is rounded: onnxruntime moves the rounding of one side of a Transpose to the other, in a wrong type.
  const turned = graph.node("Transpose", [key], `${path}.turned`, { perm: [0, 1, 3, 2] })
  const k = product(node, "key", turned, 2, [0, heads, size, tokens])
  const scores = graph.node("MatMul", [q, k], `${path}.scores`)
  const weights = graph.node("Softmax", [scores], `${path}.softmax`, { axis: 3 })
  const taken = graph.node(
    "MatMul",
    [
      product(node, "probabilities", weights, 3, [0, heads, tokens, tokens]),
      product(node, "value", value, 2, ofHead),
    ],
    `${path}.taken`,
  )
  const back = graph.node("Transpose", [taken], `${path}.back`, { perm: [0, 2, 1, 3] })
  return graph.node("Reshape", [back, graph.whole(0, tokens, heads * size)], path)
}

/** Adds the nodes of one operation. Throws for the edges of a repeat, which a child network does not have. */
export const addOperation = (
  node: Node,
  inputs: ReadonlyArray<string>,
  context: Context,
): string => {
  const { graph } = context
  if (context.isGone(node)) return inputs[0]!
  switch (node.operation) {
    case "conv":
    case "depthwiseConv":
      return conv(node, inputs, context)
    case "dense":
      return graph.node(
        "MatMul",
        [context.rounded(node, inputs[0]!), context.weight(node)],
        node.path,
      )
    case "bias":
      return bias(node, inputs, context)
    case "activation":
      return activations[node.activation](graph, inputs[0]!, node.path)
    case "add":
      return graph.node("Add", inputs, node.path)
    case "maxPool":
    case "averagePool":
      return pool(node, inputs, context)
    case "globalAveragePool":
      return graph.reduce("ReduceMean", inputs[0]!, [2, 3], node.path, false)
    case "globalMaxPool":
      return graph.reduce("ReduceMax", inputs[0]!, [2, 3], node.path, false)
    case "resize":
      return resize(node, inputs[0]!, graph)
    case "pad":
      return pad(node, inputs[0]!, graph)
    case "zeros":
      return zeros(node, inputs[0]!, graph)
    case "flatten":
      return graph.node("Reshape", [inputs[0]!, graph.whole(0, -1)], node.path)
    case "groupNorm":
      return groupNorm(node, inputs, context)
    case "layerScale":
      return graph.node(
        "Mul",
        [
          inputs[0]!,
          perChannel(graph, `${node.path}.gamma`, context.values(node, "gamma"), node.shape),
        ],
        node.path,
      )
    case "squeezeExcite":
      return squeezeExcite(node, inputs, context)
    case "dropout":
    case "dropPath":
      return inputs[0]!
    case "embedTokens":
      return embedTokens(node, inputs, context)
    case "layerNorm":
      return layerNorm(node, inputs, context)
    case "attention":
      return attention(node, inputs, context)
    case "takeClassToken":
      return graph.node("Gather", [inputs[0]!, graph.place(0)], node.path, { axis: 1 })
    case "tokenMean":
      return graph.reduce("ReduceMean", inputs[0]!, [1], node.path, false)
    case "concat":
      return graph.node("Concat", inputs, node.path, { axis: 1 })
    case "batchNorm":
      return batchNorm(node, inputs, context)
    case "input":
    case "enter":
    case "leave":
    case "choose":
      throw new Error(`a child network runs no ${node.operation} nodes`)
  }
}
