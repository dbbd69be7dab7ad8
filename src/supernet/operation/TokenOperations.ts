/** Operations of transformers (arXiv 2010.11929): embedding, attention, from tokens to a vector. */
import { constant, maximum } from "../../space/Quantity.ts"
import { matMul, softmax, tokenMean } from "../../tensor/Kernels.ts"
import {
  addPositions,
  firstToken,
  fromHeads,
  headPart,
  imageToTokens,
  prependToken,
  scaled,
  toHeads,
} from "../../tensor/Tokens.ts"
import type { AttentionNode, EmbedNode, TokensToVectorNode } from "../../network/Graph.ts"
import { defineOperation } from "./Operation.ts"

/** Standard deviation 0.02, that of the reference implementation. */
const embedding = { gain: 0.0004, fanIn: 1 }

export const EmbedOperation = defineOperation<EmbedNode>({
  operations: ["embedTokens"],
  variables: (node) => {
    const width = maximum(node.shape.channels)
    const variable = { initial: embedding, kind: "trained", decay: false } as const
    return [
      {
        name: "positions",
        shape: [node.shape.tokens, width],
        channels: [null, "output"],
        ...variable,
      },
      ...(node.classToken
        ? [{ name: "classToken", shape: [width], channels: ["output"] as const, ...variable }]
        : []),
    ]
  },
  forward: (node, [x], { cut, variable }) => {
    const { channels, tokens } = node.shape
    const patches = imageToTokens(x!)
    const all = node.classToken
      ? prependToken(patches, cut(variable("classToken"), [channels]))
      : patches
    return addPositions(all, cut(variable("positions"), [constant(tokens), channels]))
  },
})

/**
 * softmax(q k^T / sqrt(headDim)) v, head by head. Channels of its input are [heads, (query, key, value), headDim], so
 * that a cut leaves whole heads. Blocks of block formats run along the dimension that a product sums over: channels of
 * a head, then tokens.
 */
export const AttentionOperation = defineOperation<AttentionNode>({
  operations: ["attention"],
  variables: () => [],
  forward: (node, [x], { quantizeProduct }) => {
    const heads = toHeads(x!, 3 * node.headDim)
    const [query, key, value] = [0, 1, 2].map((i) => headPart(heads, i, 3))
    const scores = matMul(
      quantizeProduct("query", scaled(query!, 1 / Math.sqrt(node.headDim)), 3),
      quantizeProduct("key", key!, 3),
      true,
    )
    const taken = matMul(
      quantizeProduct("probabilities", softmax(scores), 3),
      quantizeProduct("value", value!, 2),
    )
    return fromHeads(taken)
  },
})

export const TokensToVectorOperation = defineOperation<TokensToVectorNode>({
  operations: ["takeClassToken", "tokenMean"],
  variables: () => [],
  forward: (node, [x]) => (node.operation === "tokenMean" ? tokenMean : firstToken)(x!),
})
