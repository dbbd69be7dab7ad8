/**
 * A step of `tensor/Step.ts` whose inputs and outputs have names: recorded on examples when it first runs, fed plain
 * tensors, read at once.
 */
import type { Tensor, Variable } from "../tensor/Backend.ts"
import { makeStep, type Step } from "../tensor/Step.ts"

type Named = Readonly<Record<string, Tensor>>

export interface NamedStepOptions<Inputs extends Named, Output extends string> {
  /** Every variable that the body reads or assigns. */
  readonly state: ReadonlyArray<Variable>
  /** Tensors of the shapes that will be fed, under the largest architecture. Disposed of. */
  readonly example: () => Inputs
  /** Pure but for `state`; it runs twice when it is recorded. */
  readonly body: (inputs: Inputs) => Readonly<Record<Output, Tensor>>
  /** Whether to run the body itself each time, without a graph. */
  readonly eager: boolean
}

export interface NamedStep<Inputs extends Named, Output extends string> {
  /** Disposes of the inputs. */
  readonly run: (inputs: Inputs) => Readonly<Record<Output, Float32Array>>
  readonly dispose: () => void
}

const read = (tensor: Tensor): Float32Array => {
  const values = tensor.dataSync() as Float32Array
  tensor.dispose()
  return values
}

/** The graph of a step, and the names of what it takes and gives, in order. */
interface Recorded {
  readonly step: Step
  readonly inputs: ReadonlyArray<string>
  readonly outputs: () => ReadonlyArray<string>
}

const recordStep = <Inputs extends Named, Output extends string>({
  state,
  example,
  body,
  eager,
}: NamedStepOptions<Inputs, Output>): Recorded => {
  const examples = example()
  const names = Object.keys(examples)
  let outputs: ReadonlyArray<string> = []
  const step = makeStep({
    state,
    inputs: Object.values(examples),
    body: (tensors) => {
      // as `example` made them: the same names, each with a tensor of the same kind
      const inputs = Object.fromEntries(names.map((name, i) => [name, tensors[i]!])) as Inputs
      const results = Object.entries<Tensor>(body(inputs))
      outputs = results.map(([name]) => name)
      return results.map(([, tensor]) => tensor)
    },
    eager,
  })
  for (const tensor of Object.values(examples)) tensor.dispose()
  return { step, inputs: names, outputs: () => outputs }
}

export const makeNamedStep = <Inputs extends Named, Output extends string>(
  options: NamedStepOptions<Inputs, Output>,
): NamedStep<Inputs, Output> => {
  let recorded: Recorded | undefined
  return {
    run: (inputs) => {
      recorded ??= recordStep(options)
      const results = recorded.step.run(recorded.inputs.map((name) => inputs[name]!))
      for (const tensor of Object.values(inputs)) tensor.dispose()
      const names = recorded.outputs()
      // of the body's own type: the names are those that it gave
      return Object.fromEntries(results.map((tensor, i) => [names[i]!, read(tensor)])) as Record<
        Output,
        Float32Array
      >
    },
    dispose: () => recorded?.step.dispose(),
  }
}
