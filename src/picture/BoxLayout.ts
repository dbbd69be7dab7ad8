/**
 * Where each box of a drawing stands. Every box becomes a block that knows its width and height and places itself at a
 * point; blocks are put below or beside each other. Left out: how marks are written as SVG (`BoxSvg.ts`).
 */
import {
  arrow,
  below,
  beside,
  type Block,
  gridBlock,
  line,
  lineHeight,
  lines,
  type Mark,
  rect,
  rowBlock,
  titleSize,
  widthOf,
  write,
} from "./BoxParts.ts"
import type { Box, Stack } from "./BoxTree.ts"
import { textWidth } from "./TextWidth.ts"

const padding = 10
/** Between two boxes that follow each other. */
const gap = 22
/** Options of a choice among operations go on below where they are wider. */
const widestOptions = 420

/** Room at the right of boxes for the lines of shortcuts. */
const shortcutRoom = 16

/** From above a box to below it, past its right edge. */
const shortcutLine = (x: number, y: number, width: number, height: number): Mark => {
  const [end, right, start] = [y + height, x + width + 10, x + width - 14]
  const curve = `M${start} ${y - 7}H${right - 6}Q${right} ${y - 7} ${right} ${y - 1}V${end + 1}`
  return line(`${curve}Q${right} ${end + 7} ${right - 6} ${end + 7}H${start}`, "short")
}

const headOf = (box: Box): Block => {
  const title = Math.ceil(textWidth(box.title, titleSize, "bold"))
  const times = box.times ?? ""
  const timesWidth = times === "" ? 0 : Math.ceil(textWidth(times, titleSize, "bold")) + 16
  return {
    width: title + 6 + widthOf(box.kind) + timesWidth,
    height: 18,
    at: (x, y, width) => [
      write("title", x, y + 13, box.title),
      write("faint", x + title + 6, y + 13, box.kind),
      write("title end", x + width, y + 13, times),
    ],
  }
}

/** Stacks side by side, from one input line to one end. */
const branchesBlock = (stacks: ReadonlyArray<Stack>, join: "concat" | "sum"): Block => {
  const blocks = stacks.map((stack) => stackBlock(stack, true))
  const height = Math.max(...blocks.map((block) => block.height))
  const space = 12
  const least = blocks.reduce((sum, block) => sum + block.width, space * (blocks.length - 1))
  const rail = 12
  return {
    width: least,
    height: height + rail + 18,
    at: (x, y, width) => {
      const more = Math.max(0, width - least) / blocks.length
      let left = x
      const middles: Array<number> = []
      const marks = blocks.flatMap((block) => {
        const own = block.width + more
        const middle = Math.round(left + own / 2)
        middles.push(middle)
        const inside = block.at(left, y, own)
        left += own + space
        const end = y + block.height
        return [...inside, line(`M${middle} ${end}V${y + height + rail}`)]
      })
      const foot = y + height + rail
      const centre = Math.round(x + width / 2)
      const across = `H${Math.max(centre, ...middles)}`
      const from = Math.min(centre, ...middles)
      const word = join === "sum" ? "+" : "concat"
      const half = Math.ceil(widthOf(word) / 2) + 8
      return [
        line(`M${from} ${y}${across}`),
        ...marks,
        line(`M${from} ${foot}${across}`),
        rect("join", [centre - half, foot - 1, 2 * half, 18], 9),
        write("mid", centre, foot + 12, word),
      ]
    },
  }
}

/** Stacks of which one runs, in lines. */
const optionsBlock = (stacks: ReadonlyArray<Stack>): Block => {
  const blocks = stacks.map((stack) => optionBlock(stack))
  const rows: Array<Array<Block>> = [[]]
  const space = 8
  for (const block of blocks) {
    const row = rows.at(-1)!
    if (row.length > 0 && beside([...row, block], space).width > widestOptions) rows.push([block])
    else row.push(block)
  }
  return below(
    rows.map((row) => beside(row, space)),
    space,
  )
}

const optionBlock = (stack: Stack): Block => {
  const inner = stackBlock(stack, false)
  const look = stack.state === "chosen" ? "option chosen" : "option"
  return {
    width: inner.width + 8,
    height: inner.height + 8,
    at: (x, y, width) => {
      const marks = [
        rect(look, [x, y, width, inner.height + 8], 7),
        ...inner.at(x + 4, y + 4, width - 8),
      ]
      return stack.state === "left" ? [{ is: "faded", marks }] : marks
    },
  }
}

const innerBlock = ({ arrangement, join = "concat", stacks }: NonNullable<Box["inner"]>): Block =>
  arrangement === "branches"
    ? branchesBlock(stacks, join)
    : arrangement === "options"
      ? optionsBlock(stacks)
      : below(stacks.map((stack) => stackBlock(stack, true)))

const boxBlock = (box: Box): Block => {
  const content = below([
    headOf(box),
    ...lines(box.facts, "text"),
    ...box.rows.map(rowBlock),
    ...(box.grid === undefined ? [] : [gridBlock(box.grid)]),
    ...(box.inner === undefined
      ? []
      : [{ width: 0, height: 4, at: () => [] }, innerBlock(box.inner)]),
  ])
  const height = content.height + 10
  return {
    width: content.width + 2 * padding,
    height,
    at: (x, y, width) => [
      rect(box.inner === undefined ? "box" : "group", [x, y, width, height], 5),
      rect(`tint ${box.tint}`, [x, y, 4, height], 2),
      ...content.at(x + padding, y + 4, width - 2 * padding),
      ...(box.hasShortcut ? [shortcutLine(x, y, width, height)] : []),
    ],
  }
}

/** Boxes one after another; `isFed`: an arrow goes into the first. */
export const stackBlock = ({ label, steps }: Stack, isFed: boolean): Block => {
  const boxes = steps.map(({ box }) => boxBlock(box))
  const room = steps.some(({ box }) => box.hasShortcut) ? shortcutRoom : 0
  const head = label === undefined ? 0 : lineHeight
  const lead = isFed ? 14 : 0
  const shapes = steps.map(({ shape = "" }, i) => (i === steps.length - 1 ? "" : shape))
  const inside = boxes.reduce(
    (sum, { height }) => sum + height,
    gap * Math.max(0, boxes.length - 1),
  )
  return {
    width: Math.max(
      label === undefined ? 0 : widthOf(label) + 8,
      boxes.length === 0 ? 40 : 0,
      ...boxes.map(({ width }) => width + room),
      ...shapes.map((shape) => (shape === "" ? 0 : 2 * widthOf(shape) + 20)),
    ),
    height: head + lead + inside,
    at: (x, y, whole) => {
      const width = whole - room
      const middle = Math.round(x + width / 2)
      let top = y + head + lead
      const marks: Array<Mark> = []
      if (label !== undefined) marks.push(write("faint", isFed ? middle + 5 : x + 4, y + 12, label))
      if (isFed && boxes.length > 0) marks.push(arrow(middle, y, top))
      if (isFed && boxes.length === 0) marks.push(line(`M${middle} ${y}V${top}`))
      boxes.forEach((box, i) => {
        if (i > 0) {
          marks.push(arrow(middle, top - gap, top))
          const shape = shapes[i - 1]!
          if (shape !== "") marks.push(write("faint", middle + 8, top - 7, shape))
        }
        marks.push(...box.at(x, top, width))
        top += box.height + gap
      })
      return marks
    },
  }
}
