/**
 * The FP32 twin of a network: the same operations without any rounding, which its size and its time are held against.
 *
 * Left out: the file made of it (`../onnx/OnnxModel.ts`).
 */
import type { FormatSlot, Layer } from "../../cost/LayerTable.ts"
import { parse } from "../../format/Formats.ts"
import type { Node } from "../../network/Graph.ts"
import type { Network } from "../../network/Network.ts"
import { formatSites } from "../../network/Sites.ts"
import { randomStream } from "../../space/RandomStream.ts"
import { declaredVariables } from "../../supernet/operation/Operations.ts"
import type { FoundModel, Values } from "../FoundModel.ts"

const float: FormatSlot = { decision: null, formats: [parse("FP32")!], overridden: false }

/** Without what is said of scales: FP32 has none. */
const floatLayer = ({
  activationGranularity: _a,
  blockSize: _b,
  scaleRule: _r,
  sharedExponent: _s,
  unsignedActivations: _u,
  weightGranularity: _w,
  ...layer
}: Layer): Layer => ({ ...layer, weightFormat: float, activationFormat: float })

const floatNode = (node: Node): Node => {
  if (node.operation !== "attention") return node
  const { products: _p, unsignedProbabilities: _u, ...rest } = node
  return rest
}

/** A network without decisions in FP32. */
export const floatNetwork = ({ graph, table, ...network }: Network): Network => ({
  ...network,
  table: { layers: table.layers.map(floatLayer) },
  graph: { ...graph, nodes: graph.nodes.map(floatNode) },
})

/** Weights as a network begins with. Its time does not depend on them. */
const drawnWeights = (network: Network): ReadonlyMap<string, Values> =>
  new Map(
    declaredVariables(network).map(({ name, spec: { initial, shape } }) => {
      const size = shape.reduce((a, b) => a * b, 1)
      const values = new Float32Array(size).fill(initial === "ones" ? 1 : 0)
      if (typeof initial === "object" && "value" in initial) values.fill(initial.value)
      else if (typeof initial === "object") {
        const deviation = Math.sqrt(initial.gain / initial.fanIn)
        const random = randomStream(1, name)
        for (let i = 0; i < size; i++) values[i] = random.normal() * deviation
      }
      return [name, { shape, values }]
    }),
  )

/** What a model is made of that has no weights at hand: those of a network as it begins. */
export const drawnModel = (
  network: Network,
  rest: Omit<FoundModel, "network" | "weights" | "amax">,
): FoundModel => ({
  ...rest,
  network,
  weights: drawnWeights(network),
  amax: new Float32Array(formatSites(network).length),
})

/** The twin of a found model, with its weights. */
export const floatTwin = (model: FoundModel): FoundModel => {
  const network = floatNetwork(model.network)
  return { ...model, network, amax: new Float32Array(formatSites(network).length) }
}
