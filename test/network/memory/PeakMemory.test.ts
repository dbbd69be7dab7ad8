import { describe, expect, it } from "vitest"
import { readersOf, TensorsUnder } from "../../../src/network/memory/Tensors.ts"
import { bestOrder, type Operation } from "../../../src/network/memory/ExecutionOrder.ts"
import { peakMemory } from "../../../src/network/memory/PeakMemory.ts"
import type { Network } from "../../../src/network/Network.ts"
import type { Choices } from "../../../src/space/Decision.ts"
import { widestChoices } from "../../../src/space/DecisionSpace.ts"
import { valueOf } from "../../../src/space/Quantity.ts"
import { randomStream } from "../../../src/space/RandomStream.ts"
import { buildSpace, joint } from "../fixture.ts"
import { choosing, dsCnn, mobilenetV1, resnet8 } from "./tinySpaces.ts"

const peakOf = (yaml: string): number => {
  const network = buildSpace(yaml)
  return peakMemory(network).of(widestChoices(network.space))
}

describe("peak memory by hand", () => {
  it("of ResNet-8: the second convolution of stage 1 beside the shortcut", () => {
    // read, written, and the block's input, each 32 x 32 x 16
    expect(peakOf(resnet8())).toBe(3 * 32 * 32 * 16)
    expect(peakOf(resnet8("INT4"))).toBe((3 * 32 * 32 * 16) / 2)
    expect(peakOf(resnet8("FP32"))).toBe(3 * 32 * 32 * 16 * 4)
  })

  it("of MobileNetV1-0.25: the first pointwise convolution", () => {
    expect(peakOf(mobilenetV1())).toBe(48 * 48 * 8 + 48 * 48 * 16)
  })

  it("of DS-CNN: any layer between the first and the pool", () => {
    expect(peakOf(dsCnn())).toBe(2 * 25 * 5 * 64)
  })

  it("holds a tensor in the format of its reader, the input image too, and logits in float32", () => {
    const space = (stem: string, rest: string) =>
      mobilenetV1(`{ oneOf: [${rest}], overrides: [{ match: stem, oneOf: [${stem}] }] }`)
    expect(peakOf(space("INT16", "INT8"))).toBe(2 * 96 * 96 * 3 + 48 * 48 * 8)
    const last = `
name: last
input: { height: 2, width: 2, channels: 1 }
classes: 100
network:
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
formats: INT8
`
    expect(peakOf(last)).toBe(1 + 4 * 100)
  })

  it("of what is chosen only, in the size of the images", () => {
    const network = buildSpace(choosing)
    const { decisions } = network.space
    const of = (options: Readonly<Record<string, unknown>>) =>
      peakMemory(network).of(
        decisions.map(({ path, options: all }) => all.indexOf((options[path] ?? "INT8") as never)),
      )
    const small = { "input.size": 8, "mix.mb.0.expansion": 4 }
    expect(of({ ...small, "mix.op": "identity" })).toBe(8 * 8 * 3 + 8 * 8 * 8)
    expect(of({ ...small, "mix.op": "wide" })).toBe(2 * 8 * 8 * 8)
    // the block's input, what is expanded, and what the depthwise convolution writes
    expect(of({ ...small, "mix.op": "mb" })).toBe(8 * 8 * (8 + 32 + 32))
    expect(of({ "input.size": 16, "mix.mb.0.expansion": 2, "mix.op": "mb" })).toBe(
      16 * 16 * (8 + 16 + 16),
    )
  })

  it("shows it layer by layer", () => {
    const network = buildSpace(resnet8())
    const layers = peakMemory(network).byLayer([])
    expect(layers[0]).toBe(32 * 32 * 3 + 32 * 32 * 16)
    expect(Math.max(...layers)).toBe(49_152)
  })
})

/** All operations of a network in one go, without parts. */
const wholePeak = (network: Network, choices: Choices): number => {
  const tensors = new TensorsUnder(readersOf(network), choices)
  const nodes = network.graph.nodes.keys()
  const operations: Array<Operation> = []
  for (const i of nodes) {
    const operation = tensors.operationOf(i)
    if (operation !== undefined) operations.push(operation)
  }
  const homes = [0, ...operations.map(({ writes }) => writes)]
  const at = (home: number) => homes.indexOf(home)
  return (
    bestOrder(
      operations.map(({ reads, scratch, writes }) => ({
        reads: reads.map(at),
        writes: at(writes),
        scratch,
      })),
      {
        bits: homes.map((home) => tensors.bitsOf(home)),
        input: 0,
        output: at(tensors.homeOf(network.graph.output)),
      },
    ).peak / 8
  )
}

