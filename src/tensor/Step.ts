/**
 * One step, pure tensors in and out, that may assign to variables: forward, loss, gradients, optimizer, metrics.
 * Recorded once and run as one TensorFlow graph, or run eagerly, operation by operation, as the reference and for
 * debugging: the same call, the same results bit for bit.
 *
 * In the graph a variable's tensor before the step is fed and its tensor after the step is fetched (if it was
 * assigned), and the variables are assigned only after the whole graph has succeeded. How to write a body: docs/engine.md.
 *
 * Left out: what the step computes.
 */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Temporary from "../disk/Temporary.ts"
import { tf } from "./Backend.ts"
import type { Tensor, Variable } from "./Backend.ts"
import { BackendError, StepFailed } from "./Errors.ts"
import { keepArithmetic } from "./KeepArithmetic.ts"
import { backend, dtypeOf, op, type } from "./Op.ts"
import type { Metadata } from "./Op.ts"
import { difference, record } from "./Record.ts"
import type { Trace, TraceInput } from "./Record.ts"
import { encode, tag } from "./SavedModel.ts"

export interface StepOptions {
  /** Every variable the body reads or assigns; all others are refused. */
  readonly state: ReadonlyArray<Variable>
  /** Examples: they fix number, shapes and element types of what `run` takes. Not disposed of. */
  readonly inputs: ReadonlyArray<Tensor>
  /**
   * The computation, in ordinary tfjs. Called twice when recording, so it must not change anything but `state`. With
   * sizes that vary, record with the largest architecture.
   */
  readonly body: (inputs: ReadonlyArray<Tensor>) => ReadonlyArray<Tensor>
  /** True: no graph, run the body itself each time. */
  readonly eager?: boolean
}

export interface Step {
  /** Same order as `inputs`; the results, in the body's order, are the caller's to dispose of. */
  readonly run: (inputs: ReadonlyArray<Tensor>) => Array<Tensor>
  readonly dispose: () => void
  /** Operations in the graph; 0 when eager. */
  readonly operations: number
}

/** Puts variables back as they were when `attempt` is over, or only when it fails. */
const restoring = <A>(state: ReadonlyArray<Variable>, always: boolean, attempt: () => A): A => {
  const before = state.map((variable) => variable.clone())
  const restore = () => state.forEach((variable, i) => variable.assign(before[i] as Variable))
  try {
    const result = attempt()
    if (always) restore()
    return result
  } catch (error) {
    restore()
    throw error
  } finally {
    for (const tensor of before) tensor.dispose()
  }
}

/** TensorFlow does not check what is fed, and sizes seen while recording are baked into the graph. */
const check = (inputs: ReadonlyArray<Tensor>, expected: ReadonlyArray<TraceInput>): void => {
  if (inputs.length !== expected.length)
    throw new Error(`the step takes ${expected.length} inputs, ${inputs.length} were given`)
  for (const [i, { shape, dtype }] of expected.entries()) {
    const input = inputs[i]!
    if (input.shape.length !== shape.length || input.shape.some((size, k) => size !== shape[k]))
      throw new Error(
        `input ${i} of the step has shape [${input.shape.join(", ")}]; it was recorded as [${shape.join(", ")}]`,
      )
    if (dtypeOf(input) !== dtype)
      throw new Error(`input ${i} of the step has another element type than it was recorded with`)
  }
}

const describe = (tensor: Tensor, i: number): TraceInput => ({
  name: `input${i}`,
  dtype: dtypeOf(tensor),
  shape: [...tensor.shape],
})

const eagerStep = ({ state, inputs, body }: StepOptions): Step => {
  const expected = inputs.map(describe)
  return {
    run: (given) => {
      check(given, expected)
      return restoring(state, false, () =>
        tf.tidy(() => body(given).map((tensor) => tensor.clone()) as Array<Tensor>),
      )
    },
    dispose: () => {},
    operations: 0,
  }
}

const copy = (tensor: Tensor): Tensor => {
  const { binding } = backend()
  return op(
    "Identity",
    [{ ...type("T"), type: binding.TF_ATTR_TYPE, value: dtypeOf(tensor) }],
    tensor,
  )
}

interface Recording {
  readonly trace: Trace
  /** The variables that the body assigns: the first outputs of the trace. */
  readonly assigned: ReadonlyArray<Variable>
}

/** Recorded twice from the same state: what JavaScript makes anew each time would be frozen. */
const recordTwice = ({ state, inputs, body }: StepOptions): Recording => {
  const examples = inputs.map(copy)
  const once = (): Recording => {
    let assigned: ReadonlyArray<Variable> = []
    const trace = restoring(state, true, () =>
      record([...state, ...examples], () => {
        const before = state.map(({ dataId }) => dataId)
        const outputs = body(examples)
        assigned = state.filter(({ dataId }, i) => dataId !== before[i])
        return [...assigned, ...outputs]
      }),
    )
    return { trace, assigned }
  }
  try {
    const recording = once()
    const problem = difference(recording.trace, once().trace)
    if (problem !== undefined) throw new Error(`the step cannot be recorded: ${problem}`)
    return recording
  } finally {
    for (const example of examples) example.dispose()
  }
}

const loadGraph = (trace: Trace): number => {
  const bytes = encode(trace)
  return Temporary.within((folder) => {
    writeFileSync(join(folder, "saved_model.pb"), bytes)
    return backend().binding.loadSavedModel(folder, tag)
  })
}

const compiledStep = (options: StepOptions): Step => {
  const { state } = options
  // Variables made from one tensor share its data until first assigned; a graph needs a tensor for each.
  for (const variable of state)
    tf.tidy(() => {
      variable.assign(copy(variable) as Variable)
    })
  const { trace: recorded, assigned } = recordTwice(options)
  const { trace, values } = keepArithmetic(recorded)
  const constants = values.map(({ shape, values }) =>
    tf.keep(tf.tensor(values as Float32Array, [...shape], "float32")),
  )
  const graph = loadGraph(trace)
  const inputNames = trace.inputs.map(({ name }) => `${name}:0`).join(",")
  const outputNames = trace.outputs.join(",")
  const expected = recorded.inputs.slice(state.length)
  return {
    run: (given) => {
      check(given, expected)
      const ids = backend().getInputTensorIds([...state, ...given, ...constants])
      let results: ReadonlyArray<Metadata>
      try {
        results = backend().binding.runSavedModel(graph, ids, inputNames, outputNames)
      } catch (cause) {
        const message = cause instanceof Error ? cause.message : String(cause)
        throw new BackendError({ reason: new StepFailed({ message }) })
      }
      const outputs = results.map((metadata) => backend().createOutputTensor(metadata))
      for (const [i, variable] of assigned.entries()) {
        variable.assign(outputs[i] as Variable)
        outputs[i]!.dispose()
      }
      return outputs.slice(assigned.length)
    },
    dispose: () => {
      backend().binding.deleteSavedModel(graph)
      for (const constant of constants) constant.dispose()
    },
    operations: recorded.nodes.length,
  }
}

/**
 * Makes a step. Recording runs the body twice on the examples and leaves `state` as it was. Throws an Error in words
 * when the body cannot be recorded; `run` throws one when it is fed other shapes, and `BackendError` when TensorFlow
 * fails (then `state` is unchanged, and the process should end: the binding leaks the inputs of a failed run).
 */
export const makeStep = (options: StepOptions): Step =>
  options.eager === true ? eagerStep(options) : compiledStep(options)
