import { describe, expect, it } from "vitest"
import { compile } from "../../src/cost/Cost.ts"
import { Gbops } from "../../src/cost/Gbops.ts"
import { build } from "../../src/network/Build.ts"
import { widestChoices } from "../../src/space/DecisionSpace.ts"
import { valueOf } from "../../src/space/Quantity.ts"
import { buildSpace, decodeSpace, problemsOf } from "./fixture.ts"

const space = (items: string, more = ""): string => `
name: test
input: { height: 32, width: 32, channels: 3 }
classes: 10
network:
${items}
  - dense: { name: classifier, units: classes }
formats: { oneOf: [INT4, INT8], scope: model }
${more}
`
const embed = "  - patchEmbed: { name: embed, patch: 8, heads: 2, headDim: 16 }\n"
const tail = "\n  - finalNorm: {}\n  - takeClassToken: {}"

describe("transformer", () => {
  it("has its layers, with a product per token", () => {
    const { table, graph } = buildSpace(space(`${embed}  - transformer: { mlpRatio: 4 }${tail}`))
    const macs = Object.fromEntries(table.layers.map((l) => [l.path, valueOf(l.macs, [0])]))
    expect(macs).toEqual({
      embed: 16 * 8 * 8 * 3 * 32,
      "stage1.0.qkv": 17 * 32 * 96,
      "stage1.0.attentionProject": 17 * 32 * 32,
      "stage1.0.mlpUp": 17 * 32 * 128,
      "stage1.0.mlpDown": 17 * 128 * 32,
      classifier: 32 * 10,
    })
    const tokens = graph.nodes.flatMap(({ shape }) => (shape.kind === "tokens" ? [shape] : []))
    expect(new Set(tokens.map((shape) => shape.tokens))).toEqual(new Set([17]))
  })

  it("searches heads, hidden width and depth; the residual width stays", () => {
    const network = buildSpace(
      space(
        `${embed}  - transformer: { repeats: { oneOf: [1, 2] }, heads: { oneOf: [1, 4] }, mlpRatio: { oneOf: [2, 3] } }${tail}`,
      ),
    )
    expect(network.space.decisions.map(({ path }) => path)).toEqual([
      "stage1.repeats",
      "stage1.0.heads",
      "stage1.0.mlpRatio",
      "stage1.1.heads",
      "stage1.1.mlpRatio",
      "format",
    ])
    const widest = widestChoices(network.space)
    const macs = (path: string, choices: ReadonlyArray<number>) =>
      valueOf(network.table.layers.find((l) => l.path === path)!.macs, choices)
    expect(macs("stage1.1.qkv", widest)).toBe(17 * 32 * 3 * 4 * 16)
    expect(macs("stage1.1.attentionProject", widest)).toBe(17 * 4 * 16 * 32)
    expect(macs("stage1.0.mlpUp", [1, 0, 0, 0, 0, 0])).toBe(17 * 32 * 64)
    expect(macs("stage1.1.mlpDown", [0, 1, 1, 1, 1, 0])).toBe(0)
  })

  it("multiplies heads by the width multiplier, to whole ones", () => {
    const yaml = space(`${embed}  - transformer: {}${tail}`, "widthMultiplier: 1.5")
    const { table } = buildSpace(yaml)
    expect(valueOf(table.layers[0]!.outputs, [0])).toBe(3 * 16)
    expect(problemsOf(yaml.replace("1.5", "1.25"))).toEqual([
      expect.stringMatching(/^network\.0\.patchEmbed\.heads: times the width multiplier gives 2.5/),
    ])
  })

  it("decides the format of attention's products repeat by repeat, and costs nothing for it", () => {
    const of = (field: string) =>
      buildSpace(space(`${embed}  - transformer: { repeats: { oneOf: [1, 2] }${field} }${tail}`))
    const plain = of("")
    const searched = of(", attentionProducts: { oneOf: [INT4, INT8] }")
    const decisions = searched.space.decisions
    expect(decisions.map(({ path }) => path)).toEqual([
      "stage1.repeats",
      "stage1.0.attentionProducts",
      "stage1.1.attentionProducts",
      "format",
    ])
    expect(decisions[2]!.active).toEqual([{ decision: 0, choices: [1] }])
    expect(widestChoices(searched.space).slice(1, 3)).toEqual([1, 1])
    expect(searched.table.layers.map(({ path }) => path)).toEqual(
      plain.table.layers.map(({ path }) => path),
    )
    const cost = ({ table, space }: typeof plain) =>
      compile(table, Gbops, space).of(widestChoices(space))
    expect(cost(searched)).toBe(cost(plain))
  })

  it("takes the name of a set for a list of formats, in attention's products too", () => {
    const of = (list: string) =>
      buildSpace(
        space(`${embed}  - transformer: { attentionProducts: { oneOf: ${list} } }${tail}`),
      ).space.decisions.find(({ tag }) => tag === "attentionProducts")!.options
    expect(of("fliqs-s-fp")).toEqual(["E2M1", "E4M3", "BF16"])
    expect(of("fliqs-s-fp")).toEqual(of("[E2M1, E4M3, BF16]"))
  })

  it("asks of block formats in attention's products what it asks elsewhere", () => {
    const yaml = space(`${embed}  - transformer: { attentionProducts: MXFP4 }${tail}`)
    expect(problemsOf(yaml)).toEqual([
      expect.stringMatching(/^formats.scale: offers MXFP4 without saying/),
    ])
    const ruled = yaml.replace("scope: model", "scope: model, scale: { sharedExponent: even }")
    expect(build(decodeSpace(ruled)).warnings.map(({ message }) => message)).toEqual([
      "MXFP4 has blocks of 32, which hardware pads with zeros in stage1.0.attention (sums of 16 and 17)",
    ])
  })

  it("says what does not fit, before training", () => {
    expect(problemsOf(space(`${embed.replace("8", "7")}  - transformer: {}${tail}`))[0]).toMatch(
      /patch: 32 x 32 does not part into patches of 7 x 7/,
    )
    expect(problemsOf(space("  - transformer: {}"))[0]).toMatch(
      /needs tokens but gets \[32, 32, 3\]/,
    )
    expect(problemsOf(space(`${embed}  - conv: { filters: 8, kernel: 3 }`))[0]).toMatch(
      /needs an image but gets tokens/,
    )
    expect(problemsOf(space(`${embed}  - finalNorm: {}`))[0]).toMatch(
      /needs a vector but gets tokens; put takeClassToken/,
    )
    const bare = embed.replace("headDim: 16", "headDim: 16, classToken: false")
    expect(problemsOf(space(`${bare}  - takeClassToken: {}`))[0]).toMatch(/no class token/)
  })
})
