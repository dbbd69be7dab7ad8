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
import { normalisationOf } from "../../data/Dataset.ts"
import { toRow } from "../../format/Row.ts"
import type { Node, Shape } from "../../network/Graph.ts"
import { type FoundModel, valuesNamed } from "../FoundModel.ts"
import { metadataOfGraph } from "../Metadata.ts"
import type { QuantizedOperand } from "../Operands.ts"
import { type ExportOptions, Refused } from "../Target.ts"
import { fileParts, valueInfo } from "./OnnxFile.ts"
import { DataType, floats, Graph } from "./OnnxGraph.ts"
import { addRounding, type Operand } from "./OnnxInputs.ts"
import { sizeOf } from "./OnnxFilling.ts"
import { addOperation, type Context } from "./OnnxOperations.ts"
import { type Plan, planOf, sessionOptionsOf } from "./OnnxPlan.ts"
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

const contextOf = (
  graph: Graph,
  model: FoundModel,
  { folding, inputOf, kernelOf, normOf, operands, weightOf }: Plan,
  options: ExportOptions,
): Context => {
  const { nodes } = model.network.graph
  const shapeOf = (node: Node, input: number): Shape => nodes[node.inputs[input]!]!.shape
  return {
    graph,
    shapeOf,
    values: (node, name) => valuesNamed(model, `${node.path}.${name}`).values,
    norm: normOf,
    isGone: ({ path }) => folding.gone.has(path),
    weight: (node) => addWeight(graph, `${node.path}.weight`, weightOf(node), kernelOf(node)),
    rounded: (node, x) => {
      const shape = shapeOf(node, 0)
      const operand = operandOf(inputOf(node), channelAxis(shape), sizesOf(shape))
      const bound = folding.bounds.get(node.path)
      const bounded = bound === undefined ? operand : { ...operand, bound }
      return addRounding(graph, x, bounded, options, `${node.path}.input`)
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

const build = (model: FoundModel, plan: Plan, options: ExportOptions, opset: number): Graph => {
  const graph = new Graph(opset)
  const { nodes, output } = model.network.graph
  const context = contextOf(graph, model, plan, options)
  const input = options.input === "uint8" ? addNormalisation(graph, model) : "images"
  const names: Array<string> = []
  for (const node of nodes) {
    const inputs = node.inputs.map((i) => names[i]!)
    names.push(node.operation === "input" ? input : addOperation(node, inputs, context))
  }
  graph.add("Identity", [names[output]!], "logits")
  return graph
}

/** Everything that is known of the model, and what is in the file, by the keys of the metadata. */
const metadataOfFile = (
  model: FoundModel,
  { integerOptions }: Plan,
  options: ExportOptions,
): Readonly<Record<string, string>> => ({
  ...metadataOfGraph(model, (format) => storageText(format, storageOf(format, options))),
  "fliqs.sessionOptions": JSON.stringify(sessionOptionsOf(model)),
  ...(integerOptions === undefined
    ? {}
    : { "fliqs.integerOptions": JSON.stringify(integerOptions) }),
})

/** The bytes of the file, in parts. Throws `Refused` where ONNX cannot say what the model is. */
export const onnxParts = (model: FoundModel, options: ExportOptions): ReadonlyArray<Uint8Array> => {
  const plan = planOf(model, options)
  let graph = build(model, plan, options, 13)
  // Written again for the opset it turned out to need: some operations look different there.
  if (graph.needed > graph.opset) graph = build(model, plan, options, graph.needed)
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
      metadataProps: Object.entries(metadataOfFile(model, plan, options)).map(([key, value]) => ({
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
