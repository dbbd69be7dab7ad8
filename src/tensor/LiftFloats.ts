/**
 * Makes inputs of a recorded step's float32 constants: all scalars, each value once, as one vector, every other constant
 * as its own input.
 *
 * TensorFlow's graph optimizer reckons with constants in ways that round differently from running the operations one by
 * one (x / c becomes x * (1 / c), (x * y) * c becomes x * (y * c)); it leaves alone what it does not know. Integer
 * constants stay: sums of those are exact, and shapes are worth knowing.
 */
import { backend } from "./Op.ts"
import type { Trace, TraceConstant, TraceNode } from "./Record.ts"

export interface Lifted {
  readonly trace: Trace
  /** What the last inputs of `trace` are always fed. */
  readonly values: ReadonlyArray<TraceConstant>
}

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

export const liftFloats = (trace: Trace): Lifted => {
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
  const nodes = trace.nodes.map(({ name, op, attributes, inputs }) => ({
    name,
    op,
    attributes,
    inputs: inputs.map((input) => renamed.get(input) ?? input),
  }))
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
