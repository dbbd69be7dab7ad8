/**
 * Memory counts the scales that the quantizer makes: in INT2 every value becomes 0 or its scale with a sign, so of random
 * numbers there are as many magnitudes as scales.
 */
import { beforeAll, describe, expect, it } from "vitest"
import { storedBits } from "../../src/cost/Storage.ts"
import { parse } from "../../src/format/Formats.ts"
import { rowLength, rowNumbers, toRow } from "../../src/format/Row.ts"
import { isLayerNode } from "../../src/network/Graph.ts"
import { quantizeOperand } from "../../src/supernet/OperandScale.ts"
import { tf } from "../../src/tensor/Backend.ts"
import type { Tensor2D } from "../../src/tensor/Backend.ts"
import { inputShape, weightShape } from "../cost/storedByHand.ts"
import { loadBackend, normal, read } from "../tensor/support.ts"
import { buildSpace } from "./fixture.ts"

beforeAll(() => loadBackend())

const scales = [
  "granularity: tensor",
  "granularity: channel",
  "granularity: token",
  "granularity: block, blockSize: 2",
  "granularity: block, blockSize: 5",
  "granularity: block, blockSize: 64",
]

const layersOf = (network: string, scale: string) => {
  const { graph, table } = buildSpace(`
name: stored
input: { height: 6, width: 6, channels: 3 }
classes: 7
network: ${network}
formats: { oneOf: [INT2], scale: { ${scale} } }
`)
  return graph.nodes.filter(isLayerNode).map((node) => ({
    layer: table.layers[node.layer]!,
    weight: weightShape(node),
    input: inputShape(node, graph),
  }))
}

const int2 = parse("INT2")!

describe.each([
  [
    "images",
    "[{ conv: { name: stem, filters: 11, kernel: 3 } }, { depthwiseConv: { kernel: 3 } }, { globalAveragePool: {} }, { dense: { units: classes } }]",
  ],
  [
    "tokens",
    "[{ patchEmbed: { patch: 2, heads: 1, headDim: 6 } }, { transformer: {} }, { takeClassToken: {} }, { dense: { units: classes } }]",
  ],
])("layers of %s", (_, network) => {
  it.each(scales)("have as many scales as memory counts, %s", (scale) => {
    for (const { input, layer, weight } of layersOf(network, scale))
      for (const operand of ["weights", "activations"] as const) {
        const isWeight = operand === "weights"
        const shape = isWeight ? weight : [1, ...input]
        const found = tf.tidy(() => {
          const rows: Tensor2D = tf.tensor2d(rowNumbers(toRow(int2)), [1, rowLength])
          const options = { operand, layer, mode: "train", site: 0, rows } as const
          return read(
            quantizeOperand(normal(shape, 5), { ...options, amax: tf.tensor1d([0]) }),
          ).slice()
        })
        const magnitudes = new Set(found.map(Math.abs))
        magnitudes.delete(0)
        const granularity =
          (isWeight ? layer.weightGranularity : layer.activationGranularity) ?? "tensor"
        const channels = layer.shape.channels.values[0]!
        const elements = shape.reduce((a, b) => a * b, 1)
        const { partScales, tensorScale } = storedBits(int2, {
          runs: elements / channels,
          channels,
          granularity: granularity === "token" && input.length !== 2 ? "tensor" : granularity,
          outputs: layer.outputs.values[0]!,
          blockSize: layer.blockSize ?? 0,
        })
        expect([layer.path, operand, magnitudes.size]).toEqual([
          layer.path,
          operand,
          (partScales + tensorScale) / 32,
        ])
      }
  })
})
