/**
 * One layer as an ONNX file, as it stands in the file of a whole network: its input rounded, its weight in its stored type,
 * the product. Bias, norm and activation are left out, as in a latency table.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf"
import { ModelProtoSchema, ValueInfoProtoSchema } from "onnx-buf"
import type { KeyGranularity } from "../../cost/KeyFormats.ts"
import type { LayerKey, TimeKey } from "../../cost/LatencyTable.ts"
import type { Layer } from "../../cost/LayerTable.ts"
import type { Node, Shape } from "../../network/Graph.ts"
import type { Network } from "../../network/Network.ts"
import { outputSize } from "../../network/Shape.ts"
import { siteOf } from "../../network/Sites.ts"
import { constant } from "../../space/Quantity.ts"
import { randomStream } from "../../space/RandomStream.ts"
import type { FoundModel, Values } from "../FoundModel.ts"
import { valueInfo } from "../onnx/OnnxFile.ts"
import { DataType } from "../onnx/OnnxGraph.ts"
import { writeOnnx } from "../onnx/OnnxModel.ts"
import { sessionOptionsOf } from "../onnx/OnnxPlan.ts"
import { usualOptions } from "../Target.ts"

const path = "layer"
/** Of inputs drawn from a normal distribution few are larger; with a zero point it is the span of them. */
const frozenAmax = 4

const outputsOf = (layer: LayerKey): number =>
  layer.kind === "depthwiseConv" ? layer.channels : layer.outputs

const weightShape = (layer: LayerKey): ReadonlyArray<number> =>
  layer.kind === "dense"
    ? [layer.channels, layer.outputs]
    : layer.kind === "conv"
      ? [...layer.kernel, layer.channels / (layer.groups ?? 1), layer.outputs]
      : [...layer.kernel, layer.channels, 1]

/** How a convolution is parted and spread, where it is. */
const more = (layer: Exclude<LayerKey, { kind: "dense" }>) => ({
  ...(layer.kind === "conv" && layer.groups !== undefined ? { groups: layer.groups } : {}),
  ...(layer.dilation === undefined ? {} : { dilation: layer.dilation }),
})

/** What goes into the layer, and what comes out. */
const shapesOf = (layer: LayerKey): readonly [Shape, Shape] => {
  const { channels } = layer
  const outputs = outputsOf(layer)
  if (layer.kind !== "dense") {
    const { dilation = [1, 1], height, kernel, padding, stride, width } = layer
    const [h, w] = [height, width].map((size, i) =>
      outputSize(size, (kernel[i]! - 1) * dilation[i]! + 1, stride[i]!, padding),
    ) as [number, number]
    return [
      {
        kind: "image",
        height: constant(height),
        width: constant(width),
        channels: constant(channels),
      },
      {
        kind: "image",
        height: constant(h),
        width: constant(w),
        channels: constant(outputs),
      },
    ]
  }
  const { tokens } = layer
  const shapeOf = (size: number): Shape =>
    tokens === 1
      ? { kind: "vector", channels: constant(size) }
      : { kind: "tokens", tokens, headDim: size, classToken: false, channels: constant(size) }
  return [shapeOf(channels), shapeOf(outputs)]
}

/** [1, ...] as the graph has it: images with their channels first. */
const sizesOf = (shape: Shape): ReadonlyArray<number> => {
  const channels = shape.channels.values[0]!
  if (shape.kind === "image") return [1, channels, shape.height.values[0]!, shape.width.values[0]!]
  return shape.kind === "tokens" ? [1, shape.tokens, channels] : [1, channels]
}

const granularityOf = <Plain extends "channel" | "token">(
  key: KeyGranularity | undefined,
  plain: Plain,
): Plain | "tensor" | "block" => (key === undefined ? "tensor" : key === plain ? plain : "block")

const blockSizeOf = ({
  activationGranularity: inputs,
  weightGranularity: weights,
}: TimeKey): { readonly blockSize?: number } => {
  const block = [weights, inputs].find((granularity) => granularity?.startsWith("block"))
  return block === undefined ? {} : { blockSize: Number(block.slice("block".length)) }
}

