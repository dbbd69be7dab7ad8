/** `conv`, `depthwiseConv`, `dense`: fake-quantized weight times fake-quantized input, accumulated in float32. */
import { constant, maximum, minimum, type Quantity } from "../../space/Quantity.ts"
import type { Tensor4D } from "../../tensor/Backend.ts"
import { conv2d, depthwiseConv2d } from "../../tensor/Convolution.ts"
import { matMul } from "../../tensor/Kernels.ts"
import { tokenMatMul } from "../../tensor/Tokens.ts"
import type { ConvNode, DenseNode } from "../../network/Graph.ts"
import { defineOperation } from "./Operation.ts"

const one = constant(1)
/** Height and width: a smaller kernel is the centre of the largest. */
const centred = 2

/** Channels that one output reads: those of its group. */
const readBy = ({ groupInputs, inputChannels }: ConvNode): Quantity => groupInputs ?? inputChannels

export const ConvOperation = defineOperation<ConvNode>({
  operations: ["conv", "depthwiseConv"],
  variables: (node) => {
    const [kh, kw] = node.kernel.map(maximum) as [number, number]
    const inputs = maximum(readBy(node))
    const depthwise = node.operation === "depthwiseConv"
    const outputs = depthwise ? 1 : maximum(node.shape.channels)
    const fanIn = kh * kw * (depthwise ? 1 : inputs)
    return [
      {
        name: "weight",
        shape: [kh, kw, inputs, outputs],
        channels: [
          null,
          null,
          node.groups === undefined ? "input" : null,
          depthwise ? null : "output",
        ],
        initial: { gain: 2, fanIn },
        kind: "trained",
        decay: true,
        centred,
      },
    ]
  },
  forward: (node, [x], context) => {
    const depthwise = node.operation === "depthwiseConv"
    const sizes = [...node.kernel, readBy(node), depthwise ? one : node.shape.channels]
    const weight = context.cut(context.variable("weight"), sizes, centred)
    const w = context.quantize("weights", node.layer, weight) as Tensor4D
    const input = context.quantize("activations", node.layer, x!) as Tensor4D
    const { dilation, groups } = node
    const options = {
      strides: node.stride,
      padding: node.padding,
      ...(dilation === undefined ? {} : { dilation }),
      ...(groups === undefined ? {} : { groups }),
    }
    if (depthwise) return depthwiseConv2d(input, w, options)
    const mayBePointwise = node.kernel.every((size) => minimum(size) === 1)
    return conv2d(input, w, { ...options, mayBePointwise })
  },
})

export const DenseOperation = defineOperation<DenseNode>({
  operations: ["dense"],
  variables: (node) => {
    const fanIn = maximum(node.inputChannels)
    const shape = [fanIn, maximum(node.shape.channels)]
    return [
      {
        name: "weight",
        shape,
        channels: ["input", "output"],
        initial: { gain: 1, fanIn },
        kind: "trained",
        decay: true,
      },
    ]
  },
  forward: (node, [x], context) => {
    const weight = context.cut(context.variable("weight"), [
      node.inputChannels,
      node.shape.channels,
    ])
    const multiply = node.shape.kind === "tokens" ? tokenMatMul : matMul
    return multiply(
      context.quantize("activations", node.layer, x!),
      context.quantize("weights", node.layer, weight),
    )
  },
})
