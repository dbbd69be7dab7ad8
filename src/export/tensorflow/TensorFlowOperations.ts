/**
 * The operations of the network in TensorFlow: one function each, from the names of its inputs to that of its result.
 * Shapes are those of the network: images [batch, height, width, channels], tokens [batch, tokens, channels], vectors
 * [batch, channels]. Only operations that TensorFlow.js has on WebAssembly are used.
 *
 * A norm is one multiplication and one addition for each channel, as the network computes it: folded into the weight it
 * would have to be rounded again, to other values. Left out: weights and the rounding of operands, which `Context` hands in.
 */
import type {
  AttentionNode,
  ConvNode,
  EmbedNode,
  Node,
  PoolNode,
  ProductOperand,
  Shape,
  SqueezeExciteNode,
} from "../../network/Graph.ts"
import { valueOf } from "../../space/Quantity.ts"
import type { TensorFlowGraph } from "./TensorFlowGraph.ts"

const { fround } = Math
/** Those of the network: `supernet/operation/`. */
const epsilon = { batchNorm: fround(1e-5), layerNorm: fround(1e-6) }

export interface Context {
  readonly graph: TensorFlowGraph
  /** The shape of an input. */
  readonly shapeOf: (node: Node, input: number) => Shape
  /** Values of a variable of this node, by the last part of its name. */
  readonly values: (node: Node, name: string) => Float32Array
  /** The weight of a layer as floats. */
  readonly weight: (node: Node) => string
  /** x rounded as the input of a layer. */
  readonly rounded: (node: Node & { readonly layer: number }, x: string) => string
  /** x rounded as an operand of attention's products. `sizes` has -1 for the batch. */
  readonly product: (
    node: AttentionNode,
    operand: ProductOperand,
    x: string,
    axis: number,
    sizes: ReadonlyArray<number>,
  ) => string
}

/** Sizes are fixed in a child network. */
export const sizeOf = (quantity: Parameters<typeof valueOf>[0]): number => valueOf(quantity, [])

const windowed = (stride: ReadonlyArray<number>, padding: "same" | "valid") => ({
  T: { type: "DT_FLOAT" } as const,
  strides: [1, ...stride, 1],
  padding: padding.toUpperCase(),
  data_format: "NHWC",
})

/**
 * The input of a convolution with its padding. Where a stride reaches beyond the kernel, so that `same` leaves pixels
 * out at the end, TensorFlow.js 4.22 on WebAssembly gives zeros: there the other axis is padded first, and the
 * convolution pads nothing.
 */
const padded = (
  node: ConvNode,
  x: string,
  { graph, shapeOf }: Context,
): readonly [x: string, padding: "same" | "valid"] => {
  const shape = shapeOf(node, 0)
  if (node.padding === "valid" || shape.kind !== "image") return [x, node.padding]
  const totals = [shape.height, shape.width].map((size, i) => {
    const stride = node.stride[i]!
    return (Math.ceil(size / stride) - 1) * stride + sizeOf(node.kernel[i]!) - size
  })
  if (totals.every((total) => total >= 0)) return [x, "same"]
  const around = totals.map((total) => {
    const all = Math.max(total, 0)
    return [Math.floor(all / 2), Math.ceil(all / 2)] as const
  })
  if (totals.every((total) => total <= 0)) return [x, "valid"]
  return [graph.pad(x, [[0, 0], ...around, [0, 0]], `${node.path}.padded`), "valid"]
}

const conv = (node: ConvNode, [x]: ReadonlyArray<string>, context: Context): string => {
  const operation = node.operation === "depthwiseConv" ? "DepthwiseConv2dNative" : "Conv2D"
  const [input, padding] = padded(node, context.rounded(node, x!), context)
  return context.graph.node(operation, [input, context.weight(node)], node.path, {
    ...windowed(node.stride, padding),
    dilations: [1, 1, 1, 1],
  })
}

/** [rows, in] [in, out]; tokens are rows too. */
const dense = (
  node: Extract<Node, { operation: "dense" }>,
  [x]: ReadonlyArray<string>,
  context: Context,
): string => {
  const { graph, rounded, weight } = context
  const { path, shape } = node
  const input = rounded(node, x!)
  if (shape.kind !== "tokens") return graph.product(input, weight(node), path)
  const rows = graph.reshape(input, [-1, sizeOf(node.inputChannels)], `${path}.rows`)
  const product = graph.product(rows, weight(node), `${path}.product`)
  return graph.reshape(product, [-1, shape.tokens, sizeOf(shape.channels)], path)
}

