/**
 * Which images a file is evaluated on: those of the trial that found it, or what `--data` names, a data set, a folder of
 * images or the experiment that it was found by. Left out: running anything (`../command/Evaluate.ts`).
 */
import { Effect, FileSystem, Option, Schema } from "effect"
import { dirname } from "node:path"
import * as Datasets from "../../data/Datasets.ts"
import { inspect, valueAt } from "../../declaration/Decode.ts"
import { parse } from "../../declaration/Document.ts"
import { DeclarationErrors, pathText } from "../../declaration/Errors.ts"
import { didYouMean } from "../../declaration/Suggest.ts"
import { cacheDirectory } from "../../disk/Installation.ts"
import { readKind } from "../../experiment/FileKind.ts"
import { apply, parseSets } from "../../experiment/Overrides.ts"
import { Wrong } from "../ErrorMessages.ts"
import { note } from "../Output.ts"

const wrong = (message: string) => Effect.fail(new Wrong({ message }))

/** A `data:` block, and what its paths are relative to. */
export interface NamedData {
  readonly data: Datasets.Data
  readonly folder: string
}

/** [height, width, channels] */
type Size = readonly [number, number, number]

const decodeData = Schema.decodeUnknownOption(Datasets.datasets.schema)

const kindNamed = (name: string) => Datasets.datasets.kinds.find((kind) => kind === name)

/** The block of an experiment file. */
const ofExperiment = Effect.fnUntraced(function* (file: string) {
  const document = yield* readKind(file, ["experiment"], "--data")
  const data = decodeData(valueAt(document.value, ["data"]))
  return Option.isSome(data)
    ? ({ data: data.value, folder: dirname(file) } satisfies NamedData)
    : yield* wrong(
        `--data ${pathText(file)}: its data block cannot be read; fliqs validate says why`,
      )
})

const ofKind = Effect.fnUntraced(function* (kind: Datasets.DataKind) {
  if (Datasets.isOwn(kind))
    return yield* wrong(`--data ${kind}: the images are your own; give their folder, --data DIR`)
  return { data: Datasets.defaultsOf(kind), folder: "." } satisfies NamedData
})

/** A folder with a folder for each class; images become as large as the file takes them. */
const ofFolder = Effect.fnUntraced(function* (path: string, size: Size | undefined) {
  if (size === undefined)
    return yield* wrong(
      `--data ${pathText(path)}: the file does not say how large its images are; an experiment file with data: { kind: imageFolder, height: ..., width: ... } would be right`,
    )
  const [height, width, channels] = size
  const block = { ...Datasets.defaultsOf("imageFolder", path), height, width, channels }
  const data = decodeData(block)
  return Option.isSome(data)
    ? ({ data: data.value, folder: "." } satisfies NamedData)
    : yield* wrong(
        `--data ${pathText(path)}: no folder of images is read as ${height} x ${width} x ${channels}`,
      )
})

/** A file of arrays, whose test split they are. */
const ofArrays = (path: string) => {
  const data = decodeData({ kind: "arrays", train: path })
  return Option.isSome(data)
    ? Effect.succeed({ data: data.value, folder: "." } satisfies NamedData)
    : wrong(`--data ${pathText(path)}: no file is named like this`)
}

/** What `--data` names. */
export const readData = Effect.fnUntraced(function* (given: string, size: Size | undefined) {
  const kind = kindNamed(given)
  if (kind !== undefined) return yield* ofKind(kind)
  const fs = yield* FileSystem.FileSystem
  const found = yield* Effect.option(fs.stat(given))
  if (Option.isNone(found))
    return yield* wrong(
      `--data ${pathText(given)}: there is no such data set, folder or file; ${didYouMean(given, Datasets.datasets.kinds, Datasets.otherDatasets)}`,
    )
  if (found.value.type === "Directory") return yield* ofFolder(given, size)
  return yield* given.endsWith(".npz") ? ofArrays(given) : ofExperiment(given)
})

/** The block with the changes of `--set`. */
export const changeData = Effect.fnUntraced(function* (
  { data, folder }: NamedData,
  set: ReadonlyArray<string>,
) {
  if (set.length === 0) return { data, folder }
  const document = yield* parse("--data", JSON.stringify(data))
  const { changes, errors: unread } = parseSets(set)
  const changed = apply(document, changes)
  const { errors, value } = inspect(Datasets.datasets.schema, changed.document)
  const all = [...unread, ...changed.errors, ...errors]
  return all.length > 0 || value === undefined
    ? yield* new DeclarationErrors({ errors: all })
    : ({ data: value, folder } satisfies NamedData)
})

/** Loads the images; what is wrong with the block is said before. No images are held out: none are trained on. */
export const loadData = Effect.fnUntraced(function* ({ data: declared, folder }: NamedData) {
  const data = { ...declared, heldOut: 0 }
  const problems = Datasets.problems(data, folder)
  const errors = problems.filter(({ severity }) => severity !== "warning")
  if (errors.length > 0)
    return yield* wrong(
      errors.map(({ message, path }) => `data.${path.join(".")}: ${message}`).join("\n"),
    )
  for (const { message } of problems) yield* note(`warning: ${message}`)
  const dataset = yield* Datasets.load(data, cacheDirectory(), folder)
  return { data, dataset }
})
