/** Written ONNX files from outside: their codes, and the values between their nodes. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf"
import {
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataType as DataType,
  ValueInfoProtoSchema,
} from "onnx-buf"
import { loadOrt } from "../../src/export/onnx/OnnxRuntime.ts"

export const readOnnx = (bytes: Uint8Array): ModelProto => fromBinary(ModelProtoSchema, bytes)

/** Bits of the types that codes are stored in, and whether they are two's complement. */
const stored: Readonly<Record<number, readonly [bits: number, signed: boolean]>> = {
  [DataType.INT2]: [2, true],
  [DataType.INT4]: [4, true],
  [DataType.INT8]: [8, true],
  [DataType.INT16]: [16, true],
  [DataType.UINT4]: [4, false],
  [DataType.UINT8]: [8, false],
  [DataType.FLOAT4E2M1]: [4, false],
  [DataType.FLOAT8E4M3FN]: [8, false],
  [DataType.FLOAT8E4M3FNUZ]: [8, false],
  [DataType.FLOAT8E5M2]: [8, false],
  [DataType.FLOAT8E5M2FNUZ]: [8, false],
  [DataType.FLOAT16]: [16, false],
  [DataType.BFLOAT16]: [16, false],
}

/** The elements of a tensor as numbers, bit by bit out of its bytes: row-major, the first in the lowest bits. */
export const codesIn = ({ dataType, dims, rawData }: TensorProto): ReadonlyArray<number> => {
  const [bits, isSigned] = stored[dataType]!
  const count = dims.reduce((product, dim) => product * Number(dim), 1)
  const bitAt = (place: number): number => (rawData[place >> 3]! >> (place & 7)) & 1
  return Array.from({ length: count }, (_, i) => {
    let code = 0
    for (let bit = 0; bit < bits; bit++) code += bitAt(i * bits + bit) * 2 ** bit
    return isSigned && code >= 2 ** (bits - 1) ? code - 2 ** bits : code
  })
}

/** The file with these results beside its logits. */
export const withOutputs = (file: ModelProto, names: ReadonlyArray<string>): Uint8Array => {
  const graph = file.graph!
  const more = names.map((name) => create(ValueInfoProtoSchema, { name }))
  return toBinary(ModelProtoSchema, {
    ...file,
    graph: { ...graph, output: [...graph.output, ...more] },
  })
}

export interface Result {
  readonly data: Float32Array
  readonly dims: ReadonlyArray<number>
}

/** Every output of a file that is run as it is written, without fusing anything. */
export const runPlainly = async (
  bytes: Uint8Array,
  images: Float32Array,
  shape: ReadonlyArray<number>,
): Promise<Readonly<Record<string, Result>>> => {
  const ort = loadOrt()
  const session = await ort.InferenceSession.create(bytes, {
    graphOptimizationLevel: "disabled",
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
    extra: { session: { disable_quant_qdq: "1" } },
  })
  const results = await session.run({ images: new ort.Tensor("float32", images, shape) })
  await session.release()
  return results
}
