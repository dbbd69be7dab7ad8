/**
 * The bytes of an ONNX file in parts: its messages around the bytes of its constants, which are not copied.
 *
 *     ModelProto   opset, metadata, ..., then field 7, the graph
 *     GraphProto   nodes, input, output, then field 5 for every constant
 *     TensorProto  name, type, sizes, then field 9, the bytes
 *
 * A library that serializes the whole model copies every constant once for each message around it. Left out: what is in the
 * graph (`OnnxModel.ts`), external data, which files above 2 GiB would need.
 */
import { create, toBinary } from "@bufbuild/protobuf"
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto_DataType,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  ValueInfoProtoSchema,
} from "onnx-buf"
import { Refused } from "../Target.ts"
import type { Constant } from "./OnnxGraph.ts"

/** Protocol Buffers measure a message in 31 bits. */
const mostBytes = 2 ** 31 - 1

/** A number as Protocol Buffers write it: seven bits a byte, the lowest first, all but the last with the highest bit. */
const varint = (value: number): ReadonlyArray<number> =>
  value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]

/** What stands before a field of that many bytes. */
const fieldHead = (field: number, length: number): Uint8Array =>
  Uint8Array.from([...varint(field * 8 + 2), ...varint(length)])

const sizeOf = (parts: ReadonlyArray<Uint8Array>): number =>
  parts.reduce((sum, { length }) => sum + length, 0)

const inField = (field: number, parts: ReadonlyArray<Uint8Array>): ReadonlyArray<Uint8Array> => [
  fieldHead(field, sizeOf(parts)),
  ...parts,
]

const tensorParts = (name: string, { bytes, shape, type }: Constant): ReadonlyArray<Uint8Array> => {
  const head = create(TensorProtoSchema, { name, dataType: type, dims: shape.map(BigInt) })
  return [toBinary(TensorProtoSchema, head), ...inField(9, [bytes])]
}

/**
 * The parts of the file, in order.
 *
 * @param model without a graph
 * @param graph without its constants
 * Throws `Refused` above 2 GiB.
 */
export const fileParts = (
  model: ModelProto,
  graph: GraphProto,
  constants: ReadonlyMap<string, Constant>,
): ReadonlyArray<Uint8Array> => {
  const inGraph = [
    toBinary(GraphProtoSchema, graph),
    ...[...constants].flatMap(([name, constant]) => inField(5, tensorParts(name, constant))),
  ]
  const parts = [toBinary(ModelProtoSchema, model), ...inField(7, inGraph)]
  const size = sizeOf(parts)
  if (size > mostBytes)
    throw new Refused(
      `the file would have ${(size / 2 ** 30).toFixed(1)} GiB, and ONNX files end at 2; narrower formats or --to pytorch would be right`,
    )
  return parts
}

/** An input or an output: [sizes], a text for a size that differs from run to run. */
export const valueInfo = (
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
