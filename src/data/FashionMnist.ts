/**
 * Fashion-MNIST: 70 000 pictures of clothes of 28 x 28 (Xiao, Rasul, Vollgraf, arXiv:1708.07747), in IDX files.
 *
 * They come from the folder `path` if one is given, else from where Debian's package dataset-fashion-mnist puts them,
 * else that package is downloaded (apt-get, without root). Wherever from: the digests of the content are pinned.
 */
import { Effect, FileSystem, Path, Schema } from "effect"
import { optional } from "../declaration/Field.ts"
import * as Cache from "./Cache.ts"
import { dataFields } from "./DataSpec.ts"
import { limitDataset } from "./Dataset.ts"
import type { DatasetShape, Source } from "./Dataset.ts"
import type { DatasetKind } from "./DatasetKind.ts"
import { DatasetMissing } from "./Errors.ts"
import { debianPackage } from "./Fetch.ts"
import { fromFolder, parseDataset } from "./IdxDataset.ts"

const shape: DatasetShape = {
  name: "fashionMnist",
  height: 28,
  width: 28,
  channels: 1,
  classes: [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
  ],
  trainCount: 60_000,
  testCount: 10_000,
}

const debian = "dataset-fashion-mnist"
const debianFolder = "usr/share/datasets/fashion-mnist"
const maxBytes = 50_000_000
const fix = `\`apt-get install ${debian}\` (Debian, Ubuntu), or set data.path to a folder with the four IDX files`

const read = (folder: string) => parseDataset(shape, fromFolder(shape.name, folder, maxBytes, fix))

const makeSource = (folder: string | undefined): Source => ({
  shape,
  digests: { train: "308c6213870624505959c710712dbe6d", test: "b7f140f1222993c13e87dc8277a29fff" },
  prepare: Effect.fn("FashionMnist.prepare")(function* (work) {
    if (folder !== undefined) return yield* read(folder)
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const installed = path.join("/", debianFolder)
    const isInstalled = yield* Effect.orElseSucceed(fs.exists(installed), () => false)
    if (isInstalled) return yield* read(installed)
    yield* Effect.logInfo("fetching Fashion-MNIST (31 MB, once)")
    yield* debianPackage(debian, work).pipe(
      Effect.mapError(
        (what) =>
          new DatasetMissing({
            dataset: shape.name,
            where: `Debian package ${debian}`,
            what,
            fix,
          }),
      ),
    )
    return yield* read(path.join(work, debianFolder))
  }),
})

export const spec = Schema.Struct({
  kind: Schema.Literal("fashionMnist"),
  ...dataFields({ augment: ["flip"], heldOut: 5000 }),
  path: optional(
    Schema.NonEmptyString,
    "Folder with the four IDX files, gzipped or not; read once, then kept in the cache. Default: Debian's package, fetched if need be.",
    { examples: ["/data/fashion-mnist"] },
  ),
}).annotate({ identifier: "FashionMnist", title: "Fashion-MNIST" })

export const FashionMnist: DatasetKind<
  "fashionMnist",
  (typeof spec)["Type"],
  (typeof spec)["Encoded"]
> = {
  kind: "fashionMnist",
  spec,
  summary:
    "70 000 pictures of clothes of 28 x 28 in 10 classes; from Debian's package dataset-fashion-mnist, or a folder",
  describe: () => shape,
  source: ({ path }) => makeSource(path),
  load: (spec, cacheDirectory) =>
    Effect.map(Cache.load(makeSource(spec.path), cacheDirectory), (dataset) =>
      limitDataset(dataset, spec),
    ),
}
