import { describe, expect, it } from "vitest"
import { ActivationMemory } from "../../src/cost/ActivationMemory.ts"
import { compile } from "../../src/cost/Cost.ts"
import { Memory } from "../../src/cost/Memory.ts"
import { storedBits } from "../../src/cost/Storage.ts"
import type { Format } from "../../src/format/Format.ts"
import { names, parse } from "../../src/format/Formats.ts"
import type { Network } from "../../src/network/Network.ts"
import { isLayerNode } from "../../src/network/Graph.ts"
import { extract } from "../../src/supernet/Child.ts"
import { uniformTable } from "../../src/network/format/Uniform.ts"
import type { Choices } from "../../src/space/Decision.ts"
import { randomStream } from "../../src/space/RandomStream.ts"
import { valueOf } from "../../src/space/Quantity.ts"
import { buildSpace } from "../network/fixture.ts"
import { gainBits, type Granularity, inputBits, weightBits } from "./storedByHand.ts"

/** Images: searched widths, kernels, expansions and depth, depthwise layers, channels that fill no block. */
const images = `
  - conv: { name: stem, filters: { oneOf: [5, 16, 24] }, kernel: { oneOf: [1, 3] }, norm: none }
  - depthwiseConv: { name: depthwise, kernel: { oneOf: [3, 5] } }
  - invertedResidual: { repeats: { oneOf: [1, 2] }, filters: { oneOf: [8, 20] }, expansion: { oneOf: [2, 3] }, seRatio: 0.25 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }`

/** Tokens: searched heads, hidden widths and depth. */
const tokens = `
  - patchEmbed: { name: embed, patch: 4, heads: { oneOf: [1, 2] }, headDim: 6 }
  - transformer: { repeats: { oneOf: [1, 2] }, heads: { oneOf: [1, 3] }, mlpRatio: { oneOf: [1, 2.5] }, attentionProducts: INT8 }
  - takeClassToken: {}
  - dense: { name: classifier, units: classes }`

const granularities: ReadonlyArray<Granularity> = ["tensor", "channel", "token", 2, 3, 16, 32, 4096]

const scaleOf = (granularity: Granularity): string =>
  typeof granularity === "number"
    ? `granularity: block, blockSize: ${granularity}`
    : `granularity: ${granularity}`

const spaceOf = (network: string, granularity: Granularity): Network =>
  buildSpace(`
name: stored
input: { height: 8, width: 8, channels: 3 }
classes: 7
network:${network}
formats: { oneOf: [INT4, MXFP4], scale: { sharedExponent: floor, ${scaleOf(granularity)} } }
`)

const random = randomStream(13, "storage")
const drawn = ({ space: { decisions } }: Network): Choices =>
  decisions.map(({ options }) => random.integer(options.length))

/** What weights and inputs take by their granularities. */
const granularitiesOf = (granularity: Granularity) => ({
  weights: granularity === "token" ? "tensor" : granularity,
  inputs: granularity === "channel" ? "tensor" : granularity,
})

const byHand = (network: Network, choices: Choices, format: Format, granularity: Granularity) => {
  const { graph } = extract(network, choices)
  const { inputs, weights } = granularitiesOf(granularity)
  return new Map(
    graph.nodes.filter(isLayerNode).map((node) => [
      node.path,
      {
        weight: weightBits(node, format, weights) + gainBits(node, graph, format, weights),
        input: inputBits(node, graph, format, inputs),
      },
    ]),
  )
}

const allFormats = names.map((name) => parse(name)!)

