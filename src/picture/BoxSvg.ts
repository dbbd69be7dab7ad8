/**
 * A drawing of boxes as an SVG document, and as PNG. Looks are a few classes, so that a file stays small; the font is named,
 * not brought along. `both`: light, and dark where the reader's page is dark. Sizes are those of the drawing, in pixels.
 */
import {
  below,
  beside,
  type Block,
  gridBlock,
  lines,
  type Mark,
  rowBlock,
  textSize,
  titleSize,
} from "./BoxParts.ts"
import { stackBlock } from "./BoxLayout.ts"
import type { BoxDrawing } from "./BoxTree.ts"
import { pngOfSvg, escape } from "./Render.ts"
import { colours, fontFamily, type Theme } from "./Theme.ts"

const margin = 16

/** Rules of one theme. */
const rules = (theme: Theme): string => {
  const { faint, grid, ground, hues, onPale, onStrong, ramp, text } = colours[theme]
  const [blue, orange, green, pink] = hues
  const fill = (look: string, colour: string) => `${look}{fill:${colour}}`
  const role = (name: string, colour: string) =>
    `.${name}.open{stroke:${colour}}.${name}.chosen{fill:${colour};stroke:${colour}}.on.${name}.open{fill:${text};stroke:none}.on.${name}.chosen{fill:${ground};stroke:none}`
  return [
    fill(".ground,.box,.chip,.join", ground),
    fill("text", text),
    fill(".faint", faint),
    `.box,.join,.group{stroke:${faint}}`,
    fill(".group", theme === "light" ? "#f6f6f8" : "#1e1e24"),
    `.line{stroke:${faint}}`,
    `.short{stroke:${green}}`,
    `.option{stroke:${blue}}`,
    `.left{stroke:${grid}}`,
    `.on.left{fill:${faint};stroke:none}`,
    role("architecture", blue!),
    role("format", orange!),
    fill(".tint.layer", blue!),
    fill(".tint.dense", pink!),
    fill(".tint.pool", green!),
    fill(".tint.plain", faint),
    fill(".absent", grid),
    ...ramp.map((colour, i) => fill(`.r${i}`, colour)),
    fill(".on.pale", onPale),
    fill(".on.strong", onStrong),
  ].join("")
}

const shapes = [
  `text{font:${textSize}px "${fontFamily}",system-ui,sans-serif}`,
  `.title{font-size:${titleSize}px;font-weight:600}`,
  ".name{font-size:17px;font-weight:600}",
  ".on,.mid{text-anchor:middle}",
  ".end{text-anchor:end}",
  ".line,.short{fill:none}",
  ".short{stroke-width:1.6}",
  ".option{fill:none}",
  ".option.chosen{stroke-width:2}",
].join("")

const number = (value: number): string => String(Math.round(value * 2) / 2)

const written = (mark: Mark): string => {
  switch (mark.is) {
    case "rect": {
      const { height, look, radius, width, x, y } = mark
      return `<rect class="${look}" x="${number(x)}" y="${number(y)}" width="${number(width)}" height="${number(height)}" rx="${radius}"/>`
    }
    case "text":
      return mark.text === ""
        ? ""
        : `<text class="${mark.look}" x="${number(mark.x)}" y="${number(mark.y)}">${escape(mark.text)}</text>`
    case "line":
      return `<path class="${mark.look}" d="${mark.path}"/>`
    case "faded":
      return `<g opacity=".4">${mark.marks.map(written).join("")}</g>`
  }
}

const nameBlock = (title: string): Block => ({
  width: 0,
  height: 24,
  at: (x, y) => [{ is: "text", look: "name", x, y: y + 15, text: title }],
})

const space = (height: number): Block => ({ width: 0, height, at: () => [] })

/** What the colours mean. */
const legend = ({ isDecided, roles }: BoxDrawing): Block =>
  beside(
    roles.map((role, i) => {
      if (isDecided && role === "format")
        return gridBlock({
          columns: ["", ""],
          rows: [{ label: "formats from", cells: bounds }],
        })
      const label = i > 0 ? "or" : isDecided ? "decided:" : "options of a decision:"
      const chip = { text: role, state: isDecided ? "chosen" : "open" } as const
      return rowBlock({ label, role, chips: [chip] })
    }),
    isDecided ? 14 : 6,
  )

const bounds = [
  { text: "few bits", level: 0 },
  { text: "many bits", level: 1 },
]

const whole = (drawing: BoxDrawing): Block => {
  const network = below([...lines([drawing.input], "faint"), stackBlock(drawing.network, true)])
  const parts = drawing.parts.map(({ stack, title }) =>
    below([...lines([title], "title"), stackBlock(stack, true)]),
  )
  return below([
    nameBlock(drawing.title),
    ...lines(drawing.lines, "faint", 460),
    ...drawing.rows.map(rowBlock),
    ...(drawing.roles.length > 0 ? [space(6), legend(drawing)] : []),
    space(10),
    beside([network, ...(parts.length === 0 ? [] : [below(parts, 24)])], 36),
  ])
}

/** An SVG document with its words, without scripts or outside parts. */
export const boxSvg = (drawing: BoxDrawing, theme: Theme | "both"): string => {
  const block = whole(drawing)
  const [width, height] = [block.width + 2 * margin, block.height + 2 * margin].map(Math.ceil)
  const colour =
    theme === "both"
      ? `${rules("light")}@media(prefers-color-scheme:dark){${rules("dark")}}`
      : rules(theme)
  const marks = block.at(margin, margin, block.width).map(written).join("\n")
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<title>${escape(drawing.title)}</title><desc>${escape(drawing.description)}</desc>`,
    `<style>${shapes}${colour}</style>`,
    `<rect class="ground" width="100%" height="100%"/>`,
    `${marks}</svg>\n`,
  ].join("\n")
}

/** The same as PNG, two pixels for each of the drawing. */
export const boxPng = (drawing: BoxDrawing, theme: Theme): Promise<Uint8Array> =>
  pngOfSvg(boxSvg(drawing, theme))
