/**
 * What is evaluated: a trial, exported to a file that is not kept, or a file; each with its FP32 twin, and whether it fits the
 * images that it is to be run on. Left out: running it (`../command/Evaluate.ts`).
 */
import { Effect, FileSystem } from "effect"
import type { Images } from "../../data/Dataset.ts"
import { pathText } from "../../declaration/Errors.ts"
import { stored } from "../../disk/Patience.ts"
import { type FileModel, fileModelOf, Unreadable } from "../../export/evaluate/FileModel.ts"
import { drawnModel, floatNetwork, floatTwin } from "../../export/evaluate/FloatTwin.ts"
import { type OnnxFile, readOnnx } from "../../export/evaluate/ReadOnnx.ts"
import type { Interface, Taken } from "../../export/evaluate/SplitAccuracy.ts"
import type { FoundModel } from "../../export/FoundModel.ts"
import { writeOnnx } from "../../export/onnx/OnnxModel.ts"
import { Refused, usualOptions } from "../../export/Target.ts"
import { final } from "../../metric/Metrics.ts"
import * as Result from "../../orchestrator/Result.ts"
import * as State from "../../orchestrator/State.ts"
import { Wrong } from "../ErrorMessages.ts"
import type { NamedData } from "./EvaluationData.ts"
import { declarationOf, readFinished, readModel } from "../FoundModels.ts"
import { findTrial } from "../Locations.ts"

const wrong = (message: string) => Effect.fail(new Wrong({ message }))

/** What is evaluated. */
export interface Subject {
  /** A trial's id, or a path. */
  readonly name: string
  /** The file's path, or its bytes. */
  readonly source: string | Uint8Array
  readonly file: OnnxFile
  readonly model: FileModel
  /** The FP32 twin, as bytes of a file; or why there is none. */
  readonly twin: Uint8Array | string
  /** The images of its trial. */
  readonly data?: NamedData
  /** What its trial reported of the network that it kept, where that is of the test split. */
  readonly finalAccuracy?: number
}

/** The file as it reads, and what it says of itself. */
const inspectFile = Effect.fnUntraced(function* (name: string, bytes: Uint8Array) {
  const file = readOnnx(bytes)
  if (typeof file === "string") return yield* wrong(`${pathText(name)}: ${file}`)
  const model = yield* Effect.try({
    try: () => fileModelOf(file.metadata),
    catch: (cause) => {
      if (cause instanceof Unreadable)
        return new Wrong({ message: `${pathText(name)}: ${cause.message}` })
      throw cause
    },
  })
  return { file, model }
})

const writeModel = (model: FoundModel) =>
  Effect.try({
    try: () => writeOnnx(model, usualOptions),
    catch: (cause) => {
      if (cause instanceof Refused) return new Wrong({ message: cause.message })
      throw cause
    },
  })

/** The images of a finished trial, and its accuracy on them where they are the test split. */
const knownOf = Effect.fnUntraced(function* (state: string, trial: State.TrialFile) {
  const { data, finish } = yield* declarationOf(trial)
  const result = yield* Result.read(State.resultFile(state, trial.id))
  const metrics = result?.metrics ?? {}
  // The kept network is the one that was trained last.
  const accuracy = [final.retrainAccuracy, final.fineTunedAccuracy, final.accuracy]
    .map(({ key }) => metrics[key])
    .find((each) => each !== undefined)
  return {
    data: { data, folder: trial.execution.folder ?? "." } satisfies NamedData,
    ...(accuracy === undefined || finish.evaluate !== "test" ? {} : { finalAccuracy: accuracy }),
  }
})

export const trialSubject = Effect.fnUntraced(function* (state: string, beginning: string) {
  const id = yield* findTrial(state, beginning)
  const trial = yield* readFinished(state, id)
  const model = yield* readModel(state, trial)
  const bytes = yield* writeModel(model)
  return {
    name: id,
    source: bytes,
    ...(yield* inspectFile(id, bytes)),
    twin: yield* writeModel(floatTwin(model)),
    ...(yield* knownOf(state, trial)),
  } satisfies Subject
})

/** The images of the trial that a file says it is from, if it is in this state folder. */
const dataOfTrial = Effect.fnUntraced(function* (state: string, { trial: id }: FileModel) {
  if (id === undefined || !State.isTrialId(id)) return {}
  const trial = yield* State.readTrial(State.trialFile(state, id))
  return trial === undefined ? {} : yield* knownOf(state, trial)
})

const twinOfFile = (model: FileModel) => {
  const { classNames = [], network, preprocessing = { mean: [], std: [] } } = model
  if (typeof network === "string") return Effect.succeed(network)
  const rest = { assignment: {}, space: null, classNames, preprocessing, trial: "", version: "" }
  return writeModel(drawnModel(floatNetwork(network), rest))
}

export const fileSubject = Effect.fnUntraced(function* (state: string, path: string) {
  const fs = yield* FileSystem.FileSystem
  const bytes = yield* fs.readFile(path).pipe(
    Effect.catchReason("PlatformError", "NotFound", () => Effect.undefined),
    stored("read", path),
  )
  if (bytes === undefined)
    return yield* wrong(
      `${pathText(path)}: no such file; a trial is named by its id, 16 hex digits`,
    )
  const { file, model } = yield* inspectFile(path, bytes)
  const twin = yield* twinOfFile(model)
  return {
    name: path,
    source: path,
    file,
    model,
    twin,
    ...(yield* dataOfTrial(state, model)),
  } satisfies Subject
})

const sizeText = (size: ReadonlyArray<number | undefined>): string =>
  size.map((each) => each ?? "any").join(" x ")

/** The size of the images, and the place in the file's classes of each class of the data set. */
export const fit = ({ model, name }: Subject, face: Interface, dataset: Images) => {
  const size = [dataset.height, dataset.width, dataset.channels] as const
  const asked = model.size ?? face.size
  if (asked.some((each, i) => each !== undefined && each !== size[i]))
    return wrong(
      `${pathText(name)} takes images of ${sizeText(asked)} (height, width, channels); those of ${dataset.name} are ${sizeText(size)}`,
    )
  const classNames = model.classNames ?? dataset.classes
  if (face.classes !== undefined && face.classes !== classNames.length)
    return wrong(
      `${pathText(name)} gives ${face.classes} logits; there are ${classNames.length} classes: ${classNames.join(", ")}`,
    )
  const places = dataset.classes.map((each) => classNames.indexOf(each))
  const strange = dataset.classes.find((_, i) => places[i] === -1)
  if (strange !== undefined)
    return wrong(
      `${dataset.name} has the class ${pathText(strange)}, which ${pathText(name)} does not know; its classes are ${pathText(classNames.join(", "))}`,
    )
  const preprocessing = model.preprocessing ?? { mean: dataset.mean, std: dataset.std }
  return Effect.succeed({
    taken: { face, size, preprocessing } satisfies Taken,
    classNames,
    places,
  })
}
