/** Shapes of what flows between nodes: sizes after windows, equality in every assignment, words. */
import { combine, maximum, minimum, type Quantity } from "../space/Quantity.ts"
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

/** Equal in every assignment. */
export const sameWidth = (a: Quantity, b: Quantity): boolean =>
  combine([a, b], ([x, y]) => (x === y ? 1 : 0)).values.every((v) => v === 1)

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.kind === "image" && b.kind === "image"
    ? a.height === b.height && a.width === b.width && sameWidth(a.channels, b.channels)
    : a.kind === "tokens" && b.kind === "tokens"
      ? a.tokens === b.tokens && sameWidth(a.channels, b.channels)
      : a.kind === b.kind && sameWidth(a.channels, b.channels)

export const describeShape = (shape: Shape): string => {
  const least = minimum(shape.channels)
  const most = maximum(shape.channels)
  const channels = least === most ? `${most}` : `${least}..${most}`
  switch (shape.kind) {
    case "image":
      return `[${shape.height}, ${shape.width}, ${channels}]`
    case "tokens":
      return `[${shape.tokens} tokens, ${channels}]`
    case "vector":
      return `[${channels}]`
  }
}
