/**
 * One's own NumPy arrays, held in memory: bytes as bytes, other numbers as float32.
 *
 * In here: the values, their splits and what is checked of them. Left out: the block (`ArraysSpec.ts`), which arrays are
 * which (`ArraysFiles.ts`).
 */
import * as nodePath from "node:path"
import { Effect, Result } from "effect"
import { pathText } from "../declaration/Errors.ts"
import { randomStream } from "../space/RandomStream.ts"
import {
  bytesAt,
  type ExampleShape,
  findArrays,
  type FoundArrays,
  type SplitArrays,
} from "./array/ArraysFiles.ts"
import { type Spec, spec, summary } from "./array/ArraysSpec.ts"
import type { SpecProblem } from "./DataSpec.ts"
import {
  channelStatistics,
  type Dataset,
  type DatasetShape,
  floatStatistics,
  limitDataset,
  makeSplit,
  type Split,
  type Values,
} from "./Dataset.ts"
import type { DatasetKind, SplitReport, UnreadKey } from "./DatasetKind.ts"
import { DatasetCorrupt } from "./Errors.ts"
import { parseNumbers } from "./array/NumpyArray.ts"

const nameOf = ({ train }: Spec): string => nodePath.basename(train).replace(/\.np[yz]$/u, "")

/** Indices of the examples that are trained on and tested on, where one split has both: a share of each class, by `dataSeed`. */
const parted = (labels: ReadonlyArray<number>, { dataSeed, testShare }: Spec) => {
  const byClass = new Map<number, Array<number>>()
  labels.forEach((label, i) => {
    const members = byClass.get(label)
    if (members === undefined) byClass.set(label, [i])
    else members.push(i)
  })
  const isTest = new Uint8Array(labels.length)
  for (const [label, members] of byClass) {
    const wanted = Math.min(members.length - 1, Math.max(1, Math.round(testShare * members.length)))
    const order = randomStream(dataSeed, `arrays/test/${label}`).permutation(members.length)
    for (let i = 0; i < wanted; i++) isTest[members[order[i]!]!] = 1
  }
  const indices = labels.map((_, i) => i)
  return {
    train: indices.filter((i) => isTest[i] === 0),
    test: indices.filter((i) => isTest[i] === 1),
  }
}

/** How many examples each split has, and their labels. */
const labelsOf = (spec: Spec, { test, train }: FoundArrays) => {
  if (test !== undefined) return { train: train.labels, test: test.labels }
  const indices = parted(train.labels, spec)
  const at = (each: ReadonlyArray<number>) => each.map((i) => train.labels[i]!)
  return { train: at(indices.train), test: at(indices.test) }
}

const shapeOf = (spec: Spec, found: FoundArrays): DatasetShape => {
  const { test, train } = labelsOf(spec, found)
  const [height, width, channels] = found.shape
  return {
    name: nameOf(spec),
    height,
    width,
    channels,
    classes: found.classes,
    trainCount: train.length,
    testCount: test.length,
  }
}

/** [count, channels, height, width] -> [count, height, width, channels] */
const channelsLast = <A extends Values>(values: A, [height, width, channels]: ExampleShape): A => {
  const turned = values.slice() as A
  const pixels = height * width
  for (let start = 0; start < values.length; start += pixels * channels)
    for (let i = 0; i < pixels; i++)
      for (let channel = 0; channel < channels; channel++)
        turned[start + i * channels + channel] = values[start + channel * pixels + i]!
  return turned
}

const countFinite = (values: Values): number => {
  let count = 0
  for (const value of values) if (Number.isFinite(value)) count++
  return count
}

