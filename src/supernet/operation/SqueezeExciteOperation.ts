/**
 * `squeezeExcite` (Hu et al., arXiv 1709.01507, section 3): channel means -> dense -> activation -> dense -> sigmoid, or
 * its piecewise linear form, and every channel times its gate. Float32 always.
 */
import { maximum, type Quantity } from "../../space/Quantity.ts"
import type { Tensor } from "../../tensor/Backend.ts"
import { activations } from "../../tensor/Activations.ts"
import { biasAdd, globalAveragePool, matMul, scaleChannels } from "../../tensor/Kernels.ts"
import type { SqueezeExciteNode } from "../../network/Graph.ts"
import { defineOperation, type VariableSpec } from "./Operation.ts"

type Channels = "output" | "inner"

const weight = (
  name: string,
  [fanIn, units]: readonly [number, number],
  channels: readonly [Channels, Channels],
  gain: number,
): VariableSpec => ({
  name,
  shape: [fanIn, units],
  channels,
  initial: { gain, fanIn },
  kind: "trained",
  decay: true,
})
const bias = (name: string, units: number, channels: Channels): VariableSpec => ({
  name,
  shape: [units],
  channels: [channels],
  initial: "zeros",
  kind: "trained",
  decay: false,
})

export const SqueezeExciteOperation = defineOperation<SqueezeExciteNode>({
  operations: ["squeezeExcite"],
  variables: (node) => {
    const channels = maximum(node.inputChannels)
    const inner = maximum(node.inner)
    return [
      weight("squeeze", [channels, inner], ["output", "inner"], 2),
      bias("squeezeBias", inner, "inner"),
      weight("excite", [inner, channels], ["inner", "output"], 1),
      bias("exciteBias", channels, "output"),
    ]
  },
  forward: (node, [x], { cut, isSizeSearched, variable }) => {
    const { inner, inputChannels: channels } = node
    const dense = (input: Tensor, name: string, from: Quantity, to: Quantity): Tensor =>
      biasAdd(matMul(input, cut(variable(name), [from, to])), cut(variable(`${name}Bias`), [to]))
    const squeezed = dense(globalAveragePool(x!, isSizeSearched), "squeeze", channels, inner)
    const active = activations[node.activation](squeezed)
    const gate = activations[node.gate ?? "sigmoid"]
    return scaleChannels(x!, gate(dense(active, "excite", inner, channels)))
  },
})
