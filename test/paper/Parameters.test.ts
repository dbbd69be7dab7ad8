/** Trained numbers of the paper's networks against the counts that their reference implementations are published with. */
import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { operationOf } from "../../src/supernet/operation/Operations.ts"
import { buildSpace } from "../network/fixture.ts"

/** Of weights, biases, gamma and beta, positions, class tokens and gates; not of running means and variances. */
const parametersOf = (name: string): number =>
  buildSpace(readFileSync(`spaces/${name}.yaml`, "utf8"))
    .graph.nodes.flatMap((node) =>
      node.operation === "input" ? [] : operationOf(node).variables(node),
    )
    .filter(({ name: variable }) => !/\b(?:mean|variance)$/u.test(variable))
    .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)

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
])("%s has %i parameters", (name, expected) => {
  expect(parametersOf(name)).toBe(expected)
})
