/** The role of a decision is that of the field it was made for, whatever its name; everything that asks for it agrees. */
import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import { compile } from "../../src/cost/Cost.ts"
import { Gbops } from "../../src/cost/Gbops.ts"
import { make as bindReward, rewards } from "../../src/reward/Rewards.ts"
import { makeFixed } from "../../src/search/Fixed.ts"
import { policyOf } from "../../src/search/policy/Policy.ts"
import { make as makeSearcher, type SearchSpec } from "../../src/search/Searches.ts"
import { rehearse } from "../../src/rehearse/Rehearse.ts"
import { defaultSensitivities } from "../../src/rehearse/SyntheticQuality.ts"
import { withSettledFormats } from "../../src/search/policy/SettledOptions.ts"
import { decisionList } from "../../src/space/DecisionList.ts"
import { narrowestChoices } from "../../src/space/DecisionSpace.ts"
import { randomStream } from "../../src/space/RandomStream.ts"
import { buildSpace, joint, problemsOf } from "./fixture.ts"
import { lossTable } from "../../src/space/LossTable.ts"

const head = `name: roles
input: { height: 32, width: 32, channels: 3 }
classes: 10
`
const convolutions = (filters: string, kernel = "3", name = "stem") => `network:
  - conv: { name: ${name}, filters: ${filters}, kernel: ${kernel} }
  - basic: { filters: 16, repeats: { oneOf: [1, 2, 3] } }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
`
const transformer = (attentionProducts: string) => `network:
  - patchEmbed: { patch: 4, heads: 3, headDim: 16 }
  - transformer: { repeats: { oneOf: [1, 2] }, heads: { oneOf: [2, 3] }, attentionProducts: ${attentionProducts} }
  - takeClassToken: {}
  - dense: { units: classes }
`

/** Formats and sizes under names that say the opposite. */
const misleading = `${head}choices:
  kernels: { oneOf: [INT4, INT8] }
  wideformat: { oneOf: [8, 16] }
  weightFormat: { oneOf: [3, 5] }
${convolutions("{ use: wideformat }", "{ use: weightFormat }")}formats:
  use: kernels
  overrides:
    - { match: "stage1.*.conv2", weights: { oneOf: [INT2, INT8] }, activations: INT8 }
`

const usualReward = Schema.decodeUnknownSync(rewards.schema)({ cost: { target: 1 } })

const rolesOf = (yaml: string) =>
  Object.fromEntries(buildSpace(yaml).space.decisions.map(({ path, role }) => [path, role]))

describe("roles", () => {
  it.each<[string, string, Readonly<Record<string, string>>]>([
    [
      "shared choices under misleading names, one operand alone, depth",
      misleading,
      {
        "choices.kernels": "format",
        "choices.wideformat": "architecture",
        "choices.weightFormat": "architecture",
        "stage1.repeats": "architecture",
        "stage1.0.conv2.weightFormat": "format",
        "stage1.2.conv2.weightFormat": "format",
      },
    ],
    [
      "a shared choice for one operand, a list for the other, under a scope",
      `${head}choices: { precision: { oneOf: fliqs-s-int } }
${convolutions("8")}formats: { scope: stage, weights: { use: precision }, activations: { oneOf: [INT4, INT8] } }`,
      {
        "choices.precision": "format",
        "stem.activationFormat": "format",
        "stage1.activationFormat": "format",
        "classifier.activationFormat": "format",
        "stage1.repeats": "architecture",
      },
    ],
    [
      "attention's products, inline and shared with the layers",
      `${head}choices: { heads: { oneOf: [INT4, INT8] } }
${transformer("{ use: heads }")}formats: { use: heads }`,
      {
        "choices.heads": "format",
        "stage1.repeats": "architecture",
        "stage1.0.heads": "architecture",
        "stage1.1.heads": "architecture",
      },
    ],
    [
      "attention's products, a decision for each repeat",
      `${head}${transformer("{ oneOf: [INT4, INT8] }")}formats: INT8`,
      {
        "stage1.0.attentionProducts": "format",
        "stage1.1.attentionProducts": "format",
        "stage1.0.heads": "architecture",
      },
    ],
    [
      "an item called format, the multiplier, a format of the whole model",
      `${head}${convolutions("{ oneOf: [8, 16] }", "3", "format")}widthMultiplier: { oneOf: [0.5, 1] }
formats: { oneOf: [INT4, INT8], scope: model }`,
      { "format.filters": "architecture", widthMultiplier: "architecture", format: "format" },
    ],
  ])("of %s", (_name, yaml, expected) => {
    expect(rolesOf(yaml)).toMatchObject(expected)
  })

  it("are those of the slots that read a decision: all formats, and nothing else", () => {
    for (const yaml of [misleading, joint]) {
      const { space, table } = buildSpace(yaml)
      const read = new Set(
        table.layers.flatMap(({ activationFormat, weightFormat }) => [
          weightFormat.decision,
          activationFormat.decision,
        ]),
      )
      for (const [i, { path, role }] of space.decisions.entries())
        expect([path, role]).toEqual([path, read.has(i) ? "format" : "architecture"])
    }
  })

  it.each([
    [
      "a format choice as a kernel",
      `${head}choices: { c: { oneOf: [INT4, INT8] } }\n${convolutions("8", "{ use: c }")}formats: { use: c }`,
      'network.0.conv.kernel.use: choice c offers "INT4", which does not fit here',
    ],
    [
      "a choice of widths as a format",
      `${head}choices: { c: { oneOf: [8, 16] } }\n${convolutions("{ use: c }")}formats: { use: c }`,
      "formats.use: choice c offers 8, which does not fit here; it must be a format name",
    ],
    [
      "a choice whose path an item's decision has",
      `${head}choices: { kernel: { oneOf: [3, 5, 7] } }
network:
  - conv: { name: choices, filters: 8, kernel: { oneOf: [3, 5] } }
  - conv: { name: next, filters: 8, kernel: { use: kernel } }
  - globalAveragePool: {}
  - dense: { units: classes }
`,
      "network.1.conv.kernel.use: another decision has the path choices.kernel already",
    ],
    [
      "a choice of formats whose path a layer's decision has",
      `${head}choices: { format: { oneOf: [INT2, INT8] } }
${convolutions("8", "3", "choices")}formats: { oneOf: [INT4, INT8], overrides: [{ match: classifier, use: format }] }`,
      "another decision has the path choices.format already",
    ],
  ])("are never mixed: %s is refused", (_name, yaml, expected) => {
    expect(problemsOf(yaml).join("\n")).toContain(expected)
  })
})

