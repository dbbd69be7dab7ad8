/** Scales of every kind in one small space: a graph gives the bits of the eager run. */
import { beforeAll, describe, expect, it } from "vitest"
import { counts } from "../../src/tensor/Backend.ts"
import * as tiny from "../supernet/tiny.ts"
import { loadAll, trained } from "./bitEquality.ts"

const space = (scale: string, formats = "INT4, INT8, E4M3, E2M1, BF16") => `
name: scales
input: { height: 32, width: 32, channels: 3 }
classes: 10
network:
  - conv: { name: stem, filters: 8, kernel: 3, stride: 2 }
  - depthwiseConv: { name: depthwise, kernel: 3, stride: 2, activation: relu6 }
  - conv: { name: wide, filters: { oneOf: [10, 16] }, kernel: 3, stride: 2 }
  - invertedResidual: { filters: 16, kernel: 3, expansion: 2, repeats: { oneOf: [1, 2] } }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
widthRounding: exact
formats: { weights: { oneOf: [${formats}] }, activations: { oneOf: [${formats}] }, scale: ${scale} }
`

/** Rules that clip take their time, and eager runs most. */
const clipping = (scale: string) => `
name: clipping
input: { height: 32, width: 32, channels: 3 }
classes: 10
network:
  - conv: { name: stem, filters: { oneOf: [6, 8] }, kernel: 3, stride: 2 }
  - depthwiseConv: { kernel: 3, stride: 2, activation: relu6 }
  - globalAveragePool: {}
  - dense: { units: classes }
widthRounding: exact
formats: { oneOf: [INT2, INT8, MXFP4, NVFP4, E2M1, BF16], scale: ${scale} }
`

/** Activations with a zero point beside others. */
const offset = (scale: string) =>
  clipping(scale).replace(
    /oneOf: \[INT2.*\]/u,
    "weights: { oneOf: [INT4, E4M3] }, activations: { oneOf: [INT4, UINT4, UINT8, BF16] }",
  )

const spaces: Readonly<Record<string, string>> = {
  channel: space("{ granularity: channel }"),
  unsigned: space("{ unsignedAfterRelu: true }"),
  blocks: space(
    "{ granularity: channel, sharedExponent: even }",
    "INT4, MXFP4, NVFP4, E4M3, MXFP8E5M2, MXINT8, BF16",
  ),
  block: space("{ granularity: block, blockSize: 8 }"),
  percentile: clipping("{ granularity: channel, rule: { percentile: 99 }, sharedExponent: even }"),
  mse: clipping("{ rule: mse, sharedExponent: floor }"),
  blockPercentile: clipping(
    "{ granularity: block, blockSize: 4, rule: { percentile: 70 }, sharedExponent: floor }",
  ),
  blockMse: clipping("{ granularity: block, blockSize: 4, rule: mse, sharedExponent: floor }"),
  learned: space("{ rule: learned }", "INT4, NVFP4, E4M3, BF16"),
  token: tiny.attended.replace(
    /formats: .*/,
    "formats: { oneOf: [INT4, NVFP4, E4M3], scale: { granularity: { weights: channel, activations: token }, sharedExponent: ceil } }",
  ),
  tokenMse: tiny.averaged.replace(
    /formats: .*/,
    "formats: { oneOf: [INT4, NVFP4, E2M1], scale: { granularity: token, rule: mse } }",
  ),
  tokenPercentile: tiny.averaged.replace(
    /formats: .*/,
    "formats: { oneOf: [INT4, MXFP4, E2M1], scale: { granularity: token, rule: { percentile: 80 }, unsignedAfterRelu: true, sharedExponent: even } }",
  ),
  zeroPoints: offset("{ granularity: channel }"),
  zeroPointsMse: offset("{ rule: mse }"),
  zeroPointsPercentile: offset("{ rule: { percentile: 97 } }"),
  zeroPointsBlock: offset("{ granularity: { activations: block }, blockSize: 4 }"),
  zeroPointsToken: tiny.attended
    .replace(
      /formats: .*/,
      "formats: { weights: { oneOf: [INT4, INT8] }, activations: { oneOf: [INT4, UINT4, E4M3] }, scale: { granularity: token } }",
    )
    .replace(/attentionProducts: \{[^}]*\}/u, "attentionProducts: { oneOf: [UINT8, E4M3] }"),
  both: space("{ granularity: channel, unsignedAfterRelu: true }"),
}

/** Declares the tests; a process has one backend, so a file calls this once. */
export const describeScales = (native: boolean): void => {
  // without the kernels a step is many operations, each of which the eager run pays for
  const steps = native ? 6 : 3
  beforeAll(() => loadAll(1, native))
  describe("one small space", () => {
    it.each(Object.keys(spaces))(
      "has the same bits in a graph and eager: %s",
      async (name) => {
        const before = counts()
        const graph = await trained(spaces[name]!, false, steps)
        const eager = await trained(spaces[name]!, true, steps)
        expect(graph).toEqual(eager)
        expect(graph.losses.every(Number.isFinite)).toBe(true)
        expect(counts()).toEqual(before)
      },
      120_000,
    )
  })
}
