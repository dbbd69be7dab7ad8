/** Trained numbers of the paper's networks against the counts that their reference implementations are published with. */
import { readFileSync } from "node:fs"
import { Result } from "effect"
import { describe, expect, it } from "vitest"
import type { Network } from "../../src/network/Network.ts"
import { cardinality } from "../../src/space/Cardinality.ts"
import { fromAssignment, widestChoices } from "../../src/space/DecisionSpace.ts"
import type { Assignment, Choices } from "../../src/space/Decision.ts"
import { valueOf } from "../../src/space/Quantity.ts"
import { extract } from "../../src/supernet/Child.ts"
import { trainedParameters } from "../../src/supernet/Counts.ts"
import { buildSpace } from "../network/fixture.ts"

const built = (name: string): Network => buildSpace(readFileSync(`spaces/${name}.yaml`, "utf8"))

const parametersOf = (name: string): number => trainedParameters(built(name))

// torchvision and, of DeiT, timm.
it.each([
  // 11 689 512 and the projection of the first stage, 64 x 64 with its norm
  ["resnet18", 11_689_512 + 64 * 64 + 2 * 64],
  ["resnet50", 25_557_032],
  ["mobilenet-v2", 3_504_872],
  ["efficientnet-b0", 5_288_548],
  ["efficientnet-b1", 7_794_184],
  ["efficientnet-b2", 9_109_994],
  ["efficientnet-b3", 12_233_232],
  ["efficientnet-b4", 19_341_616],
  // without the auxiliary head
  ["inception-v3", 23_834_568],
  ["deit-tiny", 5_717_416],
  ["deit-small", 22_050_664],
  ["deit-base", 86_567_656],
  ["mobilenet-v3-small", 2_542_856],
  ["mobilenet-v3-large", 5_483_032],
  ["resnext50", 25_028_904],
  ["convnext-tiny", 28_589_128],
])("%s has %i parameters", (name, expected) => {
  expect(parametersOf(name)).toBe(expected)
})

const macsOf = ({ table }: Network, choices: Choices): number =>
  table.layers.reduce((sum, { macs }) => sum + valueOf(macs, choices), 0)

/** Products of the two dense layers of squeeze-excite, which are no layers of the table. */
const exciteMacs = ({ graph }: Network): number =>
  graph.nodes.reduce(
    (sum, node) =>
      node.operation === "squeezeExcite"
        ? sum + 2 * valueOf(node.inner, []) * valueOf(node.inputChannels, [])
        : sum,
    0,
  )

// torchvision counts the two layers of a squeeze-excite too.
it.each([
  ["mobilenet-v3-large", "0.217"],
  ["mobilenet-v3-small", "0.057"],
  ["resnext50", "4.230"],
  ["convnext-tiny", "4.456"],
])("%s multiplies %s x 10^9 times", (name, expected) => {
  const network = built(name)
  const macs = macsOf(network, widestChoices(network.space)) + exciteMacs(network)
  expect((macs / 1e9).toFixed(3)).toBe(expected)
})

// MLPerf Tiny's reference models, as Keras counts them: running means and variances are among the parameters.
it.each([
  ["resnet8-tiny", 78_666, 12_501_632],
  ["mobilenet-v1-025", 221_794, 7_489_664],
  ["ds-cnn", 24_908, 2_656_768],
])("%s of MLPerf Tiny has %i parameters and %i MACs", (name, parameters, macs) => {
  const network = built(name)
  expect(trainedParameters(network, true)).toBe(parameters)
  expect(macsOf(network, widestChoices(network.space))).toBe(macs)
})

const chosen = (network: Network, assignment: Assignment): Choices =>
  Result.getOrThrow(fromAssignment(network.space, assignment))

describe("nas-bench-201", () => {
  const network = built("nas-bench-201")
  const cell = (edges: Readonly<Record<string, string>>): Choices =>
    chosen(
      network,
      Object.fromEntries(
        network.space.decisions.map(({ path }) => [path, edges[/edge\d\d/u.exec(path)![0]]!]),
      ),
    )

  it("has 15 625 architectures", () => {
    expect(cardinality(network.space)).toBe(15_625n)
  })

  it.each([
    // every edge a 3x3 convolution
    ["conv3x3 conv3x3 conv3x3 conv3x3 conv3x3 conv3x3", 1_531_546, 220_119_680],
    ["zero zero zero zero zero zero", 73_306, 7_783_040],
  ])("the cell %s", (edges, parameters, macs) => {
    const [edge01, edge02, edge12, edge03, edge13, edge23] = edges.split(" ") as Array<string>
    const choices = cell({
      edge01: edge01!,
      edge02: edge02!,
      edge12: edge12!,
      edge03: edge03!,
      edge13: edge13!,
      edge23: edge23!,
    })
    expect(trainedParameters(extract(network, choices))).toBe(parameters)
    expect(macsOf(network, choices)).toBe(macs)
  })
})

it("once-for-all-mbv3 has the 2 x 10^19 architectures of its paper, at 25 resolutions", () => {
  // five stages of 2 to 4 blocks of 3 kernels and 3 expansions
  expect(cardinality(built("once-for-all-mbv3").space)).toBe(
    25n * (9n ** 2n + 9n ** 3n + 9n ** 4n) ** 5n,
  )
})

it("proxylessnas holds the mobile network of its paper: 4.1 M parameters, 320 M MACs", () => {
  const network = built("proxylessnas")
  // figure 4c, from the top
  const blocks =
    "3_5 3_3 zero zero 3_7 3_3 3_5 3_5 6_7 3_5 3_5 3_5 6_5 3_5 3_5 3_5 6_7 6_7 3_7 3_7 6_7".split(
      " ",
    )
  const assignment = Object.fromEntries(
    blocks.map((block, i) => {
      const [expansion, kernel] = block.split("_")
      return [
        `block${i + 1}.op`,
        block === "zero" ? "identity" : `mb${expansion}_${kernel}x${kernel}`,
      ]
    }),
  )
  const child = extract(network, chosen(network, assignment))
  expect((trainedParameters(child) / 1e6).toFixed(1)).toBe("4.1")
  expect((macsOf(child, []) / 1e6).toFixed(0)).toBe("320")
})
