/**
 * The tensors of a trial: its supernet and the steps over it, opened from the seed or from a snapshot, and what a
 * snapshot holds.
 *
 * Left out: which steps are taken, and when (`Phase.ts`, `Loop.ts`).
 */
import { Schema } from "effect"
import type { Images } from "../data/Dataset.ts"
import { makeSupernet, type Supernet } from "../supernet/Supernet.ts"
import { measuredImages, normsOf } from "../search/Searches.ts"
import { loaded } from "../tensor/Backend.ts"
import type { Variable } from "../tensor/Backend.ts"
import { setValues } from "../tensor/Kernels.ts"
import { Arithmetic } from "./ArithmeticRecord.ts"
import { WatchState } from "./Divergence.ts"
import { ProgressState } from "./Progress.ts"
import { makeSteps, type Steps } from "./Steps.ts"
import type { Tensors } from "./Safetensors.ts"
import type { Prepared } from "./Trial.ts"
import type { Snapshot, TrainContext } from "./TrainEvent.ts"
import { initialTensors } from "./Weights.ts"

/** What the search, and the phases after it that are done, came to. */
const Found = Schema.Struct({
  choices: Schema.Array(Schema.Int),
  metrics: Schema.Record(Schema.String, Schema.Finite),
})
export type Found = typeof Found.Type

/** What goes into a checkpoint beside the variables. */
export const SessionState = Schema.Struct({
  search: Schema.Unknown,
  progress: ProgressState,
  /** Best quality so far; null before the first was measured. */
  best: Schema.NullOr(Schema.Finite),
  /** Sum and number of the shares of decisions that changed, over the last steps. */
  switching: Schema.optionalKey(Schema.Struct({ sum: Schema.Finite, count: Schema.Int })),
  /** Whether weights run away. */
  weights: Schema.optionalKey(WatchState),
  /** First step of the phase that trains under a frozen search; the learning rate may start again there. */
  frozenAt: Schema.optionalKey(Schema.Int),
  /** What its bits depend on; checkpoints from before oneDNN was switched on everywhere have none. */
  arithmetic: Schema.optionalKey(Arithmetic),
  /** Digests of the splits that it was trained on. */
  data: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  /** Broken images that it met, and why each is: they count towards a limit. */
  broken: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  /** Absent while searching; every later phase knows what was found. */
  phase: Schema.optionalKey(Schema.Literals(["fineTune", "retrain"])),
  found: Schema.optionalKey(Found),
})
export type SessionState = typeof SessionState.Type

/** Name -> variable, of everything a step changes. */
const stateVariables = (supernet: Supernet, steps: Steps): ReadonlyMap<string, Variable> =>
  new Map([
    ...supernet.variables.map(({ name, variable }) => [name, variable] as const),
    ...steps.optimizerState.map((variable, i) => [`optimizer.${i}`, variable] as const),
  ])

export const snapshotOf = (
  step: number,
  variables: ReadonlyMap<string, Variable>,
  state: unknown,
): Snapshot => ({
  step,
  tensors: Object.fromEntries(
    [...variables].map(([name, variable]) => [
      name,
      { shape: variable.shape, values: (variable.dataSync() as Float32Array).slice() },
    ]),
  ),
  state,
})

const restore = (snapshot: Snapshot, variables: ReadonlyMap<string, Variable>): void => {
  for (const [name, variable] of variables) {
    const saved = snapshot.tensors[name]
    if (saved === undefined || saved.values.length !== variable.size)
      throw new Error(`the checkpoint has no ${name} of shape [${variable.shape.join(", ")}]`)
    setValues(variable, saved.values, saved.shape)
  }
}

/** Gives variables the values of tensors of the same name and shape. */
const fill = (variables: ReadonlyMap<string, Variable>, tensors: Tensors): void => {
  for (const [name, { shape, values }] of tensors) setValues(variables.get(name)!, values, shape)
}

/** The network of a trial, ready to be trained. */
export interface Session {
  readonly supernet: Supernet
  readonly steps: Steps
  /** Everything a step changes. */
  readonly variables: ReadonlyMap<string, Variable>
  readonly arithmetic: Arithmetic
  readonly dispose: () => void
}

/** Makes the network from the trial's seed and initial weights, or as `resume` left it. */
export const openSession = (
  { network, trial }: Prepared,
  dataset: Images,
  { eager, resume, initial }: Pick<TrainContext, "eager" | "resume" | "initial">,
): Session => {
  const supernet = makeSupernet(network, trial.seed)
  const { data, search, train } = trial
  const steps = makeSteps(supernet, dataset, data.batchSize, train, eager, {
    images: measuredImages(search, data.batchSize),
    norms: normsOf(search),
  })
  const variables = stateVariables(supernet, steps)
  const dispose = (): void => {
    steps.dispose()
    supernet.dispose()
  }
  try {
    if (resume !== undefined) restore(resume, variables)
    else if (trial.train.initial !== undefined)
      fill(variables, initialTensors(network, initial, trial.train.initial))
  } catch (cause) {
    dispose()
    throw cause
  }
  return { supernet, steps, variables, arithmetic: loaded()!.arithmetic, dispose }
}
