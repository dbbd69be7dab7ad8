/**
 * Which fields of a node and of a layer a search may change: sizes, kernels, formats. Each operation declares its own here,
 * and the types demand it. Whoever reads or fixes these fields takes them from this list.
 */
import type { FormatSlot, Layer, LayerShape } from "../cost/LayerTable.ts"
import type { Quantity } from "../space/Quantity.ts"
import type { Node, Shape } from "./Graph.ts"

type Extents = readonly [Quantity, Quantity]

/** What a field holds: a size, the height and width of a kernel, the format of an operand. */
type Holds<T> = T extends Quantity
  ? "size"
  : T extends Extents
    ? "extents"
    : T extends FormatSlot
      ? "format"
      : never

/** The fields of N that hold one of these, without those of `Others`. */
type SearchedFields<N, Others extends PropertyKey = never> = {
  readonly [
    K in keyof N as K extends Others ? never : Holds<NonNullable<N[K]>> extends never ? never : K
  ]-?: Holds<NonNullable<N[K]>>
}

type NodeOf<O, N = Node> = N extends { readonly operation: infer P }
  ? O extends P
    ? N
    : never
  : never

/** Fields that every node has. */
const commonFields = { inputChannels: "size", active: "size" } as const

/** The other fields of each operation that has any. */
const fieldsOfOperations: {
  readonly [
    O in Node["operation"] as keyof SearchedFields<
      NodeOf<O>,
      keyof typeof commonFields
    > extends never
      ? never
      : O
  ]: SearchedFields<NodeOf<O>, keyof typeof commonFields>
} = {
  conv: { kernel: "extents", groupInputs: "size" },
  depthwiseConv: { kernel: "extents", groupInputs: "size" },
  squeezeExcite: { inner: "size" },
  attention: { products: "format" },
  choose: { option: "size" },
}

const fieldsOfLayers: SearchedFields<Layer> = {
  active: "size",
  macs: "size",
  weights: "size",
  inputs: "size",
  outputs: "size",
  extras: "size",
  gains: "size",
  weightFormat: "format",
  activationFormat: "format",
}

type Fields = Readonly<Record<string, "size" | "extents" | "format">>

const fieldsOf = ({ operation }: Node): Fields => {
  const known: Readonly<Record<string, Fields>> = fieldsOfOperations
  return { ...commonFields, ...known[operation] }
}

/** The sizes that a node depends on: of its input, of its result, whether it runs, and those of its operation. */
export const sizesOf = (node: Node): ReadonlyArray<Quantity> => {
  const { inputChannels, shape, active, ...others } = node
  const fields = fieldsOf(node)
  return [
    inputChannels,
    shape.channels,
    ...(shape.kind === "image" ? [shape.height, shape.width] : []),
    active,
    ...Object.entries(others).flatMap(([field, value]): ReadonlyArray<Quantity> => {
      if (fields[field] === "size") return [value]
      return fields[field] === "extents" ? value : []
    }),
  ]
}

/** What becomes of a searched field. */
export interface Fixing {
  readonly size: (quantity: Quantity) => Quantity
  readonly format: (slot: FormatSlot) => FormatSlot
}

const extents = ([height, width]: Extents, { size }: Fixing): Extents => [size(height), size(width)]

const fixFields = <T extends object>(from: T, fields: Fields, fixing: Fixing): T => ({
  ...from,
  ...Object.fromEntries(
    Object.entries(from).flatMap(([field, value]) => {
      const holds = Object.hasOwn(fields, field) ? fields[field]! : undefined
      if (holds === undefined || value === undefined) return []
      return [[field, holds === "extents" ? extents(value, fixing) : fixing[holds](value)]]
    }),
  ),
})

const fixShape = <S extends Shape | LayerShape>(shape: S, fixing: Fixing): S => ({
  ...shape,
  channels: fixing.size(shape.channels),
  ...("height" in shape
    ? { height: fixing.size(shape.height), width: fixing.size(shape.width) }
    : {}),
  ...("kernel" in shape ? { kernel: extents(shape.kernel, fixing) } : {}),
})

/** The node with every searched field fixed. */
export const fixNode = <N extends Node>(node: N, fixing: Fixing): N => ({
  ...fixFields(node, fieldsOf(node), fixing),
  shape: fixShape(node.shape, fixing),
})

/** The layer with every searched field fixed. */
export const fixLayer = (layer: Layer, fixing: Fixing): Layer => ({
  ...fixFields(layer, fieldsOfLayers, fixing),
  shape: fixShape(layer.shape, fixing),
})
