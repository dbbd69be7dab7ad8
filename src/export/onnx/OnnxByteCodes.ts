/**
 * An input in integers of at most eight bits under a frozen scale: codes in UINT8, 128 above where they have a sign, the
 * zero point above where the format has one. That is the type which onnxruntime's kernels multiply; other types of eight bits it multiplies as floats.
 *
 * A range narrower than the type, and an activation before the rounding, are bounds of the codes, since rounding keeps the
 * order of values. A Clip or Relu of the floats would keep onnxruntime from fusing the product before it.
 */
import type { Row } from "../../format/Row.ts"
import { DataType, floats, type Graph } from "./OnnxGraph.ts"

const { fround } = Math

export interface ByteCodes extends Pick<Row, "lo" | "hi"> {
  readonly scale: number
  /** The code of 0, where the format says which. */
  readonly zeroPoint?: number
  /** An activation that the bounds of the codes do. */
  readonly bound?: "relu" | "relu6"
}

/** The nearest whole number, half to even. */
const rounded = (x: number): number => {
  const below = Math.floor(x)
  const rest = x - below
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below
}

const byte = (graph: Graph, value: number): string =>
  graph.shared(`byte.${value}`, () => ({
    type: DataType.UINT8,
    shape: [],
    bytes: Uint8Array.of(value),
  }))

/** Adds the rounding of x and gives the name of the result. */
export const addByteCodes = (
  graph: Graph,
  x: string,
  { bound, hi, lo, scale: s, zeroPoint }: ByteCodes,
  name: string,
): string => {
  const above = zeroPoint ?? (lo < 0 ? 128 : 0)
  const least = above + (bound === undefined ? lo : Math.max(lo, 0))
  const most = above + (bound === "relu6" ? Math.min(hi, rounded(fround(6 / s))) : hi)
  const scale = graph.constant(`${name}.scale`, floats([s], []))
  const zero = byte(graph, above)
  const codes = graph.node("QuantizeLinear", [x, scale, zero], `${name}.codes`)
  const ranged =
    least === 0 && most === 255
      ? codes
      : graph.node("Clip", [codes, byte(graph, least), byte(graph, most)], `${name}.bounded`)
  return graph.node("DequantizeLinear", [ranged, scale, zero], `${name}.quantized`)
}
