/** `fliqs cancel`: ends what goes on without a `run`: the Slurm jobs of a state folder, with a checkpoint. */
import { Effect, FileSystem, type Option } from "effect"
import { pathText } from "../../declaration/Errors.ts"
import * as EndOfRuns from "../../orchestrator/EndOfRuns.ts"
import { cancel } from "../../orchestrator/engine/SlurmSession.ts"
import { findTrial, stateFolder } from "../Locations.ts"
import { note, print } from "../Output.ts"
import { stoppedPage } from "../RunOutcome.ts"

export const run = Effect.fn("cancel")(function* (input: {
  readonly trials: ReadonlyArray<string>
  readonly state: Option.Option<string>
}) {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* stateFolder(input.state)
  if (!(yield* Effect.orElseSucceed(fs.exists(`${folder}/slurm`), () => false)))
    return yield* print(`nothing of ${pathText(folder)} was given to Slurm`)
  const ids =
    input.trials.length === 0
      ? undefined
      : new Set(yield* Effect.forEach(input.trials, (trial) => findTrial(folder, trial)))
  const ended = yield* cancel(folder, ids, note)
  yield* EndOfRuns.endRunsUnlessRunning(folder, "fliqs cancel", stoppedPage, true)
  yield* print(
    ended.length === 0
      ? "Slurm has none of these trials"
      : `${ended.length} ${ended.length === 1 ? "trial" : "trials"} cancelled; the same \`run\` goes on from their checkpoints`,
  )
})
