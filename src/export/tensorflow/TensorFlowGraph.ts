/**
 * A graph of TensorFlow operations in the making: nodes in the order they run, constants by name. Two files are written
 * from it, `model.json` of TensorFlow.js and `saved_model.pb`.
 *
 * A constant says how it may be stored: what a target cannot store that way it stores as the float32 values that the
 * graph reads. Left out: what the nodes are for (`TensorFlowOperations.ts`), the files (`TfjsFiles.ts`, `SavedModelFile.ts`).
 */

/** Numbers of TensorFlow's `types.proto`. */
export const dataTypes = {
  DT_FLOAT: 1,
  DT_INT32: 3,
  DT_UINT8: 4,
  DT_INT16: 5,
  DT_INT8: 6,
  DT_BFLOAT16: 14,
  DT_HALF: 19,
} as const
export type DataType = keyof typeof dataTypes

/** A text, a whole number, a truth value, whole numbers, a type, a shape. */
export type Attribute =
  | string
  | number
  | boolean
  | ReadonlyArray<number>
  | { readonly type: DataType }
  | { readonly shape: ReadonlyArray<number> }

export interface GraphNode {
  readonly name: string
  readonly operation: string
  readonly inputs: ReadonlyArray<string>
  readonly attributes: Readonly<Record<string, Attribute>>
}

/** What a constant is, row-major, and how it is stored. */
export type Content =
  | { readonly kind: "float32"; readonly values: Float32Array }
  | { readonly kind: "int32"; readonly values: Int32Array }
  /** float32 values code * scale; signed codes of so many bits */
  | {
      readonly kind: "codes"
      readonly codes: Int32Array
      readonly bits: 8 | 16
      readonly scale: number
    }
  /** int32 values from 0 to 255 */
  | { readonly kind: "bytes"; readonly codes: Int32Array }
  /** float32 values with their 16 bits in that type */
  | {
      readonly kind: "half" | "bfloat16"
      readonly codes: Int32Array
      readonly values: Float32Array
    }

export type Constant = Content & { readonly shape: ReadonlyArray<number> }

const float: Attribute = { type: "DT_FLOAT" }
const int: Attribute = { type: "DT_INT32" }

/** Operations from float32 tensors to one of the same type, or to booleans. */
type Elementwise =
  | "Abs"
  | "AddV2"
  | "ClipByValue"
  | "Elu"
  | "Floor"
  | "GreaterEqual"
  | "Greater"
  | "Identity"
  | "Less"
  | "Log"
  | "Maximum"
  | "Minimum"
  | "Mul"
  | "RealDiv"
  | "Relu"
  | "Relu6"
  | "Round"
  | "SelectV2"
  | "Sigmoid"
  | "Softmax"
  | "Sqrt"
  | "Sub"
  | "Tanh"

export class TensorFlowGraph {
  readonly nodes: Array<GraphNode> = []
  readonly constants = new Map<string, Constant>()
  private readonly names = new Map<string, number>()

  /** A name that nothing else has, of the characters that TensorFlow takes. */
  private fresh(name: string): string {
    const known = name.replaceAll(/[^\w.-]/gu, "_").replace(/^(?=[^A-Za-z0-9.])/u, "n")
    const used = this.names.get(known) ?? 0
    this.names.set(known, used + 1)
    return used === 0 ? known : `${known}.again${used + 1}`
  }

  /** Adds a node with one result and gives its name. */
  node(
    operation: string,
    inputs: ReadonlyArray<string>,
    name: string,
    attributes: Readonly<Record<string, Attribute>>,
  ): string {
    const node = { name: this.fresh(name), operation, inputs, attributes }
    this.nodes.push(node)
    return node.name
  }

  /** Adds an operation on float32 tensors that has no attribute but their type. */
  each(operation: Elementwise, inputs: ReadonlyArray<string>, name: string): string {
    return this.node(operation, inputs, name, { T: float })
  }

  /** A constant under a name of its own. */
  constant(name: string, constant: Constant): string {
    const made = this.fresh(name)
    this.constants.set(made, constant)
    return made
  }

  /** Float32 numbers as a constant. */
  floats(
    name: string,
    values: ArrayLike<number>,
    shape: ReadonlyArray<number> = [values.length],
  ): string {
    return this.constant(name, { kind: "float32", values: Float32Array.from(values), shape })
  }

  /** A constant that several nodes share, made when it is first asked for. */
  shared(name: string, make: () => Constant): string {
    return this.constants.has(name) ? name : this.constant(name, make())
  }

