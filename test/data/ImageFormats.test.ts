/** Every type of sample comes out right or is refused by name: never black, white or turned without a word. */
import sharp from "sharp"
import { describe, expect, it } from "vitest"
import { BrokenImage } from "../../src/data/ImageBytes.ts"
import { decodeImage, lumaOf, type Target } from "../../src/data/ImageFile.ts"
import { tiffTags } from "../../src/data/TiffTags.ts"
import { luma, colours as someColours } from "./luma.ts"
import { png, tiff, type TiffSamples } from "./rawImages.ts"

const [width, height] = [4, 4]
const target: Target = { width, height, channels: 3, grey: "bt601", background: "black" }
const whole = { centre: 1 }
const decode = async (bytes: Buffer, changes: Partial<Target> = {}) => [
  ...(await decodeImage(bytes, { ...target, ...changes }, whole)),
]
const why = async (bytes: Buffer, changes: Partial<Target> = {}): Promise<string> => {
  const error = await decodeImage(bytes, { ...target, ...changes }, whole).catch(
    (cause: unknown) => cause,
  )
  expect(error).toBeInstanceOf(BrokenImage)
  return (error as Error).message
}

/** 16 greys, and as many colours. */
const greys = Array.from({ length: 16 }, (_, i) => 17 * i)
const colours = greys.flatMap((v, i) => [v, 255 - v, (37 * i) % 256])
const rgbOf = (values: ReadonlyArray<number>) => values.flatMap((v) => [v, v, v])
const bytes = (values: ReadonlyArray<number>) => Uint8Array.from(values)
const wide = (values: ReadonlyArray<number>, big = false): Uint8Array => {
  const buffer = Buffer.alloc(2 * values.length)
  for (const [i, v] of values.entries())
    if (big) buffer.writeUInt16BE(257 * v, 2 * i)
    else buffer.writeUInt16LE(257 * v, 2 * i)
  return buffer
}
const raw = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
const of = (changes: Pick<TiffSamples, "bits" | "data"> & Partial<TiffSamples>) =>
  tiff({ width, height, photometric: 1, samples: 1, ...changes })
/** Values below 2^bits, packed, most significant bit first; rows of `width` values. */
const packed = (values: ReadonlyArray<number>, bits: number): Uint8Array =>
  Uint8Array.from({ length: (values.length * bits) / 8 }, (_, i) => {
    const per = 8 / bits
    return values.slice(i * per, (i + 1) * per).reduce((byte, v) => (byte << bits) | v, 0)
  })
const ramp = (bits: number, count = 16) => Array.from({ length: count }, (_, i) => i % (1 << bits))
const scaled = (values: ReadonlyArray<number>, bits: number) =>
  rgbOf(values.map((v) => (255 * v) / ((1 << bits) - 1)))
const wideRows = (pixels: ReadonlyArray<number>, samples: number, bits: 8 | 16) =>
  Array.from({ length: height }, (_, y) => {
    const row = pixels.slice(y * width * samples, (y + 1) * width * samples)
    return bits === 8 ? bytes(row) : wide(row, true)
  })
const withAlpha = (pixels: ReadonlyArray<number>, samples: number, alpha: number) =>
  Array.from({ length: pixels.length / samples }, (_, i) => [
    ...pixels.slice(i * samples, (i + 1) * samples),
    alpha,
  ]).flat()

