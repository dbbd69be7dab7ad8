/**
 * Writes a recorded step as a TensorFlow SavedModel: seven small protocol-buffer messages, write-only, so by hand.
 * Field numbers are those of TensorFlow's `saved_model.proto`, `meta_graph.proto`, `graph.proto`, `node_def.proto`,
 * `attr_value.proto`, `tensor.proto` and `tensor_shape.proto`.
 *
 * Left out: functions, signatures, variables (a step's state is fed and fetched), reading.
 */
import { backend } from "./Op.ts"
import type { Attribute } from "./Op.ts"
import type { Trace, TraceConstant } from "./Record.ts"

type Bytes = Uint8Array

const concat = (parts: ReadonlyArray<Bytes>): Bytes => Buffer.concat(parts)

/** Seven bits a byte, lowest first; negative numbers as 64-bit two's complement. */
const varint = (value: number): Bytes => {
  const bytes: Array<number> = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}

const wire = { varint: 0, bytes: 2, float: 5 }
const key = (field: number, kind: number): Bytes => varint((field << 3) | kind)
const int = (field: number, value: number): Bytes =>
  concat([key(field, wire.varint), varint(value)])
const bytes = (field: number, value: Bytes): Bytes =>
  concat([key(field, wire.bytes), varint(value.length), value])
const text = (field: number, value: string): Bytes => bytes(field, Buffer.from(value, "utf8"))
const float = (field: number, value: number): Bytes =>
  concat([key(field, wire.float), new Uint8Array(Float32Array.of(value).buffer)])
const message = (field: number, ...parts: ReadonlyArray<Bytes>): Bytes =>
  bytes(field, concat(parts))

/** TensorShapeProto: dim = 2 { size = 1 } */
const shape = (sizes: ReadonlyArray<number>): Bytes =>
  concat(sizes.map((size) => message(2, int(1, size))))

/** TensorProto: dtype = 1, tensor_shape = 2, tensor_content = 4 */
const tensor = ({ dtype, shape: sizes, values }: TraceConstant): Bytes =>
  concat([
    int(1, dtype),
    bytes(2, shape(sizes)),
    bytes(4, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  ])

/** AttrValue: list = 1, s = 2, i = 3, f = 4, b = 5, type = 6, shape = 7, tensor = 8 */
const attributeValue = ({ name, type, value }: Attribute): Bytes => {
  const { binding } = backend()
  // The casts: `type` says what the value is, and each case below gives the function of that type.
  const each = (one: (value: never) => Bytes): Bytes =>
    Array.isArray(value)
      ? message(1, ...(value as Array<never>).map((item) => one(item)))
      : one(value as never)
  switch (type) {
    case binding.TF_ATTR_STRING:
      return each((v: string) => text(2, v))
    case binding.TF_ATTR_INT:
      return each((v: number) => int(3, v))
    case binding.TF_ATTR_FLOAT:
      return each((v: number) => float(4, v))
    case binding.TF_ATTR_BOOL:
      return each((v: boolean) => int(5, v ? 1 : 0))
    case binding.TF_ATTR_TYPE:
      return int(6, value as number)
    case binding.TF_ATTR_SHAPE:
      return bytes(7, shape(value as ReadonlyArray<number>))
    default:
      throw new Error(`the attribute ${name} has a type (${type}) that cannot be written`)
  }
}

/** NodeDef.attr = 5, a map: { key = 1, value = 2 } */
const attribute = (name: string, value: Bytes): Bytes => message(5, text(1, name), bytes(2, value))

/** GraphDef.node = 1; NodeDef: name = 1, op = 2, input = 3 */
const node = (
  name: string,
  op: string,
  inputs: ReadonlyArray<string>,
  attributes: ReadonlyArray<Bytes>,
): Bytes =>
  message(1, text(1, name), text(2, op), ...inputs.map((input) => text(3, input)), ...attributes)

/** VersionDef.producer of the graphs of TensorFlow 2.15 and later. */
const graphVersion = 1882

/** The tag that `loadSavedModel` asks for. */
export const tag = "serve"

/** The content of `saved_model.pb`. */
export const encode = (trace: Trace): Bytes => {
  const graph = concat([
    ...trace.inputs.map(({ name, dtype, shape: sizes }) =>
      node(
        name,
        "Placeholder",
        [],
        [attribute("dtype", int(6, dtype)), attribute("shape", bytes(7, shape(sizes)))],
      ),
    ),
    ...trace.constants.map((constant) =>
      node(
        constant.name,
        "Const",
        [],
        [
          attribute("dtype", int(6, constant.dtype)),
          attribute("value", bytes(8, tensor(constant))),
        ],
      ),
    ),
    ...trace.nodes.map(({ name, op, inputs, attributes }) =>
      node(
        name,
        op,
        inputs,
        attributes.map((a) => attribute(a.name, attributeValue(a))),
      ),
    ),
    message(4, int(1, graphVersion)), // GraphDef.versions = 4
  ])
  // SavedModel: schema version = 1, meta_graphs = 2; MetaGraphDef: meta_info_def = 1 { tags = 4 }, graph_def = 2
  return concat([int(1, 1), message(2, message(1, text(4, tag)), bytes(2, graph))])
}
