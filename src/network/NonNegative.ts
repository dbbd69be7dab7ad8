/** Which values of a graph cannot be negative, whatever the weights and the images are. */
import { isLayerNode, type Node } from "./Graph.ts"

/** Whether a node's result cannot be negative, given that of its inputs. Operations not named here may give any sign. */
const isNonNegative = (node: Node, inputs: ReadonlyArray<boolean>): boolean => {
  switch (node.operation) {
    case "activation":
      return node.activation === "relu" || node.activation === "relu6"
    case "add":
    case "averagePool":
    case "concat":
    case "dropout":
    case "dropPath":
    case "enter":
    case "globalAveragePool":
    case "leave":
    case "maxPool":
    case "squeezeExcite":
      return inputs.every((nonNegative) => nonNegative)
    default:
      return false
  }
}

/** The layers whose input cannot be negative. */
export const nonNegativeInputs = (nodes: ReadonlyArray<Node>): ReadonlyArray<number> => {
  const nonNegative: Array<boolean> = []
  const layers: Array<number> = []
  for (const node of nodes) {
    const inputs = node.inputs.map((i) => nonNegative[i]!)
    nonNegative.push(isNonNegative(node, inputs))
    if (isLayerNode(node) && inputs.length > 0 && inputs.every((is) => is)) layers.push(node.layer)
  }
  return layers
}
