/**
 * Convolutions in TensorFlow, with operations that TensorFlow.js has on WebAssembly, and what all operations are given.
 */
import type { AttentionNode, ConvNode, Node, ProductOperand, Shape } from "../../network/Graph.ts"
import { type Quantity, valueOf } from "../../space/Quantity.ts"
import type { TensorFlowGraph } from "./TensorFlowGraph.ts"

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
export const sizeOf = (quantity: Quantity): number => valueOf(quantity, [])

export const windowed = (stride: ReadonlyArray<number>, padding: "same" | "valid") => ({
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
  const totals = [sizeOf(shape.height), sizeOf(shape.width)].map((size, i) => {
    const stride = node.stride[i]!
    const spanned = (sizeOf(node.kernel[i]!) - 1) * (node.dilation?.[i] ?? 1) + 1
    return (Math.ceil(size / stride) - 1) * stride + spanned - size
  })
  if (totals.every((total) => total >= 0)) return [x, "same"]
  const around = totals.map((total) => {
    const all = Math.max(total, 0)
    return [Math.floor(all / 2), Math.ceil(all / 2)] as const
  })
  if (totals.every((total) => total <= 0)) return [x, "valid"]
  return [graph.pad(x, [[0, 0], ...around, [0, 0]], `${node.path}.padded`), "valid"]
}

/**
 * The weight of a convolution; of a dilated one with zeros between its rows and columns, which TensorFlow's own kernels can
 * run where they have no dilation.
 */
const kernelOf = (node: ConvNode, { graph, weight }: Context): string => {
  const { dilation, operation, path } = node
  if (dilation === undefined) return weight(node)
  const [height, width] = node.kernel.map(sizeOf) as [number, number]
  const inputs = sizeOf(node.inputChannels) / (node.groups ?? 1)
  const outputs = operation === "depthwiseConv" ? 1 : sizeOf(node.shape.channels)
  const spread = (
    x: string,
    before: number,
    count: number,
    after: number,
    step: number,
    axis: string,
  ) => {
    const apart = graph.reshape(x, [before, count, 1, after], `${path}.${axis}.apart`)
    const none = [0, 0] as const
    const filled = graph.pad(apart, [none, none, [0, step - 1], none], `${path}.${axis}.filled`)
    const whole = graph.reshape(filled, [before, count * step, after], `${path}.${axis}.whole`)
    const size = [before, (count - 1) * step + 1, after]
    return graph.slice(whole, [0, 0, 0], size, `${path}.${axis}.spread`)
  }
  const rows = (height - 1) * dilation[0] + 1
  const columns = (width - 1) * dilation[1] + 1
  const channels = inputs * outputs
  const tall = spread(weight(node), 1, height, width * channels, dilation[0], "rows")
  const wide = spread(tall, rows, width, channels, dilation[1], "columns")
  return graph.reshape(wide, [rows, columns, inputs, outputs], `${path}.kernel`)
}

export const conv = (node: ConvNode, [x]: ReadonlyArray<string>, context: Context): string => {
  const { graph } = context
  const { groups = 1, path, stride } = node
  const operation = node.operation === "depthwiseConv" ? "DepthwiseConv2dNative" : "Conv2D"
  const [input, padding] = padded(node, context.rounded(node, x!), context)
  const attributes = { ...windowed(stride, padding), dilations: [1, 1, 1, 1] }
  const kernel = kernelOf(node, context)
  if (groups === 1) return graph.node(operation, [input, kernel], path, attributes)
  // TensorFlow.js has no groups: each is a convolution of its own
  const part = (value: string, channels: number, i: number, name: string): string =>
    graph.slice(value, [0, 0, 0, (i * channels) / groups], [-1, -1, -1, channels / groups], name)
  const results = Array.from({ length: groups }, (_, i) =>
    graph.node(
      operation,
      [
        part(input, sizeOf(node.inputChannels), i, `${path}.input${i}`),
        part(kernel, sizeOf(node.shape.channels), i, `${path}.kernel${i}`),
      ],
      `${path}.group${i}`,
      attributes,
    ),
  )
  return graph.concat(results, 3, path)
}
