/** `batchNorm` (arXiv 1502.03167), `layerNorm`, `groupNorm`, `bias` and `layerScale`, float32 always. */
import { maximum } from "../../space/Quantity.ts"
import { asImage, asVector } from "../../tensor/Images.ts"
import { biasAdd, scaleEach } from "../../tensor/Kernels.ts"
import { batchNormInference, batchNormOver, groupNorm, layerNorm } from "../../tensor/Norms.ts"
import type { Tensor, Tensor1D, Tensor4D } from "../../tensor/Backend.ts"
import type {
  BatchNormNode,
  BiasNode,
  GroupNormNode,
  LayerNormNode,
  LayerScaleNode,
  Node,
} from "../../network/Graph.ts"
import { type Context, defineOperation, type VariableSpec } from "./Operation.ts"

const epsilon = 1e-5
/** Share of the new batch in the running averages. */
const momentum = 0.1

type Initial = VariableSpec["initial"]

/** A number for each channel of a node's result. */
const perChannel = (
  node: Node,
  name: string,
  initial: Initial,
  kind: VariableSpec["kind"] = "trained",
): VariableSpec => ({
  name,
  shape: [maximum(node.shape.channels)],
  channels: ["output"],
  initial,
  kind,
  decay: false,
})

const affine = (node: Node) => [
  perChannel(node, "gamma", "ones"),
  perChannel(node, "beta", "zeros"),
]

const affineOf = (node: Node, { cut, variable }: Context) => {
  const sizes = [node.shape.channels]
  return [cut(variable("gamma"), sizes), cut(variable("beta"), sizes)] as const
}

const normalised = (node: BatchNormNode, input: Tensor, context: Context): Tensor => {
  const [gamma, beta] = affineOf(node, context)
  const mean = context.variable("mean")
  const variance = context.variable("variance")
  if (context.mode === "infer" || context.mode === "measureRunning") {
    const sizes = [node.shape.channels]
    return batchNormInference(
      input,
      gamma,
      beta,
      context.cut(mean, sizes),
      context.cut(variance, sizes),
      { epsilon },
    )
  }
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
}

export const BatchNormOperation = defineOperation<BatchNormNode>({
  operations: ["batchNorm"],
  variables: (node) => [
    ...affine(node),
    perChannel(node, "mean", "zeros", "average"),
    perChannel(node, "variance", "ones", "average"),
  ],
  // the kernel takes images: a vector is one of a single pixel
  forward: (node, [x], context) =>
    x!.rank === 2
      ? asVector(normalised(node, asImage(x!), context))
      : normalised(node, x as Tensor4D, context),
})

/** Of layer norm and group norm. */
const epsilonOfExample = 1e-6

export const LayerNormOperation = defineOperation<LayerNormNode>({
  operations: ["layerNorm"],
  variables: affine,
  forward: (node, [x], context) => {
    const [gamma, beta] = affineOf(node, context)
    return layerNorm(x!, gamma as Tensor1D, beta as Tensor1D, { epsilon: epsilonOfExample })
  },
})

export const GroupNormOperation = defineOperation<GroupNormNode>({
  operations: ["groupNorm"],
  variables: affine,
  forward: (node, [x], context) => {
    const [gamma, beta] = affineOf(node, context)
    return groupNorm(x!, gamma, beta, { epsilon: epsilonOfExample, groups: node.groups })
  },
})

export const LayerScaleOperation = defineOperation<LayerScaleNode>({
  operations: ["layerScale"],
  variables: (node) => [perChannel(node, "gamma", { value: node.initial })],
  forward: (node, [x], { cut, variable }) =>
    scaleEach(x!, cut(variable("gamma"), [node.shape.channels])),
})

export const BiasOperation = defineOperation<BiasNode>({
  operations: ["bias"],
  variables: (node) => [perChannel(node, "bias", "zeros")],
  forward: (node, [x], context) =>
    biasAdd(x!, context.cut(context.variable("bias"), [node.shape.channels])),
})
