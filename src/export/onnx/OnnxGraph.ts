/**
 * An ONNX graph in the making: nodes in the order they run, constants by name, and the opset that they need. The bytes of
 * constants are held once, and not copied into the file's messages (`OnnxFile.ts`).
 *
 * Left out: what the nodes are for (`OnnxOperations.ts`), the file around the graph (`OnnxModel.ts`).
 */
import { create } from "@bufbuild/protobuf"
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  TensorProto_DataType,
} from "onnx-buf"

export { TensorProto_DataType as DataType } from "onnx-buf"

/** Whole numbers and texts as they are; a float is told apart by `{ float }`. */
export type Attribute = number | string | ReadonlyArray<number> | { readonly float: number }

const attributeOf = (name: string, value: Attribute) => {
  const made = (fields: object) => create(AttributeProtoSchema, { name, ...fields })
  if (typeof value === "string")
    return made({ type: AttributeType.STRING, s: new Uint8Array(Buffer.from(value)) })
  if (typeof value === "number") return made({ type: AttributeType.INT, i: BigInt(value) })
  return "float" in value
    ? made({ type: AttributeType.FLOAT, f: value.float })
    : made({ type: AttributeType.INTS, ints: value.map(BigInt) })
}

export interface Constant {
  readonly type: TensorProto_DataType
  readonly shape: ReadonlyArray<number>
  /** Little-endian; types of less than eight bits packed from the lowest bits up. */
  readonly bytes: Uint8Array
}

export class Graph {
  readonly nodes: Array<NodeProto> = []
  readonly constants = new Map<string, Constant>()
  /** The opset that its nodes are written for: some operations changed their form. */
  readonly opset: number
  /** The lowest opset that has everything in the graph. */
  needed = 13
  private readonly names = new Map<string, number>()
  private readonly operations = new Map<string, string>()

  constructor(opset: number) {
    this.opset = opset
  }

  require(opset: number): void {
    this.needed = Math.max(this.needed, opset)
  }

  /** A name that nothing else has. */
  private fresh(name: string): string {
    const used = this.names.get(name) ?? 0
    this.names.set(name, used + 1)
    return used === 0 ? name : `${name}_${used + 1}`
  }

  /** Adds a node with one result and gives the name of that. */
  node(
    operation: string,
    inputs: ReadonlyArray<string>,
    name: string,
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    const output = this.fresh(name)
    this.add(operation, inputs, output, attributes)
    return output
  }

  /** Adds a node whose result has exactly this name. */
  add(
    operation: string,
    inputs: ReadonlyArray<string>,
    output: string,
    attributes: Readonly<Record<string, Attribute>> = {},
  ): void {
    this.operations.set(output, operation)
    this.nodes.push(
      create(NodeProtoSchema, {
        opType: operation,
        name: output,
        input: [...inputs],
        output: [output],
        attribute: Object.entries(attributes).map(([key, value]) => attributeOf(key, value)),
      }),
    )
  }

  /** The operation whose result has this name; undefined for inputs and constants. */
  operationOf(name: string): string | undefined {
    return this.operations.get(name)
  }

  /** A constant under a name of its own. */
  constant(name: string, constant: Constant): string {
    const made = this.fresh(name)
    this.constants.set(made, constant)
    return made
  }

  /** A constant that several nodes share, made when it is first asked for. */
  shared(name: string, make: () => Constant): string {
    return this.constants.has(name) ? name : this.constant(name, make())
  }

  /** A scalar. Equal ones are one constant. */
  scalar(value: number): string {
    return this.shared(`scalar.${Object.is(value, -0) ? "-0" : value}`, () => floats([value], []))
  }

  /** int64 [values]. Equal ones are one constant. */
  whole(...values: ReadonlyArray<number>): string {
    return this.shared(`whole.${values.join(",")}`, () => ({
      type: TensorProto_DataType.INT64,
      shape: [values.length],
      bytes: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
    }))
  }

  /** An int64 scalar: an index. */
  place(index: number): string {
    return this.shared(`place.${index}`, () => ({
      type: TensorProto_DataType.INT64,
      shape: [],
      bytes: new Uint8Array(BigInt64Array.of(BigInt(index)).buffer),
    }))
  }

  /** max, min or mean over axes, which stay. */
  reduce(
    operation: "ReduceMax" | "ReduceMin" | "ReduceMean",
    x: string,
    axes: ReadonlyArray<number>,
    name: string,
    keep: boolean,
  ): string {
    const keepdims = keep ? 1 : 0
    return this.opset >= 18
      ? this.node(operation, [x, this.whole(...axes)], name, { keepdims })
      : this.node(operation, [x], name, { axes, keepdims })
  }
}

/** Float32 numbers as bytes; those of a Float32Array itself, which must not change any more. */
export const bytesOf = (values: ArrayLike<number>): Uint8Array => {
  const { buffer, byteLength, byteOffset } =
    values instanceof Float32Array ? values : Float32Array.from(values)
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/** Float32 numbers as a constant. */
export const floats = (
  values: ArrayLike<number>,
  shape: ReadonlyArray<number> = [values.length],
): Constant => ({
  type: TensorProto_DataType.FLOAT,
  shape,
  bytes: bytesOf(values),
})
