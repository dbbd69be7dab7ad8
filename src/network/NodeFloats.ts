/**
 * Float32 parameters of operations that are no layers: squeeze-excite, positions, and norms of their own. Left out: what a
 * layer counts itself, its bias and its norm (`LayerDraft.ts`).
 */
import { combine, type Quantity } from "../space/Quantity.ts"
import type { Node } from "./Graph.ts"

/** How many a node has where it runs; undefined where there are none. */
export const floatsOf = (node: Node): Quantity | undefined => {
  const { active, inputChannels } = node
  switch (node.operation) {
    case "batchNorm":
    case "layerNorm":
    case "groupNorm":
      return combine([active, inputChannels], ([a, c]) => a! * 2 * c!)
    case "layerScale":
      return combine([active, inputChannels], ([a, c]) => a! * c!)
    case "embedTokens": {
      const { classToken, shape } = node
      const vectors = shape.tokens + (classToken ? 1 : 0)
      return combine([active, shape.channels], ([a, c]) => a! * vectors * c!)
    }
    case "squeezeExcite":
      return combine(
        [active, inputChannels, node.inner],
        ([a, c, inner]) => a! * (2 * c! * inner! + inner! + c!),
      )
    default:
      return undefined
  }
}
