import { describe, expect, it } from "vitest"
import { layerOfNode, multipliesIntegers } from "../../../src/export/evaluate/LayerProfile.ts"
import { median, quantile } from "../../../src/export/evaluate/TimedTurns.ts"

describe("a node", () => {
  const of = layerOfNode(["stem", "stage1.0.conv1", "stage1.0.conv10", "stage1.0"])

  it.each([
    ["stem", "stem"],
    ["stem.input.codes", "stem"],
    ["stem.norm", "stem"],
    ["stem_nchwc", "stem"],
    ["stem_pool", undefined],
    ["stage1.0.conv10.weight", "stage1.0.conv10"],
    ["stage1.0.conv1/fused", "stage1.0.conv1"],
    ["stage1.0.add", "stage1.0"],
    ["stemming", undefined],
    ["stage1.01", undefined],
    ["Transpose_token_3", undefined],
  ])("%s is of %s", (node, layer) => {
    expect(of(node)).toBe(layer)
  })
})

describe("kernels", () => {
  it("of integers are told from those of floats", () => {
    expect(
      ["QLinearConv", "ConvInteger", "QLinearMatMul", "DynamicQuantizeMatMul"].every(
        multipliesIntegers,
      ),
    ).toBe(true)
    expect(["Conv", "FusedConv", "MatMul", "Gemm", "MatMulNBits"].some(multipliesIntegers)).toBe(
      false,
    )
  })
})

describe("quantiles", () => {
  it("lie between two values by a straight line", () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 2, 3])).toBe(2.5)
    expect([quantile([1, 2, 3, 4, 5], 0.25), quantile([7], 0.9)]).toEqual([2, 7])
  })
})