describe("samples that are scaled", () => {
  const opaqueGreys = withAlpha(greys, 1, 255)
  const opaque = withAlpha(colours, 3, 255)
  it.each([
    ["TIFF, 8-bit grey", of({ bits: 8, data: bytes(greys) }), rgbOf(greys)],
    [
      "TIFF, 8-bit grey, white is 0",
      of({ bits: 8, photometric: 0, data: bytes(greys) }),
      rgbOf(greys.map((v) => 255 - v)),
    ],
    ["TIFF, 16-bit grey", of({ bits: 16, data: wide(greys) }), rgbOf(greys)],
    [
      "TIFF, 16-bit grey, big-endian",
      of({ bits: 16, data: wide(greys, true), big: true }),
      rgbOf(greys),
    ],
    [
      "TIFF, 16-bit grey, white is 0",
      of({ bits: 16, photometric: 0, data: wide(greys) }),
      rgbOf(greys.map((v) => 255 - v)),
    ],
    ["TIFF, 4-bit grey", of({ bits: 4, data: packed(ramp(4), 4) }), scaled(ramp(4), 4)],
    ["TIFF, 2-bit grey", of({ bits: 2, data: packed(ramp(2), 2) }), scaled(ramp(2), 2)],
    ["TIFF, 8-bit RGB", of({ bits: 8, photometric: 2, samples: 3, data: bytes(colours) }), colours],
    [
      "TIFF, 16-bit RGB",
      of({ bits: 16, photometric: 2, samples: 3, data: wide(colours) }),
      colours,
    ],
    [
      "TIFF, 8-bit RGB and alpha",
      of({ bits: 8, photometric: 2, samples: 4, extra: [2], data: bytes(opaque) }),
      colours,
    ],
    [
      "TIFF, 8-bit grey and alpha",
      of({ bits: 8, samples: 2, extra: [2], data: bytes(opaqueGreys) }),
      rgbOf(greys),
    ],
    [
      "TIFF, palette",
      of({
        bits: 8,
        photometric: 3,
        data: bytes(greys.map((_, i) => i)),
        colours: [0, 1, 2].flatMap((c) =>
          Array.from({ length: 256 }, (_, i) => 257 * (i < 16 ? colours[3 * i + c]! : 0)),
        ),
      }),
      colours,
    ],
    [
      "PNG, 8-bit grey",
      png({ width, bits: 8, type: 0, rows: wideRows(greys, 1, 8) }),
      rgbOf(greys),
    ],
    [
      "PNG, 16-bit grey",
      png({ width, bits: 16, type: 0, rows: wideRows(greys, 1, 16) }),
      rgbOf(greys),
    ],
    [
      "PNG, 4-bit grey",
      png({
        width,
        bits: 4,
        type: 0,
        rows: [0, 1, 2, 3].map((y) => packed(ramp(4).slice(4 * y, 4 * y + 4), 4)),
      }),
      scaled(ramp(4), 4),
    ],
    [
      "PNG, 2-bit grey",
      png({
        width,
        bits: 2,
        type: 0,
        rows: [0, 1, 2, 3].map((y) => packed(ramp(2).slice(4 * y, 4 * y + 4), 2)),
      }),
      scaled(ramp(2), 2),
    ],
    [
      "PNG, 1-bit grey",
      png({ width, bits: 1, type: 0, rows: [0x50, 0xa0, 0xf0, 0x00].map((row) => bytes([row])) }),
      rgbOf([0, 255, 0, 255, 255, 0, 255, 0, 255, 255, 255, 255, 0, 0, 0, 0]),
    ],
    ["PNG, 8-bit RGB", png({ width, bits: 8, type: 2, rows: wideRows(colours, 3, 8) }), colours],
    ["PNG, 16-bit RGB", png({ width, bits: 16, type: 2, rows: wideRows(colours, 3, 16) }), colours],
    [
      "PNG, palette",
      png({
        width,
        bits: 8,
        type: 3,
        palette: bytes(colours),
        rows: wideRows(
          greys.map((_, i) => i),
          1,
          8,
        ),
      }),
      colours,
    ],
    [
      "PNG, 8-bit grey and alpha",
      png({ width, bits: 8, type: 4, rows: wideRows(opaqueGreys, 2, 8) }),
      rgbOf(greys),
    ],
    [
      "PNG, 16-bit RGB and alpha",
      png({ width, bits: 16, type: 6, rows: wideRows(opaque, 4, 16) }),
      colours,
    ],
  ])("%s", async (_, file, expected) => {
    expect(await decode(file)).toEqual(expected)
  })

  it("TIFF, 1-bit grey", async () => {
    const data = bytes([0x0f, 0xf0])
    const file = tiff({ width: 8, height: 2, photometric: 1, samples: 1, bits: 1, data })
    expect(await decode(file, { width: 8, height: 2 })).toEqual(
      rgbOf([0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0]),
    )
  })

  it("16 bits keep their upper 8", async () => {
    const values = [0, 255, 256, 32_767, 32_768, 65_280, 65_535, 4660]
    const data = raw(Uint16Array.from([...values, ...values]))
    const expected = [0, 0, 1, 127, 128, 255, 255, 18]
    expect(await decode(of({ bits: 16, data }))).toEqual(rgbOf([...expected, ...expected]))
  })
})

