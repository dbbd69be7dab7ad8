/** Names of classes: from every kind of data set, through the network that a trial keeps, to every exported file. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { Effect, Result } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as Datasets from "../../src/data/Datasets.ts"
import type { DataKind } from "../../src/data/Datasets.ts"
import type { Images } from "../../src/data/Dataset.ts"
import { fileModelOf } from "../../src/export/evaluate/FileModel.ts"
import { readOnnx } from "../../src/export/evaluate/ReadOnnx.ts"
import { targets } from "../../src/export/Exports.ts"
import { readFound } from "../../src/export/ReadFound.ts"
import { type ExportTarget, usualOptions } from "../../src/export/Target.ts"
import { makeSupernet } from "../../src/supernet/Supernet.ts"
import { encode, keptModel } from "../../src/train/KeptModel.ts"
import { image } from "../data/imageFolders.ts"
import { buildSpace, decodeSpace } from "../network/fixture.ts"
import { loadBackend } from "../tensor/support.ts"

beforeAll(() => loadBackend(true))
const folder = mkdtempSync(join(tmpdir(), "fliqs-names-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const cache = resolve(process.env["FLIQS_CACHE"] ?? ".cache")

/** In the order of the logits: that of their names. */
const own = ["2 birds", "Zebra", "café au lait", "it's, well"]

const writeImages = async (): Promise<string> => {
  const path = join(folder, "images")
  for (const [label, name] of own.entries()) {
    mkdirSync(join(path, name), { recursive: true })
    for (let i = 0; i < 12; i++)
      writeFileSync(join(path, name, `${i}.png`), await image(label, i).png().toBuffer())
  }
  return path
}

const load = async (kind: DataKind): Promise<Images> => {
  const path = Datasets.isOwn(kind) ? await writeImages() : undefined
  const data = { ...Datasets.defaultsOf(kind, path), heldOut: 1 }
  return Effect.runPromise(Datasets.load(data, cache, ".").pipe(Effect.provide(NodeServices.layer)))
}

/** What a trial on these images keeps of a small network. */
const keepOf = ({ channels, classes, height, mean, name, std, width }: Images) => {
  const yaml = `
name: names
input: { height: ${height}, width: ${width}, channels: ${channels} }
classes: ${classes.length}
network:
  - conv: { name: stem, filters: 2, kernel: 3, stride: 4 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
formats: { oneOf: [INT8] }
`
  const supernet = makeSupernet(buildSpace(yaml), 1)
  const images = { name, height, width, channels, classes, mean, std }
  const kept = keptModel(supernet, [], { amax: new Float32Array(supernet.sites).fill(1) }, images)
  supernet.dispose()
  const bytes = Buffer.concat(encode(kept, "0.1.0"))
  return Result.getOrThrow(readFound(bytes, { id: "0123456789abcdef", space: decodeSpace(yaml) }))
}

/** All that a target writes, as one text; quotes of a JSON text in another are plain. */
const textOf = (target: ExportTarget, model: ReturnType<typeof keepOf>): string => {
  const parts = target.write(model, usualOptions).flatMap((file) => file.parts)
  return Buffer.concat(parts).toString("utf8").replaceAll('\\"', '"')
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/gu, String.raw`\$&`)

/** The names in their order, as a list of JSON. */
const listOf = (names: ReadonlyArray<string>): RegExp =>
  new RegExp(names.map((name) => escaped(JSON.stringify(name))).join(String.raw`\s*,\s*`), "u")

const expected: Readonly<Partial<Record<DataKind, ReadonlyArray<string>>>> = {
  cifar10: "airplane automobile bird cat deer dog frog horse ship truck".split(" "),
  mnist: [..."0123456789"],
  synthetic: Array.from({ length: 10 }, (_, i) => `class${i}`),
  imageFolder: own,
}

/** Kinds whose names of classes are read in test/data (`Arrays.test.ts`, `Shards.test.ts`); from there all kinds go one way. */
const readElsewhere = new Set<DataKind>(["arrays", "webDataset", "parquet"])
const kinds = Datasets.datasets.kinds.filter((kind) => !readElsewhere.has(kind))

describe.each(kinds)("the classes of %s", (kind) => {
  it("are in every file that is exported, in the order of the logits", async () => {
    const images = await load(kind)
    const names = expected[kind] ?? images.classes
    expect(images.classes).toEqual(names)
    const model = keepOf(images)
    expect(model.classNames).toEqual(names)
    for (const target of targets)
      expect([target.name, textOf(target, model)]).toEqual([
        target.name,
        expect.stringMatching(listOf(names)),
      ])
    const onnx = targets.find(({ name }) => name === "onnx")!
    const file = readOnnx(Buffer.concat(onnx.write(model, usualOptions)[0]!.parts))
    if (typeof file === "string") throw new Error(file)
    expect(fileModelOf(file.metadata)).toMatchObject({
      classNames: names,
      size: [images.height, images.width, images.channels],
      preprocessing: { mean: images.mean, std: images.std },
      missing: [],
      network: { name: "names" },
    })
  })
})
