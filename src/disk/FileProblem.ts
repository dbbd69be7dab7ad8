/**
 * A file system error in words: what happened, what fixes it, and whether waiting may help. Node says `ENOSPC: no space
 * left on device, write` and Effect says `Unknown`; everything that reads or writes files puts it into these words.
 * Left out: which path and which operation (`Errors.ts`), when to wait (`Patience.ts`).
 */

interface Known {
  readonly words: string
  /** What a person can do. */
  readonly fix: string
  /** It may pass while the process waits: somebody makes room, a share comes back. */
  readonly passes?: true
}

const elsewhere = "choose another place"
const known: Readonly<Record<string, Known>> = {
  ENOSPC: { words: "no space is left on the disk", fix: "make room there", passes: true },
  EDQUOT: { words: "the disk quota is used up", fix: "make room there", passes: true },
  EROFS: {
    words: "the file system is read-only",
    fix: "make it writable, or choose another folder",
    passes: true,
  },
  EMFILE: {
    words: "this process has too many files open",
    fix: "raise the limit of open files (ulimit -n)",
    passes: true,
  },
  ENFILE: {
    words: "the machine has too many files open",
    fix: "end programs that hold many files open",
    passes: true,
  },
  ENOMEM: { words: "memory ran out", fix: "end other programs", passes: true },
  EAGAIN: {
    words: "the system has no process or memory left to give",
    fix: "end other programs, or raise the limits (ulimit -u, ulimit -v)",
    passes: true,
  },
  EIO: { words: "the disk failed to read or write", fix: "check the disk", passes: true },
  ESTALE: { words: "the network share lost the file", fix: "check the share", passes: true },
  ETIMEDOUT: { words: "the network share does not answer", fix: "check the share", passes: true },
  EHOSTDOWN: { words: "the network share is away", fix: "check the share", passes: true },
  ENOTCONN: { words: "the file system is not connected", fix: "check its mount", passes: true },
  EBUSY: { words: "it is in use", fix: "end what uses it", passes: true },
  ETXTBSY: { words: "it is a program that runs now", fix: elsewhere },
  EACCES: { words: "permission is denied", fix: "give access there, or choose another place" },
  EPERM: {
    words: "the operation is not permitted",
    fix: "give access there, or choose another place",
  },
  ENOENT: { words: "there is no such file or folder", fix: "check the path" },
  ENOTDIR: { words: "a part of the path is a file, not a folder", fix: "check the path" },
  EISDIR: { words: "it is a folder, not a file", fix: "check the path" },
  ENAMETOOLONG: { words: "the path or a name in it is too long", fix: "choose a shorter one" },
  ELOOP: { words: "its symbolic links lead in a circle", fix: "check the links" },
  EEXIST: { words: "it exists already", fix: elsewhere },
  ENOTEMPTY: { words: "the folder is not empty", fix: elsewhere },
  EFBIG: {
    words: "the file is larger than the file system or the limit (ulimit -f) allows",
    fix: "raise the limit, or choose another place",
  },
  EXDEV: { words: "the two paths are on different file systems", fix: elsewhere },
  EMLINK: { words: "the file has too many links", fix: elsewhere },
  ENXIO: { words: "it is a pipe or device that nobody serves", fix: elsewhere },
  ENODEV: { words: "its device is missing", fix: "check the mount" },
  ENOTSUP: { words: "the file system does not support this", fix: elsewhere },
  EOPNOTSUPP: { words: "the file system does not support this", fix: elsewhere },
  ENOSYS: { words: "the file system does not support this", fix: elsewhere },
  EINVAL: { words: "the file system does not accept the name or the operation", fix: elsewhere },
  EILSEQ: { words: "the file system does not accept the name", fix: "choose another name" },
  ERR_FS_EISDIR: { words: "it is a folder, not a file", fix: "check the path" },
  ERR_FS_FILE_TOO_LARGE: { words: "the file is larger than 2 GB", fix: "split it" },
}

/** What a file system error comes to. */
export interface FileProblem {
  /** `ENOSPC`, ...; undefined when the cause has none that is known. */
  readonly code: string | undefined
  /** `no space is left on the disk (ENOSPC)` */
  readonly words: string
  readonly fix: string | undefined
  readonly passes: boolean
  /** As the error itself has it. */
  readonly path: string | undefined
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/** An error and what it was caused by, outermost first: Effect's PlatformError carries node's own inside its reason. */
const chain = (cause: unknown): ReadonlyArray<Readonly<Record<string, unknown>>> => {
  const links: Array<Readonly<Record<string, unknown>>> = []
  const add = (value: unknown) => {
    if (!isObject(value) || links.includes(value) || links.length >= 8) return
    links.push(value)
    add(value["reason"])
    add(value["cause"])
  }
  add(cause)
  return links
}

const textOf = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined

/** Puts the cause into words. */
export const describe = (cause: unknown): FileProblem => {
  const links = chain(cause)
  const coded = links.find(({ code }) => typeof code === "string" && Object.hasOwn(known, code))
  const path = links
    .map((link) => textOf(link["pathOrDescriptor"]) ?? textOf(link["path"]))
    .find((found) => found !== undefined)
  if (coded !== undefined) {
    const code = coded["code"] as string
    const { fix, passes, words } = known[code]!
    return { code, words: `${words} (${code})`, fix, passes: passes === true, path }
  }
  const innermost = links
    .map(({ message }) => textOf(message))
    .findLast((text) => text !== undefined)
  const words = innermost ?? (isObject(cause) ? "no more is known" : String(cause))
  return { code: undefined, words, fix: undefined, passes: false, path }
}
