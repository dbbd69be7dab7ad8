/**
 * Writes `fonts/` anew from the package that brings them: `npm run fonts`.
 *
 * Of IBM Plex Sans, Latin, two weights: WOFF2 for browsers, TrueType for the renderer of PNG (the WOFF of the package,
 * unpacked), and `widths.json`, the advance of every character in em, by which labels are laid out without a browser.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { inflateSync } from "node:zlib"

const out = new URL("../fonts/", import.meta.url)
const require = createRequire(import.meta.url)

/** What is read of opentype.js, which has no types of its own. */
interface Opentype {
  readonly parse: (file: ArrayBufferLike) => {
    readonly unitsPerEm: number
    readonly tables: { readonly cmap: { readonly glyphIndexMap: Readonly<Record<string, number>> } }
    readonly charToGlyph: (character: string) => { readonly advanceWidth: number }
  }
}
const opentype: Opentype = require("opentype.js")

const home = dirname(require.resolve("@fontsource/ibm-plex-sans/package.json"))
const weights = { 400: "Regular", 600: "SemiBold" }

/** The tables of a WOFF, each inflated, as one TrueType file (W3C, WOFF 1.0, section 4). */
const unpacked = (woff: Buffer) => {
  const count = woff.readUInt16BE(12)
  const tables = Array.from({ length: count }, (_, i) => {
    const at = 44 + 20 * i
    const [offset, packed, length] = [4, 8, 12].map((k) => woff.readUInt32BE(at + k)) as [
      number,
      number,
      number,
    ]
    const bytes = woff.subarray(offset, offset + packed)
    return {
      tag: woff.subarray(at, at + 4),
      checksum: woff.readUInt32BE(at + 16),
      bytes: packed < length ? inflateSync(bytes) : bytes,
    }
  })
  const header = Buffer.alloc(12 + 16 * count)
  const log = Math.floor(Math.log2(count))
  header.writeUInt32BE(woff.readUInt32BE(4), 0)
  header.writeUInt16BE(count, 4)
  header.writeUInt16BE(16 << log, 6)
  header.writeUInt16BE(log, 8)
  header.writeUInt16BE(16 * count - (16 << log), 10)
  const parts: Array<Uint8Array> = [header]
  let end = header.length
  for (const [i, { bytes, checksum, tag }] of tables.entries()) {
    const at = 12 + 16 * i
    tag.copy(header, at)
    header.writeUInt32BE(checksum, at + 4)
    header.writeUInt32BE(end, at + 8)
    header.writeUInt32BE(bytes.length, at + 12)
    const padding = Buffer.alloc((4 - (bytes.length % 4)) % 4)
    parts.push(bytes, padding)
    end += bytes.length + padding.length
  }
  return Buffer.concat(parts)
}

/** Advance of every character that the font has, in em. */
const widthsOf = (file: Uint8Array): Readonly<Record<string, number>> => {
  const font = opentype.parse(new Uint8Array(file).buffer)
  return Object.fromEntries(
    Object.keys(font.tables.cmap.glyphIndexMap).map((code) => {
      const character = String.fromCodePoint(Number(code))
      return [character, font.charToGlyph(character).advanceWidth / font.unitsPerEm]
    }),
  )
}

mkdirSync(out, { recursive: true })
const widths: Record<string, Readonly<Record<string, number>>> = {}
for (const [weight, name] of Object.entries(weights)) {
  const packed = join(home, `files/ibm-plex-sans-latin-${weight}-normal`)
  const font = unpacked(readFileSync(`${packed}.woff`))
  writeFileSync(new URL(`IBMPlexSans-${name}.ttf`, out), font)
  copyFileSync(`${packed}.woff2`, new URL(`IBMPlexSans-${name}.woff2`, out))
  widths[weight] = widthsOf(font)
}
copyFileSync(join(home, "LICENSE"), new URL("LICENSE", out))
writeFileSync(new URL("widths.json", out), `${JSON.stringify(widths)}\n`)
