/**
 * Records what ONE eager step asks of TensorFlow. Model code, `tf.tidy`, `tf.variableGrads` and `tf.customGrad` stay as
 * they are: everything tfjs-node does ends in a handful of calls of `backend.binding`, and a stand-in takes its place
 * for the length of the step. An operation becomes a node; a tensor made from JavaScript values becomes a constant.
 *
 * What JavaScript decides while recording is frozen: shapes, branches, numbers and every random number that tfjs makes
 * in JavaScript. The guards: a value read inside the step, a large constant, a variable that was not declared and a
 * kept tensor are errors here; what differs from one recording to the next is found by `difference`.
 *
 * Left out: writing the graph (`SavedModel.ts`), variables and running (`Step.ts`).
 */
import { tf } from "./Backend.ts"
import type { Tensor } from "./Backend.ts"
import { backend, dtypeOf } from "./Op.ts"
import type { Attribute, Binding, Values } from "./Op.ts"

export interface TraceInput {
  readonly name: string
  readonly dtype: number
  readonly shape: ReadonlyArray<number>
}

export interface TraceConstant extends TraceInput {
  readonly values: Values
}

export interface TraceNode {
  readonly name: string
  readonly op: string
  readonly attributes: ReadonlyArray<Attribute>
  /** `node:output` */
  readonly inputs: ReadonlyArray<string>
}

export interface Trace {
  readonly inputs: ReadonlyArray<TraceInput>
  readonly constants: ReadonlyArray<TraceConstant>
  readonly nodes: ReadonlyArray<TraceNode>
  /** `node:output` */
  readonly outputs: ReadonlyArray<string>
}

/**
 * Elements of the largest constant. A bigger one is a forgotten input, noise made in JavaScript, or a gradient of tfjs
 * that builds ones in JavaScript.
 */
export const largestConstant = 4096

const sizeOf = (shape: ReadonlyArray<number>): number => shape.reduce((a, b) => a * b, 1)

/** The names of all variables by handle, so that one that was not declared can be named. */
const variableNames = (): Map<number, string> => {
  // The cast: tfjs' types hide the list of variables, and there is no other one.
  const { registeredVariables } = tf.engine() as unknown as {
    readonly registeredVariables: Readonly<Record<string, Tensor>>
  }
  const named = Object.entries(registeredVariables).filter(([, variable]) => !variable.isDisposed)
  return new Map(
    named.map(([name, variable]) => [backend().getInputTensorIds([variable])[0]!, name]),
  )
}

class Recorder {
  readonly inputs: Array<TraceInput> = []
  readonly constants: Array<TraceConstant> = []
  readonly nodes: Array<TraceNode> = []
  /** Handle -> `node:output`; the binding never gives a handle's number twice. */
  readonly source = new Map<number, string>()
  /** Made during the step and not used yet. */
  private readonly pending = new Map<number, Omit<TraceConstant, "name">>()
  private readonly real: Binding
  private readonly variables = variableNames()

  constructor(real: Binding, inputs: ReadonlyArray<Tensor>) {
    this.real = real
    for (const tensor of inputs) {
      const name = `input${this.inputs.length}`
      this.inputs.push({ name, dtype: dtypeOf(tensor), shape: [...tensor.shape] })
      this.source.set(backend().getInputTensorIds([tensor])[0]!, name)
    }
  }

  createTensor(shape: ReadonlyArray<number>, dtype: number, values: Values): number {
    const id = this.real.createTensor(shape, dtype, values)
    // Copied: TensorFlow may go on using the array, and so may the caller.
    this.pending.set(id, { shape: [...shape], dtype, values: values.slice() })
    return id
  }

  executeOp(
    op: string,
    attributes: ReadonlyArray<Attribute>,
    ids: ReadonlyArray<number>,
    count: number,
  ) {
    const inputs = ids.map((id) => this.sourceOf(id, op))
    const outputs = this.real.executeOp(op, attributes, ids, count)
    const name = `node${this.nodes.length}`
    this.nodes.push({
      name,
      op,
      inputs,
      attributes: this.complete(op, attributes, outputs[0]?.dtype),
    })
    outputs.forEach((output, i) => this.source.set(output.id, `${name}:${i}`))
    return outputs
  }

  tensorDataSync(id: number): Values {
    if (this.pending.has(id) || this.source.get(id)?.startsWith("constant"))
      return this.real.tensorDataSync(id)
    throw new Error(
      "the step reads a value (dataSync, arraySync, or a JavaScript branch on data); return it as an output instead",
    )
  }

  /** tfjs-node's ExpandDims alone leaves its type attributes to be inferred, which a graph does not do. */
  private complete(op: string, attributes: ReadonlyArray<Attribute>, dtype = 0) {
    if (op !== "ExpandDims" || attributes.length > 0) return attributes.map((a) => ({ ...a }))
    const type = this.real.TF_ATTR_TYPE
    return [
      { name: "T", type, value: dtype },
      { name: "Tdim", type, value: this.real.TF_INT32 },
    ]
  }

