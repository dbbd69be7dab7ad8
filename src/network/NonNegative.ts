/** Which values of a graph cannot be negative, whatever the weights and the images are. */
import { isLayerNode, type Node } from "./Graph.ts"

/** Whether a node's result cannot be negative, given that of its inputs. Operations not named here may give any sign. */
const isNonNegative = (node: Node, inputs: ReadonlyArray<boolean>): boolean => {
  switch (node.operation) {
    case "activation":
      return ["relu", "relu6", "hardSigmoid"].includes(node.activation)
    case "add":
    case "averagePool":
    case "choose":
    case "concat":
    case "dropout":
    case "dropPath":
    case "enter":
    case "flatten":
    case "globalAveragePool":
    case "globalMaxPool":
    case "leave":
    case "maxPool":
    case "squeezeExcite":
    case "zeros":
      return inputs.every((nonNegative) => nonNegative)
    case "pad":
      // the lowest number of float32 stands beside a maximum over windows that each hold a pixel of the image
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
