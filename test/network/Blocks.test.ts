/** Blocks made of other items, and what layers may be beside a plain convolution: costs by hand, paths, mistakes. */
import { describe, expect, it } from "vitest"
import { Memory } from "../../src/cost/Memory.ts"
import { compile } from "../../src/cost/Cost.ts"
import { widestChoices } from "../../src/space/DecisionSpace.ts"
import { cardinality } from "../../src/space/Cardinality.ts"
import { decisionList } from "../../src/space/DecisionList.ts"
import { valueOf } from "../../src/space/Quantity.ts"
import type { Network } from "../../src/network/Network.ts"
import { buildSpace, problemsOf } from "./fixture.ts"

const space = (items: string, more = ""): string => `
name: test
input: { height: 16, width: 12, channels: 4 }
classes: 10
${more}
network:
${items}
  - globalAveragePool: { name: last }
  - dense: { name: classifier, units: classes }
formats: INT8
`

/** Path -> MACs with every decision at its widest. */
const macsOf = ({ space, table }: Network): Readonly<Record<string, number>> => {
  const choices = widestChoices(space)
  return Object.fromEntries(table.layers.map(({ macs, path }) => [path, valueOf(macs, choices)]))
}

describe("a convolution", () => {
  it("of groups reads the channels of one group, and costs that much", () => {
    const network = buildSpace(
      space("  - conv: { name: c, filters: 8, kernel: [3, 5], groups: 2, stride: 2, bias: true }"),
    )
    // 8 x 6 places, 3 x 5 x 4/2 inputs, 8 outputs
    expect(macsOf(network)["c"]).toBe(8 * 6 * 3 * 5 * 2 * 8)
    const layer = network.table.layers[0]!
    expect(valueOf(layer.weights, [])).toBe(3 * 5 * 2 * 8)
    // INT8 weights; a scale with the gain of the norm and a bias for each of 8 channels
    const memory = compile({ layers: [layer] }, Memory, network.space).of([])
    expect(memory).toBe(3 * 5 * 2 * 8 + 8 * 2 * 4)
  })

  it("of groups has blocks of the channels that one output reads", () => {
    const yaml = space("  - conv: { name: c, filters: 8, kernel: 1, groups: 2 }").replace(
      "formats: INT8",
      "formats: { oneOf: [MXINT8], scale: { sharedExponent: floor } }",
    )
    const { space: decisions, table } = buildSpace(yaml)
    const memory = compile({ layers: [table.layers[0]!] }, Memory, decisions).of([])
    // 8 runs of 2 channels, each one block with one byte for its scale; a gain and a bias for each channel
    expect(memory).toBe(16 + 8 + 8 * 2 * 4)
  })

  it.each([
    ["padding: 1", [16, 12]],
    ["padding: [0, 2]", [14, 14]],
    ["padding: [[1, 0], [0, 3]]", [15, 13]],
    ["padding: valid, dilation: [2, 1]", [12, 10]],
    ["padding: 1, stride: 2", [8, 6]],
    ["padding: same, dilation: 3", [16, 12]],
  ])("with %s gives %j pixels", (fields, [height, width]) => {
    const network = buildSpace(space(`  - conv: { name: c, filters: 8, kernel: 3, ${fields} }`))
    expect(macsOf(network)["c"]).toBe(height! * width! * 9 * 4 * 8)
    // zeros around the image are no activations
    expect(valueOf(network.table.layers[0]!.inputs, [])).toBe(16 * 12 * 4)
  })

  it.each([
    ["norm: layer", 2],
    ["norm: group, normGroups: 4", 2],
    ["norm: none", 1],
    ["norm: none, bias: false", 0],
    ["norm: batch, bias: true", 1],
  ])("with %s keeps %i numbers for each channel", (fields, numbers) => {
    const { table } = buildSpace(space(`  - conv: { name: c, filters: 8, kernel: 1, ${fields} }`))
    expect(valueOf(table.layers[0]!.extras, [])).toBe(8 * numbers)
  })

  it.each([
    ["filters: 6, kernel: 1, groups: 4", "6 channels do not part into 4 groups"],
    ["filters: 6, kernel: 1, norm: group, normGroups: 4", "cannot part 6 channels into 4 groups"],
    ["filters: 8, kernel: { oneOf: [3, 5] }, padding: 1", "changes the size under this padding"],
    [
      "filters: 8, kernel: 3, padding: valid, dilation: 8",
      "a 17 x 17 kernel does not fit in 16 x 12",
    ],
  ])("refuses %s", (fields, message) => {
    expect(problemsOf(space(`  - conv: { ${fields} }`))).toEqual([expect.stringContaining(message)])
  })
})