/** The examples of an array, or what is wrong with them in words. */
const examplesOf = (
  spec: Spec,
  found: FoundArrays,
  { examples, header }: SplitArrays,
): Result.Result<Values, string> =>
  Result.flatMap(
    Result.flatMap(bytesAt(examples), parseNumbers),
    ({ header: { shape, type }, values }) => {
      if (shape.join() !== header.shape.join() || type !== header.type)
        return Result.fail("has changed while it was read")
      const numbers = values instanceof Uint8Array ? values : Float32Array.from(values, Number)
      const at = found.isFloat ? numbers.findIndex((value) => !Number.isFinite(value)) : -1
      if (at >= 0) {
        const size = numbers.length / shape[0]!
        const count = numbers.length - countFinite(numbers)
        return Result.fail(
          `has ${count} values that are no finite float32, the first (${values[at]}) in example ${Math.floor(at / size)}; np.nan_to_num(array), or leaving these examples out, would be right`,
        )
      }
      const isTurned =
        spec.layout === "channelsFirst" && spec.shape === undefined && shape.length === 4
      return Result.succeed(isTurned ? channelsLast(numbers, found.shape) : numbers)
    },
  )

/** The examples at these indices, in a new array. */
const taken = (values: Values, indices: ReadonlyArray<number>, size: number): Values => {
  const part =
    values instanceof Uint8Array
      ? new Uint8Array(indices.length * size)
      : new Float32Array(indices.length * size)
  indices.forEach((from, to) =>
    part.set(values.subarray(from * size, (from + 1) * size), to * size),
  )
  return part
}

const labelArray = (labels: ReadonlyArray<number>, classes: number) =>
  classes <= 256 ? Uint8Array.from(labels) : Uint16Array.from(labels)

const load = Effect.fn("Arrays.load")(function* (
  spec: Spec,
  _cacheDirectory: string,
  folder: string,
): Effect.fn.Return<Dataset, DatasetCorrupt> {
  const corrupt = (where: string, what: string) =>
    new DatasetCorrupt({
      dataset: nameOf(spec),
      where,
      what,
      fix: "`fliqs validate` on the experiment says what its data must be",
    })
  const found = yield* Effect.mapError(Effect.fromResult(findArrays(spec, folder)), ({ message }) =>
    corrupt(spec.train, message),
  )
  const { classes, shape, test, train } = found
  const read = (each: SplitArrays) =>
    Effect.mapError(Effect.fromResult(examplesOf(spec, found, each)), (what) =>
      corrupt(each.examples.file, `${pathText(each.examples.name)} ${what}`.trim()),
    )
  const splitOf = (name: string, values: Values, labels: ReadonlyArray<number>): Split =>
    makeSplit(name, values, labelArray(labels, classes.length))
  const values = yield* read(train)
  const size = shape[0] * shape[1] * shape[2]
  const splits = { train: splitOf("train", values, train.labels) }
  const both =
    test === undefined
      ? (() => {
          const indices = parted(train.labels, spec)
          const part = (name: "train" | "test") =>
            splitOf(
              name,
              taken(values, indices[name], size),
              indices[name].map((i) => train.labels[i]!),
            )
          return { train: part("train"), test: part("test") }
        })()
      : { ...splits, test: splitOf("test", yield* read(test), test.labels) }
  const own = found.isFloat
    ? floatStatistics(both.train.images, shape[2])
    : channelStatistics(both.train.images, shape[2])
  const inUnits = (given: ReadonlyArray<number> | undefined, usual: ReadonlyArray<number>) =>
    given === undefined ? usual : given.map((value) => value / 255)
  const dataset: Dataset = {
    name: nameOf(spec),
    height: shape[0],
    width: shape[1],
    channels: shape[2],
    classes,
    ...(found.isFloat ? { values: "float32" as const } : {}),
    mean: inUnits(spec.mean, own.mean),
    std: inUnits(spec.std, own.std),
    ...both,
  }
  return limitDataset(dataset, spec)
})

const present = (labels: ReadonlyArray<number>): number => new Set(labels).size

