/**
 * The plan of an experiment for programs: its trials by name and id, ready to be simulated or trained.
 *
 * Left out: the state folder, in which `fliqs run` keeps results and checkpoints (`orchestrator/`).
 */
import { Effect } from "effect"
import type { DeclarationErrors } from "../declaration/Errors.ts"
import { readKind } from "../experiment/FileKind.ts"
import { expand, type PlannedTrial } from "../experiment/Plan.ts"
import { services } from "./Services.ts"

/** One trial with nothing left to decide. */
export interface ExperimentTrial {
  /** 16 hex digits, made of everything that its result depends on. */
  readonly id: string
  /** What tells it from the other trials: `times=1.1 seed=2`. */
  readonly name: string
  /** `uniform` or `random` for a trial that the searches are compared with. */
  readonly control: string | undefined
  readonly seed: number
  readonly steps: number
  /** All settings, flat: `{ "search.kind": "reinforce", ... }`. */
  readonly parameters: Readonly<Record<string, string>>
  /** @internal */
  readonly planned: PlannedTrial
  /** @internal */
  readonly file: string
}

/** The trials of an experiment: its matrix, its seeds and its controls. */
export interface ExperimentPlan {
  readonly name: string
  readonly trials: ReadonlyArray<ExperimentTrial>
  /** What is right but doubtful, each as `file:line:column path: words`. */
  readonly warnings: ReadonlyArray<string>
}

const trialOf = (planned: PlannedTrial, file: string): ExperimentTrial => ({
  id: planned.id,
  name: planned.name,
  control: planned.control,
  seed: planned.declaration.seed,
  steps: planned.declaration.train.steps,
  parameters: planned.parameters,
  planned,
  file,
})

/**
 * Reads an experiment file, such as `experiments/quickstart.yaml`, and the files that it names.
 *
 * @param options.set changes as the command line takes them: `["train.steps=60"]`
 * @param options.allowLarge whether there may be more than a thousand trials
 * @returns fails with `DeclarationErrors`: every mistake at once, each with file, line and column
 */
export const planExperiment = (
  file: string,
  options: { readonly set?: ReadonlyArray<string>; readonly allowLarge?: boolean } = {},
): Effect.Effect<ExperimentPlan, DeclarationErrors> =>
  Effect.gen(function* () {
    const document = yield* readKind(file, ["experiment"], "planExperiment")
    const { set: sets = [], allowLarge: yes = false } = options
    const { name, trials, warnings } = yield* expand(document, { sets, yes })
    return {
      name,
      trials: trials.map((planned) => trialOf(planned, file)),
      warnings: warnings.map(({ text }) => text),
    }
  }).pipe(Effect.provide(services))
