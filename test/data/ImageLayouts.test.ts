/** Which folder is which split, what is counted of each, and what links may do: tables of folders as people have them. */
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import * as Datasets from "../../src/data/Datasets.ts"
import { readImageFile } from "../../src/data/ImageBytes.ts"
import { listImages } from "../../src/data/ImageFiles.ts"
import { temporary } from "./imageFolders.ts"

const decode = Schema.decodeUnknownSync(Datasets.datasets.schema, { onExcessProperty: "error" })
const block = (path: string, changes: object = {}) =>
  decode({ kind: "imageFolder", path, heldOut: 1, height: 8, width: 8, ...changes })
const problems = (root: string, changes: object = {}) =>
  Datasets.problems(block(root, changes), ".")
const errors = (root: string, changes: object = {}) =>
  problems(root, changes)
    .filter(({ severity }) => severity !== "warning")
    .map(({ message, path: [key] }) => `${key}: ${message.replaceAll(root, "DIR")}`)
const warnings = (root: string, changes: object = {}) =>
  problems(root, changes)
    .filter(({ severity }) => severity === "warning")
    .map(({ message }) => message.replaceAll(root, "DIR"))

/** Longer than a pointer file, and not decoded here. */
const content = Buffer.alloc(2000, 1)
const write = (root: string, files: ReadonlyArray<string>, bytes: Uint8Array = content): void => {
  for (const file of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), bytes)
  }
}
/** `count` images of each class of a folder. */
const classes = (folder: string, count: number, names: ReadonlyArray<string> = ["cat", "dog"]) =>
  names.flatMap((name) =>
    Array.from({ length: count }, (_, i) => `${folder === "" ? "" : `${folder}/`}${name}/${i}.png`),
  )