/** Norm by frozen statistics: factor = gamma / sqrt(variance + epsilon), x factor + (beta - mean factor). */
const batchNorm = (node: Node, [x]: ReadonlyArray<string>, { graph, values }: Context): string => {
  const { path } = node
  const [gamma, beta, mean, variance] = ["gamma", "beta", "mean", "variance"].map((name) =>
    values(node, name),
  ) as [Float32Array, Float32Array, Float32Array, Float32Array]
  const factor = gamma.map((value, i) =>
    fround(value * fround(1 / Math.sqrt(fround(variance[i]! + epsilon.batchNorm)))),
  )
  const shift = beta.map((value, i) => fround(value - fround(mean[i]! * factor[i]!)))
  const scaled = graph.each("Mul", [x!, graph.floats(`${path}.factor`, factor)], `${path}.scaled`)
  return graph.each("AddV2", [scaled, graph.floats(`${path}.shift`, shift)], path)
}

const bias = (node: Node, [x]: ReadonlyArray<string>, { graph, values }: Context): string =>
  graph.each("AddV2", [x!, graph.floats(`${node.path}.bias`, values(node, "bias"))], node.path)

/** In its tanh form: x/2 (1 + tanh(x (cubic x^2 + linear))). */
const gelu = (graph: TensorFlowGraph, x: string, path: string): string => {
  const linear = Math.sqrt(2 / Math.PI)
  const square = graph.each("Mul", [x, x], `${path}.square`)
  const cubic = graph.each("Mul", [square, graph.scalar(0.044715 * linear)], `${path}.cubic`)
  const sum = graph.each("AddV2", [cubic, graph.scalar(linear)], `${path}.sum`)
  const tanh = graph.each("Tanh", [graph.each("Mul", [x, sum], `${path}.inner`)], `${path}.tanh`)
  const factor = graph.each("AddV2", [tanh, graph.scalar(1)], `${path}.factor`)
  const half = graph.each("Mul", [x, graph.scalar(0.5)], `${path}.half`)
  return graph.each("Mul", [half, factor], path)
}

const activations = {
  relu: (graph: TensorFlowGraph, x: string, path: string) => graph.each("Relu", [x], path),
  relu6: (graph: TensorFlowGraph, x: string, path: string) => graph.each("Relu6", [x], path),
  swish: (graph: TensorFlowGraph, x: string, path: string) =>
    graph.each("Mul", [x, graph.each("Sigmoid", [x], `${path}.sigmoid`)], path),
  gelu,
}

const pool = (node: PoolNode, [x]: ReadonlyArray<string>, { graph }: Context): string =>
  graph.node(node.operation === "maxPool" ? "MaxPool" : "AvgPool", [x!], node.path, {
    ...windowed(node.stride, node.padding),
    ksize: [1, ...node.window, 1],
  })

const squeezeExcite = (
  node: SqueezeExciteNode,
  [x]: ReadonlyArray<string>,
  { graph, values }: Context,
): string => {
  const { path } = node
  const [channels, inner] = [sizeOf(node.inputChannels), sizeOf(node.inner)]
  const layer = (input: string, name: string, from: number, to: number): string => {
    const weight = graph.floats(`${path}.${name}`, values(node, name), [from, to])
    const shift = graph.floats(`${path}.${name}Bias`, values(node, `${name}Bias`))
    const product = graph.product(input, weight, `${path}.${name}.product`)
    return graph.each("AddV2", [product, shift], `${path}.${name}.sum`)
  }
  const mean = graph.reduce("Mean", x!, [1, 2], `${path}.mean`, false)
  const squeezed = layer(mean, "squeeze", channels, inner)
  const active = activations[node.activation](graph, squeezed, `${path}.active`)
  const gate = graph.each("Sigmoid", [layer(active, "excite", inner, channels)], `${path}.gate`)
  const spread = graph.reshape(gate, [-1, 1, 1, channels], `${path}.gates`)
  return graph.each("Mul", [x!, spread], path)
}

