/** Networks that are not shipped, written as a reader of docs/spaces.md would, against their published counts. */
import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { widestChoices } from "../../src/space/DecisionSpace.ts"
import { countsOf } from "../../src/supernet/Counts.ts"
import { buildSpace } from "../network/fixture.ts"

// Parameters as torchvision or timm print them; of DARTS V2 and WideResNet their authors' code. MACs in millions.
it.each([
  ["resnet-34", 21_797_672, 3664],
  ["vgg-16", 138_357_544, 15_470],
  ["squeezenet", 1_235_496, 349],
  ["densenet-121", 7_978_856, 2834],
  ["regnety-400mf", 4_344_144, 401],
  ["efficientnetv2-s", 21_458_488, 8362],
  ["mnasnet", 4_383_312, 314],
  ["wrn-28-10", 36_479_194, 5243],
  ["convmixer", 51_625_960, 51_099],
  ["darts-v2", 3_349_342, 528],
])("%s has %i parameters and %i million MACs", (name, parameters, macs) => {
  const network = buildSpace(readFileSync(`test/paper/others/${name}.yaml`, "utf8"))
  const counts = countsOf(network, widestChoices(network.space))
  expect(counts.parameters).toBe(parameters)
  expect(Math.round(counts.macs / 1e6)).toBe(macs)
})
