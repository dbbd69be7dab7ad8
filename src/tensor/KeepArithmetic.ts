/**
 * Rewrites a recorded step so that TensorFlow's graph optimizer leaves its arithmetic as it is, bit for bit.
 *
 * Float constants become inputs: all scalars, each value once, as one vector, every other as its own input. The optimizer
 * reckons with constants in ways that round differently (x / c becomes x * (1 / c), (x * y) * c becomes x * (y * c)) and
 * leaves alone what it does not know. Integer constants stay: their sums are exact, and shapes are worth knowing.
 *
 * Operations that it would fuse with their successors (a norm with its relu, a convolution with its bias) get a control
 * input, which its fusion rules do not accept. So do sums of gradients, which it would join and add up in the order in
 * which their terms are done. Each needs one of its own that is neither merged, folded nor removed as redundant:
 * Timestamp has no inputs and counts as stateful.
 */
import { backend } from "./Op.ts"
import type { Trace, TraceConstant, TraceNode } from "./Record.ts"

export interface Kept {
  readonly trace: Trace
  /** What the last inputs of `trace` are always fed. */
  readonly values: ReadonlyArray<TraceConstant>
}

const fused = new Set([
  "Add",
  "BatchMatMulV2",
  "Conv2D",
  "DepthwiseConv2dNative",
  "FusedBatchNormV3",
  "MatMul",
])

const bitsOf = ({ values }: TraceConstant): string =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString("hex")

/** A vector as one scalar per element: `scalar:0`, `scalar:1`, ... */
const unpack = (vector: TraceConstant): TraceNode => {
  const { TF_ATTR_TYPE, TF_ATTR_INT } = backend().binding
  return {
    name: "scalar",
    op: "Unpack",
    inputs: [vector.name],
    attributes: [
      { name: "T", type: TF_ATTR_TYPE, value: vector.dtype },
      { name: "num", type: TF_ATTR_INT, value: vector.shape[0]! },
      { name: "axis", type: TF_ATTR_INT, value: 0 },
    ],
  }
}

/** The node with a control input, and the node that gives it; a node that is not fused alone. */
const anchored = (node: TraceNode): ReadonlyArray<TraceNode> => {
  if (!fused.has(node.op)) return [node]
  const name = `${node.name}_anchor`
  return [
    { name, op: "Timestamp", attributes: [], inputs: [] },
    { ...node, inputs: [...node.inputs, `^${name}`] },
  ]
}

export const keepArithmetic = (trace: Trace): Kept => {
  const dtype = backend().binding.TF_FLOAT
  const floats = trace.constants.filter((constant) => constant.dtype === dtype)
  const constants = trace.constants.filter((constant) => constant.dtype !== dtype)
  const others = floats.filter(({ shape }) => shape.length > 0)
  const scalars = floats.filter(({ shape }) => shape.length === 0)
  const unique = new Map(scalars.map((scalar) => [bitsOf(scalar), scalar.values[0]!]))
  const places = [...unique.keys()]
  const vector: TraceConstant = {
    name: "scalars",
    dtype,
    shape: [unique.size],
    values: Float32Array.from(unique.values()),
  }
  const renamed = new Map(
    scalars.map((scalar) => [scalar.name, `scalar:${places.indexOf(bitsOf(scalar))}`]),
  )
  const nodes = trace.nodes.flatMap((node) =>
    anchored({ ...node, inputs: node.inputs.map((input) => renamed.get(input) ?? input) }),
  )
  const values = unique.size === 0 ? others : [...others, vector]
  return {
    values,
    trace: {
      inputs: [...trace.inputs, ...values],
      constants,
      nodes: unique.size === 0 ? nodes : [unpack(vector), ...nodes],
      outputs: trace.outputs,
    },
  }
}
