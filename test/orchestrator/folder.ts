/** A temporary folder and trials to put into it, for the tests of the state folder. */
import { Effect, FileSystem } from "effect"
import * as State from "../../src/orchestrator/State.ts"

export const makeFolder = Effect.flatMap(FileSystem.FileSystem, (fs) =>
  fs.makeTempDirectoryScoped({ prefix: "fliqs-state-" }),
)

export const trialOf = (
  id: string,
  declaration: unknown,
  execution: Partial<State.TrialFile["execution"]> = {},
): State.TrialFile => ({
  version: State.version,
  id,
  gridId: "grid",
  experiment: "tiny",
  name: `tiny ${id.slice(0, 4)}`,
  cell: { seed: "1" },
  parameters: { seed: "1" },
  declaration,
  steps:
    typeof declaration === "object" && declaration !== null && "steps" in declaration
      ? Number(declaration.steps)
      : 1,
  tags: {},
  execution: { threads: 1, checkpointEvery: 5, eager: false, ...execution },
})
