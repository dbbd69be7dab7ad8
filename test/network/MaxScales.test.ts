import { describe, expect, it } from "vitest"
import { build } from "../../src/network/Build.ts"
import { names } from "../../src/format/Formats.ts"
import { decodeSpace } from "./fixture.ts"

const warningsOf = (formats: string, network = "") => {
  const { problems, warnings } = build(
    decodeSpace(`
name: scaled
input: { height: 8, width: 8, channels: 32 }
classes: 4
network:${network || "\n  - conv: { name: stem, filters: 32, kernel: 3 }\n  - globalAveragePool: {}"}
  - dense: { name: classifier, units: classes }
formats: ${formats}
`),
  )
  expect(problems).toEqual([])
  return warnings
    .filter(({ message }) => message.includes("makes 0 of most numbers"))
    .map(({ message, path }) => `${path.join(".")}: ${message}`)
}

const advice = (name: string) =>
  `formats.scale.rule: a scale from the largest value makes 0 of most numbers in ${name}, which ${name.includes(" ") ? "have" : "has"} one magnitude beside 0: ` +
  "training under it diverges or learns nothing, at any learning rate; rule: mse would be right, or wider formats"

describe("scales from the largest value", () => {
  it.each([
    ["INT2", "INT2"],
    ["{ oneOf: [INT2, INT4, INT8] }", "INT2"],
    ["{ oneOf: [INT8, E1M0] }", "E1M0"],
    ["{ oneOf: [INT2, E1M0] }", "INT2 and E1M0"],
    ["{ weights: INT2, activations: INT8 }", "INT2"],
    ["{ weights: INT8, activations: { oneOf: [INT2, INT8] } }", "INT2"],
    ["{ oneOf: [INT8], overrides: [{ match: classifier, oneOf: [INT2] }] }", "INT2"],
    ["{ oneOf: [INT2], scale: { granularity: channel } }", "INT2"],
    ["{ oneOf: [INT2], scale: { rule: absmax } }", "INT2"],
    ["{ oneOf: [INT2], scale: { rule: { percentile: 99.9 } } }", "INT2"],
    ["{ weights: INT8, activations: INT2, scale: { granularity: token } }", "INT2"],
  ])("are warned of: %s", (formats, name) => {
    expect(warningsOf(formats)).toEqual([advice(name)])
  })

  it.each([
    "{ oneOf: [INT2], scale: { rule: mse } }",
    "{ oneOf: [INT2], scale: { rule: learned } }",
    "{ oneOf: [INT2], scale: { rule: { percentile: 95 } } }",
    "{ oneOf: [INT2], scale: { granularity: block, blockSize: 16 } }",
    "{ weights: INT2, activations: INT8, scale: { granularity: channel } }",
    "{ oneOf: [INT3, E1M1, E2M0, E2M1] }",
    "fliqs-free",
  ])("are right where enough is left: %s", (formats) => {
    const others = names.filter((name) => !/^(?:INT2|E1M0|UINT\d+)$/u.test(name))
    const list = `{ oneOf: [${others.join(", ")}], scale: { sharedExponent: floor } }`
    expect(warningsOf(formats === "fliqs-free" ? list : formats)).toEqual([])
  })

  it("are right for inputs that cannot be negative, which have three magnitudes", () => {
    const relu = `
  - conv: { name: stem, filters: 8, kernel: 3 }
  - globalAveragePool: {}`
    const formats = (unsigned: boolean) =>
      `{ weights: INT8, activations: INT2, scale: { unsignedAfterRelu: ${unsigned} }, overrides: [{ match: stem, activations: INT8 }] }`
    expect(warningsOf(formats(true), relu)).toEqual([])
    expect(warningsOf(formats(false), relu)).toEqual([advice("INT2")])
  })

  it("of attention's products are wrong under every rule", () => {
    const network = `
  - patchEmbed: { patch: 4, heads: 1, headDim: 4 }
  - transformer: { attentionProducts: { oneOf: [INT2, INT8] } }
  - takeClassToken: {}`
    for (const rule of ["absmax", "mse"])
      expect(warningsOf(`{ oneOf: [INT8], scale: { rule: ${rule} } }`, network)).toEqual([
        "network: attentionProducts offers INT2, which has one magnitude beside 0; the products keep the largest value under " +
          "every rule, which makes 0 of most numbers, and the network learns nothing; INT3 or wider would be right",
      ])
  })
})
