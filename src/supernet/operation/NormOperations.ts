/** `batchNorm` (arXiv 1502.03167) and `bias`, float32 always. */
import { maximum } from "../../space/Quantity.ts"
import { biasAdd } from "../../tensor/Kernels.ts"
import { batchNormInference, batchNormOver } from "../../tensor/Norms.ts"
import type { Tensor4D } from "../../tensor/Backend.ts"
import type { BatchNormNode, BiasNode } from "../../network/Graph.ts"
import { defineOperation } from "./Operation.ts"

const epsilon = 1e-5
/** Share of the new batch in the running averages. */
const momentum = 0.1

export const BatchNormOperation = defineOperation<BatchNormNode>({
  operations: ["batchNorm"],
  variables: (node) => {
    const shape = [maximum(node.shape.channels)]
    return [
      {
        name: "gamma",
        shape,
        channels: ["output"],
        initial: "ones",
        kind: "trained",
        decay: false,
      },
      {
        name: "beta",
        shape,
        channels: ["output"],
        initial: "zeros",
        kind: "trained",
        decay: false,
      },
      {
        name: "mean",
        shape,
        channels: ["output"],
        initial: "zeros",
        kind: "average",
        decay: false,
      },
      {
        name: "variance",
        shape,
        channels: ["output"],
        initial: "ones",
        kind: "average",
        decay: false,
      },
    ]
  },
  forward: (node, [x], context) => {
    const input = x as Tensor4D
    const sizes = [node.shape.channels]
    const gamma = context.cut(context.variable("gamma"), sizes)
    const beta = context.cut(context.variable("beta"), sizes)
    const mean = context.variable("mean")
    const variance = context.variable("variance")
    if (context.mode === "infer" || context.mode === "measureRunning")
      return batchNormInference(
        input,
        gamma,
        beta,
        context.cut(mean, sizes),
        context.cut(variance, sizes),
        { epsilon },
      )
    if (context.mode === "train")
      return batchNormOver(
        input,
        gamma,
        beta,
        { epsilon, momentum },
        context.averages(node, mean, variance),
      )
    return batchNormOver(
      input,
      gamma,
      beta,
      { epsilon, momentum: 1 },
      {
        mean,
        variance,
        assign: (batchMean, batchVariance) =>
          context.observeNorm(node.path, batchMean, batchVariance),
      },
    )
  },
})

export const BiasOperation = defineOperation<BiasNode>({
  operations: ["bias"],
  variables: (node) => [
    {
      name: "bias",
      shape: [maximum(node.shape.channels)],
      channels: ["output"],
      initial: "zeros",
      kind: "trained",
      decay: false,
    },
  ],
  forward: (node, [x], context) =>
    biasAdd(x!, context.cut(context.variable("bias"), [node.shape.channels])),
})