describe("samples without a known range are refused by name", () => {
  const grey = greys.map((v) => v / 255)
  const both = (
    name: string,
    bits: number,
    format: number,
    make: (v: ReadonlyArray<number>) => ArrayBufferView,
  ) =>
    [
      [`grey ${name}`, of({ bits, format, data: raw(make(grey)) })],
      [
        `RGB ${name}`,
        of({
          bits,
          format,
          photometric: 2,
          samples: 3,
          data: raw(make(colours.map((v) => v / 255))),
        }),
      ],
    ] as const
  const cases = [
    ...both("8-bit signed integer", 8, 2, (v) => Int8Array.from(v, (x) => 127 * x)),
    ...both("16-bit signed integer", 16, 2, (v) => Int16Array.from(v, (x) => 32_767 * x)),
    ...both("32-bit signed integer", 32, 2, (v) => Int32Array.from(v, (x) => 2e9 * x)),
    ...both("32-bit float", 32, 3, (v) => Float32Array.from(v)),
    ...both("64-bit float", 64, 3, (v) => Float64Array.from(v)),
    ...both("64-bit complex float", 64, 6, (v) => Float32Array.from(v.flatMap((x) => [x, 0]))),
    ...both("128-bit complex float", 128, 6, (v) => Float64Array.from(v.flatMap((x) => [x, 0]))),
    ...both("32-bit complex integer", 32, 5, (v) => Int16Array.from(v.flatMap((x) => [x, 0]))),
  ]
  it.each(cases)("%s", async (name, file) => {
    const type = name.replace(/^\w+ /u, "")
    expect(await why(file)).toBe(
      `${type} samples, whose black and white the file does not say; convert it to 8 or 16 bits a sample, grey or RGB`,
    )
    expect(await why(file, { channels: 1 })).toContain(type)
  })

  it("0 to 255 in 32-bit float, too", async () => {
    expect(await why(of({ bits: 32, format: 3, data: raw(Float32Array.from(greys)) }))).toMatch(
      /^32-bit float samples/,
    )
  })

  it.each([
    [
      "32-bit unsigned integer samples, whose black",
      32,
      raw(Uint32Array.from(greys, (v) => v * 16_843_009)),
    ],
    ["64-bit unsigned integer samples, whose black", 64, raw(BigUint64Array.from(greys, BigInt))],
    ["24-bit unsigned integer samples, whose black", 24, bytes(rgbOf(greys))],
    ["12-bit samples, which are not read", 12, bytes(rgbOf(greys).slice(0, 24))],
    ["10-bit samples, which are not read", 10, bytes(rgbOf(greys).slice(0, 20))],
  ])("%s", async (words, bits, data) => {
    expect(await why(of({ bits, data }))).toMatch(new RegExp(`^${words}`))
  })

  it.each([
    ["CIE L*a*b* colour", { photometric: 8, samples: 3 }],
    ["ICC L*a*b* colour", { photometric: 9, samples: 3 }],
    ["the raw mosaic of a camera", { photometric: 32_803, samples: 1 }],
    ["the raw colour of a camera", { photometric: 34_892, samples: 3 }],
    ["a transparency mask", { photometric: 4, samples: 1 }],
    ["YCbCr colour that is not compressed as JPEG", { photometric: 6, samples: 3 }],
    ["colour of the unknown kind 77", { photometric: 77, samples: 1 }],
  ])("%s", async (name, { photometric, samples }) => {
    const data = bytes(samples === 3 ? colours : greys)
    expect(await why(of({ bits: 8, photometric, samples, data }))).toBe(
      `${name}; convert it to 8 or 16 bits a sample, grey or RGB`,
    )
  })

  it.each([
    [4, 2, [0], "4 samples a pixel, of which the file does not say what the last one is"],
    [4, 2, undefined, "4 samples a pixel, of which the file does not say what the last one is"],
    [2, 1, [0], "2 samples a pixel, of which the file does not say what the last one is"],
    [5, 1, [0, 0, 0, 0], "5 samples a pixel, of which the file does not say what the last 4 are"],
    [5, 2, [2, 0], "5 samples a pixel, of which the file does not say what the last 2 are"],
  ])("%i samples of the kind %i", async (samples, photometric, extra, message) => {
    const data = Uint8Array.from({ length: 16 * samples }, (_, i) => i)
    const file = of({ bits: 8, photometric, samples, data, ...(extra && { extra }) })
    expect(await why(file)).toContain(message)
  })

  it("tags of a file that is cut short do not throw", () => {
    const file = of({ bits: 8, data: bytes(greys) })
    for (let length = 8; length < file.length; length += 7)
      expect(tiffTags(file.subarray(0, length)).size).toBeLessThanOrEqual(13)
    expect(tiffTags(file).get(262)).toEqual([1])
  })
})

