/**
 * The files of a folder of images, one folder per class: which images there are and what they are labelled, by name
 * alone. No image is opened here.
 *
 *     DIR/train/CLASS/*.jpg and DIR/test/CLASS/*.jpg    `val` or `validation` will do for `test`
 *     DIR/CLASS/*.jpg                                   a share of each class is set apart for the test
 *
 * Classes are numbered in the order of their names. Names that begin with a dot are passed over, and so is what does not
 * end like an image; images lie directly in the folder of their class. Left out: what is in the files (`ImageFile.ts`).
 */
import { lstatSync, readdirSync, realpathSync, statSync } from "node:fs"
import * as nodePath from "node:path"
import { pathText } from "../declaration/Errors.ts"
import { randomStream } from "../space/Random.ts"

export interface ImageSplit {
  /** From the root, with `/` between folder and file; in the order of the names. */
  readonly files: ReadonlyArray<string>
  /** [files] */
  readonly labels: Int32Array
}

export interface ImageFiles {
  /** Absolute, without links. */
  readonly root: string
  readonly classes: ReadonlyArray<string>
  readonly train: ImageSplit
  readonly test: ImageSplit
}

export interface Parting {
  /** Of each class; where there is no test folder. */
  readonly testShare: number
  readonly dataSeed: number
}

const ending = /\.(?:jpe?g|png|webp|gif|tiff?)$/iu
const testNames = ["test", "val", "validation"] as const
const maxClasses = 65_536

/** Says in words why a folder cannot be trained on. */
export class UnfitFolder extends Error {
  constructor(message: string) {
    super(pathText(message))
  }
}

const listed = (folder: string) => {
  try {
    return readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith("."))
  } catch (error) {
    throw new UnfitFolder(`${folder} cannot be listed (${(error as Error).message})`)
  }
}

/** A file's name for people: signs that would steer a terminal are written out. */
export const shown = (name: string): string =>
  name.replaceAll(/\p{Cc}/gu, (sign) => `\\x${sign.codePointAt(0)!.toString(16).padStart(2, "0")}`)

/** Whether a path, links followed, is the root or lies under it. */
export const isWithin = (root: string, real: string): boolean =>
  real === root || real.startsWith(root.endsWith(nodePath.sep) ? root : root + nodePath.sep)

/** The names of the folders in a folder, in order; a link to a folder counts when it stays within the root. */
const foldersIn = (root: string, folder: string): ReadonlyArray<string> =>
  listed(folder)
    .filter((entry) => {
      if (!entry.isSymbolicLink()) return entry.isDirectory()
      const path = nodePath.join(folder, entry.name)
      const target = statSync(path, { throwIfNoEntry: false })
      if (target === undefined || !target.isDirectory()) return false
      if (!isWithin(root, realpathSync(path)))
        throw new UnfitFolder(
          `${shown(path)} is a link that leads out of the folder; a folder would be right`,
        )
      return true
    })
    .map(({ name }) => name)
    .sort()

/** The images of a folder, in order: class -> names. What is no regular file shows when it is read. */
const classesIn = (root: string, folder: string): ReadonlyMap<string, ReadonlyArray<string>> =>
  new Map(
    foldersIn(root, folder).map((name) => [
      name,
      listed(nodePath.join(folder, name))
        .filter((entry) => ending.test(entry.name) && !entry.isDirectory())
        .map((entry) => entry.name)
        .sort(),
    ]),
  )

const splitOf = (
  prefix: string,
  classes: ReadonlyArray<string>,
  names: (label: string) => ReadonlyArray<string>,
): ImageSplit => {
  const files: Array<string> = []
  const labels: Array<number> = []
  for (const [label, name] of classes.entries())
    for (const file of names(name)) {
      files.push(`${prefix}${name}/${file}`)
      labels.push(label)
    }
  return { files, labels: Int32Array.from(labels) }
}

const examples = (names: ReadonlyArray<string>): string =>
  names.slice(0, 3).map(shown).join(", ") +
  (names.length > 3 ? ` and ${names.length - 3} more` : "")

const checkClasses = (
  folder: string,
  found: ReadonlyMap<string, ReadonlyArray<string>>,
): ReadonlyArray<string> => {
  const classes = [...found.keys()]
  if (classes.length < 2)
    throw new UnfitFolder(
      `${folder} has ${classes.length === 0 ? "no folders" : `only the folder ${shown(classes[0]!)}`}; two folders or more, each with the images of one class, would be right`,
    )
  if (classes.length > maxClasses)
    throw new UnfitFolder(`${folder} has ${classes.length} folders; at most ${maxClasses} classes`)
  const empty = classes.filter((name) => found.get(name)!.length === 0)
  if (empty.length > 0)
    throw new UnfitFolder(
      `${folder} has classes without an image: ${examples(empty)}; files that end in .jpg, .png, .webp, .gif or .tif directly in each would be right`,
    )
  return classes
}

