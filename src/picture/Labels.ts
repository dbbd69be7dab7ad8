/**
 * Names beside points, where there is room: in the order of their weight each takes the first place around its point at
 * which it covers no point, no other name and no edge. A name without such a place is left out; the legend or the table
 * has it. Pixels from the upper left corner of the plot.
 */
import { textWidth } from "./TextWidth.ts"

export interface Point {
  readonly x: number
  readonly y: number
}

export interface Labelled extends Point {
  readonly text: string
  readonly isBold: boolean
}

/** Where a name stands from its point: the offset of its baseline's middle, and which of its ends is there. */
export interface Place {
  readonly dx: number
  readonly dy: number
  readonly align: "left" | "right" | "center"
}

interface Box {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

const places: ReadonlyArray<Place> = [6, 11, 18].flatMap((gap): ReadonlyArray<Place> => [
  { dx: gap + 2, dy: 0, align: "left" },
  { dx: -gap - 2, dy: 0, align: "right" },
  { dx: gap, dy: -gap - 3, align: "left" },
  { dx: gap, dy: gap + 3, align: "left" },
  { dx: -gap, dy: -gap - 3, align: "right" },
  { dx: -gap, dy: gap + 3, align: "right" },
  { dx: 0, dy: -gap - 7, align: "center" },
  { dx: 0, dy: gap + 7, align: "center" },
])

const overlap = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom

const around = ({ x, y }: Point, radius: number): Box => ({
  left: x - radius,
  right: x + radius,
  top: y - radius,
  bottom: y + radius,
})

const boxOf = ({ isBold, text, x, y }: Labelled, { align, dx, dy }: Place, size: number): Box => {
  const width = textWidth(text, size, isBold ? "bold" : "normal") + 4
  const shift = align === "left" ? 0 : align === "right" ? width : width / 2
  const left = x + dx - shift
  const middle = y + dy
  return { left, right: left + width, top: middle - size / 2 - 1, bottom: middle + size / 2 + 1 }
}

/** A place for each name, or undefined; names in the order of their weight. */
export const placeLabels = (
  labels: ReadonlyArray<Labelled>,
  points: ReadonlyArray<Point>,
  plot: { readonly width: number; readonly height: number; readonly size: number },
): ReadonlyArray<Place | undefined> => {
  const taken = points.map((point) => around(point, 5))
  return labels.map((label) => {
    for (const place of places) {
      const box = boxOf(label, place, plot.size)
      const isInside =
        box.left >= 0 && box.right <= plot.width && box.top >= 0 && box.bottom <= plot.height
      if (!isInside || taken.some((other) => overlap(box, other))) continue
      taken.push(box)
      return place
    }
    return undefined
  })
}
