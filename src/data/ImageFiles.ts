/**
 * The files of a folder of images, one folder per class: which images there are and what they are labelled, by name
 * alone. No image is opened here.
 *
 * Classes are numbered in the order of their names. An image is a file that ends like one and lies directly in the folder
 * of its class; all else is passed over and kept count of (`ImageCounts.ts`). Left out: which folder is what
 * (`ImageLayout.ts`), what is in the files (`ImageFile.ts`).
 */
import { realpathSync, statSync } from "node:fs"
import * as nodePath from "node:path"
import { pathText } from "../declaration/Errors.ts"
import { randomStream } from "../space/RandomStream.ts"
import { danglingLink, type Links } from "./ImageBytes.ts"
import { type Choice, type Layout, layoutOf } from "./ImageLayout.ts"
import { entriesOf, examples, inside, isImageName, UnfitFolder } from "./ImageListing.ts"

export interface ImageSplit {
  /** From the root, with `/` between folder and file; in the order of the names. */
  readonly files: ReadonlyArray<string>
  /** [files] */
  readonly labels: Int32Array
}

/** What lies in a folder of a split and is no image of it; from the root, folders with `/` at the end. */
export interface Rest {
  readonly passedOver: ReadonlyArray<string>
  /** Links where the folder of a class could be, which lead nowhere. */
  readonly dangling: ReadonlyArray<string>
}

export interface ImageFiles {
  /** Absolute, without links. */
  readonly root: string
  readonly layout: Layout
  readonly classes: ReadonlyArray<string>
  readonly train: ImageSplit
  readonly test: ImageSplit
  /** Where held-out images have a folder of their own. */
  readonly heldOut?: ImageSplit
  /** By the folder of a split; that of the root is called "". */
  readonly rest: ReadonlyMap<string, Rest>
  readonly warnings: ReadonlyArray<string>
}

export interface Parting extends Choice {
  /** Of each class; where there is no test folder. */
  readonly testShare: number
  readonly dataSeed: number
}

const maxClasses = 65_536

/** The classes of a split folder, in order, each with its images, in order. What is no regular file shows when it is read. */
const classesIn = (root: string, folder: string, links: Links) => {
  const from = folder === "" ? "" : `${folder}/`
  const { dangling, folders, rest } = inside(root, nodePath.join(root, folder), links)
  const passedOver = rest.map((name) => `${from}${name}`)
  const classes = new Map<string, ReadonlyArray<string>>()
  for (const name of folders) {
    const images: Array<string> = []
    for (const entry of entriesOf(nodePath.join(root, folder, name)))
      if (isImageName(entry.name) && !entry.isDirectory()) images.push(entry.name)
      else passedOver.push(`${from}${name}/${entry.name}${entry.isDirectory() ? "/" : ""}`)
    classes.set(name, images.sort())
  }
  return {
    classes,
    rest: { passedOver, dangling: dangling.map((name) => `${from}${name}`) } satisfies Rest,
  }
}
type Found = ReturnType<typeof classesIn>

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

/** What there is in place of an image: `12 .heic, 1 folder`. */
const otherThings = (names: ReadonlyArray<string>): string => {
  const counts = new Map<string, number>()
  for (const name of names) {
    const sort = name.endsWith("/") ? "folder" : (/.(\.[^./]+)$/u.exec(name)?.[1] ?? "file")
    counts.set(sort, (counts.get(sort) ?? 0) + 1)
  }
  return [...counts].map(([sort, count]) => `${count} ${pathText(sort)}`).join(", ")
}

const checkClasses = (folder: string, { classes: found, rest }: Found): ReadonlyArray<string> => {
  const classes = [...found.keys()]
  const [dangling] = rest.dangling
  if (classes.length < 2)
    throw new UnfitFolder(
      `${pathText(folder)} has ${classes.length === 0 ? "no folders" : `only the folder ${pathText(classes[0]!)}`}; two folders or more, each with the images of one class, would be right` +
        (dangling === undefined
          ? rest.passedOver.some((name) => name.endsWith(".dvc"))
            ? ", and `dvc pull` fetches what its .dvc files stand for"
            : ""
          : `: ${pathText(dangling)} is ${danglingLink(nodePath.join(folder, nodePath.basename(dangling)))}`),
    )
  if (classes.length > maxClasses)
    throw new UnfitFolder(
      `${pathText(folder)} has ${classes.length} folders; at most ${maxClasses} classes`,
    )
  const empty = classes.filter((name) => found.get(name)!.length === 0)
  if (empty.length > 0) {
    const within = rest.passedOver.filter((name) =>
      empty.includes(nodePath.basename(nodePath.dirname(name))),
    )
    throw new UnfitFolder(
      `${pathText(folder)} has classes without an image: ${examples(empty)}${within.length === 0 ? "" : ` (with ${otherThings(within)})`}; files that end in .jpg, .png, .webp, .gif or .tif directly in each would be right`,
    )
  }
  return classes
}

