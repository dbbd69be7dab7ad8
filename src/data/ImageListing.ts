/**
 * What lies in a folder of images: folders that may be classes, files, links that lead nowhere. A link to a folder counts
 * as a folder where it may be followed. Left out: what the folders mean (`ImageLayout.ts`).
 */
import { readdirSync, realpathSync, statSync } from "node:fs"
import type { Dirent } from "node:fs"
import * as nodePath from "node:path"
import { pathText } from "../declaration/Errors.ts"
import { isWithin, type Links } from "./ImageBytes.ts"

/** Says in words why a folder cannot be trained on. */
export class UnfitFolder extends Error {
  /** The key of `data:` to change. */
  readonly key: "path" | "test" | "heldOutFrom"

  constructor(message: string, key: UnfitFolder["key"] = "path") {
    super(pathText(message))
    this.key = key
  }
}

const imageEnding = /\.(?:jpe?g|png|webp|gif|tiff?)$/iu
/** Whether a file is taken for an image. */
export const isImageName = (name: string): boolean =>
  imageEnding.test(name) && !name.startsWith(".")

/** What programs leave beside images. */
const notClasses = new Set([
  "__MACOSX",
  "@eaDir",
  "lost+found",
  "System Volume Information",
  "$RECYCLE.BIN",
])
export const examples = (names: ReadonlyArray<string>): string =>
  names.slice(0, 3).map(pathText).join(", ") +
  (names.length > 3 ? ` and ${names.length - 3} more` : "")

export const entriesOf = (folder: string): ReadonlyArray<Dirent> => {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    throw new UnfitFolder(`${pathText(folder)} cannot be listed (${(error as Error).message})`)
  }
}

/** Links followed; undefined where nothing is. */
export const statOf = (path: string) => {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    // A link that leads back to itself.
    return undefined
  }
}

/** What lies in a folder, apart: the folders of classes or splits in order, links that lead nowhere, all else. */
export interface Inside {
  readonly folders: ReadonlyArray<string>
  readonly dangling: ReadonlyArray<string>
  /** Files, hidden ones too, and folders that are never classes (with `/` at the end). */
  readonly rest: ReadonlyArray<string>
}

/** Parts what lies in a folder; throws for a link to a folder that must not be followed. */
export const inside = (root: string, folder: string, links: Links): Inside => {
  const folders: Array<string> = []
  const dangling: Array<string> = []
  const rest: Array<string> = []
  for (const entry of entriesOf(folder)) {
    const path = nodePath.join(folder, entry.name)
    const target = entry.isSymbolicLink() ? statOf(path) : entry
    if (target === undefined) (entry.name.startsWith(".") ? rest : dangling).push(entry.name)
    else if (!target.isDirectory()) rest.push(entry.name)
    else if (entry.name.startsWith(".") || notClasses.has(entry.name)) rest.push(`${entry.name}/`)
    else {
      if (entry.isSymbolicLink()) checkLink(root, folder, path, links)
      folders.push(entry.name)
    }
  }
  return { folders: folders.sort(), dangling: dangling.sort(), rest: rest.sort() }
}

const checkLink = (root: string, folder: string, path: string, links: Links): void => {
  const real = realpathSync(path)
  if (links === "refuse" && !isWithin(root, real))
    throw new UnfitFolder(
      `${pathText(path)} is a link that leads out of the folder, to ${pathText(real)}; data.links: follow allows that`,
    )
  if (isWithin(real, realpathSync(folder)))
    throw new UnfitFolder(
      `${pathText(path)} is a link to a folder that it lies in; remove it, or name another folder`,
    )
}
