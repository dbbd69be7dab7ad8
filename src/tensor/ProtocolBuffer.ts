/**
 * The protocol-buffer messages that TensorFlow's graph files are made of: write-only and few, so by hand. Field numbers
 * are those of TensorFlow's `graph.proto`, `node_def.proto`, `attr_value.proto`, `tensor.proto` and `tensor_shape.proto`.
 *
 * Left out: which nodes a file has (`SavedModel.ts`, `export/tensorflow/`), reading.
 */

export type Bytes = Uint8Array

export const concat = (parts: ReadonlyArray<Bytes>): Bytes => Buffer.concat(parts)

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
export const int = (field: number, value: number): Bytes =>
  concat([key(field, wire.varint), varint(value)])
export const bytes = (field: number, value: Bytes): Bytes =>
  concat([key(field, wire.bytes), varint(value.length), value])
export const text = (field: number, value: string): Bytes =>
  bytes(field, Buffer.from(value, "utf8"))
export const float = (field: number, value: number): Bytes =>
  concat([key(field, wire.float), new Uint8Array(Float32Array.of(value).buffer)])
export const message = (field: number, ...parts: ReadonlyArray<Bytes>): Bytes =>
  bytes(field, concat(parts))

/** TensorShapeProto: dim = 2 { size = 1 } */
export const shape = (sizes: ReadonlyArray<number>): Bytes =>
  concat(sizes.map((size) => message(2, int(1, size))))

/** TensorProto: dtype = 1, tensor_shape = 2, tensor_content = 4. `content` is little-endian, row-major. */
export const tensor = (dtype: number, sizes: ReadonlyArray<number>, content: Bytes): Bytes =>
  concat([int(1, dtype), bytes(2, shape(sizes)), bytes(4, content)])

/** NodeDef.attr = 5, a map: { key = 1, value = 2 }; AttrValue: list = 1, s = 2, i = 3, f = 4, b = 5, type = 6, shape = 7, tensor = 8 */
export const attribute = (name: string, value: Bytes): Bytes =>
  message(5, text(1, name), bytes(2, value))

/** GraphDef.node = 1; NodeDef: name = 1, op = 2, input = 3 */
export const node = (
  name: string,
  op: string,
  inputs: ReadonlyArray<string>,
  attributes: ReadonlyArray<Bytes>,
): Bytes =>
  message(1, text(1, name), text(2, op), ...inputs.map((input) => text(3, input)), ...attributes)

/** VersionDef.producer of the graphs of TensorFlow 2.15 and later. */
const graphVersion = 1882

/** A GraphDef: its nodes, and versions = 4 */
export const graphOf = (nodes: ReadonlyArray<Bytes>): Bytes =>
  concat([...nodes, message(4, int(1, graphVersion))])

/**
 * SavedModel: schema version = 1, meta_graphs = 2; MetaGraphDef: meta_info_def = 1 { tags = 4 }, graph_def = 2.
 *
 * @param others further fields of the MetaGraphDef
 */
export const savedModelOf = (tag: string, graph: Bytes, ...others: ReadonlyArray<Bytes>): Bytes =>
  concat([int(1, 1), message(2, message(1, text(4, tag)), bytes(2, graph), ...others)])
