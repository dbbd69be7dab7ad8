/** Shapes of what flows between nodes: sizes after windows, equality in every assignment, words. */
import { combine, map, maximum, minimum, type Quantity } from "../space/Quantity.ts"
import type { Padding, Shape } from "./Graph.ts"

/** What flows between nodes. */
export interface Value {
  readonly node: number
  readonly shape: Shape
}

/** Spatial size after a window: TensorFlow's SAME and VALID. */
export const outputSize = (
  size: number,
  window: number,
  stride: number,
  padding: Padding,
): number =>
  padding === "same" ? Math.ceil(size / stride) : Math.ceil((size - window + 1) / stride)

/** The same of a size that a decision may choose. */
export const outputSizes = (
  size: Quantity,
  window: number,
  stride: number,
  padding: Padding,
): Quantity => map(size, (n) => outputSize(n, window, stride, padding))

/** Equal in every assignment. */
export const sameWidth = (a: Quantity, b: Quantity): boolean =>
  combine([a, b], ([x, y]) => (x === y ? 1 : 0)).values.every((v) => v === 1)

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.kind === "image" && b.kind === "image"
    ? sameWidth(a.height, b.height) &&
      sameWidth(a.width, b.width) &&
      sameWidth(a.channels, b.channels)
    : a.kind === "tokens" && b.kind === "tokens"
      ? a.tokens === b.tokens && sameWidth(a.channels, b.channels)
      : a.kind === b.kind && sameWidth(a.channels, b.channels)

/** A size, or the range of those it may have. */
export const describeSize = (size: Quantity): string => {
  const [least, most] = [minimum(size), maximum(size)]
  return least === most ? `${most}` : `${least}..${most}`
}

/** Height and width of an image. */
export const describeImage = ({ height, width }: Extract<Shape, { kind: "image" }>): string =>
  `${describeSize(height)} x ${describeSize(width)}`

export const describeShape = (shape: Shape): string => {
  const channels = describeSize(shape.channels)
  switch (shape.kind) {
    case "image":
      return `[${describeSize(shape.height)}, ${describeSize(shape.width)}, ${channels}]`
    case "tokens":
      return `[${shape.tokens} tokens, ${channels}]`
    case "vector":
      return `[${channels}]`
  }
}
