import { describe, expect, it } from "vitest"
import { build } from "../../src/network/Build.ts"
import { cardinality } from "../../src/space/Cardinality.ts"
import { widestChoices } from "../../src/space/DecisionSpace.ts"
import { valueOf } from "../../src/space/Quantity.ts"
import { buildSpace, decodeSpace, joint, problemsOf } from "./fixture.ts"

const head = `
name: test
input: { height: 32, width: 32, channels: 3 }
classes: 10
`
const small = (network: string, formats = "{ oneOf: [INT4, INT8] }", more = "") => `${head}${more}
network:
${network}
formats: ${formats}
`
const plain = `  - conv: { name: stem, filters: 16, kernel: 3 }
  - basic: { filters: 16, repeats: 2 }
  - basic: { filters: 32, stride: 2 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }`

const paths = (yaml: string) => buildSpace(yaml).space.decisions.map((d) => d.path)

describe("the sample space", () => {
  it("has its 28 decisions and its cardinality", () => {
    const { space } = buildSpace(joint)
    expect(space.decisions).toHaveLength(28)
    expect(cardinality(space)).toBe(952393359375000n)
  })

  it("names decisions by path and tag", () => {
    const tags = Object.fromEntries(buildSpace(joint).space.decisions.map((d) => [d.path, d.tag]))
    expect(tags).toMatchObject({
      "choices.width": "width",
      "stage2.repeats": "repeats",
      "stage2.filters": "filters",
      "stage2.2.kernel": "kernel",
      "stage2.1.expansion": "expansion",
      "stage3.kernel": "kernel",
      "stage1.0.depthwise.format": "format",
      "stage2.1.project.format": "format",
      "head.format": "format",
    })
    expect(tags).not.toHaveProperty("stem.format")
    expect(tags).not.toHaveProperty("stage1.0.expand.format")
  })
})

describe("scopes", () => {
  it("give one decision per layer, block, stage or model", () => {
    const of = (scope: string) => paths(small(plain, `{ oneOf: [INT4, INT8], scope: ${scope} }`))
    expect(of("layer")).toEqual([
      "stem.format",
      "stage1.0.conv1.format",
      "stage1.0.conv2.format",
      "stage1.1.conv1.format",
      "stage1.1.conv2.format",
      "stage2.0.conv1.format",
      "stage2.0.conv2.format",
      "stage2.0.projection.format",
      "classifier.format",
    ])
    expect(of("block")).toEqual([
      "stem.format",
      "stage1.0.format",
      "stage1.1.format",
      "stage2.0.format",
      "classifier.format",
    ])
    expect(of("stage")).toEqual([
      "stem.format",
      "stage1.format",
      "stage2.format",
      "classifier.format",
    ])
    expect(of("model")).toEqual(["format"])
  })

  it("let weights and activations differ", () => {
    expect(
      paths(small(plain, "{ weights: { oneOf: [INT2, INT4], scope: model }, activations: INT8 }")),
    ).toEqual(["weightFormat"])
  })

  it("lose the layers that an override matches, unless it uses a choice", () => {
    const formats = `{ oneOf: [INT4, INT8], scope: model, overrides: [
      { match: "stage1.*.conv1", oneOf: [INT6, INT8] }, { match: "**.conv2", use: late } ] }`
    expect(paths(small(plain, formats, "choices: { late: { oneOf: [INT2, INT3] } }"))).toEqual([
      "format",
      "stage1.0.conv1.format",
      "choices.late",
      "stage1.1.conv1.format",
    ])
  })

  it("count a decision active while any layer it covers is", () => {
    const yaml = small(
      `  - conv: { name: stem, filters: 16, kernel: 3 }
  - basic: { filters: 16, repeats: { oneOf: [1, 2] } }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }`,
      `{ oneOf: [INT8], overrides: [ { match: "stage1.1.*", use: late } ] }`,
      "choices: { late: { oneOf: [INT2, INT3, INT4] } }",
    )
    const { space } = buildSpace(yaml)
    expect(space.decisions.map((d) => d.path)).toEqual(["stage1.repeats", "choices.late"])
    expect(cardinality(space)).toBe(4n)
  })
})