const embedTokens = (
  node: EmbedNode,
  [x]: ReadonlyArray<string>,
  { graph, values }: Context,
): string => {
  const { classToken, path, shape } = node
  const channels = sizeOf(shape.channels)
  const patches = shape.tokens - (classToken ? 1 : 0)
  const flat = graph.reshape(x!, [-1, patches, channels], `${path}.patches`)
  const tokens = ((): string => {
    if (!classToken) return flat
    const token = graph.floats(`${path}.classToken`, values(node, "classToken"), [1, 1, channels])
    const sizes = graph.sizes(flat, `${path}.sizes`)
    const batch = graph.slice(sizes, [0], [1], `${path}.batch`, "DT_INT32")
    const counts = graph.concat([batch, graph.whole(1, 1)], 0, `${path}.counts`, "DT_INT32")
    return graph.concat([graph.tile(token, counts, `${path}.first`), flat], 1, `${path}.tokens`)
  })()
  const places = [shape.tokens, channels]
  const positions = graph.floats(`${path}.positions`, values(node, "positions"), places)
  return graph.each("AddV2", [tokens, positions], path)
}

const layerNorm = (node: Node, [x]: ReadonlyArray<string>, { graph, values }: Context): string => {
  const { path } = node
  const last = [node.shape.kind === "tokens" ? 2 : 1]
  const mean = graph.reduce("Mean", x!, last, `${path}.mean`, true)
  const centred = graph.each("Sub", [x!, mean], `${path}.centred`)
  const squares = graph.each("Mul", [centred, centred], `${path}.squares`)
  const variance = graph.reduce("Mean", squares, last, `${path}.variance`, true)
  const raised = graph.each("AddV2", [variance, graph.scalar(epsilon.layerNorm)], `${path}.raised`)
  const deviation = graph.each("Sqrt", [raised], `${path}.deviation`)
  const normal = graph.each("RealDiv", [centred, deviation], `${path}.normal`)
  const gamma = graph.floats(`${path}.gamma`, values(node, "gamma"))
  const beta = graph.floats(`${path}.beta`, values(node, "beta"))
  return graph.each("AddV2", [graph.each("Mul", [normal, gamma], `${path}.scaled`), beta], path)
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
  const split = graph.reshape(x!, [-1, tokens, heads, 3 * size], `${path}.split`)
  const each = graph.transpose(split, [0, 2, 1, 3], `${path}.heads`)
  const part = (name: string, i: number): string =>
    graph.slice(each, [0, 0, 0, i * size], [-1, -1, -1, size], `${path}.${name}`)
  const [queries, keys, values] = [part("queries", 0), part("keys", 1), part("values", 2)]
  const scaled = graph.each("Mul", [queries, graph.scalar(1 / Math.sqrt(size))], `${path}.scaled`)
  const ofHead = [-1, heads, tokens, size]
  const query = product(node, "query", scaled, 3, ofHead)
  const key = product(node, "key", keys, 3, ofHead)
  const scores = graph.products(query, key, true, `${path}.scores`)
  const weights = graph.each("Softmax", [scores], `${path}.softmax`)
  const ofTokens = [-1, heads, tokens, tokens]
  const probabilities = product(node, "probabilities", weights, 3, ofTokens)
  const value = product(node, "value", values, 2, ofHead)
  const taken = graph.products(probabilities, value, false, `${path}.taken`)
  const back = graph.transpose(taken, [0, 2, 1, 3], `${path}.back`)
  return graph.reshape(back, [-1, tokens, heads * size], path)
}

/** The class token of [batch, tokens, channels]. */
const firstToken = (node: Node, [x]: ReadonlyArray<string>, { graph }: Context): string => {
  const first = graph.slice(x!, [0, 0, 0], [-1, 1, -1], `${node.path}.first`)
  return graph.reshape(first, [-1, sizeOf(node.shape.channels)], node.path)
}

/** Adds the nodes of one operation. Throws for the edges of a repeat, which a child network does not have. */
export const addOperation = (
  node: Node,
  inputs: ReadonlyArray<string>,
  context: Context,
): string => {
  const { graph } = context
  switch (node.operation) {
    case "conv":
    case "depthwiseConv":
      return conv(node, inputs, context)
    case "dense":
      return dense(node, inputs, context)
    case "batchNorm":
      return batchNorm(node, inputs, context)
    case "bias":
      return bias(node, inputs, context)
    case "activation":
      return activations[node.activation](graph, inputs[0]!, node.path)
    case "add":
      return graph.each("AddV2", inputs, node.path)
    case "maxPool":
    case "averagePool":
      return pool(node, inputs, context)
    case "globalAveragePool":
      return graph.reduce("Mean", inputs[0]!, [1, 2], node.path, false)
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
      return firstToken(node, inputs, context)
    case "tokenMean":
      return graph.reduce("Mean", inputs[0]!, [1], node.path, false)
    case "concat":
      return graph.concat(inputs, 3, node.path)
    case "input":
    case "enter":
    case "leave":
      throw new Error(`a child network runs no ${node.operation} nodes`)
  }
}