describe("other formats", () => {
  const start = (text: string) => Buffer.concat([Buffer.from(text, "latin1"), Buffer.alloc(200)])
  it.each([
    ["AVIF", start("\0\0\0\x1cftypavif")],
    ["HEIC", start("\0\0\0\x18ftypheic")],
    ["HEIC", start("\0\0\0\x18ftypmif1")],
    ["BMP", start("BM")],
    ["JPEG XL", start("\xff\x0a")],
    ["JPEG 2000", start("\0\0\0\x0cjP  \r\n")],
    ["BigTIFF", start("II+\0")],
    ["BigTIFF", start("MM\0+")],
    ["Netpbm", start("P5\n4 4\n255\n")],
    ["OpenEXR", start("v/1\x01")],
    ["SVG", start('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ["SVG", start("<svg/>")],
    ["PDF", start("%PDF-1.7")],
    ["a web page", start("<!DOCTYPE html><html>")],
    ["NumPy", start("\x93NUMPY")],
  ])("%s is named", async (name, file) => {
    expect(await why(file)).toBe(`not a JPEG, PNG, WebP, GIF or TIFF image, but ${name}`)
  })

  it("an AVIF of sharp is named whatever its name ends in", async () => {
    const rgb = { width, height, channels: 3 } as const
    const file = await sharp(bytes(colours), { raw: rgb }).avif().toBuffer()
    expect(await why(file)).toMatch(/but AVIF$/)
  })
})

describe("orientation", () => {
  // a mark in each corner: upper left red, upper right green, lower left blue, lower right white
  const corners = {
    red: [200, 0, 0],
    green: [0, 200, 0],
    blue: [0, 0, 200],
    white: [200, 200, 200],
  }
  const { blue, green, red, white } = corners
  // EXIF 2.32, 4.6.4 A: where the first row and the first column of what is stored belong
  const stored = {
    1: [red, green, blue, white],
    2: [green, red, white, blue],
    3: [white, blue, green, red],
    4: [blue, white, red, green],
    5: [red, blue, green, white],
    6: [green, white, red, blue],
    7: [white, green, blue, red],
    8: [blue, red, white, green],
  } as const
  const square = (marks: ReadonlyArray<ReadonlyArray<number>>) =>
    bytes(
      Array.from({ length: 32 * 32 }, (_, i) => {
        const [x, y] = [i % 32, Math.floor(i / 32)]
        return marks[(y < 16 ? 0 : 2) + (x < 16 ? 0 : 1)]!
      }).flat(),
    )
  const rgb = { width: 32, height: 32, channels: 3 } as const
  const seen = async (file: Buffer) => {
    const pixels = await decode(file, { width: 32, height: 32 })
    const at = (x: number, y: number) => pixels.slice(3 * (32 * y + x), 3 * (32 * y + x) + 3)
    const near = (pixel: ReadonlyArray<number>) => pixel.map((v) => (v > 100 ? 200 : 0))
    return [at(4, 4), at(28, 4), at(4, 28), at(28, 28)].map(near)
  }
  it.each([1, 2, 3, 4, 5, 6, 7, 8] as const)("%i is turned upright in every format", async (n) => {
    const marked = () => sharp(square(stored[n]), { raw: rgb }).withMetadata({ orientation: n })
    const files = [
      await marked().jpeg({ quality: 100 }).toBuffer(),
      await marked().png().toBuffer(),
      await marked().webp({ lossless: true }).toBuffer(),
      tiff({
        ...rgb,
        bits: 8,
        photometric: 2,
        samples: 3,
        orientation: n,
        data: square(stored[n]),
      }),
    ]
    for (const file of files) expect(await seen(file)).toEqual([red, green, blue, white])
  })
})

describe("grey from colour", () => {
  const rgb = { width: 128, height: 1, channels: 3 } as const
  const size = { width: 128, height: 1, channels: 1 } as const

  it("is the luma of BT.601 as PIL has it, value for value", async () => {
    expect([...lumaOf(someColours)]).toEqual([...luma])
    const file = await sharp(someColours, { raw: rgb }).png().toBuffer()
    expect(await decode(file, size)).toEqual([...luma])
    const [red, green, blue, white] = luma
    expect([red, green, blue, white]).toEqual([76, 150, 29, 255])
  })

  it("is the luminance of linear light with grey: linear", async () => {
    const file = await sharp(someColours, { raw: rgb }).png().toBuffer()
    const found = await decode(file, { ...size, grey: "linear" })
    // IEC 61966-2-1, and the luminance of its primaries
    const light = (v: number) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    const stored = (v: number) => (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055)
    for (const [i, value] of found.entries()) {
      const [r, g, b] = [0, 1, 2].map((c) => light(someColours[3 * i + c]! / 255))
      const expected = 255 * stored(0.2126 * r! + 0.7152 * g! + 0.0722 * b!)
      expect(Math.abs(value - expected)).toBeLessThan(2)
    }
    expect(found[0]).toBeGreaterThan(100)
  })

  it("leaves grey as it is, of 8 and 16 bits", async () => {
    for (const grey of ["bt601", "linear"] as const)
      for (const file of [
        of({ bits: 8, data: bytes(greys) }),
        of({ bits: 16, data: wide(greys) }),
        png({ width, bits: 16, type: 0, rows: wideRows(greys, 1, 16) }),
      ])
        expect(await decode(file, { channels: 1, grey })).toEqual(greys)
  })
})

describe("what lies behind transparent parts", () => {
  const file = png({
    width,
    bits: 8,
    type: 4,
    rows: wideRows(
      greys.flatMap((v, i) => [v, i % 2 === 0 ? 255 : 0]),
      2,
      8,
    ),
  })
  it.each([
    ["black", 0],
    ["white", 255],
  ] as const)("is %s", async (background, behind) => {
    expect(await decode(file, { background })).toEqual(
      rgbOf(greys.map((v, i) => (i % 2 === 0 ? v : behind))),
    )
  })

  it("is half of it where a pixel is half transparent", async () => {
    const half = png({ width, bits: 8, type: 6, rows: wideRows(withAlpha(colours, 3, 128), 4, 8) })
    const over = (v: number, behind: number) => (v * 128 + behind * 127) / 255
    for (const [background, behind] of [
      ["black", 0],
      ["white", 255],
    ] as const) {
      const found = await decode(half, { background })
      for (const [i, v] of found.entries())
        expect(Math.abs(v - over(colours[i]!, behind))).toBeLessThanOrEqual(1)
    }
  })
})

describe("an image that would lose what it shows", () => {
  it("as black lines on a transparent ground is broken, and whole over white", async () => {
    const lines = (v: number) =>
      png({
        width,
        bits: 8,
        type: 4,
        rows: wideRows(
          greys.flatMap((_, i) => [v, i % 3 === 0 ? 255 : 0]),
          2,
          8,
        ),
      })
    expect(await why(lines(0))).toBe(
      "all of one colour once it lies over black; data.background: white may show what it holds",
    )
    expect(await decode(lines(0), { background: "white" })).toEqual(
      rgbOf(greys.map((_, i) => (i % 3 === 0 ? 0 : 255))),
    )
    expect(await why(lines(255), { background: "white" })).toMatch(/data.background: black may/)
  })

  it("as counts in 16 bits is broken, not black", async () => {
    const data = raw(Uint16Array.from(greys))
    for (const channels of [1, 3])
      expect(await why(of({ bits: 16, data }), { channels })).toBe(
        "16-bit samples from 0 to 255, which are all the same at 8 bits; scale them to 0 to 65535",
      )
  })

  it("is not what is of one colour in the file", async () => {
    const zeros = greys.map(() => 0)
    expect(await decode(of({ bits: 8, data: bytes(zeros) }))).toEqual(rgbOf(zeros))
    expect(await decode(of({ bits: 16, data: wide(zeros) }))).toEqual(rgbOf(zeros))
    const clear = png({ width, bits: 8, type: 4, rows: wideRows([...zeros, ...zeros], 2, 8) })
    expect(await decode(clear)).toEqual(rgbOf(zeros))
  })

  it("is not a part of one colour of an image of many", async () => {
    const [w, h] = [40, 40]
    const data = Uint8Array.from({ length: w * h * 2 }, (_, i) =>
      i % 2 === 1 ? (Math.floor(i / 2) % w < 4 ? 255 : 0) : 200,
    )
    const rows = Array.from({ length: h }, (_, y) => data.subarray(y * w * 2, (y + 1) * w * 2))
    const file = png({ width: w, bits: 8, type: 4, rows })
    expect(await decodeImage(file, target, { centre: 0.5 })).toEqual(new Uint8Array(48))
  })
})

describe("the first", () => {
  const rgb = { width, height, channels: 3 } as const
  const [one, two] = [colours, colours.map((v) => 255 - v)].map((pixels) =>
    sharp(bytes(pixels), { raw: rgb }).png().toBuffer(),
  )
  it.each(["webp", "gif"] as const)("frame of an animated %s is taken", async (format) => {
    const frames = sharp([await one!, await two!], { join: { animated: true } })
    const file = await (
      format === "webp" ? frames.webp({ lossless: true }) : frames.gif({ effort: 10 })
    ).toBuffer()
    expect((await sharp(file).metadata()).pages).toBe(2)
    expect(await decode(file)).toEqual(colours)
  })
})

describe("profiles", () => {
  it("are applied: the same colour in another space is the same colour", async () => {
    const rgb = { width, height, channels: 3 } as const
    const pixels = Array.from({ length: 16 }, () => [200, 100, 50]).flat()
    const file = await sharp(bytes(pixels), { raw: rgb }).withIccProfile("p3").png().toBuffer()
    const stored = await sharp(file, { ignoreIcc: true }).raw().toBuffer()
    expect(Math.abs(stored[0]! - 200)).toBeGreaterThan(5)
    for (const [i, v] of (await decode(file)).entries())
      expect(Math.abs(v - pixels[i]!)).toBeLessThanOrEqual(1)
  })

  it("of ink become light: CMYK is not inverted", async () => {
    const rgb = { width, height, channels: 3 } as const
    const pixels = Array.from({ length: 16 }, () => [200, 100, 50]).flat()
    const inks = () => sharp(bytes(pixels), { raw: rgb }).toColourspace("cmyk")
    for (const file of [
      await inks().jpeg({ quality: 100 }).toBuffer(),
      await inks().tiff().toBuffer(),
      await inks().withIccProfile("cmyk").jpeg({ quality: 100 }).toBuffer(),
    ]) {
      expect((await sharp(file).metadata()).space).toBe("cmyk")
      for (const [i, v] of (await decode(file)).entries())
        expect(Math.abs(v - pixels[i]!)).toBeLessThan(32)
    }
  })
})
