/**
 * The bytes of an image file, read so that no file can hang or overfill the reader, and what a cheap look says of a
 * file without decoding it.
 *
 * A link is followed where it stays within the folder, or where `links` says so: DVC, the Hugging Face cache and git-annex
 * keep the content of a folder elsewhere. Content that was never fetched is named as such, with the command that fetches
 * it. Left out: which files there are (`ImageFiles.ts`), what is in them (`ImageFile.ts`).
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
} from "node:fs"
import * as nodePath from "node:path"
import { Schema } from "effect"

/** What to do with links that lead out of the folder. */
export const Links = Schema.Literals(["refuse", "follow"]).annotate({ identifier: "Links" })
export type Links = typeof Links.Type

/** A file that is no image, or only a part of one; the message says why, without the name. */
export class BrokenImage extends Error {
  /** What the digest of a split has for a file that cannot be read: stays as it is, or begun trials cannot go on. */
  readonly code: string

  constructor(message: string, code = message) {
    super(message)
    this.code = code
  }
}

const maxBytes = 2 ** 26
/** Pointer files are shorter. */
const pointerBytes = 1024

/** What lies with the file; all else (EMFILE, EIO) may pass, and must not leave out an image. */
const ofTheFile = new Set([
  "ENOENT",
  "ENOTDIR",
  "ELOOP",
  "ENAMETOOLONG",
  "EACCES",
  "EPERM",
  "ENXIO",
])

/** Whether a path, links followed, is the root or lies under it. */
export const isWithin = (root: string, real: string): boolean =>
  real === root || real.startsWith(root.endsWith(nodePath.sep) ? root : root + nodePath.sep)

/** What keeps content elsewhere, by where its links lead. */
const stores = [
  { at: /\.git\/annex\/objects\//u, what: "git-annex", fix: "`git annex get` fetches it" },
  { at: /\/(?:\.dvc\/cache|files\/md5)\//u, what: "DVC", fix: "`dvc pull` fetches it" },
  {
    at: /(?:^|\/)blobs\/[0-9a-f]{40,64}$/u,
    what: "the Hugging Face cache",
    fix: "download the data set again",
  },
]

/** Says where a link leads that cannot be followed, and what would bring its content. */
export const danglingLink = (path: string): string => {
  let target: string
  try {
    target = readlinkSync(path)
  } catch {
    return "missing"
  }
  const store = stores.find(({ at }) => at.test(target))
  return store === undefined
    ? `a link to what is missing (${target})`
    : `a link to content of ${store.what} that is not fetched; ${store.fix}`
}

const whyUnreadable = (path: string, code: string): string => {
  if (code === "ELOOP") return "a link that leads back to itself"
  if (code === "ENOENT") return danglingLink(path)
  return code === "EACCES" || code === "EPERM" ? `not to be read by this user (${code})` : code
}

export const leadsOut = "a link that leads out of the folder"

/** Opens a file under `root` and hands it on with its size; throws `BrokenImage` for what is no regular file. */
const withFile = <A>(
  root: string,
  file: string,
  links: Links,
  use: (descriptor: number, size: number) => A,
): A => {
  const path = nodePath.join(root, file)
  let descriptor: number | undefined
  try {
    const real = realpathSync(path)
    if (links === "refuse" && !isWithin(root, real)) throw new BrokenImage(leadsOut)
    // Without O_NONBLOCK, opening a FIFO waits for whoever writes to it.
    descriptor = openSync(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
    const stat = fstatSync(descriptor)
    if (!stat.isFile()) throw new BrokenImage("not a regular file")
    if (stat.size === 0) throw new BrokenImage("an empty file")
    if (stat.size > maxBytes) throw new BrokenImage(`${stat.size} bytes, more than ${maxBytes}`)
    return use(descriptor, stat.size)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (error instanceof BrokenImage || code === undefined || !ofTheFile.has(code)) throw error
    throw new BrokenImage(whyUnreadable(path, code), code)
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

/** The bytes of a file under `root`; throws `BrokenImage` for links that are not to be followed and what is no regular file. */
export const readImageFile = (root: string, file: string, links: Links = "refuse"): Buffer =>
  withFile(root, file, links, (descriptor) => readFileSync(descriptor))

/** Says what a file is that stands for content kept elsewhere; undefined for any other. */
export const pointerOf = (bytes: Buffer): string | undefined => {
  if (bytes.length > pointerBytes) return undefined
  const text = bytes.toString("latin1")
  if (
    /^version https?:\/\/(?:git-lfs\.github\.com|hawser\.github\.com|git-media\.io)\//u.test(text)
  )
    return "a pointer of Git LFS to content that is not fetched; `git lfs pull` fetches it"
  return text.startsWith("/annex/objects/")
    ? "a pointer of git-annex to content that is not fetched; `git annex get` fetches it"
    : undefined
}

/** Why a file cannot be an image, as far as its entry and a short content say; undefined where nothing speaks against it. */
export const lookAt = (root: string, file: string, links: Links): string | undefined => {
  const stat = lstatSync(nodePath.join(root, file), { throwIfNoEntry: false })
  if (stat?.isFile() === true && stat.size > pointerBytes && stat.size <= maxBytes) return undefined
  try {
    return withFile(root, file, links, (descriptor, size) =>
      size > pointerBytes ? undefined : pointerOf(readFileSync(descriptor)),
    )
  } catch (error) {
    if (error instanceof BrokenImage) return error.message
    throw error
  }
}
