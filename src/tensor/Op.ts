/**
 * Any TensorFlow operation by name, inside `tensor/` only: attributes, one or several results, and the parts of the
 * tfjs-node backend that its types keep private.
 */
import { tf } from "./Backend.ts"
import type { DataType, Tensor } from "./Backend.ts"

export interface Attribute {
  readonly name: string
  readonly type: number
  readonly value: boolean | number | string | ReadonlyArray<number>
}

export interface Metadata {
  readonly id: number
  readonly shape: ReadonlyArray<number>
  readonly dtype: number
}

/** Bytes of a constant as the binding takes them. */
export type Values = Float32Array | Int32Array | Uint8Array

/** The native addon: everything tfjs-node does ends in these calls. */
export interface Binding {
  createTensor(shape: ReadonlyArray<number>, dtype: number, values: Values): number
  deleteTensor(id: number): void
  tensorDataSync(id: number): Values
  executeOp(
    name: string,
    attributes: ReadonlyArray<Attribute>,
    inputs: ReadonlyArray<number>,
    outputs: number,
  ): ReadonlyArray<Metadata>
  loadSavedModel(folder: string, tags: string): number
  deleteSavedModel(id: number): void
  runSavedModel(
    id: number,
    inputs: ReadonlyArray<number>,
    inputNames: string,
    outputNames: string,
  ): ReadonlyArray<Metadata>
  readonly TF_FLOAT: number
  readonly TF_INT32: number
  readonly TF_UINT8: number
  readonly TF_BOOL: number
  readonly TF_ATTR_STRING: number
  readonly TF_ATTR_INT: number
  readonly TF_ATTR_FLOAT: number
  readonly TF_ATTR_BOOL: number
  readonly TF_ATTR_TYPE: number
  readonly TF_ATTR_SHAPE: number
}

interface NodeBackend {
  binding: Binding
  readonly tensorMap: { get(dataId: object): { readonly dtype: number } }
  getInputTensorIds(tensors: ReadonlyArray<Tensor>): Array<number>
  createOutputTensor(metadata: Metadata): Tensor
  getDTypeInteger(dtype: DataType): number
  executeSingleOutput(
    name: string,
    attributes: ReadonlyArray<Attribute>,
    inputs: ReadonlyArray<Tensor>,
  ): Tensor
  executeMultipleOutputs(
    name: string,
    attributes: ReadonlyArray<Attribute>,
    inputs: ReadonlyArray<Tensor>,
    outputs: number,
  ): Array<Tensor>
}

/** The cast: tfjs' types have no backend of tfjs-node; the fields here are those that its own kernels use. */
export const backend = (): NodeBackend => tf.backend() as unknown as NodeBackend

/** TensorFlow's number for the element type a tensor really has (uint8 shows as int32 in tfjs). */
export const dtypeOf = (tensor: Tensor): number => backend().tensorMap.get(tensor.dataId).dtype

export const type = (name: string, dtype: DataType = "float32"): Attribute => ({
  name,
  type: backend().binding.TF_ATTR_TYPE,
  value: backend().getDTypeInteger(dtype),
})
/** The attribute of an int32 element type. */
export const integer = (name: string): Attribute => type(name, "int32")
export const int = (name: string, value: number | ReadonlyArray<number>): Attribute => ({
  name,
  type: backend().binding.TF_ATTR_INT,
  value,
})
export const float = (name: string, value: number): Attribute => ({
  name,
  type: backend().binding.TF_ATTR_FLOAT,
  value,
})
export const bool = (name: string, value: boolean): Attribute => ({
  name,
  type: backend().binding.TF_ATTR_BOOL,
  value,
})
export const string = (name: string, value: string): Attribute => ({
  name,
  type: backend().binding.TF_ATTR_STRING,
  value,
})

/** Runs a TensorFlow operation with one result; attributes that say `T = float32` by default are not filled in. */
export const op = (
  name: string,
  attributes: ReadonlyArray<Attribute>,
  ...inputs: ReadonlyArray<Tensor>
): Tensor => backend().executeSingleOutput(name, attributes, inputs)

/** The same with several results. */
export const ops = (
  name: string,
  attributes: ReadonlyArray<Attribute>,
  inputs: ReadonlyArray<Tensor>,
  outputs: number,
): Array<Tensor> => backend().executeMultipleOutputs(name, attributes, inputs, outputs)

/** The sizes of a tensor as an int32 tensor, known only when the step runs. */
export const shapeOf = (x: Tensor): Tensor =>
  op("Shape", [type("T", x.dtype), type("out_type", "int32")], x)

export const indices = (...values: ReadonlyArray<number>): Tensor =>
  tf.tensor1d(values as Array<number>, "int32")

export const whole = (value: number): Tensor => tf.scalar(value, "int32")

/** int32 scalars as one int32 tensor: a shape, where sizes are known only when the step runs. */
export const pack = (...sizes: ReadonlyArray<Tensor>): Tensor =>
  op("Pack", [integer("T"), int("N", sizes.length), int("axis", 0)], ...sizes)

/** x with one more axis, of size 1, at this place. */
export const expandDims = (x: Tensor, axis: number): Tensor =>
  op("ExpandDims", [type("T"), integer("Tdim")], x, whole(axis))

/** The first size of a tensor, an int32 scalar. */
export const firstOf = (x: Tensor): Tensor => {
  const attributes = [integer("T"), integer("Index"), int("shrink_axis_mask", 1)]
  return op("StridedSlice", attributes, shapeOf(x), indices(0), indices(1), indices(1))
}

export const reshape = (x: Tensor, shape: Tensor): Tensor =>
  op("Reshape", [type("T", x.dtype), integer("Tshape")], x, shape)

/** An operation on two float32 tensors, by name. */
export const binary = (name: string, a: Tensor, b: Tensor): Tensor => op(name, [type("T")], a, b)
/** The same on two int32 tensors. */
export const integers = (name: string, a: Tensor, b: Tensor): Tensor =>
  op(name, [integer("T")], a, b)

export const select = (condition: Tensor, then: Tensor, otherwise: Tensor): Tensor =>
  op("SelectV2", [type("T")], condition, then, otherwise)
