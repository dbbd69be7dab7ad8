/** The texts of an SVG as it is drawn by Vega, each with the box that it covers, by the widths of the pictures' font. */
import { textWidth } from "../../src/picture/TextWidth.ts"

export interface Box {
  readonly text: string
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

const attribute = (tag: string, name: string): string | undefined =>
  new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1]

const shiftOf = (tag: string): readonly [number, number] => {
  const found = /translate\(([-\d.e]+)[ ,]+([-\d.e]+)\)/.exec(attribute(tag, "transform") ?? "")
  return [Number(found?.[1] ?? 0), Number(found?.[2] ?? 0)]
}

const unescaped = (text: string): string =>
  text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&")

/** Boxes of the texts that are not turned; a text and the ground behind it are one. */
export const textsOf = (svg: string): ReadonlyArray<Box> => {
  const body = svg.replace(/<(style|title|desc)>.*?<\/\1>/gs, "")
  const found = new Map<string, Box>()
  const at: Array<readonly [number, number]> = []
  let current: { readonly tag: string; readonly x: number; readonly y: number } | undefined
  for (const [tag, name, text] of body.matchAll(/<(\/?[a-z]+)[^>]*>([^<]*)/g)) {
    if (tag.startsWith("</g")) at.pop()
    if (name !== "g" && name !== "text" && name !== "tspan") continue
    const [dx, dy] = shiftOf(tag)
    const [x, y] = at.at(-1) ?? [0, 0]
    if (name === "g" && !tag.slice(0, tag.indexOf(">")).endsWith("/")) at.push([x + dx, y + dy])
    if (name === "text") current = { tag, x: x + dx, y: y + dy }
    if (
      name === "g" ||
      current === undefined ||
      text!.trim() === "" ||
      /rotate\((?!0)/.test(current.tag)
    )
      continue
    const words = unescaped(text!)
    const size = Number.parseFloat(attribute(current.tag, "font-size") ?? "11")
    const isBold = /font-weight="(600|bold)"/.test(current.tag)
    const width = textWidth(words, size, isBold ? "bold" : "normal")
    const anchor = attribute(current.tag, "text-anchor") ?? "start"
    const left = current.x - (anchor === "end" ? width : anchor === "middle" ? width / 2 : 0)
    const line = current.y + Number(name === "tspan" ? (attribute(tag, "dy") ?? 0) : 0)
    const box = {
      text: words,
      left,
      right: left + width,
      top: line - 0.7 * size,
      bottom: line + 0.1 * size,
    }
    if (name === "tspan") current = { ...current, y: line }
    found.set(`${words} ${Math.round(left)} ${Math.round(line)}`, box)
  }
  return [...found.values()]
}

/** Pairs of texts that cover each other by more than a hair. */
export const overlaps = (boxes: ReadonlyArray<Box>): ReadonlyArray<string> =>
  boxes.flatMap((a, i) =>
    boxes
      .slice(i + 1)
      .flatMap((b) =>
        a.left + 1 < b.right && b.left + 1 < a.right && a.top + 1 < b.bottom && b.top + 1 < a.bottom
          ? [`${a.text} | ${b.text}`]
          : [],
      ),
  )
