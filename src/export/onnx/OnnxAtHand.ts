/**
 * Scales and zero points that are found in the values at hand, as the file runs. Left out: the grid of a format
 * (`OnnxInputs.ts`).
 */
import type { Row } from "../../format/Row.ts"
import type { Graph } from "./OnnxGraph.ts"

const smallestNormal = 2 ** -126

/** The scale of values at hand, from their largest magnitude or their span. */
export const scaleAtHand = (graph: Graph, top: string, { scaleBy }: Row, name: string): string => {
  const ratio = graph.node("Div", [top, graph.scalar(scaleBy)], `${name}.ratio`)
  const usable = graph.node(
    "GreaterOrEqual",
    [ratio, graph.scalar(smallestNormal)],
    `${name}.usable`,
  )
  return graph.node("Where", [usable, ratio, graph.scalar(1)], `${name}.scale`)
}

/** x in a format whose zero point is found in the values that a scale covers, those along `axes`. */
export const roundAffine = (
  graph: Graph,
  x: string,
  axes: ReadonlyArray<number>,
  row: Row,
  name: string,
): string => {
  const zero = graph.scalar(0)
  const end = (of: "Min" | "Max"): string => {
    const found = graph.reduce(`Reduce${of}`, x, axes, `${name}.${of}`, true)
    return graph.node(of, [found, zero], `${name}.${of}0`)
  }
  const least = end("Min")
  const span = graph.node("Sub", [end("Max"), least], `${name}.span`)
  const s = scaleAtHand(graph, span, row, name)
  const below = graph.node("Neg", [least], `${name}.below`)
  const code = graph.node("Div", [below, s], `${name}.steps`)
  const zeroPoint = graph.node("Round", [code], `${name}.zeroPoint`)
  const lowest = graph.node("Neg", [zeroPoint], `${name}.lowest`)
  const highest = graph.node("Sub", [graph.scalar(row.hi), zeroPoint], `${name}.highest`)
  const y = graph.node("Div", [x, s], `${name}.scaled`)
  const above = graph.node("Max", [y, lowest], `${name}.above`)
  const clipped = graph.node("Min", [above, highest], `${name}.clipped`)
  const q = graph.node("Round", [clipped], `${name}.rounded`)
  return graph.node("Mul", [q, s], `${name}.quantized`)
}
