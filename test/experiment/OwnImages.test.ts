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
    expect.stringMatching(/^space.yaml:\d+:8 input: images of images are 48 x 32 x 3; input/),
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
