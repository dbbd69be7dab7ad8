/**
 * How many images, classes, other files and broken files the splits of a folder have, and what is worth a warning.
 *
 * Before training only a cheap look is taken: links are followed, sizes and pointers to content elsewhere are seen; up to
 * `mostLooks` files are looked at, spread over all. No image is decoded: `fliqs data verify` does that. Whatever is not used
 * counts as passed over: other endings, hidden files, files beside and below the folders of classes. Folders whose name
 * begins with a dot are not gone into at the top (`.git`, `.dvc`).
 */
import { readdirSync } from "node:fs"
import * as nodePath from "node:path"
import { pathText } from "../declaration/Errors.ts"
import type { SplitCount, SplitReport } from "./DatasetKind.ts"
import { danglingLink, leadsOut, lookAt, type Links } from "./ImageBytes.ts"
import type { ImageFiles, ImageSplit, Rest } from "./ImageFiles.ts"
import { entriesOf } from "./ImageListing.ts"

/** A file under the root -> why it is broken. */
export type Broken = ReadonlyMap<string, string>

const mostLooks = 20_000

const splitsOf = ({ heldOut, test, train }: ImageFiles): ReadonlyArray<ImageSplit> => [
  train,
  ...(heldOut === undefined ? [] : [heldOut]),
  test,
]

/** Links where the folder of a class could be, which lead nowhere, and what they are. */
export const danglingLinks = ({ rest, root }: ImageFiles): Broken =>
  new Map(
    [...rest.values()].flatMap(({ dangling }) =>
      dangling.map((link) => [link, danglingLink(nodePath.join(root, link))] as const),
    ),
  )

/** What a look without decoding says of the files. */
export interface Look {
  readonly broken: Broken
  /** The largest part of a split that is broken, of the files looked at. */
  readonly mostBroken: number
  readonly report: SplitReport
}

const looks = new WeakMap<ImageFiles, Look>()

/** A cheap look at the files, taken once for each listing of them. */
export const cheapLook = (files: ImageFiles, links: Links): Look => {
  const before = looks.get(files)
  if (before !== undefined) return before
  const splits = splitsOf(files)
  const step = Math.ceil(splits.reduce((sum, split) => sum + split.files.length, 0) / mostLooks)
  const broken = new Map<string, string>()
  const parts = splits.map((split) => {
    const looked = split.files.filter((_, i) => i % step === 0)
    const found = looked.flatMap((file) => {
      const why = lookAt(files.root, file, links)
      return why === undefined ? [] : [[file, why] as const]
    })
    for (const [file, why] of found) broken.set(file, why)
    return found.length / looked.length
  })
  const look = { broken, mostBroken: Math.max(...parts), report: reportOf(files, broken) }
  looks.set(files, look)
  return look
}

/** The files of a folder and of all below it, links not followed; what git keeps is not gone into. */
const countFiles = (folder: string): number => {
  let count = 0
  const open = [folder]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    let entries
    try {
      entries = readdirSync(next, { withFileTypes: true })
    } catch {
      continue
    }
    for (const entry of entries)
      if (!entry.isDirectory()) count++
      else if (entry.name !== ".git") open.push(nodePath.join(next, entry.name))
  }
  return count
}

interface Sorts {
  readonly count: number
  /** `.heic`, `hidden`, `deeper folders` -> how many. */
  readonly sorts: ReadonlyMap<string, number>
}

const sortsOf = (root: string, { passedOver }: Rest): Sorts => {
  const sorts = new Map<string, number>()
  let count = 0
  for (const name of passedOver) {
    const isFolder = name.endsWith("/")
    if (/^\.[^/]*\/$/u.test(name)) continue
    const files = isFolder ? countFiles(nodePath.join(root, name)) : 1
    if (files === 0) continue
    const base = nodePath.basename(name)
    const sort = isFolder
      ? "in other folders"
      : base.startsWith(".")
        ? "hidden"
        : nodePath.extname(base).toLowerCase() || "without ending"
    sorts.set(sort, (sorts.get(sort) ?? 0) + files)
    count += files
  }
  return { count, sorts }
}

