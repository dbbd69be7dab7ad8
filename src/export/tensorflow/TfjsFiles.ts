/**
 * The files of a TensorFlow.js graph model: `model.json` with the graph, and the constants in binary shards.
 *
 *     value = code * scale + min      uint8 and uint16, in double precision, then rounded to float32
 *
 * `min` is the lowest code times the scale: both products and their sum are exact in double precision, so the value is
 * code * scale rounded once, as the network has it. float16 is read exactly. Other constants are float32 and int32. Left
 * out: running it (`TfjsTarget.ts`).
 */
import type { ExportedFile } from "../Target.ts"
import type { Attribute, Constant, GraphNode } from "./TensorFlowGraph.ts"
import type { Port, TensorFlowModel } from "./TensorFlowModel.ts"

/** TensorFlow.js reads a constant from one shard after another; browsers cache files of this size. */
const shardBytes = 4 * 2 ** 20

interface StoredConstant {
  readonly dtype: "float32" | "int32"
  readonly bytes: Uint8Array
  readonly quantization?: object
}

const bytesOf = ({ buffer, byteLength, byteOffset }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

const stored = (constant: Constant): StoredConstant => {
  switch (constant.kind) {
    case "int32":
      return { dtype: "int32", bytes: bytesOf(constant.values) }
    case "bytes":
      return {
        dtype: "int32",
        bytes: Uint8Array.from(constant.codes),
        quantization: { dtype: "uint8", scale: 1, min: 0, original_dtype: "int32" },
      }
    case "codes": {
      const { bits, codes, scale } = constant
      const lowest = -(2 ** (bits - 1))
      const fromZero = codes.map((code) => code - lowest)
      const quantization = { dtype: `uint${bits}`, scale, min: lowest * scale }
      return {
        dtype: "float32",
        bytes: bits === 8 ? Uint8Array.from(fromZero) : bytesOf(Uint16Array.from(fromZero)),
        quantization: { ...quantization, original_dtype: "float32" },
      }
    }
    case "half":
      return {
        dtype: "float32",
        bytes: bytesOf(Uint16Array.from(constant.codes)),
        quantization: { dtype: "float16", original_dtype: "float32" },
      }
    case "bfloat16":
    case "float32":
      return { dtype: "float32", bytes: bytesOf(constant.values) }
  }
}

const shapeOf = (sizes: ReadonlyArray<number>) => ({
  dim: sizes.map((size) => ({ size: String(size) })),
})

/** The JSON of an AttrValue. */
const attributeOf = (value: Attribute): object => {
  switch (typeof value) {
    case "string":
      return { s: Buffer.from(value).toString("base64") }
    case "number":
      return { i: String(value) }
    case "boolean":
      return { b: value }
    default:
      if ("type" in value) return { type: value.type }
      return "shape" in value ? { shape: shapeOf(value.shape) } : { list: { i: value.map(String) } }
  }
}

const nodeOf = ({ attributes, inputs, name, operation }: GraphNode) => ({
  name,
  op: operation,
  input: inputs,
  attr: Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => [key, attributeOf(value)]),
  ),
})

const constantOf = ([name, { kind, shape }]: readonly [string, Constant]) => {
  const dtype = kind === "int32" || kind === "bytes" ? "DT_INT32" : "DT_FLOAT"
  const value = { tensor: { dtype, tensorShape: shapeOf(shape) } }
  return { name, op: "Const", attr: { dtype: { type: dtype }, value } }
}

const portOf = ({ name, sizes, type }: Port) => ({
  [name]: { name: `${name}:0`, dtype: type, tensorShape: shapeOf(sizes) },
})

/** Bytes one after the other, cut into files of `shardBytes`. */
const shards = (all: ReadonlyArray<Uint8Array>): ReadonlyArray<Uint8Array> => {
  const bytes = Buffer.concat(all)
  const count = Math.max(1, Math.ceil(bytes.length / shardBytes))
  return Array.from({ length: count }, (_, i) =>
    bytes.subarray(i * shardBytes, (i + 1) * shardBytes),
  )
}

export const tfjsFiles = (
  { graph, input, metadata, output }: TensorFlowModel,
  version: string,
): ReadonlyArray<ExportedFile> => {
  const constants = [...graph.constants].map(
    ([name, constant]) => [name, constant.shape, stored(constant)] as const,
  )
  const data = shards(constants.map(([, , { bytes }]) => bytes))
  const paths = data.map((_, i) => `group1-shard${i + 1}of${data.length}.bin`)
  const weights = constants.map(([name, shape, { dtype, quantization }]) => ({
    name,
    shape,
    dtype,
    ...(quantization === undefined ? {} : { quantization }),
  }))
  const model = {
    format: "graph-model",
    generatedBy: `fliqs ${version}`,
    convertedBy: `fliqs ${version}`,
    signature: { inputs: portOf(input), outputs: portOf(output) },
    userDefinedMetadata: metadata,
    modelTopology: {
      node: [...[...graph.constants].map(constantOf), ...graph.nodes.map(nodeOf)],
      library: {},
      versions: { producer: 1882 },
    },
    weightsManifest: [{ paths, weights }],
  }
  return [
    { path: "model.json", parts: [Buffer.from(JSON.stringify(model))] },
    ...data.map((part, i) => ({ path: paths[i]!, parts: [part] })),
  ]
}
