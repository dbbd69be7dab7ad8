/** Spaces for tests, from YAML text to a built network. */
import { Effect } from "effect"
import { decode } from "../../src/declaration/Decode.ts"
import { parse } from "../../src/declaration/Document.ts"
import { build } from "../../src/network/Build.ts"
import type { Network } from "../../src/network/Network.ts"
import { Space } from "../../src/network/SpaceFile.ts"

export const decodeSpace = (yaml: string): Space =>
  Effect.runSync(Effect.flatMap(parse("test.yaml", yaml), (document) => decode(Space, document)))

export const buildSpace = (yaml: string): Network => {
  const { network, problems } = build(decodeSpace(yaml))
  if (network === undefined)
    throw new Error(problems.map((p) => `${p.path.join(".")}: ${p.message}`).join("\n"))
  return network
}

export const problemsOf = (yaml: string): ReadonlyArray<string> =>
  build(decodeSpace(yaml)).problems.map((p) => `${p.path.join(".")}: ${p.message}`)

/** The sample of the space language: 28 decisions. */
export const joint = `
name: cifar-mobilenet-joint
input: { height: 32, width: 32, channels: 3 }
classes: 10
choices:
  width: { oneOf: [0.5, 0.75, 1.0] }
network:
  - conv: { name: stem, filters: 32, kernel: 3, stride: 1 }
  - invertedResidual: { filters: 16, kernel: 3, expansion: 1, stride: 1 }
  - invertedResidual:
      repeats: { oneOf: [1, 2, 3] }
      filters: { oneOf: [16, 32, 48] }
      kernel: { oneOf: [3, 5, 7] }
      expansion: { oneOf: [3, 6] }
      stride: 2
  - invertedResidual: { repeats: 2, filters: 64, kernel: { oneOf: [3, 5], shared: true }, expansion: 6, stride: 2 }
  - conv: { name: head, filters: 256, kernel: 1 }
  - globalAveragePool: {}
  - dense: { name: classifier, units: classes }
widthMultiplier: { use: width }
formats:
  oneOf: [INT4, INT6, INT8, E4M3, BF16]
  scope: layer
  scale: { granularity: tensor, rule: absmax }
  overrides:
    - { match: stem, oneOf: [INT8] }
    - { match: classifier, oneOf: [BF16] }
    - { match: "stage2.*.project", oneOf: [INT6, INT8] }
`
