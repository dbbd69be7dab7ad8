/**
 * The whole ONNX file of a found model: input, graph, output, opset, metadata.
 *
 *     images   float32 [batch, channels, height, width], normalised; or uint8 [batch, height, width, channels]
 *     logits   float32 [batch, classes]
 *
 * The opset is the lowest that has everything in the graph, so the file runs as widely as it can. Left out: operations
 * (`OnnxOperations.ts`), running it (`OnnxRuntime.ts`).
 */
import { create } from "@bufbuild/protobuf"
import { GraphProtoSchema, ModelProtoSchema } from "onnx-buf"
import type { Layer } from "../../cost/LayerTable.ts"
import { normalisationOf } from "../../data/Dataset.ts"
import type { Format } from "../../format/Format.ts"
import { toRow } from "../../format/Row.ts"
import type { LayerNode, Node, Shape } from "../../network/Graph.ts"
import { productsOf } from "../../network/Sites.ts"
import { weightOf } from "../Codes.ts"
import { isInteger } from "../Encoding.ts"
import { type FoundModel, valuesNamed } from "../FoundModel.ts"
import { metadataOfGraph } from "../Metadata.ts"
import { type QuantizedOperand, quantizedOperands } from "../Operands.ts"
import { type ExportOptions, Refused } from "../Target.ts"
import { fileParts, valueInfo } from "./OnnxFile.ts"
import { DataType, floats, Graph } from "./OnnxGraph.ts"
import { addRounding, type Operand } from "./OnnxInputs.ts"
import { sizeOf } from "./OnnxFilling.ts"
import { addOperation, type Context } from "./OnnxOperations.ts"
import { storageOf, storageText } from "./OnnxTypes.ts"
import { addWeight, type PackedWeight, packWeight } from "./OnnxWeights.ts"

const irVersions: ReadonlyArray<readonly [opset: number, ir: number]> = [
  [25, 13],
  [24, 12],
  [23, 11],
  [21, 10],
  [19, 9],
  [13, 7],
]

const sizesOf = (shape: Shape): ReadonlyArray<number> => {
  const channels = sizeOf(shape.channels)
  if (shape.kind === "image") return [0, channels, sizeOf(shape.height), sizeOf(shape.width)]
  return shape.kind === "tokens" ? [0, shape.tokens, channels] : [0, channels]
}

const channelAxis = ({ kind }: Shape): number => (kind === "tokens" ? 2 : 1)

/** An operand that the graph rounds. Throws where its scales are found anew by another rule than absmax. */
const operandOf = (
  { blockSize, format, granularity, magnitude, path, sharedExponent }: QuantizedOperand,
  axis: number,
  sizes: ReadonlyArray<number>,
): Operand => {
  const isFrozen = typeof magnitude === "number"
  if (!isFrozen && magnitude !== "absmax")
    throw new Refused(
      `${path}: a scale for every ${granularity} of the input is found while the file runs, and ONNX has no operation for the rule ${JSON.stringify(magnitude)}; absmax would be right`,
    )
  return {
    format,
    row: toRow(format, sharedExponent),
    magnitude: isFrozen ? magnitude : 0,
    scales:
      granularity === "token"
        ? "token"
        : granularity === "block"
          ? { blockSize: blockSize! }
          : "tensor",
    axis,
    sizes,
  }
}

/** The weight of a layer with its axes in this order. */
type PackedWeights = (node: LayerNode, order: ReadonlyArray<number>) => PackedWeight

/** Each is packed when it is first asked for, and the same whatever the opset. */
const packedWeights = (model: FoundModel, options: ExportOptions): PackedWeights => {
  const packed = new Map<string, PackedWeight>()
  return (node, order) => {
    const known = packed.get(node.path)
    if (known !== undefined) return known
    const { stored, weight } = weightOf(model, model.network.table.layers[node.layer]!)
    const made = packWeight(weight, stored, order, options)
    packed.set(node.path, made)
    return made
  }
}

const contextOf = (
  graph: Graph,
  model: FoundModel,
  packed: PackedWeights,
  options: ExportOptions,
): Context => {
  const { network } = model
  const { nodes } = network.graph
  const { layers } = network.table
  const operands = new Map(quantizedOperands(model).map((operand) => [operand.path, operand]))
  const shapeOf = (node: Node, input: number): Shape => nodes[node.inputs[input]!]!.shape
  return {
    graph,
    shapeOf,
    values: (node, name) => valuesNamed(model, `${node.path}.${name}`).values,
    weight: (node, order) => addWeight(graph, `${node.path}.weight`, packed(node, order)),
    rounded: (node, x) => {
      const shape = shapeOf(node, 0)
      const found = operands.get(`${layers[node.layer]!.path}.activations`)!
      const operand = operandOf(found, channelAxis(shape), sizesOf(shape))
      return addRounding(graph, x, operand, options, `${node.path}.input`)
    },
    product: (node, name, x, axis, sizes) => {
      const path = `${node.path}.${name}`
      const found = operands.get(path)
      if (found === undefined) return x
      return addRounding(graph, x, operandOf(found, axis, sizes), options, path)
    },
  }
}

