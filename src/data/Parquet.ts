/**
 * Images in Parquet files, as the Hugging Face Hub has its data sets. A file is unpacked into the cache once, a group of rows
 * at a time, since no single image can be read out of it; from there images are decoded as they are used.
 *
 * In here: the kind. Left out: a file (`shard/ParquetFile.ts`), splits and streaming (`shard/ShardedImages.ts`).
 */
import { Effect, Result, Schema } from "effect"
import { asSentence, optional } from "../declaration/Field.ts"
import type { StreamedDataset } from "./Batches.ts"
import type { DatasetKind } from "./DatasetKind.ts"
import { numbered } from "./Dataset.ts"
import { statisticsFit } from "./ImageFolderSpec.ts"
import { remembering } from "./OpenFile.ts"
import { type ParquetEnd, readEnd, unpack } from "./shard/ParquetFile.ts"
import { shardedKind, type ShardSource } from "./shard/ShardedKind.ts"
import {
  joined,
  parted,
  type ShardCounts,
  type ShardedSplits,
  testCountOf,
} from "./shard/ShardedImages.ts"
import { allOf, findShards, pathsOf, type Shard, type ShardsBySplit } from "./shard/ShardNames.ts"
import { shardFields } from "./shard/ShardSpec.ts"

const summary =
  "your own images in Parquet files as the Hugging Face Hub has them: data.path is a folder of .parquet files; nothing is fetched"

const Column = Schema.String.check(
  Schema.isPattern(/^[^\p{Cc}]{1,255}$/u, { expected: "the name of a column" }),
)

const spec = Schema.Struct({
  kind: Schema.Literal("parquet"),
  ...shardFields,
  image: optional(
    Column,
    "The column of images. Default: the one that the metadata calls an Image, else image, img, ...",
    { examples: ["img"] },
  ),
  label: optional(
    Column,
    "The column of labels, whole numbers. Default: the one that the metadata calls a ClassLabel, else label, class, ...",
    { examples: ["fine_label"] },
  ),
})
  .annotate({ description: asSentence(summary) })
  .check(statisticsFit)
  .annotate({ identifier: "Parquet", title: "Parquet files (Hugging Face)" })
type Spec = (typeof spec)["Type"]

interface Ends {
  readonly shards: ShardsBySplit
  readonly ends: ReadonlyMap<Shard, ParquetEnd>
}

const remembered = remembering<Result.Result<Ends, string>>()

const readEnds = (spec: Spec, shards: ShardsBySplit): Result.Result<Ends, string> =>
  Result.map(
    Result.all(
      allOf(shards).map((shard) =>
        Result.map(readEnd(shard, spec), (end) => [shard, end] as const),
      ),
    ),
    (pairs) => ({ shards, ends: new Map(pairs) }),
  )

/** What the ends of all files say, read anew when one has changed. */
const endsOf = (spec: Spec, path: string): Result.Result<Ends, string> =>
  Result.flatMap(findShards(path, ".parquet", spec.links ?? "refuse"), (shards) =>
    remembered([spec, path], pathsOf(shards), () => readEnds(spec, shards)),
  )

const counts = (spec: Spec, path: string): Result.Result<ShardCounts, string> =>
  Result.flatMap(endsOf(spec, path), ({ ends, shards }) => {
    const rowsOf = (some: ReadonlyArray<Shard>) =>
      some.reduce((sum, shard) => sum + ends.get(shard)!.rows, 0)
    const all = [...ends.values()]
    const ranges = all.map(({ labels }) => labels)
    const named = spec.classNames ?? all.find(({ classes }) => classes !== undefined)?.classes
    if (named === undefined && ranges.includes(undefined))
      return Result.fail(
        "the files name no classes and do not say which labels they have; classNames would be right",
      )
    const mostLabel = ranges.reduce((max, range) => Math.max(max, range?.[1] ?? 0), 1)
    const rows = rowsOf(shards.train)
    if (shards.test === undefined && rows < 2)
      return Result.fail("there is one image; more would be right")
    const test = shards.test === undefined ? testCountOf(rows, spec) : rowsOf(shards.test)
    return Result.succeed({
      classes: named ?? numbered(mostLabel),
      mostLabel,
      names: shards.names,
      counts: {
        train: shards.test === undefined ? rows - test : rows,
        test,
        ...(shards.heldOut === undefined ? {} : { heldOut: rowsOf(shards.heldOut) }),
      },
      warnings: shards.warnings,
    })
  })

const source: ShardSource<Spec> = {
  counts,
  open: (spec, path, cacheFolder) =>
    Effect.gen(function* () {
      const { ends, shards } = yield* Effect.fromResult(endsOf(spec, path))
      const splitOf = (some: ReadonlyArray<Shard>) =>
        Effect.map(
          Effect.forEach(some, (shard) =>
            Effect.tryPromise({
              try: () => unpack(shard, ends.get(shard)!, cacheFolder),
              catch: (error) => (error instanceof Error ? error.message : String(error)),
            }),
          ),
          joined,
        )
      const train = yield* splitOf(shards.train)
      const splits: ShardedSplits =
        shards.test === undefined
          ? parted(train, spec)
          : {
              train,
              test: yield* splitOf(shards.test),
              ...(shards.heldOut === undefined ? {} : { heldOut: yield* splitOf(shards.heldOut) }),
            }
      return { shards, splits }
    }),
}

export const Parquet: DatasetKind<"parquet", Spec, (typeof spec)["Encoded"], StreamedDataset> = {
  kind: "parquet",
  spec,
  summary,
  ...shardedKind(source),
}