const branches = `
name: branches
input: { height: 8, width: 8, channels: 3 }
classes: 4
network:
  - conv: { name: stem, filters: 8, kernel: 3 }
  - basic: { filters: 8, repeats: { oneOf: [1, 2, 3] } }
  - concat: { name: mix, branches: [
      { items: [ { conv: { filters: { oneOf: [4, 16] }, kernel: 1 } }, { conv: { filters: 2, kernel: 3 } } ] },
      { items: [ { conv: { filters: 32, kernel: 1 } }, { conv: { filters: 4, kernel: 3 } } ] },
      { items: [] } ] }
  - invertedResidual: { filters: 14, expansion: { oneOf: [2, 4] }, seRatio: 0.25 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
formats: { oneOf: [INT4, INT8, MXFP4], scope: layer, scale: { sharedExponent: floor } }
`

const tokens = `
name: tokens
input: { height: 8, width: 8, channels: 3 }
classes: 4
network:
  - patchEmbed: { patch: 2, heads: 2, headDim: 4, classToken: true }
  - transformer: { repeats: 2, mlpRatio: 2, heads: { oneOf: [1, 2] }, attentionProducts: { oneOf: [INT8, BF16] } }
  - finalNorm: {}
  - takeClassToken: {}
  - dense: { name: classifier, units: classes }
formats: { oneOf: [INT4, INT8], scope: block }
`

describe("the parts of a network", () => {
  it("have the peak of the whole, under any assignment, and depend on no other decision", () => {
    for (const yaml of [branches, joint, choosing, tokens]) {
      let untabled = 0
      const network = buildSpace(yaml)
      const random = randomStream(1, yaml.slice(0, 20))
      const draw = () =>
        network.space.decisions.map(({ options }) => random.integer(options.length))
      const { parts, of } = peakMemory(network)
      expect(parts.length).toBeGreaterThan(3)
      for (let i = 0; i < 15; i++) {
        const [choices, others] = [draw(), draw()]
        expect(of(choices)).toBe(wholePeak(network, choices))
        // a network of its own remembers nothing of the first
        const again = peakMemory({ ...network }).parts
        parts.forEach((part, n) => {
          const mixed = others.map((k, d) => (part.decisions.includes(d) ? choices[d]! : k))
          expect(again[n]!.of(mixed)).toBe(part.of(choices))
          const tables = part.tables()
          if (tables === undefined) untabled++
          const values = tables?.map((table) => valueOf(table, choices))
          expect(values === undefined ? undefined : Math.max(...values)).toBe(
            tables === undefined ? undefined : part.of(choices),
          )
        })
      }
      // what six layers read, after a searched depth, has too many joint options
      expect(untabled > 0).toBe(yaml === branches)
    }
  })
})

describe("the best order", () => {
  it("is the least over all orders of random small graphs", () => {
    for (let seed = 0; seed < 200; seed++) {
      const random = randomStream(seed, "orders")
      const count = 2 + random.integer(5)
      const bits = Array.from({ length: count + 1 }, () => 1 + random.integer(20))
      const operations = Array.from({ length: count }, (_, i) => ({
        reads: [...new Set([random.integer(i + 1), random.integer(i + 1)])],
        writes: i + 1,
        scratch: random.integer(3),
      }))
      const tensors = { bits, input: 0, output: count }
      const { exact, peak } = bestOrder(operations, tensors)
      expect(exact).toBe(true)
      expect(peak).toBe(leastOfAll(operations, tensors))
    }
  })
})

/** Every order that can run, held bits counted from scratch. */
const leastOfAll = (
  operations: ReadonlyArray<Operation>,
  { bits, input, output }: { readonly bits: ReadonlyArray<number>; input: number; output: number },
): number => {
  const held = (done: ReadonlyArray<number>) =>
    bits.reduce((sum, size, tensor) => {
      const isThere = tensor === input || done.some((i) => operations[i]!.writes === tensor)
      const isRead = operations.some(({ reads }, i) => reads.includes(tensor) && !done.includes(i))
      return isThere && (isRead || tensor === output) ? sum + size : sum
    }, 0)
  const from = (done: ReadonlyArray<number>): number => {
    if (done.length === operations.length) return held(done)
    const written = new Set([input, ...done.map((i) => operations[i]!.writes)])
    let best = Infinity
    operations.forEach(({ reads, scratch, writes }, i) => {
      if (done.includes(i) || !reads.every((tensor) => written.has(tensor))) return
      const now = held(done) + scratch + bits[writes]!
      best = Math.min(best, Math.max(now, from([...done, i])))
    })
    return Math.max(best, held(done))
  }
  return from([])
}
