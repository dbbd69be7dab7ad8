/**
 * Whether the arrays of the user's files fit: their types and shapes, from the headers, and the labels. Left out: which
 * arrays they are (`ArraysPlaces.ts`), the examples' values (`Arrays.ts`), file formats (`NumpyFile.ts`).
 */
import { Result } from "effect"
import { pathText } from "../../declaration/Errors.ts"
import { numbered } from "../Dataset.ts"
import { remembering } from "../OpenFile.ts"
import type { Spec } from "./ArraysSpec.ts"
import { countOf, type NumpyHeader, parseNumbers, parseTexts, typeProblem } from "./NumpyArray.ts"
import { readArrays } from "./NumpyFile.ts"
import {
  type Found,
  fromFolder,
  inArchive,
  listed,
  type Place,
  placesOf,
  problem,
  type Role,
  type SplitPlaces,
} from "./ArraysPlaces.ts"

/** The examples and the labels of a split. */
export interface SplitArrays {
  readonly examples: Place
  readonly header: NumpyHeader
  readonly labels: ReadonlyArray<number>
}

/** [height, width, channels] */
export type ExampleShape = readonly [number, number, number]

export interface FoundArrays {
  readonly train: SplitArrays
  /** Undefined where the test split is a share of train. */
  readonly test: SplitArrays | undefined
  readonly shape: ExampleShape
  readonly isFloat: boolean
  readonly classes: ReadonlyArray<string>
}

const classArrays = ["class_names", "classNames", "names"]

/** Labels are kept in 16 bits. */
const mostClasses = 65_536

/** For messages. */
const shapeText = (shape: ReadonlyArray<number>): string => `[${shape.join(", ")}]`

const placeText = ({ file, name }: Place): string =>
  name === "" ? pathText(file) : `${pathText(name)} of ${pathText(file)}`

const headerAt = (key: string, place: Place): Found<NumpyHeader> =>
  Result.gen(function* () {
    const listing = yield* listed(key, place.file)
    const header = yield* Result.mapError(listing.get(place.name)!, (why) =>
      problem(key, `${placeText(place)} ${why}`),
    )
    const why = typeProblem(header)
    if (why !== undefined) return yield* Result.fail(problem(key, `${placeText(place)} ${why}`))
    return header
  })

/** One array's bytes. */
export const bytesAt = (place: Place): Result.Result<Uint8Array, string> =>
  Result.flatMap(readArrays(place.file, [place.name]), (arrays) => {
    const bytes = arrays.get(place.name)
    return bytes === undefined ? Result.fail(`has no array ${place.name}`) : Result.succeed(bytes)
  })

const labelsAt = (key: string, place: Place, count: number): Found<ReadonlyArray<number>> => {
  const fail = (what: string) => Result.fail(problem(key, `${placeText(place)} ${what}`))
  return Result.gen(function* () {
    const { shape, type } = yield* headerAt(key, place)
    if (shape.length === 2 && shape[1]! > 1)
      return yield* fail(
        `has shape ${shapeText(shape)} where labels are one integer each; labels.argmax(axis=1), if each row marks a class, would be right`,
      )
    if (type.includes("f"))
      return yield* fail(
        `holds ${type} numbers; labels are integers from 0: labels.astype(np.int64) would be right`,
      )
    if (countOf(shape) !== count || shape.length > 2)
      return yield* fail(`has shape ${shapeText(shape)} where ${count} examples need [${count}]`)
    const { values } = yield* Result.mapError(Result.flatMap(bytesAt(place), parseNumbers), (why) =>
      problem(key, `${placeText(place)} ${why}`),
    )
    const labels = Array.from(values, Number)
    const at = labels.findIndex((label) => label < 0 || label >= mostClasses)
    if (at >= 0)
      return yield* fail(
        `has the label ${labels[at]} at ${at}; labels are integers from 0 to ${mostClasses - 1}`,
      )
    return labels
  })
}

/** The types that examples have: bytes stay bytes, others become float32 without loss but for float64. */
const exampleType = /[<>|=]?(?:u1|i1|u2|i2|f2|f4|f8)$/u

const split = (role: Role, { examples, labels }: SplitPlaces): Found<SplitArrays> =>
  Result.gen(function* () {
    const header = yield* headerAt(role, examples)
    if (!exampleType.test(header.type))
      return yield* Result.fail(
        problem(
          role,
          `${placeText(examples)} is of type ${header.type}; uint8 for pixels, or array.astype(np.float32), would be right`,
        ),
      )
    const count = header.shape[0] ?? 0
    if (count === 0)
      return yield* Result.fail(
        problem(role, `${placeText(examples)} has shape ${shapeText(header.shape)}: no example`),
      )
    return { examples, header, labels: yield* labelsAt(role, labels, count) }
  })

