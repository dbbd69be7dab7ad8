/**
 * What an ONNX file says without being run: its metadata, and what its constants take.
 *
 * Left out: what of the metadata is ours (`FileModel.ts`), running it (`OnnxSession.ts`).
 */
import { fromBinary } from "@bufbuild/protobuf"
import { ModelProtoSchema, type TensorProto, TensorProto_DataType as DataType } from "onnx-buf"

export interface OnnxConstant {
  readonly name: string
  readonly bytes: number
}

export interface OnnxFile {
  readonly bytes: number
  readonly producer: string
  /** Of the operations of the standard. */
  readonly opset: number
  readonly metadata: ReadonlyMap<string, string>
  readonly constants: ReadonlyArray<OnnxConstant>
}

/** Bits of an element. */
const bits: Readonly<Partial<Record<DataType, number>>> = {
  [DataType.INT2]: 2,
  [DataType.UINT2]: 2,
  [DataType.INT4]: 4,
  [DataType.UINT4]: 4,
  [DataType.FLOAT4E2M1]: 4,
  [DataType.INT16]: 16,
  [DataType.UINT16]: 16,
  [DataType.FLOAT16]: 16,
  [DataType.BFLOAT16]: 16,
  [DataType.FLOAT]: 32,
  [DataType.INT32]: 32,
  [DataType.UINT32]: 32,
  [DataType.DOUBLE]: 64,
  [DataType.INT64]: 64,
  [DataType.UINT64]: 64,
  [DataType.COMPLEX64]: 64,
  [DataType.COMPLEX128]: 128,
}

/** By its shape: the numbers may be in another file. */
const bytesOf = ({ dataType, dims }: TensorProto): number => {
  const elements = dims.reduce((product, size) => product * Number(size), 1)
  return Math.ceil((elements * (bits[dataType as DataType] ?? 8)) / 8)
}

/** Reads the bytes of a file; words where they are no ONNX file. */
export const readOnnx = (bytes: Uint8Array): OnnxFile | string => {
  let model
  try {
    model = fromBinary(ModelProtoSchema, bytes)
  } catch {
    return "it is no ONNX file"
  }
  const { graph, metadataProps, opsetImport, producerName } = model
  const opset = opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx")
  if (graph === undefined || opset === undefined) return "it is no ONNX file"
  return {
    bytes: bytes.length,
    producer: producerName,
    opset: Number(opset.version),
    metadata: new Map(metadataProps.map(({ key, value }) => [key, value])),
    constants: graph.initializer.map((constant) => ({
      name: constant.name,
      bytes: bytesOf(constant),
    })),
  }
}
