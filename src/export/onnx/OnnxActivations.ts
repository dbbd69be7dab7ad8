/** Activations in ONNX, by the names that the network has for them. */
import { leak } from "../../tensor/Activations.ts"
import type { Graph } from "./OnnxGraph.ts"

const swish = (graph: Graph, x: string, path: string): string =>
  graph.node("Mul", [x, graph.node("Sigmoid", [x], `${path}.sigmoid`)], path)

/** In its tanh form: x/2 (1 + tanh(x (cubic x^2 + linear))). */
const gelu = (graph: Graph, x: string, path: string): string => {
  const linear = Math.sqrt(2 / Math.PI)
  const square = graph.node("Mul", [x, x], `${path}.square`)
  const cubic = graph.node("Mul", [square, graph.scalar(0.044715 * linear)], `${path}.cubic`)
  const sum = graph.node("Add", [cubic, graph.scalar(linear)], `${path}.sum`)
  const inner = graph.node("Mul", [x, sum], `${path}.inner`)
  const tanh = graph.node("Tanh", [inner], `${path}.tanh`)
  const factor = graph.node("Add", [tanh, graph.scalar(1)], `${path}.factor`)
  const half = graph.node("Mul", [x, graph.scalar(0.5)], `${path}.half`)
  return graph.node("Mul", [half, factor], path)
}

/** min(max(x + 3, 0), 6) / 6 */
const hardSigmoid = (graph: Graph, x: string, path: string): string => {
  const raised = graph.node("Add", [x, graph.scalar(3)], `${path}.raised`)
  const positive = graph.node("Relu", [raised], `${path}.positive`)
  const bounded = graph.node("Min", [positive, graph.scalar(6)], `${path}.bounded`)
  return graph.node("Mul", [bounded, graph.scalar(1 / 6)], path)
}

export const activations = {
  relu: (graph: Graph, x: string, path: string) => graph.node("Relu", [x], path),
  // Not a Clip: onnxruntime cannot load one before FP8.
  relu6: (graph: Graph, x: string, path: string) =>
    graph.node("Min", [graph.node("Relu", [x], `${path}.relu`), graph.scalar(6)], path),
  swish,
  gelu,
  hardSigmoid,
  hardSwish: (graph: Graph, x: string, path: string) =>
    graph.node("Mul", [x, hardSigmoid(graph, x, `${path}.gate`)], path),
  leakyRelu: (graph: Graph, x: string, path: string) =>
    graph.node("LeakyRelu", [x], path, { alpha: { float: leak } }),
  elu: (graph: Graph, x: string, path: string) => graph.node("Elu", [x], path),
  tanh: (graph: Graph, x: string, path: string) => graph.node("Tanh", [x], path),
}
