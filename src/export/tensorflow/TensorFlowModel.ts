/**
 * A found model as a graph of TensorFlow operations, with what a file says of it beside.
 *
 *     images   float32 [batch, height, width, channels], normalised; or bytes, as int32 or uint8
 *     logits   float32 [batch, classes]
 *
 * Left out: operations (`TensorFlowOperations.ts`), the files (`TfjsFiles.ts`, `SavedModelFile.ts`).
 */
import { normalisationOf } from "../../data/Dataset.ts"
import { isLayerNode, type Node, type Shape } from "../../network/Graph.ts"
import { weightOf } from "../Codes.ts"
import { type FoundModel, valuesNamed } from "../FoundModel.ts"
import { metadataOfGraph } from "../Metadata.ts"
import { quantizedOperands } from "../Operands.ts"
import type { ExportOptions } from "../Target.ts"
import { type DataType, TensorFlowGraph } from "./TensorFlowGraph.ts"
import { type Context, sizeOf } from "./TensorFlowConvolution.ts"
import { addOperation } from "./TensorFlowOperations.ts"
import { addRounding } from "./TensorFlowRounding.ts"
import { addWeight, storageOf, storageText } from "./TensorFlowWeights.ts"

/** What the targets differ in. */
export interface Dialect {
  /** The type of bytes that the graph takes. */
  readonly bytes: "DT_INT32" | "DT_UINT8"
  /** Whether constants can be BF16; else they are float32. */
  readonly bfloat16: boolean
}

/** A tensor that goes in or comes out. */
export interface Port {
  readonly name: "images" | "logits"
  readonly type: DataType
  /** -1 for the batch. */
  readonly sizes: ReadonlyArray<number>
}

export interface TensorFlowModel {
  readonly graph: TensorFlowGraph
  readonly input: Port
  readonly output: Port
  /** Everything that is known of the model: the keys and texts of an ONNX file's metadata. */
  readonly metadata: Readonly<Record<string, string>>
}

const sizesOf = (shape: Shape): ReadonlyArray<number> => {
  const channels = sizeOf(shape.channels)
  if (shape.kind === "image") return [-1, sizeOf(shape.height), sizeOf(shape.width), channels]
  return shape.kind === "tokens" ? [-1, shape.tokens, channels] : [-1, channels]
}

const contextOf = (graph: TensorFlowGraph, model: FoundModel, options: ExportOptions): Context => {
  const { network } = model
  const { nodes } = network.graph
  const { layers } = network.table
  const operands = new Map(quantizedOperands(model).map((operand) => [operand.path, operand]))
  const shapeOf = (node: Node, input: number): Shape => nodes[node.inputs[input]!]!.shape
  return {
    graph,
    shapeOf,
    values: (node, name) => valuesNamed(model, `${node.path}.${name}`).values,
    weight: (node) => {
      if (!isLayerNode(node)) throw new Error(`${node.path} is no layer`)
      const layer = layers[node.layer]!
      const { stored, weight } = weightOf(model, layer)
      return addWeight(graph, `${layer.path}.weight`, weight.shape, stored, options)
    },
    rounded: (node, x) => {
      const sizes = sizesOf(shapeOf(node, 0))
      const operand = operands.get(`${layers[node.layer]!.path}.activations`)!
      return addRounding(graph, x, operand, sizes.length - 1, sizes)
    },
    product: (node, name, x, axis, sizes) => {
      const operand = operands.get(`${node.path}.${name}`)
      return operand === undefined ? x : addRounding(graph, x, operand, axis, sizes)
    },
  }
}

/** Bytes as the network takes them: byte / (255 std) - mean / std. */
const addNormalisation = (
  graph: TensorFlowGraph,
  images: string,
  type: DataType,
  { preprocessing }: FoundModel,
): string => {
  const { scale, shift } = normalisationOf(preprocessing)
  const floats = graph.cast(images, type, "DT_FLOAT", "input.float")
  const scaled = graph.each("Mul", [floats, graph.floats("input.scale", scale)], "input.scaled")
  return graph.each("AddV2", [scaled, graph.floats("input.shift", shift)], "input.normalised")
}

/** Throws `Refused` where operations cannot say what the model is. */
export const tensorFlowModel = (
  model: FoundModel,
  options: ExportOptions,
  dialect: Dialect,
): TensorFlowModel => {
  const { classes, input: size, nodes, output } = model.network.graph
  const graph = new TensorFlowGraph()
  const type = options.input === "uint8" ? dialect.bytes : "DT_FLOAT"
  const sizes = [-1, size.height, size.width, size.channels]
  const images = graph.node("Placeholder", [], "images", {
    dtype: { type },
    shape: { shape: sizes },
  })
  const context = contextOf(graph, model, options)
  const input = options.input === "uint8" ? addNormalisation(graph, images, type, model) : images
  const names: Array<string> = []
  for (const node of nodes) {
    const inputs = node.inputs.map((i) => names[i]!)
    names.push(node.operation === "input" ? input : addOperation(node, inputs, context))
  }
  graph.each("Identity", [names[output]!], "logits")
  return {
    graph,
    input: { name: "images", type, sizes },
    output: { name: "logits", type: "DT_FLOAT", sizes: [-1, classes] },
    metadata: metadataOfGraph(model, (format) =>
      storageText(format, storageOf(format, options), dialect.bfloat16),
    ),
  }
}
