import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { compile } from "../../src/cost/Cost.ts"
import { Gbops } from "../../src/cost/Gbops.ts"
import { uniformTable } from "../../src/network/format/Uniform.ts"
import { valueOf } from "../../src/space/Quantity.ts"
import { buildSpace } from "../network/fixture.ts"

/** Bit operations with E4M3 everywhere, batch 1, largest architecture: FLIQS (arXiv 2308.03290), as the design checks them. */
const published = [
  { space: "resnet18", multiplier: 1, gbops: "116.9" },
  { space: "resnet50", multiplier: 1, gbops: "261.7" },
  { space: "mobilenet-v2", multiplier: 1, gbops: "19.25" },
  { space: "efficientnet-b0", multiplier: 1, gbops: "24.65" },
  { space: "deit-small", multiplier: 1, gbops: "271.5" },
]

describe("costs of the paper's networks", () => {
  it.each(published)(
    "$space at width $multiplier: $gbops GBOPs",
    ({ space, multiplier, gbops }) => {
      const yaml = readFileSync(`spaces/${space}.yaml`, "utf8").replace(
        "widthMultiplier: 1",
        `widthMultiplier: ${multiplier}`,
      )
      const network = buildSpace(yaml)
      const { table, choices } = uniformTable(network, "E4M3")
      const cost = compile(table, Gbops, network.space).of(choices)
      expect(cost.toFixed(gbops.split(".")[1]!.length)).toBe(gbops)
    },
  )

  it("inception-v3 at 299 px: 5.713 GMACs", () => {
    const { table } = buildSpace(readFileSync("spaces/inception-v3.yaml", "utf8"))
    const macs = table.layers.reduce((sum, layer) => sum + valueOf(layer.macs, []), 0)
    expect((macs / 1e9).toFixed(3)).toBe("5.713")
  })
})
