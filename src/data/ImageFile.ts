/**
 * The pixels of one image at the size of the network.
 *
 * Decoded by libvips (sharp): the first frame or page, turned upright as its EXIF says, its colour profile applied,
 * transparency over `background`, sRGB or grey, 8 bits. Training takes a random part of it (arXiv 1409.4842, section 6, as
 * in Inception training: 8 to 100 % of its area, sides in a ratio of 3/4 to 4/3, relative to that of the network's input)
 * and mirrors half of the images; all else takes the middle. An image whose content would be lost on the way (samples that
 * are all the same at 8 bits, black lines on a transparent ground) is broken, not black. Left out: its bytes
 * (`ImageBytes.ts`), which formats there are (`ImageFormat.ts`), where this runs (`ImageWorker.ts`).
 */
import { Schema } from "effect"
import type { Sharp } from "sharp"
import { randomStream, type Random } from "../space/RandomStream.ts"
import { BrokenImage } from "./ImageBytes.ts"
import { isWhole, knownFormat } from "./ImageFormat.ts"

const maxPixels = 2 ** 26

/**
 * bt601: the luma of ITU-R BT.601 from the values as they are stored, as PIL, torchvision and OpenCV have it; linear: the
 * luminance of linear light, stored as a grey of the same luminance.
 */
export const Grey = Schema.Literals(["bt601", "linear"]).annotate({ identifier: "Grey" })
export type Grey = typeof Grey.Type

/** What lies behind transparent parts. */
export const Background = Schema.Literals(["black", "white"]).annotate({ identifier: "Background" })
export type Background = typeof Background.Type

export interface Size {
  readonly height: number
  readonly width: number
  /** 1 (grey) or 3 (red, green, blue). */
  readonly channels: number
}

/** What an image is made into. */
export interface Target extends Size {
  /** How colour becomes grey, where there is one channel. */
  readonly grey: Grey
  readonly background: Background
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

/** [count, 3] -> [count]: 0.299 R + 0.587 G + 0.114 B in 16 fractional bits, rounded, bit for bit as PIL's `convert("L")`. */
export const lumaOf = (rgb: Uint8Array): Uint8Array<ArrayBuffer> => {
  const luma = new Uint8Array(rgb.length / 3)
  for (let i = 0, at = 0; i < luma.length; i++, at += 3)
    luma[i] = (19595 * rgb[at]! + 38470 * rgb[at + 1]! + 7471 * rgb[at + 2]! + 0x8000) >> 16
  return luma
}

/** Whether all pixels are the same; `pixels` has [count, channels]. */
const isOneColour = (pixels: Uint8Array, channels: number): boolean => {
  for (let i = channels; i < pixels.length; i++)
    if (pixels[i] !== pixels[i - channels]) return false
  return true
}

/** [height, width, channels], 8 bits. */
const pixelsOf = async (
  image: Sharp,
  { channels, grey }: Target,
): Promise<Uint8Array<ArrayBuffer>> => {
  const isLuma = channels === 1 && grey === "bt601"
  const { data, info } = await image
    .toColourspace(channels === 1 && !isLuma ? "b-w" : "srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true })
  const wanted = isLuma ? 3 : channels
  if (info.channels !== wanted)
    throw new BrokenImage(`${info.channels} channels where ${wanted} belong`)
  return isLuma ? lumaOf(data) : new Uint8Array(data)
}

/** Throws when the image as a whole is of one colour and its file is not. */
const checkContent = async (open: () => Sharp, to: Target): Promise<void> => {
  const { channels: samples, depth, hasAlpha } = await open().metadata()
  if (!hasAlpha && depth === "uchar" && (to.channels === 3 || samples === 1)) return
  const { channels } = await open().stats()
  if (channels.every(({ min, max }) => min === max)) return
  const whole = await pixelsOf(open().flatten({ background: to.background }), to)
  if (!isOneColour(whole, to.channels)) return
  const [low, high] = [
    Math.min(...channels.map(({ min }) => min)),
    Math.max(...channels.map(({ max }) => max)),
  ]
  const other = to.background === "black" ? "white" : "black"
  throw new BrokenImage(
    hasAlpha
      ? `all of one colour once it lies over ${to.background}; data.background: ${other} may show what it holds`
      : depth === "ushort"
        ? `16-bit samples from ${low} to ${high}, which are all the same at 8 bits; scale them to 0 to 65535`
        : "all of one colour once it is converted, though its file is not",
  )
}

/** The pixels, [height, width, channels]; throws `BrokenImage`. */
export const decodeImage = async (
  bytes: Buffer,
  to: Target,
  { centre, random }: Cut,
): Promise<Uint8Array<ArrayBuffer>> => {
  const format = knownFormat(bytes)
  const { default: sharp } = await import("sharp")
  const open = () =>
    sharp(bytes, { failOn: "error", limitInputPixels: maxPixels, sequentialRead: true })
  try {
    const { autoOrient: from, depth } = await open().metadata()
    // No format that is let through has any other; if one ever has, it is not clipped to black and white.
    if (depth !== "uchar" && depth !== "ushort")
      throw new BrokenImage(`samples of the type ${depth}, not of 8 or 16 bits`)
    // Else a part that lies before the cut would decode, and the file were broken in some steps only.
    if (!isWhole(bytes, format)) await open().stats()
    const draws = random === undefined ? undefined : randomStream(random.seed, random.stream)
    const mirrored = random?.flip === true && draws!.integer(2) === 1
    const region =
      random?.minArea === undefined
        ? centreRegion(from, to, centre)
        : randomRegion(draws!, from, to, random.minArea)
    const upright = open().autoOrient().flatten({ background: to.background }).extract(region)
    const pixels = await pixelsOf(
      upright.resize(to.width, to.height, { fit: "fill" }).flop(mirrored),
      to,
    )
    if (isOneColour(pixels, to.channels)) await checkContent(open, to)
    return pixels
  } catch (error) {
    if (error instanceof BrokenImage) throw error
    throw new BrokenImage(String((error as Error).message ?? error).split("\n")[0]!)
  }
}