const layerOf = (key: TimeKey): Layer => {
  const { activations, layer, weights } = key
  const { channels, kind } = layer
  const slot = (format: TimeKey["weights"]) =>
    ({ decision: null, formats: [format], overridden: false }) as const
  const elements = weightShape(layer).reduce((a, b) => a * b, 1)
  const inputs = sizesOf(shapesOf(layer)[0]).reduce((a, b) => a * b, 1)
  return {
    path,
    kind,
    shape:
      layer.kind === "dense"
        ? { tokens: layer.tokens, channels: constant(channels) }
        : {
            height: constant(layer.height),
            width: constant(layer.width),
            channels: constant(channels),
            kernel: [constant(layer.kernel[0]), constant(layer.kernel[1])],
            stride: layer.stride,
            padding: layer.padding,
            ...more(layer),
          },
    active: constant(1),
    // Only costs read these two.
    macs: constant(0),
    extras: constant(0),
    gains: constant(0),
    weights: constant(elements),
    inputs: constant(inputs),
    outputs: constant(outputsOf(layer)),
    weightGranularity: granularityOf(key.weightGranularity, "channel"),
    activationGranularity: granularityOf(key.activationGranularity, "token"),
    ...blockSizeOf(key),
    sharedExponent: "floor",
    weightFormat: slot(weights),
    activationFormat: slot(activations),
  }
}

const networkOf = (key: TimeKey): Network => {
  const { layer } = key
  const [input, output] = shapesOf(layer)
  const common = {
    inputs: [0],
    shape: output,
    inputChannels: input.channels,
    active: constant(1),
    path,
    layer: 0,
  }
  const nodes: ReadonlyArray<Node> = [
    {
      operation: "input",
      path: "input",
      inputs: [],
      shape: input,
      inputChannels: input.channels,
      active: constant(1),
    },
    layer.kind === "dense"
      ? { operation: "dense", ...common }
      : {
          operation: layer.kind,
          ...common,
          kernel: [constant(layer.kernel[0]), constant(layer.kernel[1])],
          stride: layer.stride,
          padding: layer.padding,
          ...more(layer),
        },
  ]
  const { channels } = layer
  const [height, width] = layer.kind === "dense" ? [1, 1] : [layer.height, layer.width]
  return {
    name: path,
    space: { decisions: [] },
    table: { layers: [layerOf(key)] },
    graph: { nodes, output: 1, input: { height, width, channels }, classes: outputsOf(layer) },
  }
}

const drawn = (shape: ReadonlyArray<number>, name: string): Float32Array => {
  const random = randomStream(1, name)
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal())
}

const modelOf = (key: TimeKey, weight: Values): FoundModel => {
  const amax = new Float32Array(2)
  // A scale for each token or block is found as the file runs; the others are frozen.
  if (key.activationGranularity === undefined && key.activations.scaled)
    amax[siteOf(0, "activations")] = frozenAmax
  const zeroPoints = amax.map((span) => (span > 0 ? 2 ** (key.activations.bits - 1) : 0))
  return {
    network: networkOf(key),
    ...(key.activations.zeroPoint === undefined ? {} : { zeroPoints }),
    weights: new Map([[`${path}.weight`, weight]]),
    amax,
    assignment: {},
    space: null,
    classNames: [],
    preprocessing: { mean: [], std: [] },
    trial: "",
    version: "",
  }
}

export interface OneLayer {
  readonly bytes: Uint8Array
  /** What the runtime must be told. */
  readonly entries: Readonly<Record<string, string>>
  /** The feed `images`: values drawn from a normal distribution, and their shape. */
  readonly input: Values
}

/** The file of a layer. Its node is called `layer`. */
export const oneLayer = (key: TimeKey): OneLayer => {
  const shape = weightShape(key.layer)
  const model = modelOf(key, { shape, values: drawn(shape, "weight") })
  const written = writeOnnx(model, usualOptions)
  const file = fromBinary(ModelProtoSchema, written)
  const sizes = sizesOf(shapesOf(key.layer)[0])
  // The writer knows images and logits; here are a layer's own shapes, and nothing behind its product.
  const output = create(ValueInfoProtoSchema, {
    name: path,
    type: { value: { case: "tensorType", value: { elemType: DataType.FLOAT } } },
  })
  const graph = {
    ...file.graph!,
    node: file.graph!.node.filter(({ opType }) => opType !== "Identity"),
    input: [valueInfo("images", DataType.FLOAT, sizes)],
    output: [output],
  }
  return {
    bytes: toBinary(ModelProtoSchema, { ...file, graph }),
    entries: sessionOptionsOf(model),
    input: { shape: sizes, values: drawn(sizes, "input") },
  }
}
