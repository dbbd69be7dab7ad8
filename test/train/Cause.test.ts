import { describe, expect, it } from "vitest"
import { causeOf } from "../../src/train/Cause.ts"
import { buildSpace } from "../network/fixture.ts"

/** Layers stem, stage1.0.conv1, conv2, stage2.0.conv1, conv2, projection, classifier. */
const residual = `
  - conv: { name: stem, filters: 4, kernel: 3 }
  - basic: { filters: 4 }
  - basic: { filters: 8, stride: 2 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }`

const ends = `
  overrides:
    - { match: stem, oneOf: [INT8] }
    - { match: classifier, oneOf: [INT8] }`

/** The cause when weights run away at a layer, under the choices that `chosen` names; others take their last option. */
const causeAt = (
  place: string | undefined,
  formats: string,
  {
    chosen = {},
    mixed = false,
    network = residual,
  }: {
    readonly chosen?: Readonly<Record<string, number>>
    readonly mixed?: boolean
    readonly network?: string
  } = {},
) => {
  const built = buildSpace(`
name: caused
input: { height: 8, width: 8, channels: 3 }
classes: 4
network:${network}
formats:${formats}
`)
  const choices = built.space.decisions.map(
    ({ options, path }) => chosen[path] ?? options.length - 1,
  )
  const layer = built.table.layers.findIndex(({ path }) => path === place)
  return causeOf({ network: built, choices, mixed }, place === undefined ? undefined : layer)
}

const all = "stage1.0.conv1, stage1.0.conv2, stage2.0.conv1 and 2 more"

describe("a format that loses most numbers", () => {
  it("is named in the layers behind a wide stem, not the stem", () => {
    const { advice, under } = causeAt("stem", `\n  oneOf: [INT2]${ends}`)
    expect(under).toBe(`INT2 in ${all} downstream`)
    expect(advice).toBe(
      "a scale from the largest value makes 0 of most numbers in INT2; in the space set formats.scale.rule: mse, " +
        "or name formats wider than INT2 at formats.oneOf; a lower learning rate does not help",
    )
    expect(under + advice).not.toMatch(/stem|INT8|train\./u)
  })

  it.each([
    [
      "stage1.0.conv2",
      "INT2 in stage1.0.conv2 itself, in stage1.0.conv1 upstream, in stage2.0.conv1, stage2.0.conv2 and stage2.0.projection downstream",
    ],
    [
      "classifier",
      "INT2 in stage2.0.conv1, stage2.0.conv2, stage2.0.projection and 2 more upstream",
    ],
    [
      "stage2.0.projection",
      "INT2 in stage2.0.projection itself, in stage1.0.conv1 and stage1.0.conv2 upstream",
    ],
    [undefined, "INT2 in stage1.0.conv1, stage1.0.conv2, stage2.0.conv1 and 2 more"],
  ])("is named upstream and downstream of %s", (place, where) => {
    expect(causeAt(place, `\n  oneOf: [INT2]${ends}`).under).toBe(where)
  })

  it("is named only where it was active", () => {
    const formats = `\n  oneOf: [INT2, INT3, INT8]${ends}`
    const one = { chosen: { "stage2.0.conv1.format": 0, "stage1.0.conv1.format": 1 } }
    expect(causeAt("stem", formats, one).under).toBe("INT2 in stage2.0.conv1 downstream")
    const depth = `
  - conv: { name: stem, filters: 4, kernel: 3 }
  - basic: { filters: 4, repeats: { oneOf: [1, 2] } }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }`
    const left = { "stage1.repeats": 0, "stage1.1.conv1.format": 0 }
    expect(causeAt("stem", formats, { network: depth, chosen: left }).under).toBe("INT8")
    const kept = { ...left, "stage1.repeats": 1 }
    expect(causeAt("stem", formats, { network: depth, chosen: kept }).under).toBe(
      "INT2 in stage1.1.conv1 downstream",
    )
  })

  it("is named beside the place where it lies nowhere else", () => {
    const formats = `\n  oneOf: [INT8]\n  overrides: [{ match: stage2.0.projection, oneOf: [E1M0] }]`
    expect(causeAt("stage2.0.conv1", formats).under).toBe("E1M0 in stage2.0.projection beside it")
  })

  it("is told apart by operand and format", () => {
    const formats = `
  weights: INT2
  activations: INT8
  overrides:
    - { match: stage1.0.conv1, weights: E1M0, activations: INT2 }
    - { match: stem, weights: INT8 }`
    expect(causeAt("stem", formats).under).toBe(
      "E1M0 weights and INT2 inputs in stage1.0.conv1 downstream; " +
        "INT2 weights in stage1.0.conv2, stage2.0.conv1, stage2.0.conv2 and 2 more downstream",
    )
  })
})

