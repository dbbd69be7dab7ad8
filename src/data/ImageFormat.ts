/**
 * What sort of file its bytes are: the formats that are decoded, and the names of those that are not.
 *
 * By the first bytes, never by the ending of the name: other decoders (SVG, PDF) are never let near a file.
 */
import { BrokenImage, pointerOf } from "./ImageBytes.ts"
import { tiffProblem } from "./TiffTags.ts"

export type ImageFormat = "jpeg" | "png" | "webp" | "gif" | "tiff"

const ascii = (bytes: Buffer, start: number, end: number) => bytes.toString("latin1", start, end)

const formatOf = (bytes: Buffer): ImageFormat | undefined => {
  const start = ascii(bytes, 0, 4)
  if (start.startsWith("\xff\xd8\xff")) return "jpeg"
  if (start === "\x89PNG") return "png"
  if (start === "GIF8") return "gif"
  if (start === "II*\0" || start === "MM\0*") return "tiff"
  return start === "RIFF" && ascii(bytes, 8, 12) === "WEBP" ? "webp" : undefined
}

/** Files that are met under the name of an image, by how they begin. */
const others: ReadonlyArray<readonly [name: string, beginning: RegExp]> = [
  ["AVIF", /^.{4}ftypavi[fs]/su],
  ["HEIC", /^.{4}ftyp(?:hei[cfmsx]|hev[cmsx]|mif1|msf1)/su],
  ["BMP", /^BM/u],
  ["JPEG XL", /^(?:\xff\x0a|\0\0\0\x0cJXL )/u],
  ["JPEG 2000", /^(?:\0\0\0\x0cjP {2}|\xffO\xffQ)/u],
  ["JPEG XR", /^II\xbc/u],
  ["BigTIFF", /^(?:II\+\0|MM\0\+)/u],
  ["Netpbm", /^P[1-7]\s/u],
  ["PFM", /^P[Ff]\s/u],
  ["OpenEXR", /^v\/1\x01/u],
  ["Radiance HDR", /^#\?(?:RADIANCE|RGBE)/u],
  ["DICOM", /^.{128}DICM/su],
  ["Photoshop", /^8BPS/u],
  ["an icon", /^\0\0[\x01\x02]\0/u],
  ["PDF", /^%PDF/u],
  ["NumPy", /^\x93NUMPY/u],
  ["HDF5", /^\x89HDF/u],
  ["ZIP", /^PK\x03\x04/u],
  ["gzip", /^\x1f\x8b/u],
  ["SVG", /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*(?:<!DOCTYPE svg[^>]*>\s*)?<svg/su],
  ["a web page", /^\s*<(?:!doctype html|html)/iu],
]

/** The format of the bytes; throws `BrokenImage` for all that is not decoded, and for samples without a known range. */
export const knownFormat = (bytes: Buffer): ImageFormat => {
  const format = formatOf(bytes)
  if (format === undefined) {
    const pointer = pointerOf(bytes)
    if (pointer !== undefined) throw new BrokenImage(pointer)
    const beginning = ascii(bytes, 0, 1024)
    const other = others.find(([, start]) => start.test(beginning))
    throw new BrokenImage(
      `not a JPEG, PNG, WebP, GIF or TIFF image${other === undefined ? "" : `, but ${other[0]}`}`,
    )
  }
  const problem = format === "tiff" ? tiffProblem(bytes) : undefined
  if (problem !== undefined) throw new BrokenImage(problem)
  return format
}

/** Whether the end is there; where the format does not say, it is not taken for granted. */
export const isWhole = (bytes: Buffer, format: ImageFormat): boolean => {
  const end = ascii(bytes, Math.max(0, bytes.length - 64), bytes.length)
  if (format === "jpeg") return end.includes("\xff\xd9")
  if (format === "png") return end.includes("IEND")
  return format === "webp" && bytes.readUInt32LE(4) + 8 <= bytes.length
}
