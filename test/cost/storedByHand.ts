/**
 * Bytes of a network counted by hand: the weights and inputs of its graph element by element, each element naming the scale
 * that covers it. Knows shapes alone, nothing of the layer table's quantities.
 */
import type { Format } from "../../src/format/Format.ts"
import type { Network } from "../../src/network/Network.ts"
import type { LayerNode, Shape } from "../../src/network/Graph.ts"
import { operationOf } from "../../src/supernet/operation/Operations.ts"

/** [height, width, in, out] or [in, out], as the variable of a network without decisions has it. */
export const weightShape = (node: LayerNode): ReadonlyArray<number> =>
  operationOf(node)
    .variables(node)
    .find(({ name }) => name === "weight")!.shape

/** Of one example, channels last. */
export const inputShape = (node: LayerNode, { nodes }: Network["graph"]): ReadonlyArray<number> => {
  const shape: Shape = nodes[node.inputs[0]!]!.shape
  const channels = shape.channels.values[0]!
  if (shape.kind === "image") return [shape.height.values[0]!, shape.width.values[0]!, channels]
  return shape.kind === "tokens" ? [shape.tokens, channels] : [channels]
}

export type Granularity = "tensor" | "channel" | "token" | number

/** How many scales there are when the element at `place` has the one that `scaleAt` names. */
const countScales = (
  shape: ReadonlyArray<number>,
  scaleAt: (place: ReadonlyArray<number>) => string,
): number => {
  const names = new Set<string>()
  const place = shape.map(() => 0)
  for (;;) {
    names.add(scaleAt(place))
    let axis = shape.length - 1
    while (axis >= 0 && ++place[axis]! === shape[axis]) place[axis--] = 0
    if (axis < 0) return names.size
  }
}

const counted = new Map<string, number>()

/** A number is the size of blocks along `blockAxis`. */
const scalesOf = (
  shape: ReadonlyArray<number>,
  granularity: Granularity,
  { blockAxis, channelAxis }: { readonly blockAxis: number; readonly channelAxis: number },
): number => {
  const key = JSON.stringify([shape, granularity, blockAxis, channelAxis])
  const known = counted.get(key)
  if (known !== undefined) return known
  const count = countScales(shape, (place) => {
    if (granularity === "tensor") return ""
    if (granularity === "channel") return String(place[channelAxis])
    if (granularity === "token") return String(place[0])
    return place.map((at, i) => (i === blockAxis ? Math.floor(at / granularity) : at)).join()
  })
  counted.set(key, count)
  return count
}

const product = (shape: ReadonlyArray<number>): number => shape.reduce((a, b) => a * b, 1)

/** Scales of a weight at a granularity. */
export const weightScales = (node: LayerNode, granularity: Granularity): number => {
  const shape = weightShape(node)
  const [last, before] = [shape.length - 1, shape.length - 2]
  const channelAxis = node.operation === "depthwiseConv" ? before : last
  return scalesOf(shape, granularity, { blockAxis: before, channelAxis })
}

/** Scales of one example's input at a granularity; `token` is the tensor where the input is not tokens. */
export const inputScales = (
  node: LayerNode,
  graph: Network["graph"],
  granularity: Granularity,
): number => {
  const shape = inputShape(node, graph)
  const isTokens = graph.nodes[node.inputs[0]!]!.shape.kind === "tokens"
  const actual = granularity === "token" && !isTokens ? "tensor" : granularity
  return scalesOf(shape, actual, { blockAxis: shape.length - 1, channelAxis: -1 })
}

/**
 * Bits of the gains that a batch norm multiplies output channels with, beside the scales of the weight: none where every
 * float32 number of the weight is of one output channel alone.
 */
export const gainBits = (
  node: LayerNode,
  { nodes }: Network["graph"],
  format: Format,
  granularity: Granularity,
): number => {
  if (
    !nodes.some(({ operation, path }) => operation === "batchNorm" && path === `${node.path}.norm`)
  )
    return 0
  const shape = weightShape(node)
  const isDepthwise = node.operation === "depthwiseConv"
  const channels = isDepthwise ? shape.at(-2)! : shape.at(-1)!
  if (format.name === "FP32") return 0
  if (!format.scaled || /^(?:MX|NV)/u.test(format.name)) return 32 * channels
  // The scale of the tensor gives way to one for each channel.
  if (granularity === "tensor") return 32 * (channels - 1)
  return granularity !== "channel" && isDepthwise ? 32 * channels : 0
}

/** A float32 number, and beside it a zero point where the format has one. */
const scaleBits = ({ bits, name }: Format): number => (name.startsWith("UINT") ? 32 + bits : 32)

/** Bits of a weight and its scales. */
export const weightBits = (node: LayerNode, format: Format, granularity: Granularity): number => {
  const elements = product(weightShape(node)) * format.bits
  if (format.name.startsWith("MX")) return elements + 8 * weightScales(node, 32)
  if (format.name === "NVFP4") return elements + 8 * weightScales(node, 16) + 32
  return elements + (format.scaled ? scaleBits(format) * weightScales(node, granularity) : 0)
}

/** Bits of an input and of the scales that come with it: those of its parts. */
export const inputBits = (
  node: LayerNode,
  graph: Network["graph"],
  format: Format,
  granularity: Granularity,
): number => {
  const elements = product(inputShape(node, graph)) * format.bits
  const scales = (of: Granularity): number => inputScales(node, graph, of)
  if (format.name.startsWith("MX")) return elements + 8 * scales(32)
  if (format.name === "NVFP4") return elements + 8 * scales(16)
  const ofParts =
    granularity !== "tensor" &&
    !(granularity === "token" && graph.nodes[node.inputs[0]!]!.shape.kind !== "tokens")
  return elements + (format.scaled && ofParts ? scaleBits(format) * scales(granularity) : 0)
}
