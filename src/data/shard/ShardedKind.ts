/** What the kinds of data sets in shards have in common: all but how a shard is read. */
import * as nodePath from "node:path"
import { Effect, Result } from "effect"
import { pathText } from "../../declaration/Errors.ts"
import type { StreamedDataset } from "../Batches.ts"
import type { DataSpec, SpecProblem } from "../DataSpec.ts"
import type { DatasetKind, UnreadKey } from "../DatasetKind.ts"
import { DatasetMissing } from "../Errors.ts"
import {
  brokenBySplit,
  decodeAll,
  digestsBySplit,
  digestsOf,
  makeSharded,
  reportOf,
  shapeOf,
  type ShardCounts,
  type ShardedSet,
  type ShardedSplits,
} from "./ShardedImages.ts"
import type { ShardsBySplit } from "./ShardNames.ts"
import type { ShardSpec } from "./ShardSpec.ts"

/** How a kind reads its shards; `path` is that of the folder or shard, failures are words. */
export interface ShardSource<Spec> {
  /** What is known without decoding. */
  readonly counts: (spec: Spec, path: string) => Result.Result<ShardCounts, string>
  /** Names, labels and places of all images; `cacheFolder` is for what must be unpacked first. */
  readonly open: (
    spec: Spec,
    path: string,
    cacheFolder: string,
  ) => Effect.Effect<{ readonly shards: ShardsBySplit; readonly splits: ShardedSplits }, string>
}

const pathOf = ({ path }: ShardSpec, folder: string): string =>
  nodePath.isAbsolute(path) ? path : nodePath.join(folder, path)
const nameOf = ({ path }: ShardSpec): string =>
  nodePath.basename(nodePath.resolve("/", path)) || "shards"

/** What the labels and the names of the classes say against each other. */
const classProblem = (
  spec: ShardSpec,
  { classes, mostLabel }: ShardCounts,
): SpecProblem | undefined => {
  if (new Set(classes).size < classes.length)
    return { path: ["classNames"], message: "the same name stands for two classes" }
  if (mostLabel < classes.length) return undefined
  return {
    path: [spec.classNames === undefined ? "path" : "classNames"],
    message: `there are ${classes.length} names of classes and a label ${mostLabel}; ${mostLabel + 1} names would be right`,
  }
}

/** The splits of a block with the digests of their shards. */
const setOf = Effect.fnUntraced(function* <Spec extends ShardSpec>(
  { counts, open }: ShardSource<Spec>,
  spec: Spec,
  cacheDirectory: string,
  folder: string,
) {
  const missing = (what: string) =>
    new DatasetMissing({
      dataset: nameOf(spec),
      where: spec.path,
      what,
      fix: "data.path names a folder of shards whose names say their split",
    })
  const path = pathOf(spec, folder)
  const cacheFolder = nodePath.join(cacheDirectory, "data", "shards")
  const found = yield* Effect.mapError(Effect.fromResult(counts(spec, path)), missing)
  yield* Effect.logInfo(
    `looking through the shards of ${nameOf(spec)} (those not seen before are read once)`,
  )
  const { shards, splits } = yield* Effect.mapError(open(spec, path, cacheFolder), missing)
  const set: ShardedSet = yield* Effect.try({
    try: () => {
      const train = digestsOf(cacheFolder, shards.train)
      return {
        name: nameOf(spec),
        root: shards.root,
        classes: found.classes,
        splits,
        shards: {
          train,
          test: shards.test === undefined ? train : digestsOf(cacheFolder, shards.test),
          heldOut: digestsOf(cacheFolder, shards.heldOut ?? []),
        },
      }
    },
    catch: (error) => missing(error instanceof Error ? error.message : String(error)),
  })
  return { set, found }
})

/** What is wrong with a block before anything is decoded. */
const problemsOf = (
  spec: ShardSpec,
  counted: Result.Result<ShardCounts, string>,
): ReadonlyArray<SpecProblem> =>
  Result.match(counted, {
    onFailure: (message) => [{ path: ["path"], message }],
    onSuccess: (found) => {
      const problem = classProblem(spec, found)
      return [
        ...(problem === undefined ? [] : [problem]),
        ...found.warnings.map((message): SpecProblem => ({
          path: ["path"],
          message,
          severity: "warning",
        })),
      ]
    },
  })

const unreadOf = (spec: ShardSpec, { names }: ShardCounts): ReadonlyArray<UnreadKey> => [
  ...(spec.augment.includes("crop") ? [] : [{ key: "minArea", because: "augment has no crop" }]),
  ...(spec.channels === 3 ? [{ key: "grey", because: "channels is 3" }] : []),
  ...(names.isParted
    ? []
    : [{ key: "testShare", because: `shards of ${names.test} are the test split` }]),
]

export const shardedKind = <Spec extends ShardSpec & DataSpec>(source: ShardSource<Spec>) => {
  const countsOf = (spec: Spec, folder: string) => source.counts(spec, pathOf(spec, folder))
  return {
    describe: (spec, folder) =>
      shapeOf(nameOf(spec), Result.getOrThrow(countsOf(spec, folder)), spec),
    problems: (spec, folder) => problemsOf(spec, countsOf(spec, folder)),
    report: (spec, folder) =>
      Result.getOrUndefined(Result.map(countsOf(spec, folder), (found) => reportOf(found))),
    unread: (spec, folder) =>
      Result.getOrElse(
        Result.map(countsOf(spec, folder), (found) => unreadOf(spec, found)),
        () => [],
      ),
    // Which links may be followed is how the images are found, not which they are.
    identity: (spec) => Object.fromEntries(Object.entries(spec).filter(([key]) => key !== "links")),
    verify: Effect.fn("ShardedKind.verify")(function* (spec, cacheDirectory, folder) {
      const { found, set } = yield* setOf(source, spec, cacheDirectory, folder)
      const broken = yield* Effect.promise(() => decodeAll(set, spec))
      return {
        where: pathText(set.root),
        shape: shapeOf(set.name, found, spec),
        digests: digestsBySplit(set, spec),
        report: reportOf(found, brokenBySplit(set, broken)),
        brokenFiles: [...broken]
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([file, why]) => ({ file, why })),
      }
    }),
    source: () => undefined,
    load: Effect.fn("ShardedKind.load")(function* (spec, cacheDirectory, folder) {
      const { set } = yield* setOf(source, spec, cacheDirectory, folder)
      return makeSharded(set, spec)
    }),
  } satisfies Omit<
    DatasetKind<string, Spec, { readonly kind: string }, StreamedDataset>,
    "kind" | "spec" | "summary"
  >
}