  private sourceOf(id: number, user: string): string {
    const known = this.source.get(id)
    if (known !== undefined) return known
    const variable = this.variables.get(id)
    if (variable !== undefined)
      throw new Error(
        `the step uses the variable ${variable}, which is not in its state; add it, or its value would be frozen`,
      )
    const constant = this.pending.get(id) ?? this.read(id)
    if (sizeOf(constant.shape) > largestConstant)
      throw new Error(
        `${user} uses [${constant.shape.join(", ")}] values made in JavaScript or before the step, which would be frozen; make them an input of the step`,
      )
    const name = `constant${this.constants.length}`
    this.constants.push({ name, ...constant })
    this.source.set(id, name)
    return name
  }

  /** The values of a tensor from before the step. Identity, because a handle alone does not tell its shape. */
  private read(id: number): Omit<TraceConstant, "name"> {
    const [copy] = this.real.executeOp("Identity", [], [id], 1)
    const { dtype, shape } = copy!
    const values =
      sizeOf(shape) > largestConstant ? new Uint8Array() : this.real.tensorDataSync(copy!.id)
    this.real.deleteTensor(copy!.id)
    return { dtype, shape, values: values.slice() }
  }

  /** An Identity of its own per output: TensorFlow refuses to fetch what it was fed. */
  output(tensor: Tensor): string {
    const [id] = backend().getInputTensorIds([tensor])
    const attribute = { name: "T", type: this.real.TF_ATTR_TYPE, value: dtypeOf(tensor) }
    const [copy] = this.executeOp("Identity", [attribute], [id!], 1)
    this.real.deleteTensor(copy!.id)
    return this.source.get(copy!.id)!
  }
}

/**
 * Runs `step` once and returns what it did. `inputs` (no two of them sharing data) are what will be fed; the step may
 * also assign to variables among them. Throws an Error that says what cannot be recorded.
 */
export const record = (inputs: ReadonlyArray<Tensor>, step: () => ReadonlyArray<Tensor>): Trace => {
  const real = backend().binding
  const recorder = new Recorder(real, inputs)
  if (recorder.source.size !== inputs.length)
    throw new Error("two inputs of the step share their data; give each its own tensor")
  // The methods of the addon's object are found by prototype; only the three that matter are replaced.
  const standIn = Object.create(real, {
    createTensor: { value: recorder.createTensor.bind(recorder) },
    executeOp: { value: recorder.executeOp.bind(recorder) },
    tensorDataSync: { value: recorder.tensorDataSync.bind(recorder) },
    runSavedModel: {
      value: () => {
        throw new Error("the step runs another compiled step; call its body instead")
      },
    },
  }) as Binding
  const outputs: Array<string> = []
  const before = tf.memory().numTensors
  backend().binding = standIn
  try {
    tf.tidy(() => outputs.push(...step().map((tensor) => recorder.output(tensor))))
  } finally {
    backend().binding = real
  }
  const kept = tf.memory().numTensors - before
  if (kept !== 0)
    throw new Error(`the step leaves ${kept} tensors behind (tf.keep, or a variable made inside)`)
  const { constants, nodes } = recorder
  return { inputs: recorder.inputs, constants, nodes, outputs }
}

const sameBytes = (a: Values, b: Values): boolean =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(
    Buffer.from(b.buffer, b.byteOffset, b.byteLength),
  )

/**
 * What differs between two recordings of the same step, in words; undefined when nothing does. A difference is a value
 * that JavaScript makes anew each time (a random number, a counter, a schedule) and that the graph would freeze.
 */
export const difference = (first: Trace, second: Trace): string | undefined => {
  for (const [i, node] of first.nodes.entries()) {
    const other = second.nodes[i]
    if (JSON.stringify(node) !== JSON.stringify(other))
      return `operation ${i} is ${node.op}(${node.inputs.join(", ")}) in one recording and ${other === undefined ? "missing" : `${other.op}(${other.inputs.join(", ")})`} in the next`
  }
  if (first.nodes.length !== second.nodes.length)
    return `${first.nodes.length} operations in one recording, ${second.nodes.length} in the next`
  for (const [i, constant] of first.constants.entries()) {
    const other = second.constants[i]!
    if (constant.dtype === other.dtype && sameBytes(constant.values, other.values)) continue
    const users = first.nodes.filter((node) => node.inputs.includes(constant.name))
    return `the values that ${users.map((node) => node.op).join(", ")} takes change from one recording to the next (random numbers of tfjs such as tf.dropout, a counter, a schedule); make them an input of the step`
  }
  if (first.outputs.join() !== second.outputs.join()) return "the outputs are in another order"
  return undefined
}
