/**
 * A picture as SVG, as PNG and as the JSON that is kept beside them. Vega runs without a browser; it and the renderer of
 * PNG are loaded when the first picture is drawn, so commands that draw none start no slower. The font is inside the SVG;
 * the renderer of PNG, which reads no fonts from an SVG, finds it in `fonts/`.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { TopLevelSpec } from "vega-lite"
import { root } from "../disk/Installation.ts"
import type { Picture } from "./Picture.ts"
import { textWidth } from "./TextWidth.ts"
import { configOf, fontFamily, type Theme } from "./Theme.ts"

export const fontFolder = join(root, "fonts")

/** The files of the font by weight, for browsers. */
export const webFonts = { 400: "IBMPlexSans-Regular.woff2", 600: "IBMPlexSans-SemiBold.woff2" }

/** Rules that bring the font along, of these weights. */
export const fontFaces = (weights: ReadonlyArray<keyof typeof webFonts>): string =>
  weights
    .map((weight) => {
      const bytes = readFileSync(join(fontFolder, webFonts[weight])).toString("base64")
      return `@font-face{font-family:"${fontFamily}";font-weight:${weight};src:url(data:font/woff2;base64,${bytes}) format("woff2")}`
    })
    .join("")

/** The specification as it is kept, without the configuration of a theme. */
export const jsonOf = ({ spec }: Picture): string => `${JSON.stringify(spec, undefined, 1)}\n`

const isBold = (weight: unknown): boolean => weight === "bold" || Number(weight) >= 600

/** What Vega measures a text by. */
interface Measured {
  readonly fontSize?: number
  readonly fontWeight?: unknown
}

const load = async () => {
  const [vega, { compile }] = await Promise.all([import("vega"), import("vega-lite")])
  // by name, because the types of vega leave it out
  Object.assign(Reflect.get(vega, "textMetrics"), {
    width: ({ fontSize = 11, fontWeight }: Measured, text: unknown) =>
      textWidth(String(text ?? ""), fontSize, isBold(fontWeight) ? "bold" : "normal"),
  })
  return { vega, compile }
}
let loaded: ReturnType<typeof load> | undefined

/** Characters that XML cannot hold, even escaped. */
const outsideXml = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu

const drawn = async (picture: Picture, theme: Theme): Promise<string> => {
  loaded ??= load()
  const { compile, vega } = await loaded
  const spec: TopLevelSpec = JSON.parse(JSON.stringify(picture.spec))
  const config: NonNullable<TopLevelSpec["config"]> = JSON.parse(JSON.stringify(configOf(theme)))
  const view = new vega.View(
    vega.parse(compile(spec, { config, logger: vega.logger(vega.Error) }).spec),
    { renderer: "none" },
  )
  try {
    return (await view.toSVG()).replace(outsideXml, "\ufffd")
  } finally {
    view.finalize()
  }
}

/** Text inside of an SVG. */
export const escape = (text: string): string =>
  text
    .replace(outsideXml, "\ufffd")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")

/** The picture as an SVG document with its words and its font, without scripts or outside parts. */
export const svgOf = async (picture: Picture, theme: Theme): Promise<string> => {
  const svg = await drawn(picture, theme)
  const begin = svg.indexOf(">") + 1
  const head = svg.slice(0, begin).replace(/^<svg/, '<svg role="img"')
  const style = `<style>${fontFaces(/font-weight="(600|bold)"/.test(svg) ? [400, 600] : [400])}</style>`
  const words = `<title>${escape(picture.title)}</title><desc>${escape(picture.description)}</desc>`
  return `${head}${words}${style}${svg.slice(begin)}\n`
}

/** Loads the renderer and tells it where the font is: it asks once, at its first text. */
const withFonts = async (draw: () => Promise<Uint8Array>): Promise<Uint8Array> => {
  const before = process.env["FONTCONFIG_FILE"]
  process.env["FONTCONFIG_FILE"] = join(fontFolder, "fonts.conf")
  try {
    return await draw()
  } finally {
    if (before === undefined) delete process.env["FONTCONFIG_FILE"]
    else process.env["FONTCONFIG_FILE"] = before
  }
}

/** An SVG as PNG, `scale` pixels for each of its own. */
export const pngOfSvg = async (svg: string, scale = 2): Promise<Uint8Array> => {
  const { default: sharp } = await import("sharp")
  return withFonts(() =>
    sharp(Buffer.from(svg), { density: 72 * scale, limitInputPixels: false })
      .png()
      .toBuffer(),
  )
}

/** The picture as PNG, `scale` pixels for each of the SVG. */
export const pngOf = async (picture: Picture, theme: Theme, scale = 2): Promise<Uint8Array> =>
  pngOfSvg(await drawn(picture, theme), scale)
