import { inputBits } from "../../src/cost/Storage.ts"
import { describe, expect, it } from "vitest"
import { compile } from "../../src/cost/Cost.ts"
import { ActivationMemory } from "../../src/cost/ActivationMemory.ts"
import { Memory } from "../../src/cost/Memory.ts"
import { extract } from "../../src/supernet/Child.ts"
import { build } from "../../src/network/Build.ts"
import { buildSpace, decodeSpace, problemsOf } from "../network/fixture.ts"

const space = (scale: string) =>
  buildSpace(`
name: scales
input: { height: 8, width: 8, channels: 3 }
classes: 10
network:
  - conv: { name: stem, filters: 8, kernel: 3 }
  - concat:
      name: both
      branches:
        - { items: [{ maxPool: { window: 3 } }] }
        - { items: [{ conv: { filters: 8, kernel: 1, activation: relu6 } }] }
  - conv: { name: joined, filters: 8, kernel: 1, activation: swish }
  - conv: { name: afterSwish, filters: 8, kernel: 1, activation: none }
  - basic: { filters: 8, repeats: { oneOf: [1, 2] } }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
formats: { oneOf: [INT4], scale: ${scale} }
`)

const memoryOf = (scale: string): number => {
  const { table, space: decisions } = space(scale)
  return compile(table, Memory, decisions).of([0])
}

describe("formats.scale", () => {
  it("is one signed scale per tensor by default", () => {
    for (const layer of space("{}").table.layers)
      expect(layer).toMatchObject({ weightGranularity: "tensor", unsignedActivations: false })
  })

  it("costs a float for every output channel at channel granularity", () => {
    const { layers } = space("{}").table
    expect(space("{ granularity: channel }").table.layers[0]!.weightGranularity).toBe("channel")
    // The six layers with a norm have a scale for each channel at either; the classifier has 10 for 1.
    expect(layers).toHaveLength(9)
    expect(memoryOf("{ granularity: channel }") - memoryOf("{}")).toBe(4 * (10 - 1))
  })

  it("takes away the sign of what relu, pooling and concat make sure of", () => {
    const network = space("{ unsignedAfterRelu: true }")
    const unsigned = (layers: typeof network.table.layers) =>
      layers.filter(({ unsignedActivations }) => unsignedActivations).map(({ path }) => path)
    expect(unsigned(network.table.layers)).toEqual([
      "both.1.conv",
      "joined",
      "stage1.0.conv2",
      "stage1.1.conv1",
      "stage1.1.conv2",
      "classifier",
    ])
    expect(unsigned(extract(network, [0]).table.layers)).toEqual([
      "both.1.conv",
      "joined",
      "stage1.0.conv2",
      "classifier",
    ])
  })
})

