/** Pairs of formats: one decision over both operands of a layer, each option naming a format for either. */
import { describe, expect, it } from "vitest"
import { compile } from "../../src/cost/Cost.ts"
import { Gbops } from "../../src/cost/Gbops.ts"
import { parse as parseFormat } from "../../src/format/Formats.ts"
import { isMultiplied, pairText, readPair } from "../../src/format/Pair.ts"
import { build } from "../../src/network/Build.ts"
import { compileCost, targetOf, uniformsBeside } from "../../src/network/CostTarget.ts"
import { uniformChoices, uniformOptions, uniformTable } from "../../src/network/format/Uniform.ts"
import { Space } from "../../src/network/SpaceFile.ts"
import { fromAssignment, toAssignment, widest } from "../../src/space/DecisionSpace.ts"
import { Result, Schema } from "effect"

const layers = [
  { conv: { name: "stem", filters: 8, kernel: 3 } },
  { conv: { name: "body", filters: 8, kernel: 3, stride: 2 } },
  { globalAveragePool: {} },
  { dense: { name: "classifier", units: "classes" } },
]

const built = (formats: unknown, more: object = {}) => {
  const space = { name: "pairs", input: { height: 8, width: 8, channels: 3 }, classes: 10 }
  return build(Schema.decodeUnknownSync(Space)({ ...space, network: layers, formats, ...more }))
}
const networkOf = (formats: unknown, more?: object) => {
  const { network, problems } = built(formats, more)
  expect(problems.filter(({ severity }) => severity !== "warning")).toEqual([])
  return network!
}
const w4a8 = { weights: "INT4", activations: "INT8" }

describe("a list with pairs", () => {
  it("makes one decision a layer, whose options cost the product of their two widths", () => {
    const network = networkOf({ oneOf: [w4a8, "INT8", "E4M3"] })
    expect(network.space.decisions.map(({ path, role, options }) => [path, role, options])).toEqual(
      ["stem", "body", "classifier"].map((path) => [
        `${path}.format`,
        "format",
        [w4a8, "INT8", "E4M3"],
      ]),
    )
    const [stem] = network.table.layers
    expect(stem!.weightFormat.formats.map(({ name }) => name)).toEqual(["INT4", "INT8", "E4M3"])
    expect(stem!.activationFormat.formats.map(({ name }) => name)).toEqual(["INT8", "INT8", "E4M3"])
    const macs = [64 * 27 * 8, 16 * 72 * 8, 80]
    const cost = compile(network.table, Gbops, network.space)
    expect(cost.of([0, 1, 2])).toBeCloseTo(
      (macs[0]! * 32 + macs[1]! * 64 + macs[2]! * 64) / 1e9,
      15,
    )
    // the dearest product is the widest option
    expect(network.space.decisions.map(widest)).toEqual([1, 1, 1])
  })

  it("is written into an assignment as it stands in the space, and read back in both spellings", () => {
    const { space } = networkOf({ oneOf: [w4a8, "INT8"] })
    const assignment = toAssignment(space, [0, 1, 0])
    expect(assignment).toEqual({
      "stem.format": w4a8,
      "body.format": "INT8",
      "classifier.format": w4a8,
    })
    expect(fromAssignment(space, assignment)).toEqual(Result.succeed([0, 1, 0]))
    const short = { ...assignment, "stem.format": "INT4/INT8" }
    expect(fromAssignment(space, short)).toEqual(Result.succeed([0, 1, 0]))
    const wrong = fromAssignment(space, { ...assignment, "stem.format": "INT4" })
    const message = "INT4 is not offered; it offers INT4/INT8, INT8"
    expect(wrong).toEqual(Result.fail([{ path: ["stem.format"], message }]))
  })

  it("may stand in overrides and in shared choices, not where one operand decides", () => {
    const network = networkOf(
      { use: "both", overrides: [{ match: "stem", oneOf: [w4a8, "BF16"] }] },
      { choices: { both: { oneOf: ["INT8", w4a8] } } },
    )
    expect(network.space.decisions.map(({ path, options }) => [path, options])).toEqual([
      ["stem.format", [w4a8, "BF16"]],
      ["choices.both", ["INT8", w4a8]],
    ])
    const { problems } = built(
      { weights: { use: "both" }, activations: "INT8" },
      { choices: { both: { oneOf: ["INT8", w4a8] } } },
    )
    expect(problems[0]!.message).toContain("does not fit here; it must be a format name")
  })

  it("offers nothing twice, in whatever spelling", () => {
    const { problems } = built({ oneOf: ["INT8", { weights: "INT8", activations: "INT8" }] })
    expect(problems).toMatchObject([
      { path: ["formats", "oneOf", 1], message: "offers INT8 a second time" },
    ])
  })

  it("decides per block, stage and model as plain formats do", () => {
    for (const [scope, paths] of [
      ["model", ["format"]],
      ["stage", ["stem.format", "body.format", "classifier.format"]],
    ] as const)
      expect(
        networkOf({ oneOf: [w4a8, "INT8"], scope }).space.decisions.map(({ path }) => path),
      ).toEqual(paths)
  })
})