describe.each([
  ["images", images],
  ["tokens", tokens],
])("what %s are stored in", (_, text) => {
  it.each(granularities)("is as counted by hand in every format, granularity %s", (granularity) => {
    const network = spaceOf(text, granularity)
    const assignments = [0, 1, 2].map(() => drawn(network))
    for (const format of allFormats) {
      const { table } = uniformTable(network, format.name)
      const costs = [Memory, ActivationMemory].map((model) => compile(table, model, network.space))
      for (const choices of assignments) {
        const expected = byHand(network, choices, format, granularity)
        const found = table.layers.map(({ path }, i) => [
          path,
          ...costs.map(({ terms }) => valueOf(terms[i]!, choices)),
        ])
        const right = table.layers.map(({ path, extras }) => {
          const { input, weight } = expected.get(path) ?? { input: 0, weight: 0 }
          return [path, weight / 8 + 4 * valueOf(extras, choices), input / 8]
        })
        expect([format.name, found]).toEqual([format.name, right])
      }
    }
  })
})

describe("a finer granularity", () => {
  /** Coarse to fine. Blocks of a depthwise weight cover channels of one position, so they and channels are not ordered. */
  const orders: ReadonlyArray<ReadonlyArray<Granularity>> = [
    ["tensor", "channel"],
    ["tensor", "token"],
    ["tensor", 4096, 32, 16, 3, 2],
  ]

  it.each([
    ["images", images],
    ["tokens", tokens],
  ])("never costs less, for a layer of %s in any format", (_, text) => {
    const networks = new Map(
      granularities.map((granularity) => [granularity, spaceOf(text, granularity)]),
    )
    const choices = drawn(networks.get("tensor")!)
    const channelFirst: ReadonlyArray<Granularity> = ["tensor", "channel", 4096, 32, 16, 3, 2]
    for (const format of allFormats) {
      const bytes = (granularity: Granularity) => {
        const network = networks.get(granularity)!
        const { table } = uniformTable(network, format.name)
        return [Memory, ActivationMemory].map((model) =>
          compile(table, model, network.space).terms.map((term) => valueOf(term, choices)),
        )
      }
      const of = new Map(granularities.map((granularity) => [granularity, bytes(granularity)]))
      const kinds = networks.get("tensor")!.table.layers.map(({ kind }) => kind)
      for (const order of [...orders, channelFirst])
        for (const [i, finer] of order.slice(1).entries())
          for (const [layer, kind] of kinds.entries())
            for (const operand of [0, 1]) {
              if (order === channelFirst && (kind === "depthwiseConv" || operand === 1)) continue
              const [low, high] = [order[i]!, finer].map((g) => of.get(g)![operand]![layer]!)
              expect([format.name, kind, finer, high! >= low!]).toEqual([
                format.name,
                kind,
                finer,
                true,
              ])
            }
    }
  })
})

describe("scales of blocks", () => {
  const layout = { runs: 9 * 8, channels: 3, granularity: "block", blockSize: 32 } as const

  it.each([
    // 3 x 3 x 3 x 8: a short block for each of 72 runs
    ["INT4", 864, 72 * 32, 0],
    ["INT3", 648, 72 * 32, 0],
    ["E4M3", 1728, 72 * 32, 0],
    ["MXFP4", 864, 72 * 8, 0],
    ["MXINT8", 1728, 72 * 8, 0],
    ["NVFP4", 864, 72 * 8, 32],
    ["BF16", 3456, 0, 0],
    ["FP32", 6912, 0, 0],
  ])("are whole in %s", (name, elements, partScales, tensorScale) => {
    expect(storedBits(parse(name)!, layout)).toEqual({ elements, partScales, tensorScale })
  })

  it.each([
    [16, 16, 1],
    [17, 16, 2],
    [32, 16, 2],
    [33, 16, 3],
    [1, 2, 1],
    [4096, 4096, 1],
    [4097, 4096, 2],
  ])("are of %i channels in blocks of %i: %i", (channels, blockSize, scales) => {
    const { partScales } = storedBits(parse("INT8")!, { ...layout, runs: 5, channels, blockSize })
    expect(partScales).toBe(5 * scales * 32)
  })

  it("are none where there is nothing to store", () => {
    for (const format of allFormats)
      for (const granularity of ["tensor", "channel", "token", "block"] as const)
        expect(storedBits(format, { ...layout, runs: 0, outputs: 0, granularity })).toEqual({
          elements: 0,
          partScales: 0,
          tensorScale: 0,
        })
  })
})