describe("problems", () => {
  it.each([
    [
      "a use of nothing",
      small(
        plain.replace("filters: 32", "filters: { use: widht }"),
        undefined,
        "choices: { width: { oneOf: [16, 32] } }",
      ),
      'network.2.basic.filters.use: no choice is named "widht"; did you mean width?',
    ],
    [
      "a pattern that matches nothing",
      small(plain, "{ oneOf: [INT4], overrides: [{ match: nix, oneOf: [INT8] }] }"),
      "formats.overrides.0.match: matches no layer",
    ],
    [
      "a dense layer on an image",
      small(plain.replace("  - globalAveragePool: {}\n", "")),
      "network.3.dense: dense needs a vector",
    ],
    [
      "no classifier",
      small(plain.replace(/\n {2}- dense.*/, "")),
      "network.3: the network ends in [32], not in 10 classes",
    ],
    [
      "two items of one name",
      small(plain.replace("classifier", "stem")),
      "another item is already called stem",
    ],
    [
      "a choice that no field uses",
      small(plain, undefined, "choices: { width: { oneOf: [16, 32] } }"),
      "choices.width: no field uses choice width",
    ],
    [
      "an even kernel among options",
      small(plain.replace("kernel: 3", "kernel: { oneOf: [3, 4] }")),
      "network.0.conv.kernel.oneOf: 4 does not fit here",
    ],
    [
      "a fractional width",
      small(plain, undefined, "widthMultiplier: 0.3\nwidthRounding: exact"),
      "network.0.conv.filters: times the width multiplier gives 4.8 channels",
    ],
    [
      "a window that does not fit",
      small(
        plain.replace(
          "  - globalAveragePool",
          "  - maxPool: { window: 64, padding: valid }\n  - globalAveragePool",
        ),
      ),
      "does not fit in 16 x 16",
    ],
  ])("tell %s", (_name, yaml, expected) => {
    expect(problemsOf(yaml).join("\n")).toContain(expected)
  })
})

describe("warnings", () => {
  const warningsOf = (yaml: string) =>
    build(decodeSpace(yaml)).warnings.map(({ message, path }) => `${path.join(".")}: ${message}`)
  const narrow = plain.replaceAll("filters: 32", "filters: 16")

  it.each([
    [
      "filters that become one width",
      small(plain.replace("filters: 32", "filters: { oneOf: [30, 32] }"), "INT8") +
        "widthMultiplier: 0.5",
      [
        "network.2.basic.filters: options 30 and 32 both become 16 channels at width multiplier 0.5",
      ],
    ],
    [
      "multipliers that leave every layer its width",
      small(narrow, "INT8", "choices: { w: { oneOf: [0.5, 0.99, 1] } }") +
        "widthMultiplier: { use: w }",
      ["choices.w: width multipliers 0.99 and 1 give every layer the same width after rounding"],
    ],
    [
      "no multipliers that tell one layer apart",
      small(plain, "INT8") + "widthMultiplier: { oneOf: [0.75, 1] }",
      [],
    ],
  ])("tell %s", (_name, yaml, expected) => {
    expect(warningsOf(yaml)).toEqual(expected.map((text) => `${text}; drop one of them`))
  })
})

describe("the layer table", () => {
  it("counts MACs and weights of a searched width and depth", () => {
    const yaml = small(
      `  - conv: { name: stem, filters: 8, kernel: 3 }
  - basic: { filters: { oneOf: [8, 16] }, repeats: { oneOf: [1, 2] } }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }`,
      "INT8",
    )
    const { space, table } = buildSpace(yaml)
    const layer = (path: string) => table.layers.find((l) => l.path === path)!
    expect(space.decisions.map((d) => d.path)).toEqual(["stage1.filters", "stage1.repeats"])
    expect(valueOf(layer("stage1.0.conv1").macs, [1, 0])).toBe(32 * 32 * 9 * 8 * 16)
    expect(valueOf(layer("stage1.0.projection").macs, [0, 0])).toBe(32 * 32 * 8 * 8)
    expect(valueOf(layer("stage1.1.conv2").macs, [1, 0])).toBe(0)
    expect(valueOf(layer("stage1.1.conv2").macs, widestChoices(space))).toBe(32 * 32 * 9 * 16 * 16)
    expect(valueOf(layer("classifier").weights, [0, 0])).toBe(80)
  })
})
