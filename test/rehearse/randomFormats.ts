/**
 * Random format spaces: the layers of ResNet-18, ResNet-50 or MobileNetV2 (12 % each), else 5 to 60 of log-normal size;
 * log-normal sensitivities, one of seven menus of bits, a cost that is linear or quadratic in bits, a target from 5 to
 * 80 % of the way from the cheapest to the dearest.
 */
import { Schema } from "effect"
import { readFileSync } from "node:fs"
import { parse } from "yaml"
import { compileTerms } from "../../src/cost/Cost.ts"
import { Gbops } from "../../src/cost/Gbops.ts"
import { build } from "../../src/network/Build.ts"
import { Space } from "../../src/network/SpaceFile.ts"
import { Absolute } from "../../src/reward/Absolute.ts"
import { bind } from "../../src/reward/Reward.ts"
import type { Problem, Searcher } from "../../src/search/Search.ts"
import { rehearse } from "../../src/rehearse/Rehearse.ts"
import type { DecisionSpace } from "../../src/space/Decision.ts"
import { maximum, ofDecision } from "../../src/space/Quantity.ts"
import { randomStream } from "../../src/space/RandomStream.ts"
import { sumOf } from "../../src/space/PerOption.ts"
import { lossTable } from "../../src/space/LossTable.ts"

/** MACs of the layers of shipped networks; none with FLIQS_DRAWN, which leaves the harder, smaller spaces. */
const shipped = process.env["FLIQS_DRAWN"] ? [] : ["resnet18", "resnet50", "mobilenet-v2"]
const networks = shipped.map((name) => {
  const text = readFileSync(new URL(`../../spaces/${name}.yaml`, import.meta.url), "utf8")
  const { network } = build(Schema.decodeUnknownSync(Space)(parse(text)))
  return network!.table.layers.map(({ macs }) => maximum(macs))
})

const menus = [
  [2, 4, 8],
  [4, 6, 8],
  [2, 3, 4, 8],
  [2, 3, 4, 6, 8],
  [2, 3, 4, 5, 6, 8],
  [2, 3, 4, 5, 6, 7, 8],
  [2, 3, 4, 5, 6, 7, 8, 16],
]

export const rehearseFormats = (
  seed: number,
  steps: number,
  make: (problem: Problem) => Searcher,
) => {
  const random = randomStream(seed, "formats")
  const logUniform = (low: number, high: number) => low * (high / low) ** random.uniform()
  const kind = random.uniform()
  const sizes =
    networks[Math.floor(kind / 0.12)] ??
    Array.from({ length: Math.round(logUniform(5, 60)) }, () => Math.exp(random.normal()))
  const bits = menus[random.integer(menus.length)]!
  const power = random.uniform() < 0.7 ? 2 : 1
  const raw = sizes.map(() => Math.exp(random.normal()))
  const space: DecisionSpace = {
    decisions: sizes.map((_, i) => ({
      path: `layer${i}.format`,
      tag: "format",
      role: "format",
      options: bits.map((b) => `INT${b}`),
      sizes: bits,
      active: "always",
    })),
  }
  /** What the narrowest everywhere loses, in all. */
  const most = 0.1 + 0.4 * random.uniform()
  const scale = most / (raw.reduce((a, b) => a + b, 0) * 2 ** (2 - bits[0]!))
  const losses = lossTable(
    space,
    raw.map((value) => value * scale),
  )
  const terms = sizes.map((size, i) =>
    ofDecision(
      i,
      bits.map((b) => size * b ** power),
    ),
  )
  const cost = compileTerms(terms, Gbops, space)
  const { max, min } = cost.range()
  const target = min + logUniform(0.05, 0.8) * (max - min)
  const problem = {
    space,
    cost,
    target,
    steps,
    seed,
    reward: bind(Absolute, { beta: 1 } as never, target),
    assignment: null,
  }
  const rehearsal = rehearse(make(problem), problem, losses)
  const limit = Math.max(target, cost.of(rehearsal.final)) * (1 + 1e-9)
  const uniform = bits.map((_, k) => sizes.map(() => k))
  const uniformLoss = Math.min(
    ...uniform
      .filter((choices) => cost.of(choices) <= limit)
      .map((choices) => sumOf(space, losses, choices)),
  )
  return { rehearsal, uniformLoss, layers: sizes.length, bits }
}
