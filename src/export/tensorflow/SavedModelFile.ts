/**
 * The content of `saved_model.pb`: the graph with its constants inside, and the signature `serving_default` from `images`
 * to `logits`. It has no variables.
 *
 * Field numbers are those of TensorFlow's `meta_graph.proto` and `types.proto`. Left out: the messages that every graph
 * has (`tensor/ProtocolBuffer.ts`), running it (`SavedModelTarget.ts`).
 */
import {
  attribute,
  type Bytes,
  bytes,
  graphOf,
  int,
  message,
  node,
  savedModelOf,
  shape,
  tensor,
  text,
} from "../../tensor/ProtocolBuffer.ts"
import { Refused } from "../Target.ts"
import {
  type Attribute,
  type Constant,
  type DataType,
  dataTypes,
  type GraphNode,
} from "./TensorFlowGraph.ts"
import type { Port, TensorFlowModel } from "./TensorFlowModel.ts"

export const tag = "serve"
export const signature = "serving_default"

const bytesOf = ({ buffer, byteLength, byteOffset }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

/** AttrValue: list = 1, s = 2, i = 3, b = 5, type = 6, shape = 7 */
const attributeValue = (value: Attribute): Bytes => {
  switch (typeof value) {
    case "string":
      return text(2, value)
    case "number":
      return int(3, value)
    case "boolean":
      return int(5, value ? 1 : 0)
    default:
      if ("type" in value) return int(6, dataTypes[value.type])
      return "shape" in value
        ? bytes(7, shape(value.shape))
        : message(1, ...value.map((one) => int(3, one)))
  }
}

const operation = ({ attributes, inputs, name, operation: op }: GraphNode): Bytes =>
  node(
    name,
    op,
    inputs,
    Object.entries(attributes).map(([key, value]) => attribute(key, attributeValue(value))),
  )

const constNode = (
  name: string,
  type: DataType,
  sizes: ReadonlyArray<number>,
  content: Uint8Array,
): Bytes =>
  node(
    name,
    "Const",
    [],
    [
      attribute("dtype", int(6, dataTypes[type])),
      attribute("value", bytes(8, tensor(dataTypes[type], sizes, content))),
    ],
  )

/** The constant in its own type, and the Cast that makes of it what the graph reads. */
const cast = (
  name: string,
  from: DataType,
  to: "DT_FLOAT" | "DT_INT32",
  sizes: ReadonlyArray<number>,
  content: Uint8Array,
): ReadonlyArray<Bytes> => [
  constNode(`${name}/stored`, from, sizes, content),
  operation({
    name,
    operation: "Cast",
    inputs: [`${name}/stored`],
    attributes: { SrcT: { type: from }, DstT: { type: to } },
  }),
]

/** code * scale, rounded to float32 once. */
const codes = (
  name: string,
  { bits, codes: all, scale, shape: sizes }: Extract<Constant, { readonly kind: "codes" }>,
): ReadonlyArray<Bytes> => {
  const type = bits === 8 ? "DT_INT8" : "DT_INT16"
  const content = bits === 8 ? bytesOf(Int8Array.from(all)) : bytesOf(Int16Array.from(all))
  if (scale === 1) return cast(name, type, "DT_FLOAT", sizes, content)
  return [
    ...cast(`${name}/codes`, type, "DT_FLOAT", sizes, content),
    constNode(`${name}/scale`, "DT_FLOAT", [], bytesOf(Float32Array.of(scale))),
    operation({
      name,
      operation: "Mul",
      inputs: [`${name}/codes`, `${name}/scale`],
      attributes: { T: { type: "DT_FLOAT" } },
    }),
  ]
}

const constant = ([name, content]: readonly [string, Constant]): ReadonlyArray<Bytes> => {
  const { shape: sizes } = content
  switch (content.kind) {
    case "float32":
      return [constNode(name, "DT_FLOAT", sizes, bytesOf(content.values))]
    case "int32":
      return [constNode(name, "DT_INT32", sizes, bytesOf(content.values))]
    case "bytes":
      return cast(name, "DT_UINT8", "DT_INT32", sizes, Uint8Array.from(content.codes))
    case "codes":
      return codes(name, content)
    case "half":
    case "bfloat16": {
      const type = content.kind === "half" ? "DT_HALF" : "DT_BFLOAT16"
      return cast(name, type, "DT_FLOAT", sizes, bytesOf(Uint16Array.from(content.codes)))
    }
  }
}

/** An entry of a map of names to TensorInfo: key = 1, value = 2 { name = 1, dtype = 2, tensor_shape = 3 } */
const port = (field: number, { name, sizes, type }: Port): Bytes =>
  message(
    field,
    text(1, name),
    message(2, text(1, `${name}:0`), int(2, dataTypes[type]), bytes(3, shape(sizes))),
  )

/** MetaGraphDef.signature_def = 5, a map; SignatureDef: inputs = 1, outputs = 2, method_name = 3 */
const signatureOf = ({ input, output }: TensorFlowModel): Bytes =>
  message(
    5,
    text(1, signature),
    message(2, port(1, input), port(2, output), text(3, "tensorflow/serving/predict")),
  )

/** A protocol buffer has no more bytes. */
const largest = 2 ** 31 - 1

/** Throws `Refused` where the file would have more bytes than `limit`. */
export const savedModelFile = (model: TensorFlowModel, limit = largest): Bytes => {
  const nodes = [
    ...[...model.graph.constants].flatMap(constant),
    ...model.graph.nodes.map(operation),
  ]
  const file = savedModelOf(tag, graphOf(nodes), signatureOf(model))
  if (file.length > limit)
    throw new Refused(
      `the file would have ${file.length} bytes, and a protocol buffer at most ${limit}; formats of fewer bits would be right, or --to tfjs`,
    )
  return file
}