describe("scale rules and granularities", () => {
  const withScale = (scale: string) => problemsOf(tiny(scale)).join()
  const tiny = (scale: string, formats = "INT4") => `
name: rules
input: { height: 8, width: 8, channels: 3 }
classes: 10
network:
  - conv: { name: stem, filters: 8, kernel: 3 }
  - globalAveragePool: {}
  - dense: { units: classes }
formats: { oneOf: [${formats}], scale: ${scale} }
`

  it.each([
    ["{ granularity: block }", /scale.granularity: block needs a size; add blockSize: 32/],
    ["{ blockSize: 32 }", /scale.blockSize: is of use at block granularity alone/],
    ["{ granularity: block, blockSize: 32, rule: learned }", /scale.rule: learns one scale for/],
    ["{ granularity: channel, rule: learned }", /scale.rule: learns one scale for the tensor/],
    ["{ granularity: token, rule: learned }", /scale.rule: learns one scale for the tensor/],
  ])("refuse what does not go together: %s", (scale, problem) => {
    expect(withScale(scale)).toMatch(problem)
  })

  it.each([
    [
      "UINT8",
      "{}",
      /formats.oneOf: gives UINT8 to the weight of stem; .*\{ weights: INT8, activations: UINT8 \} would be right/,
    ],
    [
      "{ weights: UINT4, activations: UINT4 }",
      "{}",
      /gives UINT4 to the weight of stem; formats with a zero point are for activations/,
    ],
    [
      "{ weights: INT4, activations: UINT4 }",
      "{ rule: learned }",
      /scale.rule: learned scales are for formats that are symmetric about 0, and stem may take UINT4/,
    ],
  ])("refuse zero points where there are none: %s, scale %s", (formats, scale, problem) => {
    expect(problemsOf(tiny(scale, formats)).join()).toMatch(problem)
  })

  it("take zero points of activations", () => {
    const pairs =
      "INT8, { weights: INT4, activations: UINT4 }, { weights: INT8, activations: UINT8 }"
    const [layer] = buildSpace(tiny("{ granularity: channel }", pairs)).table.layers
    expect(layer!.activationFormat.formats.map(({ name }) => name)).toEqual([
      "INT8",
      "UINT4",
      "UINT8",
    ])
    expect([...inputBits(layer!).values]).toEqual([8, 4, 8].map((bits) => 8 * 8 * 3 * bits))
    const tokens = buildSpace(tiny("{ granularity: { activations: block }, blockSize: 2 }", pairs))
    // two blocks of a pixel's three channels, each with a scale and a zero point
    expect([...inputBits(tokens.table.layers[0]!).values]).toEqual([
      64 * (3 * 8 + 2 * 32),
      64 * (3 * 4 + 2 * (32 + 4)),
      64 * (3 * 8 + 2 * (32 + 8)),
    ])
  })

  it("go to every layer, apart for weights and inputs", () => {
    const scale =
      "{ granularity: { weights: channel, activations: block }, blockSize: 16, rule: absmax }"
    for (const layer of buildSpace(tiny(scale)).table.layers)
      expect(layer).toMatchObject({
        weightGranularity: "channel",
        activationGranularity: "block",
        blockSize: 16,
      })
    const [layer] = buildSpace(tiny("{ rule: { percentile: 99.9 } }")).table.layers
    expect(layer!.scaleRule).toEqual({ percentile: 99.9 })
  })

  it("warn of tokens that no layer has", () => {
    const { warnings } = build(decodeSpace(tiny("{ granularity: token }")))
    expect(warnings.map(({ message }) => message).join()).toMatch(/no layer's input is tokens/)
  })

  it.each(["mse", "{ percentile: 90 }"])("may both be %s and block or token", (rule) => {
    for (const granularity of ["token", "block, blockSize: 16"])
      expect(withScale(`{ granularity: ${granularity}, rule: ${rule} }`)).toBe("")
  })

  it("warn of a percentile that leaves out nothing of a block", () => {
    const warningsOf = (rule: string) =>
      build(decodeSpace(tiny(`{ granularity: block, blockSize: 32, rule: ${rule} }`))).warnings.map(
        ({ message }) => message,
      )
    expect(warningsOf("{ percentile: 99.9 }")).toEqual([
      "percentile 99.9 leaves out nothing of blocks of 32 values; it takes 1000",
    ])
    expect(warningsOf("{ percentile: 95 }")).toEqual([])
    expect(warningsOf("{ percentile: 100 }")).toEqual([])
  })

  it("cost 32 bits for each block of a scaled format, also for a short one", () => {
    const bytes = (model: typeof Memory | typeof ActivationMemory, format: string) => {
      const scale = "{ granularity: block, blockSize: 16 }"
      const { table, space } = buildSpace(tiny(scale, format))
      return compile(table, model, space).of([])
    }
    const weights = 9 * 3 * 8 + 8 * 10
    const inputs = 8 * 8 * 3 + 8
    // A bias for each channel; the gain of the norm is in the scales of blocks, and beside weights in BF16.
    const extras = 4 * (8 + 10)
    expect(bytes(Memory, "INT4")).toBe(weights / 2 + 4 * (9 * 8 + 10) + extras)
    expect(bytes(ActivationMemory, "INT4")).toBe(inputs / 2 + 4 * (8 * 8 + 1))
    expect(bytes(Memory, "BF16")).toBe(weights * 2 + extras + 4 * 8)
  })
})

describe("block formats", () => {
  const blocks = (formats: string, filters = 32) => `
name: blocks
input: { height: 8, width: 8, channels: 32 }
classes: 10
network:
  - conv: { name: stem, filters: ${filters}, kernel: 3 }
  - depthwiseConv: { name: depthwise, kernel: 3 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
formats: ${formats}
`
  const warningsOf = (yaml: string) => build(decodeSpace(yaml)).warnings.map((w) => w.message)

  it.each(["MXFP4", "{ oneOf: [INT8, MXINT8] }", "{ weights: NVFP4, activations: MXFP8E4M3 }"])(
    "need a rule for shared exponents: %s",
    (formats) => {
      expect(problemsOf(blocks(formats)).join()).toMatch(/formats.scale: offers MX.*sharedExponent/)
    },
  )

  it("of NVFP4 need none, and mix with others", () => {
    expect(problemsOf(blocks("NVFP4"))).toEqual([])
    const mixed = blocks("{ oneOf: [INT8, NVFP4, MXFP4], scale: { sharedExponent: floor } }")
    const { space, table } = buildSpace(mixed)
    expect(space.decisions[0]!.options).toEqual(["INT8", "NVFP4", "MXFP4"])
    expect(table.layers.every(({ sharedExponent }) => sharedExponent === "floor")).toBe(true)
    expect(warningsOf(mixed)).toEqual([])
  })

  it.each([
    [
      "rule: mse",
      /scale.rule: mse is for formats with a float32 scale; the scales of NVFP4, MXFP4/,
    ],
    ["rule: { percentile: 99 }", /scale.rule: a percentile is for formats with a float32 scale/],
    ["rule: learned", /scale.rule: learned is for formats with a float32 scale/],
    ["granularity: block, blockSize: 16", /scale.granularity: block is for formats with a float/],
  ])("refuse rules of float32 scales where there are none: %s", (scale, problem) => {
    const of = (formats: string) =>
      problemsOf(
        blocks(`{ oneOf: [${formats}], scale: { sharedExponent: floor, ${scale} } }`),
      ).join()
    expect(of("NVFP4, MXFP4, BF16")).toMatch(problem)
    expect(of("NVFP4, MXFP4, INT8")).toBe("")
  })

  it("warn of channels that do not fill the blocks", () => {
    const formats = "{ oneOf: [NVFP4, MXFP4], scale: { sharedExponent: floor } }"
    expect(warningsOf(blocks(formats, 48))).toEqual([
      "MXFP4 has blocks of 32 input channels, which hardware pads with zeros in " +
        "depthwise (48 to 64), classifier (48 to 64)",
    ])
  })

  it("cost their storage bits, and NVFP4 one float for the tensor", () => {
    const memory = (name: string, granularity: string, filters = 32) => {
      const scale = `scale: { sharedExponent: ceil, granularity: ${granularity} }`
      const { table, space } = buildSpace(blocks(`{ oneOf: [${name}], ${scale} }`, filters))
      return compile(table, Memory, space).of([])
    }
    const weights = 9 * 32 * 32 + 9 * 32 + 32 * 10
    // A gain and a bias for each channel of a norm, and biases of the classifier.
    const extras = 4 * (2 * 64 + 10)
    for (const granularity of ["tensor", "channel"]) {
      expect(memory("MXFP4", granularity)).toBe((weights * 4.25) / 8 + extras)
      expect(memory("NVFP4", granularity)).toBe((weights * 4.5) / 8 + 3 * 4 + extras)
      // 40 filters: the stem has one block of 32 for each of 9 x 40 runs, the others two of 40, the second one short
      const elements = 9 * 32 * 40 + 9 * 40 + 40 * 10
      const scales = 9 * 40 + 9 * 2 + 10 * 2
      const floats = 4 * (2 * 80 + 10)
      expect(memory("MXFP4", granularity, 40)).toBe(elements / 2 + scales + floats)
      // blocks of 16: two, three and three
      const fine = 9 * 40 * 2 + 9 * 3 + 10 * 3
      expect(memory("NVFP4", granularity, 40)).toBe(elements / 2 + fine + 3 * 4 + floats)
    }
  })
})
