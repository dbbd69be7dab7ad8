import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import { ActivationMemory } from "../../src/cost/ActivationMemory.ts"
import { compile, type CostModel } from "../../src/cost/Cost.ts"
import { Costs } from "../../src/cost/Costs.ts"
import { Gbops } from "../../src/cost/Gbops.ts"
import type { FormatSlot, Layer } from "../../src/cost/LayerTable.ts"
import { Memory } from "../../src/cost/Memory.ts"
import { parse } from "../../src/format/Formats.ts"
import type { DecisionSpace } from "../../src/space/Decision.ts"
import { constant, ofDecision } from "../../src/space/Quantity.ts"

const formats = ["INT4", "INT8", "BF16", "FP32"].map((name) => parse(name)!)

const fixed = (name: string): FormatSlot => ({
  decision: null,
  formats: [parse(name)!],
  overridden: false,
})

/** A 3x3 convolution from 16 to 32 channels on 8 x 8, batch norm; weights decided by decision 0, input by 1. */
const conv: Layer = {
  path: "conv",
  kind: "conv",
  shape: {
    height: constant(8),
    width: constant(8),
    channels: constant(16),
    kernel: [constant(3), constant(3)],
    stride: [1, 1],
    padding: "same",
  },
  active: constant(1),
  macs: constant(16 * 32 * 9 * 64),
  weights: constant(16 * 32 * 9),
  inputs: constant(16 * 64),
  outputs: constant(32),
  extras: constant(32),
  gains: constant(32),
  weightFormat: { decision: 0, formats, overridden: false },
  activationFormat: { decision: 1, formats, overridden: false },
}

const zero = (value: number) => ofDecision(1, [value, value, value, 0])

const names = formats.map(({ name }) => name)
const decision = (path: string) => ({
  path,
  tag: "format",
  role: "format" as const,
  options: names,
  sizes: formats.map(({ bits }) => bits),
  active: "always" as const,
})
const space: DecisionSpace = { decisions: [decision("w"), decision("a")] }

const costOf = (layer: Layer, model: CostModel, weights: string, activations: string): number =>
  compile({ layers: [layer] }, model, space).of([
    names.indexOf(weights),
    names.indexOf(activations),
  ])

describe("gbops", () => {
  it("multiplies GMACs, weight bits and activation bits", () => {
    expect(costOf(conv, Gbops, "INT4", "INT8")).toBeCloseTo((16 * 32 * 9 * 64 * 4 * 8) / 1e9, 15)
    expect(costOf(conv, Gbops, "BF16", "FP32")).toBeCloseTo((16 * 32 * 9 * 64 * 16 * 32) / 1e9, 15)
  })
})

describe("memory", () => {
  it("stores weights at their bits, one float scale, and norms of four floats a channel", () => {
    expect(costOf(conv, Memory, "INT4", "INT8")).toBe(4608 / 2 + 4 * 32 + 4 * 32)
  })

  it("needs no scale for a format that is never scaled", () => {
    expect(costOf(conv, Memory, "BF16", "INT8")).toBe(4608 * 2 + 4 * 32 + 4 * 32)
    expect(costOf(conv, Memory, "FP32", "INT8")).toBe(4608 * 4 + 4 * 32)
  })

  it("has a scale for every output channel at channel granularity", () => {
    const channels: Layer = { ...conv, weightGranularity: "channel" }
    expect(costOf(channels, Memory, "INT8", "INT8")).toBe(4608 + 32 * 4 + 4 * 32)
  })

  it("is nothing where the layer is inactive", () => {
    const off = ofDecision(1, [1, 1, 1, 0])
    const gated: Layer = {
      ...conv,
      active: off,
      macs: zero(100),
      weights: zero(100),
      inputs: zero(100),
      outputs: zero(10),
      extras: zero(10),
      gains: zero(0),
      activationFormat: fixed("INT8"),
    }
    for (const model of [Gbops, Memory, ActivationMemory])
      expect(costOf(gated, model, "INT4", "FP32")).toBe(0)
    expect(costOf(gated, Memory, "INT4", "INT4")).toBe(50 + 4 + 40)
  })
})

describe("activationMemory", () => {
  it("adds up input elements at their bits", () => {
    expect(costOf(conv, ActivationMemory, "FP32", "INT4")).toBe((16 * 64) / 2)
  })
})

describe("the cost block", () => {
  const decode = Schema.decodeUnknownSync(Costs.schema)

  it("takes absolute and relative targets", () => {
    expect(decode({ kind: "gbops", target: 0.42 })).toEqual({ kind: "gbops", target: 0.42 })
    const relative = { kind: "memory", target: { times: 1.1, uniform: "INT4" } }
    expect(decode(relative)).toEqual(relative)
  })

  it("refuses targets that are no cost", () => {
    for (const target of [0, -1, Number.NaN, { times: 0, uniform: "INT4" }, { times: 1 }, "4"])
      expect(() => decode({ kind: "gbops", target })).toThrow(/Expected|Missing/)
  })
})