/** [height, width, channels] of an array of examples. */
const exampleShape = (
  spec: Spec,
  role: Role,
  { examples, header }: SplitArrays,
): Found<ExampleShape> => {
  const rest = header.shape.slice(1)
  const says = `${placeText(examples)} has shape ${shapeText(header.shape)}`
  if (spec.shape !== undefined) {
    const [height, width, channels] = spec.shape
    return countOf(rest) === countOf(spec.shape)
      ? Result.succeed([height!, width!, channels!])
      : Result.fail(
          problem(
            "shape",
            `${says}: ${countOf(rest)} numbers for each example, and ${shapeText(spec.shape)} has ${countOf(spec.shape)}`,
          ),
        )
  }
  const [a, b, c = 1] = rest
  if (rest.length === 2) return Result.succeed([a!, b!, 1])
  if (rest.length !== 3)
    return Result.fail(
      problem(
        role,
        `${says}; [count, height, width, channels] or [count, height, width] would be right, or shape: [height, width, channels] that says how the ${countOf(rest)} numbers of an example are read`,
      ),
    )
  return Result.succeed(spec.layout === "channelsFirst" ? [b!, c, a!] : [a!, b!, c])
}

/** Names of the classes, as many as there are labels for. */
const classesOf = (
  spec: Spec,
  train: SplitArrays,
  test: SplitArrays | undefined,
): Found<ReadonlyArray<string>> => {
  const most = [train, test].reduce(
    (max, each) => each?.labels.reduce((a, b) => Math.max(a, b), max) ?? max,
    1,
  )
  const named = spec.classNames ?? classNamesIn(train.examples.file)
  if (named === undefined) return Result.succeed(numbered(most))
  if (new Set(named).size < named.length)
    return Result.fail(problem("classNames", "the same name stands for two classes"))
  return most < named.length
    ? Result.succeed(named)
    : Result.fail(
        problem(
          "classNames",
          `there are ${named.length} names and a label ${most}; ${most + 1} names would be right`,
        ),
      )
}

const classNamesIn = (file: string): ReadonlyArray<string> | undefined => {
  const arrays = Result.getOrElse(
    readArrays(file, classArrays),
    () => new Map<string, Uint8Array>(),
  )
  const [bytes] = classArrays.flatMap((name) => arrays.get(name) ?? [])
  if (bytes === undefined) return undefined
  return Result.getOrUndefined(parseTexts(bytes))
}

const find = (spec: Spec, folder: string): Found<FoundArrays> =>
  Result.gen(function* () {
    const trainPlaces = yield* placesOf(spec, folder, "train")
    const { file, name } = trainPlaces.examples
    const listing = yield* listed("train", file)
    const testPlaces =
      spec.test !== undefined
        ? yield* placesOf(spec, folder, "test")
        : name === ""
          ? undefined
          : yield* inArchive(spec, "test", file, listing, true)
    const train = yield* split("train", trainPlaces)
    const test = testPlaces === undefined ? undefined : yield* split("test", testPlaces)
    const shape = yield* exampleShape(spec, "train", train)
    const ofTest = test === undefined ? shape : yield* exampleShape(spec, "test", test)
    if (ofTest.join() !== shape.join())
      return yield* Result.fail(
        problem(
          spec.test === undefined ? "train" : "test",
          `examples of the test split are ${shapeText(ofTest)}, those of the train split ${shapeText(shape)} (height, width, channels)`,
        ),
      )
    const isFloat = !train.header.type.endsWith("u1")
    if (test !== undefined && isFloat === test.header.type.endsWith("u1"))
      return yield* Result.fail(
        problem(
          spec.test === undefined ? "train" : "test",
          `examples of the test split are ${test.header.type}, those of the train split ${train.header.type}; the same type for both would be right`,
        ),
      )
    return { train, test, shape, isFloat, classes: yield* classesOf(spec, train, test) }
  })

const remembered = remembering<Found<FoundArrays>>()

/** The arrays of a block; or the first thing that is wrong with them. Looked for anew when a file has changed. */
export const findArrays = (spec: Spec, folder: string): Found<FoundArrays> => {
  const files = [spec.train, spec.trainLabels, spec.test, spec.testLabels].flatMap((file) =>
    file === undefined ? [] : [fromFolder(folder, file)],
  )
  return remembered([spec, folder], files, () => find(spec, folder))
}
