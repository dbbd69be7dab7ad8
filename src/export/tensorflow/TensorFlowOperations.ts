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
  EmbedNode,
  GroupNormNode,
  Node,
  PadNode,
  PoolNode,
  SqueezeExciteNode,
} from "../../network/Graph.ts"
import { lowest } from "../../tensor/Images.ts"
import { activations } from "./TensorFlowActivations.ts"
import { type Context, conv, sizeOf, windowed } from "./TensorFlowConvolution.ts"
import type { TensorFlowGraph } from "./TensorFlowGraph.ts"

const { fround } = Math
/** Those of the network: `supernet/operation/`. */
const epsilon = { batchNorm: fround(1e-5), layerNorm: fround(1e-6), groupNorm: fround(1e-6) }

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
  const excited = layer(active, "excite", inner, channels)
  const gate =
    node.gate === undefined
      ? graph.each("Sigmoid", [excited], `${path}.gate`)
      : activations[node.gate](graph, excited, `${path}.gate`)
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

const layerNorm = (node: Node, [x]: ReadonlyArray<string>, context: Context): string => {
  const { graph } = context
  const { path } = node
  const last = [{ image: 3, tokens: 2, vector: 1 }[node.shape.kind]]
  const mean = graph.reduce("Mean", x!, last, `${path}.mean`, true)
  const centred = graph.each("Sub", [x!, mean], `${path}.centred`)
  const squares = graph.each("Mul", [centred, centred], `${path}.squares`)
  const variance = graph.reduce("Mean", squares, last, `${path}.variance`, true)
  const raised = graph.each("AddV2", [variance, graph.scalar(epsilon.layerNorm)], `${path}.raised`)
  const deviation = graph.each("Sqrt", [raised], `${path}.deviation`)
  const normal = graph.each("RealDiv", [centred, deviation], `${path}.normal`)
  return affine(node, normal, context)
}

/** x gamma + beta */
const affine = (node: Node, x: string, { graph, values }: Context): string => {
  const { path } = node
  const gamma = graph.floats(`${path}.gamma`, values(node, "gamma"))
  const beta = graph.floats(`${path}.beta`, values(node, "beta"))
  return graph.each("AddV2", [graph.each("Mul", [x, gamma], `${path}.scaled`), beta], path)
}

const groupNorm = (node: GroupNormNode, [x]: ReadonlyArray<string>, context: Context): string => {
  const { graph } = context
  const { groups, path, shape } = node
  if (shape.kind !== "image") throw new Error(`${path} needs an image`)
  const [height, width] = [sizeOf(shape.height), sizeOf(shape.width)]
  const channels = sizeOf(shape.channels)
  const split = [-1, height * width, groups, channels / groups]
  const parts = graph.reshape(x!, split, `${path}.parts`)
  const mean = graph.reduce("Mean", parts, [1, 3], `${path}.mean`, true)
  const centred = graph.each("Sub", [parts, mean], `${path}.centred`)
  const squares = graph.each("Mul", [centred, centred], `${path}.squares`)
  const variance = graph.reduce("Mean", squares, [1, 3], `${path}.variance`, true)
  const raised = graph.each("AddV2", [variance, graph.scalar(epsilon.groupNorm)], `${path}.raised`)
  const deviation = graph.each("Sqrt", [raised], `${path}.deviation`)
  const normal = graph.each("RealDiv", [centred, deviation], `${path}.normal`)
  const image = graph.reshape(normal, [-1, height, width, channels], `${path}.image`)
  return affine(node, image, context)
}

/** Zeros for each example of x. */
const zeros = ({ path, shape }: Node, [x]: ReadonlyArray<string>, { graph }: Context): string => {
  const channels = sizeOf(shape.channels)
  const sizes =
    shape.kind === "image"
      ? [sizeOf(shape.height), sizeOf(shape.width), channels]
      : shape.kind === "tokens"
        ? [shape.tokens, channels]
        : [channels]
  const one = graph.floats(`${path}.one`, new Float32Array(sizes.reduce((a, b) => a * b, 1)), [
    1,
    ...sizes,
  ])
  const all = graph.sizes(x!, `${path}.sizes`)
  const batch = graph.slice(all, [0], [1], `${path}.batch`, "DT_INT32")
  const each = graph.whole(...sizes.map(() => 1))
  return graph.tile(one, graph.concat([batch, each], 0, `${path}.counts`, "DT_INT32"), path)
}

const resize = ({ path, shape }: Node, [x]: ReadonlyArray<string>, { graph }: Context): string => {
  if (shape.kind !== "image") throw new Error(`${path} needs an image`)
  const size = graph.whole(sizeOf(shape.height), sizeOf(shape.width))
  return graph.node("ResizeBilinear", [x!, size], path, {
    T: { type: "DT_FLOAT" },
    align_corners: false,
    half_pixel_centers: true,
  })
}

const flattened = (node: Node, [x]: ReadonlyArray<string>, { graph }: Context): string => {
  const planes = graph.transpose(x!, [0, 3, 1, 2], `${node.path}.planes`)
  return graph.reshape(planes, [-1, sizeOf(node.shape.channels)], node.path)
}

const pad = ({ around, path, value }: PadNode, x: string, graph: TensorFlowGraph): string =>
  graph.pad(x, [[0, 0], ...around, [0, 0]], path, value === "lowest" ? lowest : 0)

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
    case "globalMaxPool":
      return graph.reduce("Max", inputs[0]!, [1, 2], node.path, false)
    case "resize":
      return resize(node, inputs, context)
    case "pad":
      return pad(node, inputs[0]!, graph)
    case "zeros":
      return zeros(node, inputs, context)
    case "flatten":
      return flattened(node, inputs, context)
    case "groupNorm":
      return groupNorm(node, inputs, context)
    case "layerScale":
      return graph.each(
        "Mul",
        [inputs[0]!, graph.floats(`${node.path}.gamma`, context.values(node, "gamma"))],
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
      return firstToken(node, inputs, context)
    case "tokenMean":
      return graph.reduce("Mean", inputs[0]!, [1], node.path, false)
    case "concat":
      return graph.concat(inputs, 3, node.path)
    case "input":
    case "enter":
    case "leave":
    case "choose":
      throw new Error(`a child network runs no ${node.operation} nodes`)
  }
}