describe("inverted residuals", () => {
  const block = (fields: string) =>
    space(
      `  - conv: { name: stem, filters: 8, kernel: 1 }\n  - invertedResidual: { name: b, filters: 8, ${fields} }`,
    )

  it("take any expansion, its product rounded, or the inner width itself", () => {
    const pixels = 16 * 12
    expect(macsOf(buildSpace(block("expansion: 2.3")))["b.0.expand"]).toBe(pixels * 8 * 18)
    expect(macsOf(buildSpace(block("hidden: 20")))["b.0.depthwise"]).toBe(pixels * 9 * 20)
    expect(macsOf(buildSpace(block("hidden: 8")))).not.toHaveProperty(["b.0.expand"])
    expect(macsOf(buildSpace(block("hidden: 8, expand: always")))).toHaveProperty(["b.0.expand"])
    expect(problemsOf(block("hidden: 8, expansion: 2"))).toEqual([
      "network.1.invertedResidual.hidden: stands beside expansion; give one of the two",
    ])
  })

  it("may leave the expand layer out beside others: it and its format are then inactive", () => {
    const yaml = block("expansion: { oneOf: [1, 2] }").replace("INT8", "{ oneOf: [INT4, INT8] }")
    const network = buildSpace(yaml)
    const listed = decisionList(network.space).find(({ path }) => path === "b.0.expand.format")
    expect(listed!.activeWhen).toEqual([{ path: "b.0.expansion", options: [2] }])
    // stem, depthwise, project, classifier; expand in one of two
    expect(cardinality(network.space)).toBe(2n ** 4n * (1n + 2n))
    const narrow = network.space.decisions.map(() => 0)
    const expand = network.table.layers.find(({ path }) => path === "b.0.expand")!
    expect(valueOf(expand.macs, narrow)).toBe(0)
  })

  it("may have depth 0 where the shape stays, never alone", () => {
    expect(problemsOf(block("repeats: { oneOf: [0, 1] }"))).toEqual([])
    expect(problemsOf(block("repeats: 0"))).toEqual([
      expect.stringContaining("0 leaves the block out"),
    ])
    expect(problemsOf(block("repeats: { oneOf: [0, 1] }, stride: 2"))).toEqual([
      expect.stringContaining("must keep its shape, but [16, 12, 8] becomes [8, 6, 8]"),
    ])
  })
})

describe("sums", () => {
  it("residual: a projection where the shapes differ, its stride from the sizes", () => {
    const network = buildSpace(
      space(
        "  - residual: { name: r, repeats: 2, items: [ { conv: { name: a, filters: 8, kernel: 3, stride: [1, 1] } }, { conv: { name: b, filters: 8, kernel: 1 } } ] }\n" +
          "  - residual: { name: s, items: [ { conv: { filters: 8, kernel: 3, stride: [2, 3] } } ] }",
      ),
    )
    expect(macsOf(network)).toEqual({
      "r.0.a": 192 * 9 * 4 * 8,
      "r.0.b": 192 * 8 * 8,
      "r.0.projection": 192 * 4 * 8,
      "r.1.a": 192 * 9 * 8 * 8,
      "r.1.b": 192 * 8 * 8,
      "s.0.conv": 8 * 4 * 9 * 8 * 8,
      "s.0.projection": 8 * 4 * 8 * 8,
      classifier: 80,
    })
  })

  it.each([
    [
      "residual: { shortcut: identity, items: [ { conv: { filters: 8, kernel: 1 } } ] }",
      "cannot add [16, 12, 8] and [16, 12, 4]; make the shapes equal",
    ],
    [
      "sum: { branches: [ { items: [] }, { items: [ { conv: { filters: 4, kernel: 1, stride: 2 } } ] } ] }",
      "ends in [8, 6, 4] beside [16, 12, 4]; branches that are added must end in one shape",
    ],
    [
      "sum: { branches: [ { items: [] }, { from: nothing, items: [] } ] }",
      "no item before is called nothing",
    ],
    [
      "maxPool: { window: 2, padding: 2 }",
      "a 2 x 2 window may hold no pixel of the image; use a padding below the window",
    ],
  ])("says what is wrong: %s", (item, message) => {
    expect(problemsOf(space(`  - ${item}`))).toEqual([expect.stringContaining(message)])
  })
})

