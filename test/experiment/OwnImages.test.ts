/** Own images against the space, before anything is trained: paths from the experiment file, places in the right file. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Effect } from "effect"
import { expect, it } from "vitest"
import { read } from "../../src/declaration/Document.ts"
import { expand } from "../../src/experiment/Plan.ts"
import { temporary, writeClasses } from "../data/imageFolders.ts"

const messages = (file: string) =>
  read(file).pipe(
    Effect.flatMap((document) => expand(document)),
    Effect.match({
      onFailure: ({ errors }) => errors.map(({ text }) => text.slice(text.lastIndexOf("/") + 1)),
      onSuccess: ({ trials }) => trials.map(({ declaration }) => declaration.data.kind),
    }),
    Effect.provide(NodeFileSystem.layer),
    Effect.runPromise,
  )

it("own images are held against the space, from wherever one looks", async () => {
  const folder = temporary()
  mkdirSync(join(folder, "mine"))
  await writeClasses(join(folder, "mine", "images"), [4, 4, 4])
  const file = join(folder, "mine", "experiment.yaml")
  const declare = (data: string, classes: number) => {
    const space = readFileSync("spaces/resnet8.yaml", "utf8")
    writeFileSync(
      join(folder, "mine", "space.yaml"),
      space.replace(/^classes: 10/m, `classes: ${classes}`),
    )
    writeFileSync(
      file,
      `space: space.yaml\ndata: { kind: imageFolder, path: images, heldOut: 2, ${data} }\nsearch: { kind: fixed, uniform: INT4 }\n`,
    )
  }
  declare("height: 32, width: 32", 3)
  expect(await messages(file)).toEqual(["imageFolder"])
  expect(await messages(relative(".", file))).toEqual(["imageFolder"])
  declare("height: 32, width: 32", 10)
  expect(await messages(file)).toEqual([
    expect.stringMatching(
      /^space.yaml:\d+:10 classes: images has 3 classes; classes: 3 would be right$/,
    ),
  ])
  declare("height: 48, width: 32", 3)
  expect(await messages(file)).toEqual([
    expect.stringMatching(/^space.yaml:\d+:\d+ input: images of images are 48 x 32 x 3; input/),
  ])
  declare("height: 32, width: 32, trainLimit: 99", 3)
  expect(await messages(file)).toEqual([
    "experiment.yaml:2:89 data.trainLimit: 99 is more than the 9 images of images; at most 9",
  ])
  mkdirSync(join(folder, "mine", "images", "c3"))
  expect(await messages(file)).toEqual([
    expect.stringMatching(/c3; files that end in .jpg.* would be right$/),
  ])
})

const space = (channels: number) => `name: s
input: { height: 8, width: 8, channels: ${channels} }
classes: 2
network:
  - conv: { name: stem, filters: 8, kernel: 3 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
widthRounding: exact
formats: { oneOf: [INT4] }
`

/** The id and what is written out, of a trial on folders of these names. */
const planned = async (splits: ReadonlyArray<string>, channels: 1 | 3, words: string) => {
  const folder = temporary()
  for (const split of splits)
    for (const label of ["cat", "dog"]) {
      mkdirSync(join(folder, "images", split, label), { recursive: true })
      for (let i = 0; i < 10; i++)
        writeFileSync(join(folder, "images", split, label, `${i}.png`), Buffer.alloc(2000, 1))
    }
  writeFileSync(join(folder, "space.yaml"), space(channels))
  const file = join(folder, "experiment.yaml")
  writeFileSync(
    file,
    `space: space.yaml\ndata: { kind: imageFolder, path: images, heldOut: 2, height: 8, width: 8, channels: ${channels}${words} }\nsearch: { kind: fixed, uniform: INT4 }\n`,
  )
  const { trials, warnings } = await read(file).pipe(
    Effect.flatMap((document) => expand(document)),
    Effect.provide(NodeFileSystem.layer),
    Effect.runPromise,
  )
  const { declaration, id } = trials[0]!
  const { data } = declaration
  if (data.kind !== "imageFolder") throw new Error("another kind")
  return {
    id,
    test: data.test,
    heldOutFrom: data.heldOutFrom,
    grey: data.grey,
    warnings: warnings.map(({ message, path }) => `${path}: ${message}`),
  }
}

// Made by the program as it was before there were the keys test, heldOutFrom, links, grey and background.
const colourId = "58d5901830bc3ff9"
const greyId = "b095a5f5c200fe29"
const asBefore = { test: undefined, heldOutFrom: undefined, grey: undefined, warnings: [] }

it.each([
  ["", [""]],
  ["", ["train", "test"]],
  ["", ["train", "val"]],
  ["", ["train", "validation"]],
  ["", ["train", "val", "validation"]],
  [", links: follow", ["train", "test"]],
  [", links: refuse", [""]],
  [", background: black", ["train", "test"]],
  [", test: test", ["train", "test"]],
  [", test: val", ["train", "val"]],
])("ids stay where the images do: %s %j", async (words, splits) => {
  const found = await planned(splits, 3, words)
  expect({ ...found, warnings: [] }).toEqual({ id: colourId, ...asBefore })
})

it.each([
  ["", ["train", "valid"], { test: "valid" }],
  ["", ["train", "dev"], { test: "dev" }],
  ["", ["Train", "Test"], { test: "Test" }],
  ["", ["train", "val", "test"], { heldOutFrom: "val" }],
  ["", ["train", "valid", "test"], { heldOutFrom: "valid" }],
  [", test: val", ["train", "val", "test"], { test: "val" }],
  [", background: white", ["train", "test"], {}],
])("ids are others where the images are: %s %j", async (words, splits, written) => {
  const found = await planned(splits, 3, words)
  expect({ ...found, warnings: [] }).toEqual({ ...asBefore, ...written, id: found.id })
  expect(found.id).not.toBe(colourId)
})

it("ids of trials that held images out of train stay where they are told to", async () => {
  const found = await planned(["train", "val", "test"], 3, ", heldOutFrom: train")
  expect({ ...found, warnings: [] }).toEqual({ ...asBefore, heldOutFrom: "train", id: colourId })
})

it("ids of grey tell how it is made; linear is what it was before", async () => {
  const linear = await planned(["train", "test"], 1, ", grey: linear")
  expect(linear).toEqual({ ...asBefore, grey: "linear", id: greyId })
  const luma = await planned(["train", "test"], 1, "")
  expect(luma).toEqual({ ...asBefore, grey: "bt601", id: luma.id })
  expect(luma.id).not.toBe(greyId)
  expect(await planned(["train", "test"], 1, ", grey: bt601")).toEqual(luma)
})

it.each([
  ["grey: linear", 3, ["train", "test"], "grey: has no effect: channels is 3"],
  ["augment: [], minArea: 0.5", 3, [""], "minArea: has no effect: augment has no crop"],
  [
    "testShare: 0.3",
    3,
    ["train", "valid"],
    "testShare: has no effect: the folder valid is the test split",
  ],
  ["testShare: 0.3", 3, ["train"], undefined],
  ["grey: linear", 1, ["train", "test"], undefined],
] as const)("%s with %i channels in %j", async (words, channels, splits, message) => {
  const { warnings } = await planned(splits, channels, `, ${words}`)
  expect(warnings).toEqual(message === undefined ? [] : [`data.${message}; leave it out`])
})

it("grey is not in the id of trials in colour", async () => {
  expect((await planned(["train", "test"], 3, ", grey: linear")).id).toBe(colourId)
})