/** Two folders, train and test. */
const fromTwo = (root: string, path: string, testName: string): Omit<ImageFiles, "root"> => {
  const folders = { train: nodePath.join(path, "train"), test: nodePath.join(path, testName) }
  const [train, test] = [classesIn(root, folders.train), classesIn(root, folders.test)]
  const classes = checkClasses(folders.train, train)
  const unknown = [...test.keys()].filter((name) => !train.has(name))
  if (unknown.length > 0)
    throw new UnfitFolder(
      `${folders.test} has classes that ${folders.train} has not: ${examples(unknown)}; the same names would be right`,
    )
  const split = splitOf(`${testName}/`, classes, (name) => test.get(name) ?? [])
  if (split.files.length === 0) throw new UnfitFolder(`${folders.test} has no images`)
  return { classes, train: splitOf("train/", classes, (name) => train.get(name)!), test: split }
}

/** One folder: of each class a share, at least one image where it has two, is set apart by the seed. */
const fromOne = (
  root: string,
  path: string,
  prefix: string,
  parting: Parting,
): Omit<ImageFiles, "root"> => {
  const folder = nodePath.join(path, prefix)
  const found = classesIn(root, folder)
  const classes = checkClasses(folder, found)
  const parts = new Map(
    classes.map((name) => {
      const names = found.get(name)!
      const { length } = names
      const wanted = Math.max(1, Math.round(parting.testShare * length))
      const random = randomStream(parting.dataSeed, `imageFolder/test/${name}`)
      const test = new Set(random.permutation(length).subarray(0, Math.min(wanted, length - 1)))
      return [
        name,
        {
          train: names.filter((_, i) => !test.has(i)),
          test: names.filter((_, i) => test.has(i)),
        },
      ]
    }),
  )
  const [train, test] = (["train", "test"] as const).map((split) =>
    splitOf(prefix, classes, (name) => parts.get(name)![split]),
  )
  if (test!.files.length === 0)
    throw new UnfitFolder(`${folder} has one image in each class; more would be right`)
  return { classes, train: train!, test: test! }
}

/** All folders that `list` looks into, with the time of their last change. */
const stamp = (root: string): string => {
  const two = [root, ...["train", ...testNames].map((name) => nodePath.join(root, name))]
  const folders = two.filter((folder) => statSync(folder, { throwIfNoEntry: false })?.isDirectory())
  const inner = folders.flatMap((folder) =>
    listed(folder).map(({ name }) => nodePath.join(folder, name)),
  )
  return [...folders, ...inner]
    .map((path) => `${path} ${statSync(path, { throwIfNoEntry: false })?.mtimeMs}`)
    .join("\n")
}

const known = new Map<string, { readonly stamp: string; readonly files: ImageFiles }>()

/**
 * The images of a folder; listed anew only when a folder has changed, so that every cell of a matrix can ask.
 * Throws `UnfitFolder`.
 */
export const listImages = (path: string, parting: Parting): ImageFiles => {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
  if (!isFolder)
    throw new UnfitFolder(
      `${path} ${lstatSync(path, { throwIfNoEntry: false }) === undefined ? "is not there" : "is no folder"}; a folder with a folder per class, or with train and test folders of such, would be right`,
    )
  const root = realpathSync(path)
  const key = JSON.stringify([root, parting.testShare, parting.dataSeed])
  const now = stamp(root)
  const before = known.get(key)
  if (before?.stamp === now) return before.files
  const names = new Set(foldersIn(root, path))
  const testName = testNames.find((name) => names.has(name))
  if (!names.has("train") && testName !== undefined)
    throw new UnfitFolder(`${path} has the folder ${testName} but no folder train beside it`)
  const files = {
    root,
    ...(!names.has("train")
      ? fromOne(root, path, "", parting)
      : testName === undefined
        ? fromOne(root, path, "train/", parting)
        : fromTwo(root, path, testName)),
  }
  known.set(key, { stamp: now, files })
  return files
}

/** The first `limit` images of a split once shuffled by the seed: some of every class, always the same. */
export const limitImages = (
  split: ImageSplit,
  limit: number | undefined,
  name: string,
  dataSeed: number,
): ImageSplit => {
  const count = split.files.length
  if (limit === undefined || limit >= count) return split
  const kept = randomStream(dataSeed, `imageFolder/limit/${name}`)
    .permutation(count)
    .slice(0, limit)
    .sort()
  return {
    files: Array.from(kept, (i) => split.files[i]!),
    labels: Int32Array.from(kept, (i) => split.labels[i]!),
  }
}