describe("a choice", () => {
  const choice = `  - choice:
      name: mix
      oneOf:
        - conv: { name: small, filters: 4, kernel: 1 }
        - invertedResidual: { name: mb, filters: 4, kernel: { oneOf: [3, 5] }, repeats: { oneOf: [1, 2] }, expansion: 2 }
        - identity: {}
        - zero: {}`

  it("is a decision among names, the widest that of the most MACs; nested ones are active under their option", () => {
    const { space: decisions, table } = buildSpace(space(choice))
    const [op] = decisions.decisions
    expect(op).toMatchObject({ path: "mix.op", options: ["small", "mb", "identity", "zero"] })
    expect(widestChoices(decisions)[0]).toBe(1)
    expect(decisionList(decisions).slice(1)).toEqual([
      expect.objectContaining({
        path: "mix.mb.repeats",
        activeWhen: [{ path: "mix.op", options: ["mb"] }],
      }),
      expect.objectContaining({
        path: "mix.mb.0.kernel",
        activeWhen: [{ path: "mix.op", options: ["mb"] }],
      }),
      expect.objectContaining({
        path: "mix.mb.1.kernel",
        activeWhen: [
          { path: "mix.mb.repeats", options: [2], and: [{ path: "mix.op", options: ["mb"] }] },
        ],
      }),
    ])
    // small, identity, zero; mb with one or two repeats of two kernels each
    expect(cardinality(decisions)).toBe(3n + 2n + 4n)
    const macs = (choices: ReadonlyArray<number>) =>
      table.layers.reduce((sum, layer) => sum + valueOf(layer.macs, choices), 0)
    const repeat = 192 * (4 * 8 + 9 * 8 + 8 * 4)
    expect([0, 1, 2, 3].map((option) => macs([option, 0, 0, 0]) - 40)).toEqual([
      192 * 16,
      repeat,
      0,
      0,
    ])
    expect(macs([1, 1, 0, 0]) - 40).toBe(2 * repeat)
  })

  it.each([
    [
      "[ { conv: { name: a, filters: 8, kernel: 1 } }, { identity: {} } ]",
      "identity gives [16, 12, 4] beside [16, 12, 8] of a; all options of a choice must give one shape",
    ],
    [
      "[ { conv: { filters: 4, kernel: 1 } }, { conv: { filters: 4, kernel: 3 } } ]",
      "another option is already called conv; give one of them a name of its own",
    ],
  ])("refuses %s", (options, message) => {
    expect(problemsOf(space(`  - choice: { oneOf: ${options} }`))).toContainEqual(
      expect.stringContaining(message),
    )
  })
})