const flat = (folder: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${folder}/${i}.png`)
const folderOf = (files: ReadonlyArray<string>): string => {
  const root = temporary()
  write(root, files)
  return root
}
const split = (name: string, images: number, more: object = {}) => ({
  name,
  images,
  classes: images === 0 ? 0 : 2,
  passedOver: 0,
  broken: 0,
  ...more,
})
const uses = (train: string, heldOut: string, test: string) => ({ train, heldOut, test })

type Case = readonly [
  name: string,
  files: ReadonlyArray<string>,
  changes: object,
  splits: ReadonlyArray<ReturnType<typeof split>>,
  splitUses: ReturnType<typeof uses>,
]

describe("layouts", () => {
  const train = split("train", 12)
  const cases: ReadonlyArray<Case> = [
    [
      "train, test",
      [...classes("train", 6), ...classes("test", 2)],
      {},
      [train, split("test", 4)],
      uses("train", "train", "test"),
    ],
    ...["val", "valid", "validation", "dev"].map(
      (name) =>
        [
          `train, ${name}`,
          [...classes("train", 6), ...classes(name, 2)],
          {},
          [train, split(name, 4)],
          uses("train", "train", name),
        ] as const,
    ),
    ...["val", "valid", "validation", "dev"].map(
      (name) =>
        [
          `train, ${name}, test`,
          [...classes("train", 6), ...classes(name, 3), ...classes("test", 2)],
          {},
          [train, split(name, 6), split("test", 4)],
          uses("train", name, "test"),
        ] as const,
    ),
    [
      "train, val, unlabelled test (ILSVRC)",
      [...classes("train", 6), ...classes("val", 2), ...flat("test", 9)],
      {},
      [train, split("val", 4), split("test", 0, { passedOver: 9 })],
      uses("train", "train", "val"),
    ],
    [
      "train, val, test/images",
      [...classes("train", 6), ...classes("val", 2), ...flat("test/images", 9)],
      {},
      [train, split("val", 4), split("test", 0, { passedOver: 9 })],
      uses("train", "train", "val"),
    ],
    [
      "train, unlabelled val, test",
      [...classes("train", 6), ...flat("val", 3), ...classes("test", 2)],
      {},
      [train, split("test", 4), split("val", 0, { passedOver: 3 })],
      uses("train", "train", "test"),
    ],
    [
      "train, unlabelled val and test",
      [...classes("train", 10), ...flat("val", 3), ...flat("test", 4)],
      {},
      [
        split("train", 18),
        split("test", 2),
        split("test/", 0, { passedOver: 4 }),
        split("val", 0, { passedOver: 3 }),
      ],
      uses("train", "train", "test"),
    ],
    [
      "Train, Val, Test",
      [...classes("Train", 6), ...classes("Val", 3), ...classes("Test", 2)],
      {},
      [split("Train", 12), split("Val", 6), split("Test", 4)],
      uses("Train", "Val", "Test"),
    ],
    [
      "TRAINING, TESTING",
      [...classes("TRAINING", 6), ...classes("TESTING", 2)],
      {},
      [split("TRAINING", 12), split("TESTING", 4)],
      uses("TRAINING", "TRAINING", "TESTING"),
    ],
    [
      "training, validation",
      [...classes("training", 6), ...classes("validation", 2)],
      {},
      [split("training", 12), split("validation", 4)],
      uses("training", "training", "validation"),
    ],
    [
      "train alone",
      classes("train", 10),
      {},
      [split("train", 18), split("test", 2)],
      uses("train", "train", "test"),
    ],
    [
      "classes alone",
      classes("", 10),
      {},
      [split("train", 18), split("test", 2)],
      uses("train", "train", "test"),
    ],
    [
      "a folder around train, val",
      [...classes("archive/flowers/train", 6), ...classes("archive/flowers/val", 2)],
      {},
      [train, split("val", 4)],
      uses("train", "train", "val"),
    ],
    [
      "a folder around classes",
      [...classes("flowers", 10), "__MACOSX/flowers/._0.png"],
      {},
      [split("train", 18), split("test", 2)],
      uses("train", "train", "test"),
    ],
    [
      "test: valid",
      [...classes("train", 6), ...classes("valid", 3), ...classes("test", 2)],
      { test: "valid" },
      [train, split("valid", 6), split("test", 0, { passedOver: 4 })],
      uses("train", "train", "valid"),
    ],
    [
      "test: a folder of any name",
      [...classes("train", 6), ...classes("val", 3), ...classes("2024", 2)],
      { test: "2024" },
      [train, split("val", 6), split("2024", 4)],
      uses("train", "val", "2024"),
    ],
    [
      "heldOutFrom: train",
      [...classes("train", 6), ...classes("val", 3), ...classes("test", 2)],
      { heldOutFrom: "train" },
      [train, split("test", 4), split("val", 0, { passedOver: 6 })],
      uses("train", "train", "test"),
    ],
    [
      "heldOutFrom: a folder of any name",
      [...classes("train", 6), ...classes("extra", 3), ...classes("test", 2)],
      { heldOutFrom: "extra" },
      [train, split("extra", 6), split("test", 4)],
      uses("train", "extra", "test"),
    ],
  ]
  it.each(cases)("%s", (_, files, changes, splits, splitUses) => {
    const root = folderOf(files)
    expect(errors(root, changes)).toEqual([])
    expect(Datasets.report(block(root, changes), ".")).toMatchObject({ splits, splitUses })
  })

  it("beside others of another name say which key chooses them", () => {
    const root = folderOf([
      ...classes("train", 6),
      ...classes("holdout", 2),
      ...classes("masks", 2, ["other"]),
    ])
    symlinkSync("/", join(root, "masks", "out"))
    expect(Datasets.report(block(root), ".")!.splits).toEqual([
      split("train", 10),
      split("test", 2),
      split("holdout", 0, { passedOver: 4 }),
    ])
    expect(warnings(root)).toEqual([
      "holdout in DIR is not used; data.test and data.heldOutFrom say which folders are",
      "masks beside train is no split and is passed over",
    ])
  })

  it("with classes that are called like splits are classes, with a word", () => {
    const root = folderOf(["train", "val", "car"].flatMap((name) => flat(name, 10)))
    const { classes: names } = listImages(root, { testShare: 0.1, dataSeed: 1 })
    expect(names).toEqual(["car", "train", "val"])
    expect(warnings(root)).toEqual([
      "train, val in DIR are taken for classes: images lie directly in it, and other folders beside it",
    ])
  })

  it("within splits, classes may be called anything", () => {
    const names = ["test", "train", "val"]
    const root = folderOf([...classes("train", 6, names), ...classes("val", 2, names)])
    expect(listImages(root, { testShare: 0.1, dataSeed: 1 })).toMatchObject({
      classes: names,
      layout: { train: "train", test: "val", heldOut: undefined },
    })
  })

  it("hold out images of the validation folder alone", () => {
    const root = folderOf([...classes("train", 6), ...classes("val", 3), ...classes("test", 2)])
    const files = listImages(root, { testShare: 0.1, dataSeed: 1 })
    expect(files.heldOut!.files).toEqual(classes("val", 3))
    expect([...files.heldOut!.labels]).toEqual([0, 0, 0, 1, 1, 1])
    expect(files.train.files).toHaveLength(12)
    expect(Datasets.describe(block(root), ".")).toMatchObject({ heldOutCount: 6, trainCount: 12 })
    expect(errors(root, { heldOut: 500 })).toEqual([])
    expect(warnings(root, { heldOut: 500 })).toEqual([
      "500 is more than the 6 images there are to hold out; all of them are",
    ])
  })

  it.each([
    [
      "no folder train",
      classes("test", 2),
      {},
      "path: DIR has the folder test but no folder train beside it",
    ],
    [
      "no folders of classes in train",
      [...flat("train", 3), ...flat("test", 2)],
      {},
      "path: DIR/train has no folders of classes; a folder with the images of each class in it would be right",
    ],
    [
      "other classes in val",
      [...classes("train", 2), ...classes("val", 1, ["cat", "Dog", "cow"])],
      {},
      "path: DIR/val has classes that DIR/train has not: Dog, cow; the same names would be right, or another folder by data.test or data.heldOutFrom",
    ],
    [
      "other classes in valid, beside test",
      [...classes("train", 2), ...classes("valid", 1, ["cat", "cow"]), ...classes("test", 1)],
      {},
      "path: DIR/valid has classes that DIR/train has not: cow; the same names would be right, or another folder by data.test or data.heldOutFrom",
    ],
    [
      "an empty class, of other files",
      [...classes("train", 2), "train/cow/1.heic", "train/cow/2.heic", "train/cow/a/3.png"],
      {},
      "path: DIR/train has classes without an image: cow (with 2 .heic, 1 folder); files that end in .jpg, .png, .webp, .gif or .tif directly in each would be right",
    ],
    [
      "one class",
      classes("only/one", 2, ["cat"]),
      {},
      "path: DIR/only/one has only the folder cat; two folders or more, each with the images of one class, would be right",
    ],
    [
      "test: a name with a slip",
      [...classes("train", 2), ...classes("holdout", 1)],
      { test: "hold-out" },
      "test: DIR has no folder hold-out; did you mean holdout?",
    ],
    [
      "test: train",
      [...classes("train", 2), ...classes("val", 1)],
      { test: "train" },
      "test: train is the train split already; another folder would be right",
    ],
    [
      "test: a folder without labels",
      [...classes("train", 2), ...classes("val", 1), ...flat("test", 2)],
      { test: "test" },
      "test: DIR/test has no folders of classes, and so no labels; another folder would be right",
    ],
    [
      "test: without a folder train",
      classes("", 4),
      { test: "cat" },
      "test: cat needs a folder train beside it, and DIR has none",
    ],
    [
      "heldOutFrom: the test split",
      [...classes("train", 2), ...classes("val", 1)],
      { heldOutFrom: "val" },
      "heldOutFrom: val is the test split already; another folder would be right",
    ],
    [
      "a .dvc file in the place of the images",
      ["images.dvc"],
      {},
      "path: DIR has no folders; two folders or more, each with the images of one class, would be right, and `dvc pull` fetches what its .dvc files stand for",
    ],
  ])("%s is refused", (_, files, changes, message) => {
    expect(errors(folderOf(files), changes)).toEqual([message])
  })

  it.each(["", ".", "..", "a/b", "/abs", "a\\b", "a\nb"])("%j is no name of a folder", (test) => {
    expect(() => block("images", { test })).toThrow(/the name of a folder in data.path/)
  })
})

describe("nothing vanishes without a count", () => {
  it("of all that is no image of a class", () => {
    const root = folderOf([
      ...classes("train", 6),
      "train/cat/notes.txt",
      "train/cat/a.HEIC",
      "train/cat/b.heic",
      "train/cat/.hidden.png",
      "train/cat/deeper/1.png",
      "train/cat/deeper/still/2.png",
      "train/dog/noending",
      "train/stray.png",
      "train/.DS_Store",
      "train/.ipynb_checkpoints/copy.png",
      ...classes("val", 2),
      "val/cat/Thumbs.db",
      "annotations/train.json",
      "annotations/deep/val.json",
      "README.md",
      ".git/objects/1",
    ])
    const report = Datasets.report(block(root), ".")!
    expect(report.splits).toEqual([
      split("train", 12, { passedOver: 10 }),
      split("val", 4, { passedOver: 1 }),
    ])
    expect(report.otherFiles).toBe(3)
    expect(report.passedOver).toEqual({
      train: "3 in other folders, 2 hidden, 2 .heic, 1 .png, ...",
      val: "1 .db",
    })
    expect(warnings(root)).toEqual([
      "annotations beside train is no split and is passed over",
      "DIR/train: 2 .heic files are passed over, of 10 in all; only JPEG, PNG, WebP, GIF and TIFF images are read",
    ])
  })

  it("of a folder without splits, and of classes that a split lacks", () => {
    const root = folderOf([...classes("", 10), "labels.csv", "cat/1.xml", ".git/HEAD"])
    expect(Datasets.report(block(root), ".")!.splits).toEqual([
      split("train", 18, { passedOver: 2 }),
      split("test", 2),
    ])
    const half = folderOf([...classes("train", 6), ...classes("test", 2, ["cat"])])
    expect(Datasets.report(block(half), ".")!.splits[1]).toEqual(
      split("test", 4 - 2, { classes: 1 }),
    )
    expect(warnings(half)).toEqual(["DIR/test has no image of dog"])
  })

  it("of what a cheap look tells to be broken", () => {
    const root = folderOf([...classes("train", 10), ...classes("val", 5)])
    write(root, ["train/cat/1.png"], Buffer.alloc(0))
    mkdirSync(join(root, "val", "dog", "x"))
    symlinkSync("nowhere", join(root, "val", "dog", "9.png"))
    symlinkSync("9.jpg", join(root, "val", "dog", "9.jpg"))
    symlinkSync("x", join(root, "val", "dog", "folder.png"))
    const report = (changes: object = {}) => Datasets.report(block(root, changes), ".")
    expect(errors(root)).toEqual([])
    expect(warnings(root)).toEqual([
      expect.stringMatching(
        /^4 of 33 images are broken, and a trial ends that meets more than 0 \(brokenLimit 0.01\): train/,
      ),
    ])
    expect(warnings(root, { brokenLimit: 0.2 })).toEqual([
      "4 of 33 images are broken: train/cat/1.png: an empty file; val/dog/9.jpg: a link that leads back to itself; val/dog/9.png: a link to what is missing (nowhere); ...",
    ])
    expect(report({ brokenLimit: 0.2 })!.splits).toEqual([
      split("train", 20, { broken: 1 }),
      split("val", 13, { broken: 3 }),
    ])
  })

  it("of a split that is mostly broken, as a mistake", () => {
    const root = folderOf([...classes("train", 60), ...classes("val", 2)])
    write(root, classes("val", 1), Buffer.alloc(0))
    expect([errors(root), warnings(root).length]).toEqual([[], 1])
    const again = folderOf([...classes("train", 60), ...classes("val", 2)])
    write(again, [...classes("val", 1), "val/cat/1.png"], Buffer.alloc(0))
    expect(errors(again)).toEqual([
      "path: 3 of 124 images are broken, and a trial ends that meets more than 1 (brokenLimit 0.01): val/cat/0.png, and 2 more: an empty file",
    ])
    expect(errors(again, { brokenLimit: 0.03 })).toEqual([])
    // counted all the same
    expect(Datasets.report(block(again), ".")!.splits[1]).toEqual(split("val", 4, { broken: 3 }))
  })

  it("of the data sets that are fetched or made, before they are", () => {
    const splits = (data: object) => Datasets.report(decode(data), ".")!.splits
    const ten = { classes: 10 }
    expect(splits({ kind: "cifar10" })).toEqual([
      split("train", 50_000, ten),
      split("test", 10_000, ten),
    ])
    for (const kind of ["mnist", "fashionMnist"])
      expect(splits({ kind })).toEqual([split("train", 60_000, ten), split("test", 10_000, ten)])
    expect(splits({ kind: "synthetic", train: 30, test: 3, classes: 5 })).toEqual([
      split("train", 30, { classes: 5 }),
      split("test", 3, { classes: 3 }),
    ])
  })
})

/** Images kept in a store beside the folder, with links to it in their place. */
const linked = (target: (name: string) => string) => {
  const top = temporary()
  const root = join(top, "images")
  for (const [i, file] of [...classes("train", 6), ...classes("val", 2)].entries()) {
    const path = join(root, file)
    mkdirSync(dirname(path), { recursive: true })
    const hash = i.toString(16).padStart(64, "0")
    symlinkSync(target(hash), path)
    write(top, [join("store", hash)])
  }
  return { top, root }
}

describe("links out of the folder", () => {
  const stores = {
    DVC: ".dvc/cache/files/md5",
    "the Hugging Face cache": "blobs",
    "git-annex": ".git/annex/objects/ab/cd",
  }
  it.each(Object.entries(stores))("to content of %s", (name, store) => {
    const gone = linked((hash) => join("../../..", store, hash)).root
    // what is not fetched is told as such, with what fetches it
    const fetch = { DVC: "dvc pull", "git-annex": "git annex get" }[name] ?? "download"
    const [dangling] = errors(gone)
    expect(dangling).toContain(`a link to content of ${name} that is not fetched`)
    expect(dangling).toContain(fetch)
    expect(errors(gone, { links: "follow" })).toEqual([dangling])
    // what is fetched is refused by default, with the key that allows it
    const { root, top } = linked((hash) => join("../../..", store, hash))
    mkdirSync(dirname(join(top, store)), { recursive: true })
    renameSync(join(top, "store"), join(top, store))
    expect(errors(root)).toEqual([
      "path: 16 of 16 images are broken, and a trial ends that meets more than 0 (brokenLimit 0.01): train/cat/0.png, and 15 more: a link that leads out of the folder (data.links: follow allows that)",
    ])
    expect(errors(root, { links: "follow" })).toEqual([])
    expect(Datasets.report(block(root, { links: "follow" }), ".")!.splits).toEqual([
      split("train", 12),
      split("val", 4),
    ])
    expect(() => readImageFile(root, "train/cat/0.png")).toThrow("leads out of the folder")
    expect(readImageFile(root, "train/cat/0.png", "follow")).toEqual(content)
  })

  it("of whole folders", () => {
    const top = temporary()
    const root = join(top, "images")
    write(top, [...classes("elsewhere", 6), ...classes("images/train", 2)])
    symlinkSync("../../elsewhere/cat", join(root, "train", "cow"))
    expect(errors(root)).toEqual([
      expect.stringMatching(
        /^path: DIR\/train\/cow is a link that leads out of the folder, to .*elsewhere\/cat; data.links: follow allows that$/,
      ),
    ])
    const { classes: names, train } = listImages(root, {
      testShare: 0.1,
      dataSeed: 1,
      links: "follow",
    })
    expect(names).toEqual(["cat", "cow", "dog"])
    expect(train.files.filter((file) => file.startsWith("train/cow/"))).toHaveLength(5)
    symlinkSync("../elsewhere", join(root, "val"))
    expect(errors(root, { links: "follow" })).toEqual([])
    symlinkSync("..", join(root, "train", "loop"))
    expect(errors(root, { links: "follow" })).toEqual([
      "path: DIR/train/loop is a link to a folder that it lies in; remove it, or name another folder",
    ])
  })

  it("of splits that are not there", () => {
    const root = folderOf(classes("train", 6))
    symlinkSync("../.git/annex/objects/x", join(root, "test"))
    expect(errors(root)).toEqual([
      "path: DIR/test is a link to content of git-annex that is not fetched; `git annex get` fetches it",
    ])
    const gone = folderOf([...classes("train", 6), ...classes("val", 1)])
    symlinkSync("gone", join(gone, "train", "cow"))
    expect(errors(gone)).toEqual([])
    expect(warnings(gone)).toEqual([
      "DIR/train/cow is a link to what is missing (gone), and no class",
    ])
    expect(Datasets.report(block(gone), ".")!.splits[0]).toEqual(split("train", 12, { broken: 1 }))
  })

  it.each([
    [
      "git lfs pull",
      "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
      "a pointer of Git LFS to content that is not fetched",
    ],
    [
      "git annex get",
      "/annex/objects/SHA256E-s31390--f50d.png\n",
      "a pointer of git-annex to content that is not fetched",
    ],
  ])("in the form of pointer files: %s", (command, text, words) => {
    const root = temporary()
    const files = [...classes("train", 6), ...classes("val", 2)]
    write(root, files, Buffer.from(text))
    expect(errors(root)).toEqual([
      `path: 16 of 16 images are broken, and a trial ends that meets more than 0 (brokenLimit 0.01): train/cat/0.png, and 15 more: ${words}; \`${command}\` fetches it`,
    ])
  })
})
