/** Activations in TensorFlow, by the names that the network has for them. */
import { leak } from "../../tensor/Activations.ts"
import type { TensorFlowGraph } from "./TensorFlowGraph.ts"

/** In its tanh form: x/2 (1 + tanh(x (cubic x^2 + linear))). */
const gelu = (graph: TensorFlowGraph, x: string, path: string): string => {
  const linear = Math.sqrt(2 / Math.PI)
  const square = graph.each("Mul", [x, x], `${path}.square`)
  const cubic = graph.each("Mul", [square, graph.scalar(0.044715 * linear)], `${path}.cubic`)
  const sum = graph.each("AddV2", [cubic, graph.scalar(linear)], `${path}.sum`)
  const tanh = graph.each("Tanh", [graph.each("Mul", [x, sum], `${path}.inner`)], `${path}.tanh`)
  const factor = graph.each("AddV2", [tanh, graph.scalar(1)], `${path}.factor`)
  const half = graph.each("Mul", [x, graph.scalar(0.5)], `${path}.half`)
  return graph.each("Mul", [half, factor], path)
}

/** min(max(x + 3, 0), 6) / 6 */
const hardSigmoid = (graph: TensorFlowGraph, x: string, path: string): string => {
  const raised = graph.each("AddV2", [x, graph.scalar(3)], `${path}.raised`)
  const bounded = graph.each("Relu6", [raised], `${path}.bounded`)
  return graph.each("Mul", [bounded, graph.scalar(1 / 6)], path)
}

export const activations = {
  relu: (graph: TensorFlowGraph, x: string, path: string) => graph.each("Relu", [x], path),
  relu6: (graph: TensorFlowGraph, x: string, path: string) => graph.each("Relu6", [x], path),
  swish: (graph: TensorFlowGraph, x: string, path: string) =>
    graph.each("Mul", [x, graph.each("Sigmoid", [x], `${path}.sigmoid`)], path),
  gelu,
  hardSigmoid,
  hardSwish: (graph: TensorFlowGraph, x: string, path: string) =>
    graph.each("Mul", [x, hardSigmoid(graph, x, `${path}.gate`)], path),
  leakyRelu: (graph: TensorFlowGraph, x: string, path: string) => {
    const below = graph.each("Mul", [x, graph.scalar(leak)], `${path}.below`)
    return graph.each("Maximum", [x, below], path)
  },
  elu: (graph: TensorFlowGraph, x: string, path: string) => graph.each("Elu", [x], path),
  tanh: (graph: TensorFlowGraph, x: string, path: string) => graph.each("Tanh", [x], path),
}
