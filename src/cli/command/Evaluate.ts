/**
 * `fliqs evaluate TRIAL | FILE.onnx`: the exported network on the whole test split, its size and its time, beside its FP32
 * twin. A trial is exported first, to a file that is not kept.
 *
 * Left out: which images (`../evaluation/EvaluationData.ts`), reading (`../evaluation/EvaluationSubject.ts`), tables (`../evaluation/EvaluationTables.ts`), measuring (`export/evaluate/`).
 */
import { Effect, FileSystem, Option } from "effect"
import { availableParallelism } from "node:os"
import { join } from "node:path"
import { openBatches } from "../../data/Batches.ts"
import { pathText } from "../../declaration/Errors.ts"
import { stored } from "../../disk/Patience.ts"
import { predictedOf, sizesOf } from "../../export/evaluate/FileSizes.ts"
import { profileLayers, type Profiled } from "../../export/evaluate/LayerProfile.ts"
import { openSession } from "../../export/evaluate/OnnxSession.ts"
import { timePair } from "../../export/evaluate/PairedTimes.ts"
import {
  batchOf,
  feedsOf,
  interfaceOf,
  measure,
  type Taken,
} from "../../export/evaluate/SplitAccuracy.ts"
import { step, version } from "../../export/onnx/OnnxRuntime.ts"
import { Wrong } from "../ErrorMessages.ts"
import { changeData, loadData, type NamedData, readData } from "../evaluation/EvaluationData.ts"
import type { Evaluation } from "../evaluation/Evaluation.ts"
import { fileSubject, fit, type Subject, trialSubject } from "../evaluation/EvaluationSubject.ts"
import { describeEvaluation, evaluationText } from "../evaluation/EvaluationTables.ts"
import { sayTemporary, stateFolder } from "../Locations.ts"
import { duration, note, print, printJson } from "../Output.ts"
import { readyStep } from "../Preparation.ts"

const wrong = (message: string) => Effect.fail(new Wrong({ message }))

interface Input {
  readonly subject: string
  readonly data: Option.Option<string>
  readonly set: ReadonlyArray<string>
  readonly threads: number
  readonly profile: boolean
  /** Leaves the runtime to multiply integers. */
  readonly integers: boolean
  readonly state: Option.Option<string>
  readonly json: boolean
}

/** The images to run, and whether they are those of the trial, unchanged. */
const chooseData = Effect.fnUntraced(function* (subject: Subject, { data, set }: Input) {
  const { data: own, model, name } = subject
  const { missing } = model
  if (Option.isSome(data))
    return { named: yield* changeData(yield* readData(data.value, model.size), set), isOwn: false }
  if (missing.length > 0)
    return yield* wrong(
      `${pathText(name)}: fliqs did not write it: its metadata has no ${missing.join(", no ")}. --data NAME, DIR or EXPERIMENT gives them: class names, mean, standard deviation and size are then those of these images`,
    )
  if (own === undefined)
    return yield* wrong(
      `${pathText(name)}: the trial that it is from is not in the state folder; --data NAME, DIR or EXPERIMENT names the images`,
    )
  return { named: yield* changeData(own, set), isOwn: set.length === 0 }
})

const words = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** Opens a file for as long as the scope lasts; words of the runtime where it does not load. */
const open = (
  name: string,
  source: string | Uint8Array,
  options: Parameters<typeof openSession>[1],
) =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: () => openSession(source, options),
      catch: (cause) =>
        new Wrong({ message: `${pathText(name)}: onnxruntime does not load it: ${words(cause)}` }),
    }),
    ({ close }) => Effect.promise(close),
  )

/** Says now and then how many images were run. */
const progress = (all: number): ((images: number) => void) => {
  const start = performance.now()
  let said = start
  return (images) => {
    const now = performance.now()
    if (now - said < 10_000 || images >= all) return
    said = now
    const left = ((now - start) / 1e3 / images) * (all - images)
    Effect.runSync(note(`${images} of ${all} images, ${duration(left)} left`))
  }
}

type Entries = Readonly<Record<string, string>>

/** What the runtime is told for the file. */
const entriesOf = Effect.fnUntraced(function* ({ model, name }: Subject, { integers }: Input) {
  if (!integers) return model.sessionOptions
  return (
    model.integerOptions ??
    (yield* wrong(
      `${pathText(name)}: onnxruntime multiplies no integers of it; --integers needs a file whose metadata has fliqs.integerOptions`,
    ))
  )
})