/** Bytes as the network takes them: byte / (255 std) - mean / std, channels first. */
const addNormalisation = (graph: Graph, { preprocessing }: FoundModel): string => {
  const { scale: factor, shift: summand } = normalisationOf(preprocessing)
  const cast = graph.node("Cast", ["images"], "input.float", { to: DataType.FLOAT })
  const scale = graph.constant("input.scale", floats(factor))
  const shift = graph.constant("input.shift", floats(summand))
  const scaled = graph.node("Mul", [cast, scale], "input.scaled")
  const normal = graph.node("Add", [scaled, shift], "input.normalised")
  return graph.node("Transpose", [normal], "input.images", { perm: [0, 3, 1, 2] })
}

const build = (
  model: FoundModel,
  packed: PackedWeights,
  options: ExportOptions,
  opset: number,
): Graph => {
  const graph = new Graph(opset)
  const { nodes, output } = model.network.graph
  const context = contextOf(graph, model, packed, options)
  const input = options.input === "uint8" ? addNormalisation(graph, model) : "images"
  const names: Array<string> = []
  for (const node of nodes) {
    const inputs = node.inputs.map((i) => names[i]!)
    names.push(node.operation === "input" ? input : addOperation(node, inputs, context))
  }
  graph.add("Identity", [names[output]!], "logits")
  return graph
}

const isSmallFloat = ({ kind }: Format): boolean => /^(?:float|variant)$/.test(kind)

/** Whether onnxruntime keeps the answers of a layer where it fuses QuantizeLinear and DequantizeLinear with the product. */
const isSafelyFused = ({ activationFormat, weightFormat, ...layer }: Layer): boolean => {
  const [weights, inputs] = [weightFormat.formats[0]!, activationFormat.formats[0]!]
  if (isSmallFloat(inputs)) return false
  if (!isInteger(weights)) return true
  const isFrozen = inputs.kind === "int" && (layer.activationGranularity ?? "tensor") === "tensor"
  return isFrozen && weights.bits > 2
}

/**
 * What onnxruntime needs to be told for a file: to fuse nothing. Where inputs are FP8 or weights INT2 it fuses to kernels that
 * it does not have; where integer weights meet inputs without a frozen integer scale, to a product that rounds the
 * inputs to eight bits.
 */
export const sessionOptionsOf = ({
  network,
}: Pick<FoundModel, "network">): Readonly<Record<string, string>> => {
  const isFloat = productsOf(network).some(({ slot }) => isSmallFloat(slot.formats[0]!))
  return network.table.layers.every(isSafelyFused) && !isFloat
    ? {}
    : { "session.disable_quant_qdq": "1" }
}

/** Everything that is known of the model, and what is in the file, by the keys of the metadata. */
const metadataOfFile = (
  model: FoundModel,
  options: ExportOptions,
): Readonly<Record<string, string>> => ({
  ...metadataOfGraph(model, (format) => storageText(format, storageOf(format, options))),
  "fliqs.sessionOptions": JSON.stringify(sessionOptionsOf(model)),
})

/** The bytes of the file, in parts. Throws `Refused` where ONNX cannot say what the model is. */
export const onnxParts = (model: FoundModel, options: ExportOptions): ReadonlyArray<Uint8Array> => {
  const packed = packedWeights(model, options)
  let graph = build(model, packed, options, 13)
  // Written again for the opset it turned out to need: some operations look different there.
  if (graph.needed > graph.opset) graph = build(model, packed, options, graph.needed)
  const { network } = model
  const { channels, height, width } = network.graph.input
  const input =
    options.input === "uint8"
      ? valueInfo("images", DataType.UINT8, ["batch", height, width, channels])
      : valueInfo("images", DataType.FLOAT, ["batch", channels, height, width])
  const [, irVersion] = irVersions.find(([opset]) => graph.needed >= opset)!
  return fileParts(
    create(ModelProtoSchema, {
      irVersion: BigInt(irVersion),
      producerName: "fliqs",
      producerVersion: model.version,
      opsetImport: [{ domain: "", version: BigInt(graph.needed) }],
      metadataProps: Object.entries(metadataOfFile(model, options)).map(([key, value]) => ({
        key,
        value,
      })),
    }),
    create(GraphProtoSchema, {
      name: network.name,
      node: graph.nodes,
      input: [input],
      output: [valueInfo("logits", DataType.FLOAT, ["batch", network.graph.classes])],
    }),
    graph.constants,
  )
}

/** The bytes of the file. */
export const writeOnnx = (model: FoundModel, options: ExportOptions): Uint8Array =>
  Buffer.concat(onnxParts(model, options))
