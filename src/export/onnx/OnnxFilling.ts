/** Operations in ONNX that make pixels: zeros for a part, pixels around an image, images in another size. */
import type { Node, PadNode } from "../../network/Graph.ts"
import { type Quantity, valueOf } from "../../space/Quantity.ts"
import { lowest } from "../../tensor/Images.ts"
import type { Graph } from "./OnnxGraph.ts"

/** Sizes are fixed in a child network. */
export const sizeOf = (quantity: Quantity): number => valueOf(quantity, [])

/** Zeros around, [top, left, bottom, right], as TensorFlow places them: the odd one at the end. */
export const paddingOf = (
  input: readonly [number, number],
  kernel: readonly [number, number],
  stride: readonly [number, number],
  padding: "same" | "valid",
): ReadonlyArray<number> => {
  if (padding === "valid") return [0, 0, 0, 0]
  const totals = input.map((size, i) =>
    Math.max(0, (Math.ceil(size / stride[i]!) - 1) * stride[i]! + kernel[i]! - size),
  )
  const before = totals.map((total) => Math.floor(total / 2))
  return [...before, ...totals.map((total, i) => total - before[i]!)]
}

/** Zeros for each example of x. */
export const zeros = ({ path, shape }: Node, x: string, graph: Graph): string => {
  const channels = sizeOf(shape.channels)
  const sizes =
    shape.kind === "image"
      ? [channels, sizeOf(shape.height), sizeOf(shape.width)]
      : shape.kind === "tokens"
        ? [shape.tokens, channels]
        : [channels]
  const all = graph.node("Shape", [x], `${path}.sizes`)
  const batch = graph.node("Gather", [all, graph.whole(0)], `${path}.batch`)
  const counts = graph.node("Concat", [batch, graph.whole(...sizes)], `${path}.counts`, { axis: 0 })
  return graph.node("Expand", [graph.scalar(0), counts], path)
}

export const pad = ({ around, path, value }: PadNode, x: string, graph: Graph): string => {
  const [[top, bottom], [left, right]] = around
  const filling = graph.scalar(value === "lowest" ? lowest : 0)
  return graph.node("Pad", [x, graph.whole(0, 0, top, left, 0, 0, bottom, right), filling], path)
}

export const resize = ({ path, shape }: Node, x: string, graph: Graph): string => {
  if (shape.kind !== "image") throw new Error(`${path} needs an image`)
  const all = graph.node("Shape", [x], `${path}.sizes`)
  const kept = graph.node(
    "Slice",
    [all, graph.whole(0), graph.whole(2), graph.whole(0)],
    `${path}.kept`,
  )
  const sizes = graph.whole(sizeOf(shape.height), sizeOf(shape.width))
  const size = graph.node("Concat", [kept, sizes], `${path}.size`, { axis: 0 })
  return graph.node("Resize", [x, "", "", size], path, {
    mode: "linear",
    coordinate_transformation_mode: "half_pixel",
  })
}