describe("the list of decisions", () => {
  it("has options as they are written, and when each is active", () => {
    const list = decisionList(buildSpace(misleading).space)
    const of = (path: string) => list.find((one) => one.path === path)
    expect(of("choices.kernels")).toEqual({
      path: "choices.kernels",
      role: "format",
      options: ["INT4", "INT8"],
    })
    expect(of("stage1.1.conv2.weightFormat")).toEqual({
      path: "stage1.1.conv2.weightFormat",
      role: "format",
      options: ["INT2", "INT8"],
      activeWhen: [{ path: "stage1.repeats", options: [2, 3] }],
    })
    expect(of("stage1.2.conv2.weightFormat")!.activeWhen).toEqual([
      { path: "stage1.repeats", options: [3] },
    ])
  })

  it("names every parent of a decision that several open", () => {
    const yaml = `${head}choices: { late: { oneOf: [INT2, INT4] } }
network:
  - conv: { name: stem, filters: 8, kernel: { oneOf: [3, [1, 5]] } }
  - basic: { filters: 8, repeats: { oneOf: [1, 2] } }
  - basic: { filters: 8, repeats: { oneOf: [1, 3] } }
  - globalAveragePool: {}
  - dense: { units: classes }
formats: { oneOf: [INT8], overrides: [ { match: "stage*.1.*", use: late } ] }
`
    expect(decisionList(buildSpace(yaml).space)).toEqual([
      { path: "stem.kernel", role: "architecture", options: [3, [1, 5]] },
      { path: "stage1.repeats", role: "architecture", options: [1, 2] },
      { path: "stage2.repeats", role: "architecture", options: [1, 3] },
      {
        path: "choices.late",
        role: "format",
        options: ["INT2", "INT4"],
        activeWhen: [
          { path: "stage1.repeats", options: [2] },
          { path: "stage2.repeats", options: [3] },
        ],
      },
    ])
  })
})

describe("what asks for roles, under misleading names", () => {
  const { space, table } = buildSpace(misleading)
  const narrowest = narrowestChoices(space)
  const of = (values: ReadonlyArray<number>) =>
    Object.fromEntries(space.decisions.map(({ path }, i) => [path, values[i]]))
  /** Formats at their widest (option 1 of each), the rest at the smallest. */
  const wide = {
    "choices.kernels": 1,
    "choices.wideformat": 0,
    "choices.weightFormat": 0,
    "stage1.repeats": 0,
    "stage1.0.conv2.weightFormat": 1,
    "stage1.1.conv2.weightFormat": 1,
    "stage1.2.conv2.weightFormat": 1,
  }

  it("trains formats wide while nothing is settled", () => {
    const even = policyOf(
      space.decisions.map(({ options }) => options.map(() => 0)),
      1,
    )
    const trained = withSettledFormats(space, even, narrowest, randomStream(1, "trained"))
    expect(of(trained)).toEqual(wide)
  })

  it("trains a fixed assignment's formats wide first", () => {
    const cost = compile(table, Gbops, space)
    const fixed = makeFixed({ space, cost }, narrowest, 1)
    expect(of(fixed.propose({}, 0).train)).toEqual(wide)
  })

  it("gives formats a loss by bits, sizes by their share", () => {
    const losses = lossTable(
      space,
      space.decisions.map(() => 1),
    )
    const rows = Object.fromEntries(space.decisions.map(({ path }, i) => [path, losses[i]]))
    expect(rows["choices.kernels"]).toEqual([1 / 4, 1 / 64])
    expect(rows["stage1.0.conv2.weightFormat"]).toEqual([1, 1 / 64])
    expect(rows["choices.wideformat"]).toEqual([0.5, 0])
    expect(rows["choices.weightFormat"]![0]).toBeCloseTo(0.4, 12)
  })

  it.each<SearchSpec>([
    { kind: "reinforce" },
    { kind: "reinforce", budget: "hard" },
    { kind: "sensitivity" },
    { kind: "random" },
    { kind: "evolution" },
  ])("rehearses %j as under plain names", (spec) => {
    const plain = misleading
      .replaceAll("kernels", "precision")
      .replaceAll("wideformat", "filters")
      .replaceAll(/weightFormat(?=:| })/g, "sizes")
    const found = [misleading, plain].map((yaml) => {
      const network = buildSpace(yaml)
      const cost = compile(network.table, Gbops, network.space)
      const { max, min } = cost.range()
      const target = min + 0.3 * (max - min)
      const reward = bindReward(usualReward, target)
      const problem = {
        space: network.space,
        cost,
        target,
        steps: 300,
        seed: 1,
        reward,
        assignment: null,
      }
      const losses = lossTable(network.space, defaultSensitivities(network.space, cost))
      return rehearse(makeSearcher(spec, problem), problem, losses)
    })
    expect(found[0]).toEqual(found[1])
  })
})
