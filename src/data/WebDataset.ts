/**
 * Images in tar shards, as the WebDataset library lays them out: decoded in place, never unpacked.
 *
 * In here: the kind. Left out: a shard (`shard/TarIndex.ts`), splits and streaming (`shard/ShardedImages.ts`).
 */
import { readFileSync, statSync } from "node:fs"
import * as nodePath from "node:path"
import { Effect, Result, Schema } from "effect"
import { asSentence } from "../declaration/Field.ts"
import { numbered } from "./Dataset.ts"
import { statisticsFit } from "./ImageFolderSpec.ts"
import { remembering } from "./OpenFile.ts"
import type { DatasetKind } from "./DatasetKind.ts"
import type { StreamedDataset } from "./Batches.ts"
import { findShards, pathsOf, type Shard, type ShardsBySplit } from "./shard/ShardNames.ts"
import { shardedKind, type ShardSource } from "./shard/ShardedKind.ts"
import {
  joined,
  parted,
  type ShardCounts,
  type ShardedSplits,
  type ShardSplit,
} from "./shard/ShardedImages.ts"
import { shardFields } from "./shard/ShardSpec.ts"
import { indexTar } from "./shard/TarIndex.ts"

const summary =
  "your own images in tar shards as WebDataset has them: data.path is a folder of .tar files; nothing is fetched"

const spec = Schema.Struct({ kind: Schema.Literal("webDataset"), ...shardFields })
  .annotate({ description: asSentence(summary) })
  .check(statisticsFit)
  .annotate({ identifier: "WebDataset", title: "Tar shards (WebDataset)" })
type Spec = (typeof spec)["Type"]

interface Indexed {
  readonly shards: ShardsBySplit
  readonly splits: ShardedSplits
}

/** Files beside the shards that name the classes, a line for each. */
const classFiles = ["classnames.txt", "classes.txt", "labels.txt"]

const namesBeside = (root: string): ReadonlyArray<string> | undefined => {
  for (const name of classFiles)
    try {
      const path = nodePath.join(root, name)
      if (!statSync(path).isFile()) continue
      return readFileSync(path, "utf8")
        .split(/\r?\n/u)
        .filter((line) => line.trim() !== "")
    } catch {
      // not there
    }
  return undefined
}

const indexAll = (shards: ReadonlyArray<Shard>) =>
  Result.map(Result.all(shards.map(indexTar)), joined)

const index = (spec: Spec, shards: ShardsBySplit): Result.Result<Indexed, string> =>
  Result.gen(function* () {
    const train = yield* indexAll(shards.train)
    if (shards.test === undefined) {
      if (train.files.length < 2)
        return yield* Result.fail("there is one image; more would be right")
      return { shards, splits: parted(train, spec) }
    }
    const test = yield* indexAll(shards.test)
    const heldOut = shards.heldOut === undefined ? undefined : yield* indexAll(shards.heldOut)
    return { shards, splits: { train, test, ...(heldOut === undefined ? {} : { heldOut }) } }
  })

const countsOf = (spec: Spec, { shards, splits }: Indexed): ShardCounts => {
  const all = Object.entries<ShardSplit>({ ...splits })
  const most = all.reduce((max, [, { labels }]) => labels.reduce((a, b) => Math.max(a, b), max), 1)
  return {
    classes: spec.classNames ?? namesBeside(shards.root) ?? numbered(most),
    mostLabel: most,
    names: shards.names,
    counts: {
      train: splits.train.files.length,
      test: splits.test.files.length,
      ...(splits.heldOut === undefined ? {} : { heldOut: splits.heldOut.files.length }),
    },
    present: Object.fromEntries(all.map(([key, { labels }]) => [key, new Set(labels).size])),
    warnings: shards.warnings,
  }
}

const remembered = remembering<Result.Result<Indexed, string>>()

/** The index of a block, made anew when a shard has changed. */
const indexOf = (spec: Spec, path: string): Result.Result<Indexed, string> =>
  Result.flatMap(findShards(path, ".tar", spec.links ?? "refuse"), (shards) =>
    remembered([spec, path], pathsOf(shards), () => index(spec, shards)),
  )

const source: ShardSource<Spec> = {
  counts: (spec, path) => Result.map(indexOf(spec, path), (indexed) => countsOf(spec, indexed)),
  open: (spec, path) => Effect.fromResult(indexOf(spec, path)),
}

export const WebDataset: DatasetKind<
  "webDataset",
  Spec,
  (typeof spec)["Encoded"],
  StreamedDataset
> = { kind: "webDataset", spec, summary, ...shardedKind(source) }