describe("the advice", () => {
  const adviceOf = (formats: string) => causeAt("stem", formats).advice

  it.each([
    ["\n  weights: INT2\n  activations: INT8", "set formats.scale.granularity: channel, or name"],
    [
      "\n  weights: INT2\n  activations: INT8\n  scale: { granularity: token }",
      "set formats.scale.granularity: { weights: channel, activations: token }, or name",
    ],
    ["\n  weights: INT2\n  activations: INT8", "wider than INT2 at formats.weights;"],
    [
      "\n  oneOf: [INT2, INT8]\n  overrides: [{ match: stem, oneOf: [E1M0] }]",
      "at formats.overrides.0.oneOf;",
    ],
    [" INT2", "in the space write formats: { oneOf: [INT2], scale: { rule: mse } }, or name"],
    [
      "\n  oneOf: [INT2]\n  scale: { rule: { percentile: 99.9 } }",
      "set formats.scale.rule: mse, or",
    ],
  ])("names the keys of the space: %s", (formats, advice) => {
    expect(adviceOf(formats)).toContain(advice)
    expect(adviceOf(formats)).toContain("a lower learning rate does not help")
  })

  it("names a choice that is used", () => {
    const built = buildSpace(`
name: used
input: { height: 8, width: 8, channels: 3 }
classes: 4
choices: { first: { oneOf: [INT2, INT8] } }
network:${residual}
formats: { oneOf: [INT8], overrides: [{ match: "**.conv1", use: first }] }
`)
    expect(causeOf({ network: built, choices: [0], mixed: false }).advice).toContain(
      "at choices.first.oneOf;",
    )
  })

  it("is the learning rate too where scales leave enough numbers", () => {
    for (const [scale, name] of [
      ["rule: mse", "INT2"],
      ["rule: learned", "INT2"],
      ["rule: { percentile: 90 }", "INT2"],
      ["granularity: block, blockSize: 16", "INT2"],
      ["granularity: tensor", "INT4"],
      ["granularity: tensor", "E2M1"],
    ])
      expect(causeAt("stem", `\n  oneOf: [${name}]\n  scale: { ${scale} }${ends}`)).toEqual({
        under: `${name} in ${all} downstream`,
        advice: `lower train.learningRate.peak, or in the space name formats wider than ${name} at formats.oneOf`,
      })
  })

  it("is the learning rate alone where all formats are wide", () => {
    const advice = "lower train.learningRate.peak"
    for (const name of ["INT8", "E4M3", "BF16", "FP32"])
      expect(causeAt("stem", ` ${name}`)).toEqual({ under: name, advice })
    expect(causeAt("stem", `\n  weights: INT8\n  activations: BF16`)).toEqual({
      under: "INT8 and wider formats",
      advice,
    })
    expect(causeAt("stem", `\n  weights: INT8\n  activations: E4M3`)).toEqual({
      under: "INT8 and E4M3",
      advice,
    })
  })

  it("does not say of a mixture that one format lost the numbers", () => {
    const { advice, under } = causeAt("stem", `\n  oneOf: [INT2, INT8]${ends}`, { mixed: true })
    expect(under).toBe(`all formats at once, with INT2 in ${all} downstream`)
    expect(advice).toContain("lower train.learningRate.peak, or in the space name formats wider")
  })

  it("of attention's products is wider formats, for they keep the largest value under every rule", () => {
    const network = `
  - patchEmbed: { patch: 4, heads: 2, headDim: 4 }
  - transformer: { repeats: 2, attentionProducts: { oneOf: [INT2, INT8] } }
  - takeClassToken: {}
  - dense: { name: classifier, units: classes }`
    const first = { chosen: { "stage1.0.attentionProducts": 0 }, network }
    const found = causeAt("patchEmbed", "\n  oneOf: [INT8]\n  scale: { rule: mse }", first)
    expect(found.under).toBe("INT2 products in stage1.0.attention downstream")
    expect(found.advice).toBe(
      "a scale from the largest value makes 0 of most numbers in INT2; in the space name formats wider than INT2 at " +
        "network.1.transformer.attentionProducts; a lower learning rate does not help",
    )
  })
})
