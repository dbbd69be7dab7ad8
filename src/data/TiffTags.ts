/**
 * What the tags of a TIFF say its samples are (TIFF 6.0, sections 2 and 8), and whether they have a known range.
 *
 * Samples of 1, 2, 4, 8 and 16 bits, unsigned, go from black at 0 to white at the largest value (or the other way round).
 * Floats, signed and wider integers have no such range: 0 to 1, 0 to 255, counts of photons and metres of height are all
 * common. libvips clips them, to an image that is black or white; so they are refused here, by name. Left out: all else of
 * the file, which libvips reads.
 */

/** The tags of the first image, each as numbers; only those of types BYTE, SHORT and LONG. */
export const tiffTags = (bytes: Buffer): ReadonlyMap<number, ReadonlyArray<number>> => {
  const little = bytes.toString("latin1", 0, 2) === "II"
  const short = (at: number) => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at))
  const long = (at: number) => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at))
  const sizes: Readonly<Record<number, number>> = { 1: 1, 3: 2, 4: 4 }
  const read: Readonly<Record<number, (at: number) => number>> = {
    1: (at) => bytes[at] ?? 0,
    3: short,
    4: long,
  }
  const tags = new Map<number, ReadonlyArray<number>>()
  try {
    const start = long(4)
    for (let i = 0; i < short(start); i++) {
      const at = start + 2 + 12 * i
      const [tag, type, count] = [short(at), short(at + 2), long(at + 4)]
      const size = sizes[type]
      // Longer lists are of strips and colour maps, not of samples.
      if (size === undefined || count > 64) continue
      const first = count * size <= 4 ? at + 8 : long(at + 8)
      tags.set(
        tag,
        Array.from({ length: count }, (_, k) => read[type]!(first + k * size)),
      )
    }
  } catch (error) {
    // A file that is cut short; libvips says so too.
    if (!(error instanceof RangeError)) throw error
  }
  return tags
}

const sampleFormats: Readonly<Record<number, string>> = {
  2: "signed integer",
  3: "float",
  5: "complex integer",
  6: "complex float",
}
/** Photometric interpretation -> samples of a pixel without those that are extra. */
const colours: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3 }
const otherColours: Readonly<Record<number, string>> = {
  4: "a transparency mask",
  8: "CIE L*a*b* colour",
  9: "ICC L*a*b* colour",
  10: "ITU L*a*b* colour",
  32803: "the raw mosaic of a camera",
  32844: "LogL luminance",
  32845: "LogLuv colour",
  34892: "the raw colour of a camera",
}
const convert = "convert it to 8 or 16 bits a sample, grey or RGB"

/** Why the samples of a TIFF have no sure meaning as grey or colour; undefined where they have. */
export const tiffProblem = (bytes: Buffer): string | undefined => {
  const tags = tiffTags(bytes)
  const [photometric = 1] = tags.get(262) ?? []
  const [compression = 1] = tags.get(259) ?? []
  const [samples = 1] = tags.get(277) ?? []
  const bits = [...new Set(tags.get(258) ?? [1])]
  const type = (tags.get(339) ?? [1]).map((code) => sampleFormats[code]).find(Boolean)
  const widest = Math.max(...bits)
  if (type !== undefined || widest > 16)
    return `${bits.join(" and ")}-bit ${type ?? "unsigned integer"} samples, whose black and white the file does not say; ${convert}`
  if (bits.length > 1 || ![1, 2, 4, 8, 16].includes(widest))
    return `${bits.join(" and ")}-bit samples, which are not read; ${convert}`
  const known = colours[photometric]
  if (known === undefined)
    return `${otherColours[photometric] ?? `colour of the unknown kind ${photometric}`}; ${convert}`
  // libvips has JPEG data converted, and takes all other YCbCr for RGB.
  if (photometric === 6 && compression !== 6 && compression !== 7)
    return `YCbCr colour that is not compressed as JPEG; ${convert}`
  const extra = samples - known
  const [kind] = tags.get(338) ?? []
  if (extra === 0 || (extra === 1 && (kind === 1 || kind === 2))) return undefined
  return `${samples} samples a pixel, of which the file does not say what the last ${extra === 1 ? "one is" : `${extra} are`}; ${convert}`
}
