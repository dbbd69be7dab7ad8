/** Operations in ONNX that put one number into many places: zeros for a part, pixels around an image. */
import type { Node, PadNode } from "../../network/Graph.ts"
import { type Quantity, valueOf } from "../../space/Quantity.ts"
import { lowest } from "../../tensor/Kernels.ts"
import type { Graph } from "./OnnxGraph.ts"

/** Sizes are fixed in a child network. */
export const sizeOf = (quantity: Quantity): number => valueOf(quantity, [])

/** Zeros for each example of x. */
export const zeros = ({ path, shape }: Node, x: string, graph: Graph): string => {
  const channels = sizeOf(shape.channels)
  const sizes =
    shape.kind === "image"
      ? [channels, shape.height, shape.width]
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