/** Another split with the classes of the train split. */
const besideTrain = (
  { root, train }: Layout,
  folder: string,
  classes: ReadonlyArray<string>,
  links: Links,
) => {
  const found = classesIn(root, folder, links)
  const path = pathText(nodePath.join(root, folder))
  const known = new Set(classes)
  const unknown = [...found.classes.keys()].filter((name) => !known.has(name))
  if (unknown.length > 0)
    throw new UnfitFolder(
      `${path} has classes that ${pathText(nodePath.join(root, train!))} has not: ${examples(unknown)}; the same names would be right, or another folder by data.test or data.heldOutFrom`,
    )
  const split = splitOf(`${folder}/`, classes, (name) => found.classes.get(name) ?? [])
  if (split.files.length === 0) throw new UnfitFolder(`${path} has no images`)
  const missing = classes.filter((name) => (found.classes.get(name) ?? []).length === 0)
  return {
    split,
    rest: found.rest,
    warnings: missing.length === 0 ? [] : [`${path} has no image of ${examples(missing)}`],
  }
}

/** One folder: of each class a share, at least one image where it has two, is set apart by the seed. */
const parted = (
  path: string,
  prefix: string,
  classes: ReadonlyArray<string>,
  found: Found,
  parting: Parting,
) => {
  const parts = new Map(
    classes.map((name) => {
      const names = found.classes.get(name)!
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
    throw new UnfitFolder(`${path} has one image in each class; more would be right`)
  return { train: train!, test: test! }
}

const list = (path: string, parting: Parting): ImageFiles => {
  const { links = "refuse" } = parting
  const layout = layoutOf(path, parting)
  const { root, train = "" } = layout
  const folder = nodePath.join(root, train)
  const found = classesIn(root, train, links)
  const classes = checkClasses(folder, found)
  const rest = new Map<string, Rest>([[train, found.rest]])
  const warnings = [...layout.warnings]
  const other = (name: string): ImageSplit => {
    const beside = besideTrain(layout, name, classes, links)
    rest.set(name, beside.rest)
    warnings.push(...beside.warnings)
    return beside.split
  }
  const prefix = train === "" ? "" : `${train}/`
  const splits =
    layout.test === undefined
      ? parted(pathText(folder), prefix, classes, found, parting)
      : {
          train: splitOf(prefix, classes, (name) => found.classes.get(name)!),
          test: other(layout.test),
        }
  return {
    root,
    layout,
    classes,
    ...splits,
    ...(layout.heldOut === undefined ? {} : { heldOut: other(layout.heldOut) }),
    rest,
    warnings,
  }
}

/** All folders that `list` looks into, with the time of their last change. */
const stamp = (folders: ReadonlyArray<string>): string =>
  folders.map((path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs).join()

const foldersOf = ({ root, layout, classes }: ImageFiles): ReadonlyArray<string> => {
  const { heldOut, others, passedThrough, test, train = "", unused } = layout
  const splits = [train, test, heldOut].filter((name) => name !== undefined)
  return [
    ...passedThrough,
    root,
    ...[...unused, ...others].map((name) => nodePath.join(root, name)),
    ...splits.flatMap((split) => [
      nodePath.join(root, split),
      ...classes.map((name) => nodePath.join(root, split, name)),
    ]),
  ]
}

interface Known {
  readonly folders: ReadonlyArray<string>
  readonly stamp: string
  readonly files: ImageFiles
}
const known = new Map<string, Known>()

/**
 * The images of a folder; listed anew only when a folder has changed, so that every cell of a matrix can ask.
 * Throws `UnfitFolder`.
 */
export const listImages = (path: string, parting: Parting): ImageFiles => {
  const { dataSeed, heldOutFrom, links, test, testShare } = parting
  // A link may lead elsewhere by now.
  const real = statSync(path, { throwIfNoEntry: false }) === undefined ? path : realpathSync(path)
  const key = JSON.stringify([real, testShare, dataSeed, links, test, heldOutFrom])
  const before = known.get(key)
  if (before !== undefined && before.stamp === stamp(before.folders)) return before.files
  const files = list(path, parting)
  const folders = foldersOf(files)
  known.set(key, { folders, stamp: stamp(folders), files })
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
