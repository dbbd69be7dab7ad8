/**
 * Files of the user as they are opened here: a FIFO or a device is refused without waiting for it, and what the file system
 * says becomes words. What is derived from such files is remembered while they do not change.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs"
import { Result } from "effect"
import { identityOf } from "../disk/FileIdentity.ts"
import { describe } from "../disk/FileProblem.ts"

/** Reads bytes of an open file; fewer where it ends before. */
export const readAt = (descriptor: number, offset: number, length: number): Buffer => {
  const bytes = Buffer.alloc(length)
  let done = 0
  while (done < length) {
    const read = readSync(descriptor, bytes, done, length - done, offset + done)
    if (read === 0) break
    done += read
  }
  return bytes.subarray(0, done)
}

/** Uses an open regular file and closes it. Throws what the file system says, and an Error for what is no file. */
export const withOpen = <A>(file: string, use: (descriptor: number, size: number) => A): A => {
  // Without O_NONBLOCK, opening a FIFO waits for whoever writes to it.
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stat = fstatSync(descriptor)
    if (!stat.isFile()) throw new Error("is not a regular file")
    return use(descriptor, stat.size)
  } finally {
    closeSync(descriptor)
  }
}

/** What `use` makes of something in the file system; what is thrown becomes words. */
export const inWords = <A>(use: () => A): Result.Result<A, string> =>
  Result.try({
    try: use,
    catch: (error) =>
      error instanceof Error && !("code" in error && typeof error.code === "string")
        ? error.message
        : `cannot be read: ${describe(error).words}`,
  })

/** Which content a file has: text that is another where the content is. */
export const stampOf = (file: string): string => identityOf(file)?.text ?? "none"

/** More results than this are not kept: cells of a matrix ask for the same few again and again. */
const mostKept = 4

/** `make`, with its last results kept for as long as the stamps of the files they come from stay the same. */
export const remembering = <A>() => {
  const known = new Map<string, A>()
  return (what: ReadonlyArray<unknown>, files: ReadonlyArray<string>, make: () => A): A => {
    const key = JSON.stringify([...what, files.map(stampOf)])
    const before = known.get(key)
    if (before !== undefined) return before
    const made = make()
    if (known.size >= mostKept) known.clear()
    known.set(key, made)
    return made
  }
}
