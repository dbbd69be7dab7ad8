/**
 * The parts of drawn boxes: marks, blocks of them that know their size, lines of text, rows of options, tables of formats.
 * Pixels; the origin is the upper left corner.
 */
import type { Chip, FormatGrid, Row } from "./BoxTree.ts"
import { wrapped } from "./Picture.ts"
import { textWidth } from "./TextWidth.ts"

/** What is drawn, in the order it is drawn. */
export type Mark =
  | {
      readonly is: "rect"
      readonly look: string
      readonly x: number
      readonly y: number
      readonly width: number
      readonly height: number
      readonly radius: number
    }
  | {
      readonly is: "text"
      readonly look: string
      readonly x: number
      readonly y: number
      readonly text: string
    }
  | { readonly is: "line"; readonly look: string; readonly path: string }
  | { readonly is: "faded"; readonly marks: ReadonlyArray<Mark> }

export interface Block {
  readonly width: number
  readonly height: number
  /** Its marks, with its upper left corner at a point; `width` may be more than its own. */
  readonly at: (x: number, y: number, width: number) => ReadonlyArray<Mark>
}

export const titleSize = 13
export const textSize = 11
export const lineHeight = 16
/** Lines of text and rows of options go on below where they are wider. */
const widest = 380

export const rect = (
  look: string,
  [x, y, width, height]: readonly [number, number, number, number],
  radius = 4,
): Mark => ({ is: "rect", look, x, y, width, height, radius })

export const write = (look: string, x: number, y: number, text: string): Mark => ({
  is: "text",
  look,
  x,
  y,
  text,
})

export const line = (path: string, look = "line"): Mark => ({ is: "line", look, path })

/** Down to a point, with a head. */
export const arrow = (x: number, from: number, to: number): Mark =>
  line(`M${x} ${from}V${to - 1}M${x - 3.5} ${to - 5}L${x} ${to - 1}L${x + 3.5} ${to - 5}`)

export const widthOf = (text: string) => Math.ceil(textWidth(text, textSize))

/** Blocks below each other, as wide as the widest. */
export const below = (blocks: ReadonlyArray<Block>, space = 0): Block => ({
  width: Math.max(0, ...blocks.map(({ width }) => width)),
  height:
    blocks.reduce((sum, { height }) => sum + height, 0) + space * Math.max(0, blocks.length - 1),
  at: (x, y, width) => {
    let top = y
    return blocks.flatMap((block) => {
      const marks = block.at(x, top, width)
      top += block.height + space
      return marks
    })
  },
})

/** Blocks side by side, each as wide as it is. */
export const beside = (blocks: ReadonlyArray<Block>, gap: number): Block => ({
  width: blocks.reduce((sum, { width }) => sum + width, gap * (blocks.length - 1)),
  height: Math.max(...blocks.map(({ height }) => height)),
  at: (x, y) => {
    let left = x
    return blocks.flatMap((block) => {
      const marks = block.at(left, y, block.width)
      left += block.width + gap
      return marks
    })
  },
})

/** Lines of text. */
export const lines = (
  texts: ReadonlyArray<string>,
  look: string,
  width: number = widest,
): ReadonlyArray<Block> =>
  texts
    .flatMap((text) => wrapped(text, width, textSize))
    .map((text) => ({
      width: widthOf(text),
      height: lineHeight,
      at: (x, y) => [write(look, x, y + 12, text)],
    }))

const chipWidth = ({ text }: Chip) => widthOf(text) + 11
const chipHeight = 16

/** A label and options behind it, in as many lines as they need. */
export const rowBlock = ({ chips, label, role }: Row): Block => {
  const first = widthOf(label) + 8
  const places: Array<readonly [number, number]> = []
  let [x, line] = [first, 0]
  for (const chip of chips) {
    if (x > first && x + chipWidth(chip) > widest) {
      x = first
      line++
    }
    places.push([x, line])
    x += chipWidth(chip) + 3
  }
  return {
    width: Math.max(first, ...places.map(([left], i) => left + chipWidth(chips[i]!))),
    height: (line + 1) * (chipHeight + 3),
    at: (left, top) => [
      write("faint", left, top + 13, label),
      ...chips.flatMap((chip, i) => {
        const [dx, row] = places[i]!
        const y = top + 1 + row * (chipHeight + 3)
        const look = chip.state === "left" ? "left" : `${role} ${chip.state}`
        const width = chipWidth(chip)
        return [
          rect(`chip ${look}`, [left + dx, y, width, chipHeight], 8),
          write(`on ${look}`, left + dx + width / 2, y + 12, chip.text),
        ]
      }),
    ],
  }
}

const cellHeight = 17

export const gridBlock = ({ columns, rows }: FormatGrid): Block => {
  const label = Math.max(0, ...rows.map((row) => widthOf(row.label)))
  const first = label === 0 ? 0 : label + 6
  const cell = (row: number, column: number) => rows[row]!.cells[column]?.text ?? ""
  const widths = columns.map(
    (name, i) => Math.max(widthOf(name), ...rows.map((_, row) => widthOf(cell(row, i)))) + 10,
  )
  const starts = widths.map((_, i) => widths.slice(0, i).reduce((a, b) => a + b + 1, first))
  const hasNames = columns.some((name) => name !== "")
  const head = hasNames ? 15 : 0
  return {
    width: (starts.at(-1) ?? 0) + (widths.at(-1) ?? 0),
    height: head + rows.length * cellHeight + 3,
    at: (x, y) => [
      ...columns.map((name, i) =>
        write("faint mid", x + starts[i]! + widths[i]! / 2, y + 11, name),
      ),
      ...rows.flatMap(({ cells, label }, r) => {
        const top = y + head + r * cellHeight
        return [
          write("faint", x, top + 12, label),
          ...cells.flatMap((one, i) => {
            const at = [x + starts[i]!, top, widths[i]!, cellHeight - 1] as const
            if (one === undefined) return [rect("absent", at, 2)]
            const level = Math.round(one.level * 5)
            return [
              rect(`r${level}`, at, 2),
              write(`on ${level > 2 ? "strong" : "pale"}`, at[0] + at[2] / 2, top + 12, one.text),
            ]
          }),
        ]
      }),
    ],
  }
}