const reportOf = (spec: Spec, found: FoundArrays): SplitReport => {
  const labels = labelsOf(spec, found)
  const of = (name: "train" | "test") => ({
    name,
    images: labels[name].length,
    classes: present(labels[name]),
    passedOver: 0,
    broken: 0,
  })
  return {
    splits: [of("train"), of("test")],
    splitUses: { train: "train", heldOut: "train", test: "test" },
    otherFiles: 0,
    passedOver: {},
    warnings: [],
  }
}

/** Of blocks whose arrays fit: what is wrong with the statistics, and what looks like a mistake. */
const laterProblems = (spec: Spec, found: FoundArrays): ReadonlyArray<SpecProblem> => {
  const [height, width, channels] = found.shape
  const wrongLength = (["mean", "std"] as const).filter(
    (key) => spec[key] !== undefined && spec[key].length !== channels,
  )
  const zero = spec.std?.some((value) => value <= 0) === true
  const missing = found.classes.filter((_, i) => !found.train.labels.includes(i))
  const looksFirst =
    spec.layout === "channelsLast" &&
    spec.shape === undefined &&
    height <= 4 &&
    channels > 8 &&
    width > 8
  return [
    ...wrongLength.map((key): SpecProblem => ({
      path: [key],
      message: `has ${spec[key]!.length} numbers; one for each of the ${channels} channels would be right`,
    })),
    ...(zero ? [{ path: ["std"], message: "has a number that is not above 0" }] : []),
    ...(missing.length > 0
      ? [
          {
            path: ["train"],
            message: `no example of the train split is of class ${missing.slice(0, 3).map(pathText).join(", ")}${missing.length > 3 ? ` and ${missing.length - 3} more` : ""}`,
            severity: "warning" as const,
          },
        ]
      : []),
    ...(looksFirst
      ? [
          {
            path: ["layout"],
            message: `examples are read as ${height} x ${width} pixels of ${channels} channels; layout: channelsFirst reads them as ${width} x ${channels} pixels of ${height}`,
            severity: "warning" as const,
          },
        ]
      : []),
  ]
}

const unread = (spec: Spec, folder: string): ReadonlyArray<UnreadKey> => {
  const found = Result.getOrUndefined(findArrays(spec, folder))
  if (found === undefined) return []
  const isTest = found.test !== undefined
  const all: ReadonlyArray<UnreadKey | undefined> = [
    isTest ? { key: "testShare", because: "there are arrays of the test split" } : undefined,
    isTest ? { key: "dataSeed", because: "there are arrays of the test split" } : undefined,
    spec.shape !== undefined || found.train.header.shape.length < 4
      ? {
          key: "layout",
          because:
            spec.shape === undefined ? "examples have no axis of channels" : "shape is given",
        }
      : undefined,
  ]
  return all.filter((key) => key !== undefined)
}

export const Arrays: DatasetKind<"arrays", Spec, (typeof spec)["Encoded"]> = {
  kind: "arrays",
  spec,
  summary,
  pathKey: "train",
  describe: (spec, folder) => shapeOf(spec, Result.getOrThrow(findArrays(spec, folder))),
  problems: (spec, folder) =>
    Result.match(findArrays(spec, folder), {
      onFailure: (problem) => [problem],
      onSuccess: (found) => laterProblems(spec, found),
    }),
  report: (spec, folder) =>
    Result.match(findArrays(spec, folder), {
      onFailure: () => undefined,
      onSuccess: (found) => reportOf(spec, found),
    }),
  unread,
  verify: Effect.fn("Arrays.verify")(function* (spec, cacheDirectory, folder) {
    const { test, train } = yield* load(spec, cacheDirectory, folder)
    const found = Result.getOrThrow(findArrays(spec, folder))
    return {
      where: spec.train,
      shape: shapeOf(spec, found),
      digests: { train: train.digest, test: test.digest },
      report: reportOf(spec, found),
      brokenFiles: [],
    }
  }),
  source: () => undefined,
  load,
}
