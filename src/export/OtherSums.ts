/**
 * The child network as another order of adding would compute it: every sum of a layer moved by about one part in two million
 * of its spread, which is what float32 leaves open. Where that tips a value over a rounding boundary, the answers move; so
 * this tells how far the network agrees with itself.
 *
 *     norm    beta  +- share |gamma|              gamma is the standard deviation of what the norm gives
 *     bias    bias  +- share norm of the weight   inputs of about 1
 *
 * Left out: running it (`Verify.ts`).
 */
import type { Layer } from "../cost/LayerTable.ts"
import { isLayerNode, type Node } from "../network/Graph.ts"
import { randomStream } from "../space/RandomStream.ts"
import { type FoundModel, valuesNamed } from "./FoundModel.ts"

/** Eight roundings to float32: what long sums come to. */
const share = 2 ** -21

/** Square root of the sum of squares for each output channel. */
const channelNorms = (model: FoundModel, { kind, path }: Layer): Float32Array => {
  const { shape, values } = valuesNamed(model, `${path}.weight`)
  const count = kind === "depthwiseConv" ? shape.at(-2)! : shape.at(-1)!
  const squares = new Float32Array(count)
  for (let i = 0; i < values.length; i++) squares[i % count]! += values[i]! ** 2
  return squares.map(Math.sqrt)
}

/** What the sums that a node adds to spread over, and the name of what it adds. */
const spreadOf = (model: FoundModel, node: Node): readonly [string, Float32Array] | undefined => {
  const { graph, table } = model.network
  if (["batchNorm", "layerNorm", "groupNorm"].includes(node.operation))
    return [`${node.path}.beta`, valuesNamed(model, `${node.path}.gamma`).values]
  if (node.operation !== "bias") return undefined
  const product = graph.nodes[node.inputs[0]!]!
  return isLayerNode(product)
    ? [`${node.path}.bias`, channelNorms(model, table.layers[product.layer]!)]
    : undefined
}

/** Name of a variable -> its values in a network that adds in another order, a different one for each `seed`. */
export const otherSums = (model: FoundModel, seed: number): ReadonlyMap<string, Float32Array> => {
  const random = randomStream(seed, "order of sums")
  return new Map(
    model.network.graph.nodes.flatMap((node) => {
      const spread = spreadOf(model, node)
      if (spread === undefined) return []
      const [name, sizes] = spread
      const moved = valuesNamed(model, name).values.map(
        (value, c) => value + (random.uniform() < 0.5 ? -share : share) * Math.abs(sizes[c]!),
      )
      return [[name, moved] as const]
    }),
  )
}
