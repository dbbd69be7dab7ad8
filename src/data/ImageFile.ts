/**
 * One image: its bytes, read so that no file can hang or overfill the reader, and its pixels at the size of the network.
 *
 * Decoded by libvips (sharp): turned upright as its EXIF says, transparency over black, sRGB or grey, 8 bits. Training
 * takes a random part of it (arXiv 1409.4842, section 6, as in Inception training: 8 to 100 % of its area, sides in a
 * ratio of 3/4 to 4/3, relative to that of the network's input) and mirrors half of the images; all else takes the
 * middle. Left out: which file, and where this runs (`ImageWorker.ts`).
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync } from "node:fs"
import * as nodePath from "node:path"
import { randomStream, type Random } from "../space/Random.ts"
import { isWithin } from "./ImageFiles.ts"

/** A file that is no image, or only a part of one; the message says why, without the name. */
export class BrokenImage extends Error {}

const maxBytes = 2 ** 26
const maxPixels = 2 ** 26

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

/** The bytes of a file under `root`; throws `BrokenImage` for links out of it and whatever is no regular file. */
export const readImageFile = (root: string, file: string): Buffer => {
  let descriptor: number | undefined
  try {
    const real = realpathSync(nodePath.join(root, file))
    if (!isWithin(root, real)) throw new BrokenImage("a link that leads out of the folder")
    // Without O_NONBLOCK, opening a FIFO waits for whoever writes to it.
    descriptor = openSync(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
    const stat = fstatSync(descriptor)
    if (!stat.isFile()) throw new BrokenImage("not a regular file")
    if (stat.size === 0) throw new BrokenImage("an empty file")
    if (stat.size > maxBytes) throw new BrokenImage(`${stat.size} bytes, more than ${maxBytes}`)
    return readFileSync(descriptor)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined || !ofTheFile.has(code)) throw error
    throw new BrokenImage(code)
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

export interface Size {
  readonly height: number
  readonly width: number
  /** 1 (grey) or 3 (red, green, blue). */
  readonly channels: number
}

/** How an image is cut out of the file. */
export interface Cut {
  /** The share of the middle that is kept, of the shorter side. */
  readonly centre: number
  /** Draws from stream `stream` of `seed`; absent where nothing is left to chance. */
  readonly random?: {
    readonly seed: number
    readonly stream: string
    readonly flip: boolean
    /** The least share of the area that a random part has; absent: the middle. */
    readonly minArea?: number
  }
}

interface Region {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

/** The largest middle part of the network's proportions, times `share`. */
export const centreRegion = (
  from: Omit<Size, "channels">,
  to: Omit<Size, "channels">,
  share: number,
): Region => {
  const scale = Math.max(to.width / from.width, to.height / from.height) / share
  const width = Math.min(from.width, Math.max(1, Math.round(to.width / scale)))
  const height = Math.min(from.height, Math.max(1, Math.round(to.height / scale)))
  const left = Math.floor((from.width - width) / 2)
  const top = Math.floor((from.height - height) / 2)
  return { left, top, width, height }
}

/** A random part; after ten that do not fit, the middle. */
export const randomRegion = (
  random: Random,
  from: Omit<Size, "channels">,
  to: Omit<Size, "channels">,
  minArea: number,
): Region => {
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = from.width * from.height * (minArea + (1 - minArea) * random.uniform())
    const stretch = (4 / 3) ** (2 * random.uniform() - 1)
    const ratio = (to.width / to.height) * stretch
    const width = Math.round(Math.sqrt(area * ratio))
    const height = Math.round(Math.sqrt(area / ratio))
    if (width < 1 || height < 1 || width > from.width || height > from.height) continue
    const left = random.integer(from.width - width + 1)
    const top = random.integer(from.height - height + 1)
    return { left, top, width, height }
  }
  return centreRegion(from, to, 1)
}

const ascii = (bytes: Buffer, start: number, end: number) => bytes.toString("latin1", start, end)

/** By its first bytes: other decoders (SVG, PDF) are never let near a file. */
const formatOf = (bytes: Buffer): "jpeg" | "png" | "webp" | "gif" | "tiff" | undefined => {
  const start = ascii(bytes, 0, 4)
  if (start.startsWith("\xff\xd8\xff")) return "jpeg"
  if (start === "\x89PNG") return "png"
  if (start === "GIF8") return "gif"
  if (start === "II*\0" || start === "MM\0*") return "tiff"
  return start === "RIFF" && ascii(bytes, 8, 12) === "WEBP" ? "webp" : undefined
}

/** Whether the end is there; where the format does not say, it is not taken for granted. */
const isWhole = (bytes: Buffer, format: ReturnType<typeof formatOf>): boolean => {
  const end = ascii(bytes, Math.max(0, bytes.length - 64), bytes.length)
  if (format === "jpeg") return end.includes("\xff\xd9")
  if (format === "png") return end.includes("IEND")
  return format === "webp" && bytes.readUInt32LE(4) + 8 <= bytes.length
}

/** The pixels, [height, width, channels]; throws `BrokenImage`. */
export const decodeImage = async (
  bytes: Buffer,
  to: Size,
  { centre, random }: Cut,
): Promise<Uint8Array<ArrayBuffer>> => {
  const format = formatOf(bytes)
  if (format === undefined) throw new BrokenImage("not a JPEG, PNG, WebP, GIF or TIFF image")
  const { default: sharp } = await import("sharp")
  const open = () =>
    sharp(bytes, { failOn: "error", limitInputPixels: maxPixels, sequentialRead: true })
  try {
    const { autoOrient: from } = await open().metadata()
    // Else a part that lies before the cut would decode, and the file were broken in some steps only.
    if (!isWhole(bytes, format)) await open().stats()
    const draws = random === undefined ? undefined : randomStream(random.seed, random.stream)
    const mirrored = random?.flip === true && draws!.integer(2) === 1
    const region =
      random?.minArea === undefined
        ? centreRegion(from, to, centre)
        : randomRegion(draws!, from, to, random.minArea)
    const upright = open().autoOrient().flatten({ background: "#000" }).extract(region)
    const { data, info } = await upright
      .resize(to.width, to.height, { fit: "fill" })
      .flop(mirrored)
      .toColourspace(to.channels === 1 ? "b-w" : "srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true })
    if (info.channels !== to.channels)
      throw new BrokenImage(`${info.channels} channels where ${to.channels} belong`)
    return new Uint8Array(data)
  } catch (error) {
    if (error instanceof BrokenImage) throw error
    throw new BrokenImage(String((error as Error).message ?? error).split("\n")[0]!)
  }
}
