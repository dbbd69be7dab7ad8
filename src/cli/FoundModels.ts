/** The networks that finished trials found, as their state folder keeps them. For `export` and `evaluate`. */
import { Effect, FileSystem, Result, Schema, Stream } from "effect"
import { pathText } from "../declaration/Errors.ts"
import * as Durable from "../disk/Durable.ts"
import { cacheDirectory, version } from "../disk/Installation.ts"
import { stored } from "../disk/Patience.ts"
import { readFound } from "../export/ReadFound.ts"
import * as Checkpoint from "../orchestrator/Checkpoint.ts"
import * as TrialResult from "../orchestrator/Result.ts"
import * as State from "../orchestrator/State.ts"
import { encode } from "../train/KeptModel.ts"
import * as OneShot from "../train/OneShot.ts"
import { Trial } from "../train/Trial.ts"
import { Wrong } from "./ErrorMessages.ts"
import { note } from "./Output.ts"
import { prepareTensors } from "./Preparation.ts"

const wrong = (message: string) => Effect.fail(new Wrong({ message }))

/** A trial of the state folder, which must have finished. */
export const readFinished = Effect.fnUntraced(function* (state: string, id: string) {
  const trial = yield* State.readTrial(State.trialFile(state, id))
  if (trial === undefined) return yield* wrong(`${pathText(State.trialFile(state, id))} is missing`)
  const result = yield* TrialResult.read(State.resultFile(state, id))
  if (result?.state !== "finished")
    return yield* wrong(
      `trial ${id} has ${result === undefined ? "not finished" : "failed"}; \`fliqs run\` of its experiment goes on with it`,
    )
  return trial
})

/**
 * The model of a trial that finished before models were kept: frozen once more from its last checkpoint, which gives the
 * same bits on the same machine.
 */
const rebuilt = Effect.fnUntraced(function* (state: string, trial: State.TrialFile) {
  const folder = State.checkpointFolder(state, trial.id)
  const restart = `\`fliqs run ... --only ${trial.id} --restart\` trains it again and keeps it`
  const resume = yield* Checkpoint.readNewest(folder, "leave")
  if (resume === undefined || resume.step < trial.steps)
    return yield* wrong(
      `trial ${trial.id} kept no model, and no checkpoint of its end is in ${pathText(folder)}; ${restart}`,
    )
  yield* prepareTensors
  yield* note(`trial ${trial.id} kept no model; it is frozen again from its last checkpoint`)
  const { threads, eager, folder: files } = trial.execution
  const last = yield* OneShot.run(
    { id: trial.id, declaration: trial.declaration },
    {
      resume,
      threads,
      eager,
      cacheDirectory: cacheDirectory(),
      ...(files === undefined ? {} : { folder: files }),
    },
  ).pipe(
    Stream.filter((event) => event.type === "model"),
    Stream.runLast,
  )
  if (last._tag === "None") return yield* wrong(`trial ${trial.id} gave no model; ${restart}`)
  const parts = encode(last.value.model, version())
  yield* Durable.replace(State.modelFile(state, trial.id), parts)
  return Buffer.concat(parts)
})

/** The network that a finished trial found, with its weights. */
export const readModel = Effect.fnUntraced(function* (state: string, trial: State.TrialFile) {
  const fs = yield* FileSystem.FileSystem
  const file = State.modelFile(state, trial.id)
  const kept = yield* fs.readFile(file).pipe(
    Effect.catchReason("PlatformError", "NotFound", () => Effect.undefined),
    stored("read", file),
  )
  const bytes = kept ?? (yield* rebuilt(state, trial))
  const { space } = yield* declarationOf(trial)
  const model = readFound(bytes, { id: trial.id, space })
  return Result.isFailure(model)
    ? yield* wrong(`${pathText(file)}: ${model.failure}`)
    : model.success
})

/** What a trial was declared to be. */
export const declarationOf = (trial: State.TrialFile) =>
  Schema.decodeUnknownEffect(Trial)(trial.declaration).pipe(
    Effect.mapError(({ message }) => new Wrong({ message: `trial ${trial.id}: ${message}` })),
  )
