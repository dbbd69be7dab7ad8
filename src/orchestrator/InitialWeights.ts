/** Initial weights on disk: those of a finished trial, and those a planned trial starts from. */
import { Effect, type FileSystem } from "effect"
import { pathText } from "../declaration/Errors.ts"
import { readWeights, type TrialWeights } from "../experiment/TrainedWeights.ts"
import type { Tensors } from "../train/Safetensors.ts"
import * as Checkpoint from "./Checkpoint.ts"
import { Damaged, StorageError } from "../disk/Errors.ts"
import * as Result from "./Result.ts"
import * as State from "./State.ts"

/** The variables of the network, without the optimizer's. */
const tensorsOf = (checkpoint: Checkpoint.Checkpoint): Tensors =>
  new Map(Object.entries(checkpoint.tensors).filter(([name]) => !name.startsWith("optimizer.")))

/** Finds the weights of the finished trials of a state folder: those of the last checkpoint. */
export const ofTrials =
  (state: string): TrialWeights =>
  (id) =>
    Effect.gen(function* () {
      const result = yield* Result.read(State.resultFile(state, id))
      if (result?.state !== "finished")
        return yield* Effect.fail(`no finished trial ${id} is in ${pathText(state)}`)
      const folder = State.checkpointFolder(state, id)
      const checkpoint = yield* Checkpoint.readNewest(folder, "leave")
      return checkpoint === undefined
        ? yield* Effect.fail(`trial ${id} has no checkpoint any more in ${pathText(folder)}`)
        : { file: folder, tensors: tensorsOf(checkpoint) }
    }).pipe(Effect.mapError((error) => (typeof error === "string" ? error : error.message)))

/** Reads what a plan found: a safetensors file, or the checkpoints of a trial. */
export const read = Effect.fnUntraced(function* (
  file: string,
): Effect.fn.Return<Tensors, StorageError, FileSystem.FileSystem> {
  if (file.endsWith("/checkpoint")) {
    const checkpoint = yield* Checkpoint.readNewest(file, "leave")
    if (checkpoint !== undefined) return tensorsOf(checkpoint)
  }
  const gone = (why: string) =>
    new StorageError({
      operation: "read",
      path: file,
      reason: new Damaged({ message: `the initial weights are gone: ${why}` }),
    })
  const { tensors } = yield* Effect.mapError(readWeights(file), gone)
  return tensors
})