describe("a cell", () => {
  const cells = "cells: { edges: [ { conv: { name: a, filters: 4, kernel: { oneOf: [1, 3] } } } ] }"
  const uses = (fields: string) =>
    space(
      `  - cell: { name: x, use: edges${fields} }\n  - cell: { name: y, use: edges${fields} }`,
      cells,
    )

  it("has decisions for each use, or shared ones", () => {
    const paths = (yaml: string) => buildSpace(yaml).space.decisions.map(({ path }) => path)
    expect(paths(uses(""))).toEqual(["x.a.kernel", "y.a.kernel"])
    expect(paths(uses(", shared: true"))).toEqual(["cells.edges.a.kernel"])
    expect(Object.keys(macsOf(buildSpace(uses(""))))).toEqual(["x.a", "y.a", "classifier"])
  })

  it.each([
    ["  - cell: { use: edge }", 'no cell is called "edge"; did you mean edges?'],
    ["  - identity: {}", "no item uses cell edges; use it by cell: { use: edges } or remove it"],
  ])("refuses %s", (items, message) => {
    expect(problemsOf(space(items, cells))).toContainEqual(expect.stringContaining(message))
  })

  it("reads earlier results that it is given, and none else", () => {
    const pair =
      "cells: { pair: [ { conv: { name: now, filters: 8, kernel: 1 } }, { sum: { name: out, branches: [ { from: before, items: [ { conv: { filters: 8, kernel: 1 } } ] }, { from: now, items: [] } ] } } ] }"
    const before =
      "  - conv: { name: one, filters: 4, kernel: 1 }\n  - conv: { name: two, filters: 2, kernel: 1 }\n"
    const given = (inputs: string) => space(`${before}  - cell: { use: pair${inputs} }`, pair)
    const { "cell.now": now, "cell.out.0.conv": then } = macsOf(
      buildSpace(given(", inputs: { before: one }")),
    )
    // four channels of item one, two of item two
    expect(then).toBe(2 * now!)
    expect(problemsOf(given(""))).toContainEqual(
      expect.stringContaining("no item before is called before; those are now"),
    )
    expect(problemsOf(given(", inputs: { before: tow }"))).toContainEqual(
      expect.stringMatching(/inputs\.before: no item before is called tow; did you mean two\?/),
    )
  })

  it("cannot stand inside of itself", () => {
    const yaml = space("  - cell: { use: a }", "cells: { a: [ { cell: { use: a } } ] }")
    expect(problemsOf(yaml)).toContainEqual(
      expect.stringContaining("cell a stands inside of itself"),
    )
  })
})

it("nothing reads definitions, an alias takes a whole value", () => {
  const yaml = space(
    "  - conv: { filters: 8, kernel: *k, activation: *act }",
    "definitions: { act: &act hardSwish, k: &k { oneOf: [3, 5] }, other: [1, { b: 2 }] }",
  )
  expect(buildSpace(yaml).space.decisions.map(({ path }) => path)).toEqual(["conv.kernel"])
})

describe("a searched size of the images", () => {
  const sized = (
    height: string,
    width: string,
    items = "  - conv: { name: c, filters: 8, kernel: 3, stride: 2 }",
  ) => space(items).replace("height: 16, width: 12", `height: ${height}, width: ${width}`)

  it("is one decision, and all costs follow it", () => {
    const network = buildSpace(sized("{ oneOf: [11, 16] }", "{ oneOf: [7, 12] }"))
    expect(network.space.decisions.map(({ options, path }) => [path, options])).toEqual([
      ["input.size", [11, 16]],
    ])
    const [layer] = network.table.layers
    // ceil(11 / 2) x ceil(7 / 2) places, 9 x 4 inputs, 8 outputs
    expect([0, 1].map((choice) => valueOf(layer!.macs, [choice]))).toEqual([
      6 * 4 * 9 * 4 * 8,
      8 * 6 * 9 * 4 * 8,
    ])
    expect([0, 1].map((choice) => valueOf(layer!.inputs, [choice]))).toEqual([77 * 4, 192 * 4])
    expect(network.graph.input).toEqual({ height: 16, width: 12, channels: 4 })
    const square = buildSpace(sized("{ oneOf: [8, 16] }", "same")).table.layers[0]!
    expect(valueOf(square.macs, [0])).toBe(4 * 4 * 9 * 4 * 8)
  })

  it.each([
    [
      "{ oneOf: [8, 16] }",
      "16",
      "has 1 option beside 2 of the height; write same, or one width for each height",
    ],
    ["16", "{ oneOf: [8, 16] }", "has 2 options beside 1 of the height"],
  ])("refuses height %s with width %s", (height, width, message) => {
    expect(problemsOf(sized(height, width))).toEqual(
      [`input.width: ${message}`].map((m) => expect.stringContaining(m)),
    )
  })

  it("needs windows that fit every size, and no patches", () => {
    const valid = "  - conv: { name: c, filters: 8, kernel: 9, padding: valid }"
    expect(problemsOf(sized("{ oneOf: [8, 16] }", "same", valid))).toEqual([
      expect.stringContaining("a 9 x 9 kernel does not fit in 8..16 x 8..16"),
    ])
    const patches = "  - patchEmbed: { patch: 4, heads: 1 }"
    expect(problemsOf(sized("{ oneOf: [8, 16] }", "same", patches))).toContainEqual(
      expect.stringContaining("the input size cannot be searched"),
    )
  })
})
