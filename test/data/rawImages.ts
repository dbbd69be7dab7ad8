/** Image files written byte by byte, so that their samples are of any type: TIFF and PNG, uncompressed but for zlib. */
import { crc32, deflateSync } from "node:zlib"

export interface TiffSamples {
  readonly width: number
  readonly height: number
  readonly bits: number
  /** 0 white is 0, 1 black is 0, 2 RGB, 3 palette, 5 CMYK, 6 YCbCr, 8 CIE L*a*b*. */
  readonly photometric: number
  readonly samples: number
  /** 1 unsigned, 2 signed, 3 float, 5 complex integer, 6 complex float. */
  readonly format?: number
  /** Of each extra sample: 0 unknown, 1 associated alpha, 2 alpha. */
  readonly extra?: ReadonlyArray<number>
  /** 3 x 2^bits values of 16 bits. */
  readonly colours?: ReadonlyArray<number>
  readonly orientation?: number
  readonly big?: boolean
  /** Rows of packed samples, in the order of bytes of `big`. */
  readonly data: Uint8Array
}

/** A TIFF of one strip. */
export const tiff = (image: TiffSamples): Buffer => {
  const { big = false, bits, colours, data, extra, format, height, samples, width } = image
  const fields: Array<readonly [tag: number, type: 3 | 4, values: ReadonlyArray<number>]> = [
    [256, 4, [width]],
    [257, 4, [height]],
    [258, 3, Array.from({ length: samples }, () => bits)],
    [259, 3, [1]],
    [262, 3, [image.photometric]],
    [273, 4, [8]],
    [274, 3, [image.orientation ?? 1]],
    [277, 3, [samples]],
    [278, 4, [height]],
    [279, 4, [data.length]],
    ...(colours === undefined ? [] : [[320, 3, colours] as const]),
    ...(extra === undefined ? [] : [[338, 3, extra] as const]),
    ...(format === undefined
      ? []
      : [[339, 3, Array.from({ length: samples }, () => format)] as const]),
  ]
  const directory = 8 + data.length + (data.length % 2)
  let at = directory + 2 + 12 * fields.length + 4
  const lists = fields.map(([, type, values]) => {
    const length = values.length * (type === 3 ? 2 : 4)
    const start = length > 4 ? at : undefined
    if (start !== undefined) at += length
    return start
  })
  const file = Buffer.alloc(at)
  const short = (value: number, to: number) =>
    big ? file.writeUInt16BE(value, to) : file.writeUInt16LE(value, to)
  const long = (value: number, to: number) =>
    big ? file.writeUInt32BE(value, to) : file.writeUInt32LE(value, to)
  file.write(big ? "MM" : "II", "latin1")
  short(42, 2)
  long(directory, 4)
  file.set(data, 8)
  short(fields.length, directory)
  for (const [i, [tag, type, values]] of fields.entries()) {
    const entry = directory + 2 + 12 * i
    short(tag, entry)
    short(type, entry + 2)
    long(values.length, entry + 4)
    const to = lists[i] ?? entry + 8
    if (lists[i] !== undefined) long(to, entry + 8)
    for (const [k, value] of values.entries())
      if (type === 3) short(value, to + 2 * k)
      else long(value, to + 4 * k)
  }
  return file
}

const chunk = (type: string, data: Uint8Array): Buffer => {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data])
  const whole = Buffer.alloc(body.length + 8)
  whole.writeUInt32BE(data.length)
  body.copy(whole, 4)
  whole.writeUInt32BE(crc32(body), body.length + 4)
  return whole
}

/** A PNG of rows of packed samples; `type` 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha. */
export const png = (image: {
  readonly width: number
  readonly bits: number
  readonly type: 0 | 2 | 3 | 4 | 6
  readonly rows: ReadonlyArray<Uint8Array>
  readonly palette?: Uint8Array
  readonly transparent?: Uint8Array
}): Buffer => {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(image.width)
  header.writeUInt32BE(image.rows.length, 4)
  header.set([image.bits, image.type], 8)
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    ...(image.palette === undefined ? [] : [chunk("PLTE", image.palette)]),
    ...(image.transparent === undefined ? [] : [chunk("tRNS", image.transparent)]),
    chunk("IDAT", deflateSync(Buffer.concat(image.rows.flatMap((row) => [Buffer.of(0), row])))),
    chunk("IEND", Buffer.alloc(0)),
  ])
}
