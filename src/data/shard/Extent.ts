/** An image within a larger file: where its bytes are, and how they are read. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs"
import { BrokenImage } from "../ImageBytes.ts"

export interface Extent {
  /** Absolute. */
  readonly file: string
  readonly offset: number
  readonly length: number
}

/** As for images in files of their own. */
const maxBytes = 2 ** 26

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

/** Opens a regular file; a FIFO does not make it wait. Throws what the file system says, and an Error for what is no file. */
export const openRegular = (
  file: string,
): { readonly descriptor: number; readonly size: number } => {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  const stat = fstatSync(descriptor)
  if (stat.isFile()) return { descriptor, size: stat.size }
  closeSync(descriptor)
  throw new Error("is not a regular file")
}

/** The bytes of an image. Throws `BrokenImage` where there are none, or too many. */
export const readExtent = ({ file, length, offset }: Extent): Buffer => {
  if (length === 0) throw new BrokenImage("an empty file")
  if (length > maxBytes) throw new BrokenImage(`${length} bytes, more than ${maxBytes}`)
  const { descriptor } = openRegular(file)
  try {
    const bytes = readAt(descriptor, offset, length)
    if (bytes.length < length) throw new BrokenImage("cut short: its shard ends before it")
    return bytes
  } finally {
    closeSync(descriptor)
  }
}
