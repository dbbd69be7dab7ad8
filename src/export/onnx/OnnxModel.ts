/**
 * The whole ONNX file of a found model: input, graph, output, opset, metadata.
 *
 *     images   float32 [batch, channels, height, width], normalised; or uint8 [batch, height, width, channels]
 *     logits   float32 [batch, classes]
 *
 * The opset is the lowest that has everything in the graph, so the file runs as widely as it can. Left out: operations
 * (`OnnxOperations.ts`), running it (`OnnxRuntime.ts`).
 */
import { create, toBinary } from "@bufbuild/protobuf"
import {
  ModelProtoSchema,
  type TensorProto_DataType,
  TensorShapeProto_DimensionSchema,
  ValueInfoProtoSchema,
} from "onnx-buf"
import type { Layer } from "../../cost/LayerTable.ts"
import type { Format } from "../../format/Format.ts"
import { unsigned } from "../../format/IntFormat.ts"
import { toRow } from "../../format/Row.ts"
import { isLayerNode, type Node, productOperands, type Shape } from "../../network/Graph.ts"
import { productsOf, siteOf } from "../../network/Sites.ts"
import { learnedScales } from "../../supernet/OperandScale.ts"
import { codesOf, type Stored } from "../Codes.ts"
import { isInteger } from "../Encoding.ts"
import type { FoundModel, Values } from "../FoundModel.ts"
import { metadataOf } from "../Metadata.ts"
import { type ExportOptions, Refused } from "../Target.ts"
import { DataType, floats, Graph } from "./OnnxGraph.ts"
import { addRounding, type Operand } from "./OnnxInputs.ts"
import { addOperation, type Context, sizeOf } from "./OnnxOperations.ts"
import { storageOf, storageText } from "./OnnxTypes.ts"
import { addWeight } from "./OnnxWeights.ts"

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
  if (shape.kind === "image") return [0, channels, shape.height, shape.width]
  return shape.kind === "tokens" ? [0, shape.tokens, channels] : [0, channels]
}

const channelAxis = ({ kind }: Shape): number => (kind === "tokens" ? 2 : 1)

/** What one float32 scale of a layer's input covers. Throws for scales that are found anew by another rule than absmax. */
const inputScales = (layer: Layer, shape: Shape): Operand["scales"] => {
  const { blockSize, activationGranularity = "tensor", path, scaleRule = "absmax" } = layer
  const format = layer.activationFormat.formats[0]!
  const isScaled = format.scaled && format.block === undefined
  if (
    activationGranularity === "tensor" ||
    (activationGranularity === "token" && shape.kind !== "tokens")
  )
    return "tensor"
  if (isScaled && scaleRule !== "absmax")
    throw new Refused(
      `${path}: a scale for every ${activationGranularity} of the input is found while the file runs, and ONNX has no operation for the rule ${JSON.stringify(scaleRule)}; absmax would be right`,
    )
  return activationGranularity === "token" ? "token" : { blockSize: blockSize! }
}

/** Every weight of a layer as codes; the same whatever the opset. */
const storedWeights = ({ network, weights }: FoundModel): ReadonlyArray<Stored> =>
  network.table.layers.map((layer) => {
    const learned = learnedScales(layer).weights
    const scale = learned === undefined ? undefined : weights.get(learned.name)?.values[0]
    return codesOf(valuesNamed(weights, `${layer.path}.weight`), layer, scale)
  })

const valuesNamed = (weights: FoundModel["weights"], name: string): Values => {
  const values = weights.get(name)
  if (values === undefined) throw new Error(`the model has no variable ${name}`)
  return values
}

const contextOf = (
  graph: Graph,
  { amax, network, weights }: FoundModel,
  stored: ReadonlyArray<Stored>,
  options: ExportOptions,
): Context => {
  const { nodes } = network.graph
  const { layers } = network.table
  const products = new Map(productsOf(network).map((one) => [one.path, one]))
  const shapeOf = (node: Node, input: number): Shape => nodes[node.inputs[input]!]!.shape
  return {
    graph,
    shapeOf,
    values: (node, name) => valuesNamed(weights, `${node.path}.${name}`).values,
    weight: (node, order) => {
      const { path } = node
      const layer = isLayerNode(node) ? node.layer : -1
      const weight = valuesNamed(weights, `${path}.weight`)
      return addWeight(graph, `${path}.weight`, weight, stored[layer]!, order, options)
    },
    rounded: (node, x) => {
      const layer = layers[node.layer]!
      const format = layer.activationFormat.formats[0]!
      const shape = shapeOf(node, 0)
      const operand: Operand = {
        format: layer.unsignedActivations === true ? unsigned(format) : format,
        row: toRow(
          layer.unsignedActivations === true ? unsigned(format) : format,
          layer.sharedExponent,
        ),
        magnitude: amax[siteOf(node.layer, "activations")]!,
        scales: inputScales(layer, shape),
        axis: channelAxis(shape),
        sizes: sizesOf(shape),
      }
      return addRounding(graph, x, operand, options, `${node.path}.input`)
    },
    product: (node, name, x, axis, sizes) => {
      const found = products.get(node.path)
      if (found === undefined) return x
      const declared = found.slot.formats[0]!
      const isUnsigned = found.unsignedProbabilities && name === "probabilities"
      const format = isUnsigned ? unsigned(declared) : declared
      const operand: Operand = {
        format,
        row: toRow(format, layers[0]!.sharedExponent),
        magnitude: amax[found.site + productOperands.indexOf(name)]!,
        scales: "tensor",
        axis,
        sizes,
      }
      return addRounding(graph, x, operand, options, `${node.path}.${name}`)
    },
  }
}