describe("one pair everywhere", () => {
  const option = w4a8
  it("is offered by a list with it, and by two lists that have its formats", () => {
    const joint = networkOf({ oneOf: [w4a8, "INT8", "E4M3"] })
    expect(uniformOptions(joint)).toEqual([w4a8, "INT8", "E4M3"])
    expect(uniformChoices(joint, option)).toEqual([0, 0, 0])
    expect(uniformChoices(joint, { weights: "INT8", activations: "INT4" })).toBeUndefined()
    const apart = networkOf({
      weights: { oneOf: ["INT4", "INT8"] },
      activations: { oneOf: ["INT8", "INT16"] },
    })
    expect(uniformOptions(apart)).toEqual(["INT8"])
    expect(toAssignment(apart.space, uniformChoices(apart, option)!)).toMatchObject({
      "stem.weightFormat": "INT4",
      "stem.activationFormat": "INT8",
    })
  })

  it("is all there is where weights and activations are fixed and differ", () => {
    const network = networkOf({ weights: "INT4", activations: "INT8" })
    expect(uniformOptions(network)).toEqual([w4a8])
    expect(uniformChoices(network, option)).toEqual([])
  })

  it("sets the target and is a control beside it", () => {
    const network = networkOf({ oneOf: ["INT4", w4a8, "INT8"] })
    const spec = { kind: "gbops", target: { times: 1, uniform: w4a8 } } as const
    const macs = 64 * 27 * 8 + 16 * 72 * 8 + 80
    const target = targetOf(network, compileCost(network, spec), spec.target)
    expect(Result.getOrThrow(target)).toBeCloseTo((macs * 32) / 1e9, 15)
    expect(uniformsBeside(network, spec)).toEqual(Result.succeed([w4a8]))
  })

  it("is refused by what is offered where it is not", () => {
    const network = networkOf({ oneOf: ["INT4", "INT8"] })
    const spec = { kind: "gbops", target: { times: 1, uniform: w4a8 } } as const
    const message = "the space does not offer INT4/INT8 everywhere; it offers INT4, INT8"
    expect(targetOf(network, compileCost(network, spec), spec.target)).toEqual(
      Result.fail([{ path: ["uniform"], message }]),
    )
  })

  it("takes in an override what comes nearest, both formats by one option", () => {
    const network = networkOf({
      oneOf: [w4a8, "INT8"],
      overrides: [{ match: "stem", oneOf: ["INT2", { weights: "INT6", activations: "INT8" }] }],
    })
    expect(uniformChoices(network, option)![0]).toBe(1)
    const { table } = uniformTable(network, option)
    expect(table.layers[0]!.weightFormat.formats[0]!.name).toBe("INT6")
    expect(table.layers[0]!.activationFormat.formats[0]!.name).toBe("INT8")
  })
})

describe("products that no hardware multiplies", () => {
  const warnings = (formats: unknown) =>
    built(formats)
      .problems.concat(built(formats).warnings ?? [])
      .map(({ message }) => message)
  it.each([
    [
      { weights: { oneOf: ["INT8", "E4M3"] }, activations: { oneOf: ["INT8", "E4M3"] } },
      "INT8",
      "E4M3",
    ],
    [{ weights: "E2M1", activations: "INT8" }, "E2M1", "INT8"],
    [{ oneOf: ["INT8", { weights: "INT4", activations: "E4M3" }] }, "INT4", "E4M3"],
  ])("are warned of: %j", (formats, weights, activations) => {
    const [message] = warnings(formats)
    expect(message).toContain(`offers ${weights} weights with ${activations} activations in stem`)
    expect(message).toContain("(and in 2 other layers)")
  })
  it.each([
    [{ oneOf: [w4a8, "INT8", "E4M3"] }],
    [{ weights: { oneOf: ["INT4", "INT8"] }, activations: { oneOf: ["INT8", "BF16"] } }],
    [{ weights: { oneOf: ["E2M1", "E4M3FNUZ"] }, activations: { oneOf: ["E5M2", "FP16"] } }],
    ["INT4"],
  ])("are not seen in %j", (formats) => {
    expect(warnings(formats)).toEqual([])
  })

  it.each([
    ["INT2", "INT16", true],
    ["E4M3", "E5M2", true],
    ["INT4", "BF16", true],
    ["FP32", "MXFP4", true],
    ["MXFP4", "MXFP8E4M3", true],
    ["MXFP4", "MXINT8", false],
    ["NVFP4", "MXFP4", false],
    ["NVFP4", "NVFP4", true],
    ["INT8", "MXINT8", false],
    ["INT8", "E4M3", false],
  ])("%s weights by %s activations: %s", (weights, activations, expected) => {
    expect(isMultiplied(parseFormat(weights)!, parseFormat(activations)!)).toBe(expected)
  })
})

describe("the text of a pair", () => {
  it.each([
    ["INT4/INT8", w4a8],
    ["INT8", "INT8"],
  ] as const)("%s", (text, option) => {
    expect(pairText(option)).toBe(text)
    expect(readPair(text)).toEqual(option)
  })
  it("is read with care", () => {
    expect(readPair("INT8/INT8")).toBe("INT8")
    for (const text of ["", "INT4/", "/INT4", "INT4/INT8/INT4", "INT4/INT99"])
      expect(readPair(text)).toBeUndefined()
  })
})