const sortsWords = (sorts: ReadonlyMap<string, number>): string => {
  const all = [...sorts].sort((a, b) => b[1] - a[1])
  const first = all.slice(0, 4).map(([sort, count]) => `${count} ${pathText(sort)}`)
  return first.join(", ") + (all.length > first.length ? ", ..." : "")
}

/** Broken files by what is wrong with them: `40 (train/cat/1.jpg, ...): an empty file`. */
export const brokenWords = (broken: Broken): string => {
  const groups = new Map<string, Array<string>>()
  for (const [file, why] of broken) groups.set(why, [...(groups.get(why) ?? []), file])
  const all = [...groups].sort((a, b) => b[1].length - a[1].length)
  const first = all.slice(0, 3).map(([why, files]) => {
    const more = files.length > 1 ? `, and ${files.length - 1} more` : ""
    return `${pathText(files[0]!)}${more}: ${pathText(why)}${why === leadsOut ? " (data.links: follow allows that)" : ""}`
  })
  return first.join("; ") + (all.length > first.length ? "; ..." : "")
}

/** Endings of images that others read and this program does not. */
const otherImages = new Set(
  ".bmp .heic .heif .avif .jp2 .j2k .jxl .svg .ppm .pgm .pbm .pnm .jfif .jpe .tga .exr .hdr .dcm .npy .psd .nef .cr2 .dng".split(
    " ",
  ),
)

/** Counts of the splits, which folder is used for what, and warnings; `broken` are the files known to be so. */
export const reportOf = (files: ImageFiles, broken: Broken): SplitReport => {
  const { layout, root, rest } = files
  const { heldOut, others, passedThrough, test, train = "" } = layout
  const warnings = [
    ...files.warnings,
    ...[...danglingLinks(files)].map(
      ([link, what]) => `${pathText(nodePath.join(root, link))} is ${pathText(what)}, and no class`,
    ),
  ]
  const found = new Map([...rest].map(([name, own]) => [name, sortsOf(root, own)] as const))
  const splits: Array<SplitCount> = []
  const add = (name: string, folder: string | undefined, split: ImageSplit) => {
    const dangling = (folder === undefined ? undefined : rest.get(folder))?.dangling ?? []
    splits.push({
      name,
      images: split.files.length,
      classes: new Set(split.labels).size,
      passedOver: folder === undefined ? 0 : (found.get(folder)?.count ?? 0),
      broken: split.files.filter((file) => broken.has(file)).length + dangling.length,
    })
  }
  const trainName = train === "" ? "train" : train
  add(trainName, train, files.train)
  if (heldOut !== undefined) add(heldOut, heldOut, files.heldOut!)
  add(test ?? "test", test, files.test)
  for (const name of layout.unused)
    splits.push({
      name: splits.some((split) => split.name === name) ? `${name}/` : name,
      images: 0,
      classes: 0,
      passedOver: countFiles(nodePath.join(root, name)),
      broken: 0,
    })
  for (const [name, { count: total, sorts }] of found) {
    const images = [...sorts].filter(([sort]) => otherImages.has(sort))
    if (images.length > 0)
      warnings.push(
        `${pathText(nodePath.join(root, name))}: ${sortsWords(new Map(images))} files are passed over, of ${total} in all; only JPEG, PNG, WebP, GIF and TIFF images are read`,
      )
  }
  return {
    splits,
    splitUses: { train: trainName, heldOut: heldOut ?? trainName, test: test ?? "test" },
    otherFiles:
      train === ""
        ? filesAt(passedThrough)
        : filesAt([...passedThrough, root]) +
          others.reduce((sum, name) => sum + countFiles(nodePath.join(root, name)), 0),
    passedOver: Object.fromEntries(
      [...found].flatMap(([name, { sorts }]) =>
        sorts.size === 0 ? [] : [[name === "" ? trainName : name, sortsWords(sorts)]],
      ),
    ),
    warnings,
  }
}

/** What lies directly in folders and is no folder. */
const filesAt = (folders: ReadonlyArray<string>): number =>
  folders.reduce(
    (sum, folder) => sum + entriesOf(folder).filter((entry) => !entry.isDirectory()).length,
    0,
  )
