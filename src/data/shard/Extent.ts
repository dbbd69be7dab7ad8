/** An image within a larger file: where its bytes are, and how they are read. */
import { BrokenImage } from "../ImageBytes.ts"
import { readAt, withOpen } from "../OpenFile.ts"

export interface Extent {
  /** Absolute. */
  readonly file: string
  readonly offset: number
  readonly length: number
}

/** As for images in files of their own. */
const maxBytes = 2 ** 26

/** The bytes of an image. Throws `BrokenImage` where there are none, or too many. */
export const readExtent = ({ file, length, offset }: Extent): Buffer => {
  if (length === 0) throw new BrokenImage("an empty file")
  if (length > maxBytes) throw new BrokenImage(`${length} bytes, more than ${maxBytes}`)
  const bytes = withOpen(file, (descriptor) => readAt(descriptor, offset, length))
  if (bytes.length < length) throw new BrokenImage("cut short: its shard ends before it")
  return bytes
}