/** Runs the file on the test split. */
const runSplit = Effect.fnUntraced(function* (
  subject: Subject,
  named: NamedData,
  entries: Entries,
) {
  const { data, dataset } = yield* loadData(named)
  const session = yield* open(subject.name, subject.source, {
    threads: availableParallelism(),
    entries,
  })
  const face = interfaceOf(session)
  if (typeof face === "string") return yield* wrong(`${pathText(subject.name)}: ${face}`)
  const { classNames, places, taken } = yield* fit(subject, face, dataset)
  const batches = openBatches(dataset, { ...data, seed: 1 })
  async function* relabelled() {
    for await (const batch of batches.testBatches(batchOf(taken)))
      yield { ...batch, labels: batch.labels.map((label) => places[label]!) }
  }
  const confusion = yield* Effect.tryPromise({
    try: () =>
      measure(session, taken, classNames.length, relabelled(), progress(batches.testCount)),
    catch: (cause) => new Wrong({ message: `${pathText(subject.name)}: ${words(cause)}` }),
  }).pipe(Effect.ensuring(Effect.promise(batches.close)))
  for (const { message } of batches.warnings(true)) yield* note(`warning: ${message}`)
  return { classNames, confusion, dataName: dataset.name, taken }
}, Effect.scoped)

/** Runs of a profile that is asked for, and of the one that only says what is multiplied with. */
const profileRuns = { layers: 50, products: 1 }

/** Times the file and its twin, and asks both what they spend the time on. */
const time = Effect.fnUntraced(function* (
  subject: Subject,
  taken: Taken,
  input: Input,
  entries: Entries,
) {
  const { threads } = input
  const [height, width, channels] = taken.size
  const count = taken.face.batch ?? 1
  const feeds = feedsOf(new Uint8Array(count * height * width * channels).fill(96), count, taken)
  // The twin takes float32 whatever the file does.
  const twinFeeds = feedsOf(new Uint8Array(height * width * channels).fill(96), 1, {
    ...taken,
    face: { ...taken.face, input: "images", type: "float32" },
  })
  const { twin } = subject
  const timesWith = (told: Entries) =>
    Effect.scoped(
      Effect.gen(function* () {
        const own = yield* open(subject.name, subject.source, { threads, entries: told })
        const float =
          typeof twin === "string" ? undefined : yield* open("the FP32 twin", twin, { threads })
        return yield* Effect.promise(() =>
          timePair(
            { session: own, feeds },
            float === undefined ? undefined : { session: float, feeds: twinFeeds },
          ),
        )
      }),
    )
  const times = yield* timesWith(entries)
  const { integerOptions } = subject.model
  const integerTimes =
    input.integers || integerOptions === undefined ? undefined : yield* timesWith(integerOptions)
  const fs = yield* FileSystem.FileSystem
  const profiles = yield* Effect.gen(function* () {
    const folder = yield* fs.makeTempDirectoryScoped()
    const prefixes = [join(folder, "own"), join(folder, "twin")] as const
    const own = yield* open(subject.name, subject.source, {
      threads,
      entries,
      profile: prefixes[0],
    })
    const files: Array<Profiled> = [{ session: own, feeds, prefix: prefixes[0] }]
    if (typeof twin !== "string") {
      const float = yield* open("the FP32 twin", twin, { threads, profile: prefixes[1] })
      files.push({ session: float, feeds: twinFeeds, prefix: prefixes[1] })
    }
    const runs = input.profile ? profileRuns.layers : profileRuns.products
    return yield* Effect.promise(() =>
      profileLayers(files, Object.keys(subject.model.layers), runs),
    )
  }).pipe(Effect.scoped, stored("write", "temporary files"))
  return { times, integerTimes, profiles }
})

export const run = Effect.fn("evaluate")(function* (input: Input) {
  const state = yield* stateFolder(input.state)
  const isTrial = /^[0-9a-f]{1,16}$/i.test(input.subject)
  const subject: Subject = yield* isTrial
    ? trialSubject(state, input.subject)
    : fileSubject(state, input.subject)
  const { isOwn, named } = yield* chooseData(subject, input)
  yield* readyStep(step)
  yield* sayTemporary
  const { finalAccuracy, model, twin } = subject
  if (model.missing.length > 0)
    yield* note(
      `${pathText(subject.name)}: fliqs did not write it; class names, mean, standard deviation and size are those of the images`,
    )
  const entries = yield* entriesOf(subject, input)
  const { classNames, confusion, dataName, taken } = yield* runSplit(subject, named, entries)
  const { integerTimes, profiles, times } = yield* time(subject, taken, input, entries)
  const evaluation: Evaluation = {
    name: subject.name,
    runtime: `onnxruntime ${version}`,
    opset: subject.file.opset,
    model,
    dataName,
    classNames,
    confusion,
    ...(isOwn && finalAccuracy !== undefined ? { finalAccuracy } : {}),
    sizes: sizesOf(subject.file, Object.keys(model.layers)),
    ...(typeof model.network === "string" ? {} : { predicted: predictedOf(model.network) }),
    twin: typeof twin === "string" ? twin : twin.length,
    threads: input.threads,
    batch: taken.face.batch ?? 1,
    times,
    isInteger: input.integers,
    ...(integerTimes === undefined ? {} : { integerTimes }),
    profiles,
    isProfiled: input.profile,
  }
  if (input.json) return yield* printJson(describeEvaluation(evaluation))
  yield* print(evaluationText(evaluation, process.stdout.columns ?? 80))
})