  /** A float32 scalar. Equal ones are one constant. */
  scalar(value: number): string {
    const digits = String(value).replace("+", "")
    const name = `scalar.${Object.is(value, -0) ? "-0" : digits}`
    return this.shared(name, () => ({
      kind: "float32",
      values: Float32Array.of(value),
      shape: [],
    }))
  }

  /** int32 [values]. Equal ones are one constant. */
  whole(...values: ReadonlyArray<number>): string {
    return this.shared(`whole.${values.join("_")}`, () => ({
      kind: "int32",
      values: Int32Array.from(values),
      shape: [values.length],
    }))
  }

  /** An int32 scalar: an axis. */
  private place(index: number): string {
    return this.shared(`place.${index}`, () => ({
      kind: "int32",
      values: Int32Array.of(index),
      shape: [],
    }))
  }

  reshape(x: string, sizes: ReadonlyArray<number>, name: string): string {
    return this.node("Reshape", [x, this.whole(...sizes)], name, { T: float, Tshape: int })
  }

  transpose(x: string, order: ReadonlyArray<number>, name: string): string {
    return this.node("Transpose", [x, this.whole(...order)], name, { T: float, Tperm: int })
  }

  /** `size` -1: all that is left. */
  slice(
    x: string,
    begin: ReadonlyArray<number>,
    size: ReadonlyArray<number>,
    name: string,
    type: "DT_FLOAT" | "DT_INT32" = "DT_FLOAT",
  ): string {
    const inputs = [x, this.whole(...begin), this.whole(...size)]
    return this.node("Slice", inputs, name, { T: { type }, Index: int })
  }

  concat(
    parts: ReadonlyArray<string>,
    axis: number,
    name: string,
    type: "DT_FLOAT" | "DT_INT32" = "DT_FLOAT",
  ): string {
    const attributes = { N: parts.length, T: { type }, Tidx: int }
    return this.node("ConcatV2", [...parts, this.place(axis)], name, attributes)
  }

  /** Elements of `table` along `axis`, by int32 indices. */
  gather(table: string, indices: string, axis: number, name: string): string {
    const attributes = { Tparams: float, Tindices: int, Taxis: int, batch_dims: 0 }
    return this.node("GatherV2", [table, indices, this.place(axis)], name, attributes)
  }

  cast(x: string, from: DataType, to: "DT_FLOAT" | "DT_INT32", name: string): string {
    return this.node("Cast", [x], name, { SrcT: { type: from }, DstT: { type: to } })
  }

  /** max, min or mean over axes, which stay as 1 where `keep` says so. */
  reduce(
    operation: "Max" | "Min" | "Mean",
    x: string,
    axes: ReadonlyArray<number>,
    name: string,
    keep: boolean,
  ): string {
    const attributes = { T: float, Tidx: int, keep_dims: keep }
    return this.node(operation, [x, this.whole(...axes)], name, attributes)
  }

  /** Elements of one value, 0 by default, before and behind those of every axis. */
  pad(
    x: string,
    counts: ReadonlyArray<readonly [number, number]>,
    name: string,
    value = 0,
  ): string {
    const paddings = this.shared(`pad.${counts.flat().join("_")}`, () => ({
      kind: "int32",
      values: Int32Array.from(counts.flat()),
      shape: [counts.length, 2],
    }))
    const attributes = { T: float, Tpaddings: int }
    return value === 0
      ? this.node("Pad", [x, paddings], name, attributes)
      : this.node("PadV2", [x, paddings, this.scalar(value)], name, attributes)
  }

  /** x repeated along every axis, `counts` int32 [rank]. */
  tile(x: string, counts: string, name: string): string {
    return this.node("Tile", [x, counts], name, { T: float, Tmultiples: int })
  }

  /** int32 [rank]: the sizes of x. */
  sizes(x: string, name: string): string {
    return this.node("Shape", [x], name, { T: float, out_type: int })
  }

  /** a [rows, inner] b [inner, columns] */
  product(a: string, b: string, name: string): string {
    const attributes = { T: float, transpose_a: false, transpose_b: false }
    return this.node("MatMul", [a, b], name, attributes)
  }

  /** Products of the matrices in the last two axes; b may be given with these two exchanged. */
  products(a: string, b: string, transposeB: boolean, name: string): string {
    return this.node("BatchMatMulV2", [a, b], name, { T: float, adj_x: false, adj_y: transposeB })
  }
}
