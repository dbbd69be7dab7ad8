import { describe, expect, it } from "vitest"
import { Gbops } from "../../src/cost/Gbops.ts"
import { compile } from "../../src/cost/Cost.ts"
import { valueOf } from "../../src/space/Quantity.ts"
import type { SqueezeExciteNode } from "../../src/network/Graph.ts"
import { buildSpace, problemsOf } from "../network/fixture.ts"

const space = (fields: string): string => `
name: test
input: { height: 16, width: 16, channels: 3 }
classes: 10
network:
  - conv: { name: stem, filters: 10, kernel: 3 }
  - invertedResidual: { filters: 10, repeats: 2, expansion: 3, ${fields} }
  - globalAveragePool: {}
  - dense: { units: classes }
formats: { oneOf: [INT4, INT8] }
`
const excites = (yaml: string) =>
  buildSpace(yaml).graph.nodes.filter(
    (node): node is SqueezeExciteNode => node.operation === "squeezeExcite",
  )

describe("squeeze-excite", () => {
  it("squeezes to a share of the block's input channels, floored, at least 1", () => {
    const widths = (ratio: number) =>
      excites(space(`seRatio: ${ratio}`)).map(({ inner }) => inner.values[0])
    expect(widths(0.25)).toEqual([2, 2])
    expect(widths(0.3)).toEqual([3, 3])
    expect(widths(0.01)).toEqual([1, 1])
    expect(widths(0)).toEqual([])
  })

  it("is one decision per repeat, no layer, and costs nothing", () => {
    const network = buildSpace(space("seRatio: { oneOf: [0.25, 0.5] }"))
    expect(network.space.decisions.map(({ path }) => path)).toContain("stage1.1.seRatio")
    const plain = buildSpace(space("stride: 1"))
    expect(network.table.layers.map(({ path }) => path)).toEqual(
      plain.table.layers.map(({ path }) => path),
    )
    const [inner] = excites(space("seRatio: { oneOf: [0.25, 0.5] }")).map((node) => node.inner)
    const seRatio = network.space.decisions.findIndex(({ path }) => path === "stage1.0.seRatio")
    const choices = network.space.decisions.map(() => 0)
    expect(valueOf(inner!, choices)).toBe(2)
    expect(
      valueOf(
        inner!,
        choices.map((_, i) => (i === seRatio ? 1 : 0)),
      ),
    ).toBe(5)
    const cost = compile(network.table, Gbops, network.space)
    expect(cost.of(choices)).toBe(
      compile(plain.table, Gbops, plain.space).of(plain.space.decisions.map(() => 0)),
    )
  })

  it("may be left out beside other ratios, and is active in the others alone", () => {
    const yaml = space("seRatio: { oneOf: [0, 0.25] }")
    expect(problemsOf(yaml)).toEqual([])
    const { decisions } = buildSpace(yaml).space
    const seRatio = decisions.findIndex(({ path }) => path === "stage1.0.seRatio")
    const activeUnder = (choice: number) =>
      valueOf(
        excites(yaml)[0]!.active,
        decisions.map((_, i) => (i === seRatio ? choice : 0)),
      )
    expect([activeUnder(0), activeUnder(1)]).toEqual([0, 1])
  })

  it("takes a share of the inner width, a multiple of 8, a hard gate where asked for", () => {
    const [node] = excites(
      space("seRatio: 0.25, seOf: hidden, seRounding: multipleOf8, seGate: hardSigmoid"),
    )
    // 30 / 4 = 7, to a multiple of 8
    expect(node).toMatchObject({ gate: "hardSigmoid" })
    expect(node!.inner.values[0]).toBe(8)
  })

  it("gates by swish where the block uses swish, else by relu", () => {
    expect(excites(space("seRatio: 0.5, activation: swish"))[0]!.activation).toBe("swish")
    expect(excites(space("seRatio: 0.5"))[0]!.activation).toBe("relu")
  })
})

describe("dropPath", () => {
  it("stands before the sum of blocks with a shortcut, at places of its own", () => {
    const drops = (fields: string) =>
      buildSpace(space(fields)).graph.nodes.flatMap((node) =>
        node.operation === "dropPath" ? [node.place] : [],
      )
    expect(new Set(drops("dropPath: 0.2")).size).toBe(2)
    expect(drops("dropPath: 0.2, stride: 2")).toHaveLength(1)
    expect(drops("dropPath: 0")).toEqual([])
  })
})
