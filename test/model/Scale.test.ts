import { describe, expect, it } from "vitest"
import { compile } from "../../src/cost/Cost.ts"
import { Memory } from "../../src/cost/Memory.ts"
import { extract } from "../../src/model/Child.ts"
import { buildSpace } from "./fixture.ts"

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
      expect(layer).toMatchObject({ weightScales: "tensor", unsignedInput: false })
  })

  it("costs a float for every output channel at channel granularity", () => {
    const { layers } = space("{}").table
    expect(space("{ granularity: channel }").table.layers[0]!.weightScales).toBe("channel")
    // six layers of 8 channels and the classifier of 10 when the repeat that may be left out is
    expect(layers).toHaveLength(9)
    expect(memoryOf("{ granularity: channel }") - memoryOf("{}")).toBe(4 * (6 * 8 + 10 - 7))
  })

  it("takes away the sign of what relu, pooling and concat make sure of", () => {
    const network = space("{ unsignedAfterRelu: true }")
    const unsigned = (layers: typeof network.table.layers) =>
      layers.filter(({ unsignedInput }) => unsignedInput).map(({ path }) => path)
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