/** Bytes as the network takes them: byte / (255 std) - mean / std, channels first. */
const addNormalisation = (graph: Graph, { preprocessing }: FoundModel): string => {
  const { mean, std } = preprocessing
  const cast = graph.node("Cast", ["images"], "input.float", { to: DataType.FLOAT })
  const scale = graph.constant("input.scale", floats(std.map((s) => 1 / (255 * s))))
  const shift = graph.constant("input.shift", floats(mean.map((m, i) => -m / std[i]!)))
  const scaled = graph.node("Mul", [cast, scale], "input.scaled")
  const normal = graph.node("Add", [scaled, shift], "input.normalised")
  return graph.node("Transpose", [normal], "input.images", { perm: [0, 3, 1, 2] })
}

const build = (
  model: FoundModel,
  stored: ReadonlyArray<Stored>,
  options: ExportOptions,
  opset: number,
): Graph => {
  const graph = new Graph(opset)
  const { nodes, output } = model.network.graph
  const context = contextOf(graph, model, stored, options)
  const input = options.input === "uint8" ? addNormalisation(graph, model) : "images"
  const names: Array<string> = []
  for (const node of nodes) {
    const inputs = node.inputs.map((i) => names[i]!)
    names.push(node.operation === "input" ? input : addOperation(node, inputs, context))
  }
  graph.add("Identity", [names[output]!], "logits")
  return graph
}

/** Whether onnxruntime keeps the answers of a layer where it fuses QuantizeLinear and DequantizeLinear with the product. */
const isSafelyFused = ({ activationFormat, weightFormat, ...layer }: Layer): boolean => {
  const [weights, inputs] = [weightFormat.formats[0]!, activationFormat.formats[0]!]
  if (/^(?:float|variant)$/.test(inputs.kind)) return false
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
  const isFloat = productsOf(network).some(({ slot: { formats } }) =>
    /^(?:float|variant)$/.test(formats[0]!.kind),
  )
  return network.table.layers.every(isSafelyFused) && !isFloat
    ? {}
    : { "session.disable_quant_qdq": "1" }
}

/** Everything that is known of the model, and what is in the file, by the keys of the metadata. */
const metadataOfFile = (
  model: FoundModel,
  options: ExportOptions,
): Readonly<Record<string, string>> => {
  const { layers } = model.network.table
  const stored = (format: Format) => storageText(format, storageOf(format, options))
  const { height, width, channels } = model.network.graph.input
  return {
    ...metadataOf(model),
    "fliqs.stored": JSON.stringify(
      Object.fromEntries(
        layers.map(({ activationFormat, path, weightFormat }) => {
          const [weights, activations] = [weightFormat.formats[0]!, activationFormat.formats[0]!]
          return [
            path,
            { weights: weights.name, activations: activations.name, stored: stored(weights) },
          ]
        }),
      ),
    ),
    "fliqs.size": JSON.stringify([height, width, channels]),
    "fliqs.channelOrder": channels === 3 ? "RGB" : "gray",
    "fliqs.sessionOptions": JSON.stringify(sessionOptionsOf(model)),
  }
}

const value = (
  name: string,
  elemType: TensorProto_DataType,
  sizes: ReadonlyArray<number | string>,
) =>
  create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: "tensorType",
        value: {
          elemType,
          shape: {
            $typeName: "onnx.TensorShapeProto",
            dim: sizes.map((size) =>
              create(TensorShapeProto_DimensionSchema, {
                value:
                  typeof size === "string"
                    ? { case: "dimParam", value: size }
                    : { case: "dimValue", value: BigInt(size) },
              }),
            ),
          },
        },
      },
    },
  })

/** The bytes of the file. Throws `Refused` where ONNX cannot say what the model is. */
export const writeOnnx = (model: FoundModel, options: ExportOptions): Uint8Array => {
  const stored = storedWeights(model)
  let graph = build(model, stored, options, 13)
  // Written again for the opset it turned out to need: some operations look different there.
  if (graph.needed > graph.opset) graph = build(model, stored, options, graph.needed)
  const { network } = model
  const { channels, height, width } = network.graph.input
  const input =
    options.input === "uint8"
      ? value("images", DataType.UINT8, ["batch", height, width, channels])
      : value("images", DataType.FLOAT, ["batch", channels, height, width])
  const [, irVersion] = irVersions.find(([opset]) => graph.needed >= opset)!
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: BigInt(irVersion),
      producerName: "fliqs",
      producerVersion: model.version,
      opsetImport: [{ domain: "", version: BigInt(graph.needed) }],
      metadataProps: Object.entries(metadataOfFile(model, options)).map(([key, value]) => ({
        key,
        value,
      })),
      graph: {
        name: network.name,
        node: graph.nodes,
        initializer: [...graph.constants.values()],
        input: [input],
        output: [value("logits", DataType.FLOAT, ["batch", network.graph.classes])],
      },
    }),
  )
}
