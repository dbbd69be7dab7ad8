/** A target is refused where no assignment within the limits reaches it, and nowhere else. */
import { readFileSync } from "node:fs"
import { expect, it } from "vitest"
import { endWithin } from "../../src/budget/WithinLimits.ts"
import { limitProblems } from "../../src/experiment/LimitProblems.ts"
import { limitsOf } from "../../src/network/CostLimits.ts"
import { compileCost } from "../../src/network/CostTarget.ts"
import type { RewardSpec } from "../../src/reward/Rewards.ts"
import { buildSpace } from "../network/fixture.ts"

const yaml = readFileSync("spaces/resnet8-joint.yaml", "utf8").replace(
  /oneOf: \[INT3.*\]/,
  "oneOf: [INT4, INT8]",
)

it("agrees with the ends that an exact search finds", () => {
  const network = buildSpace(yaml)
  const limits = [
    { kind: "memory", max: 24_576, beta: 1 },
    { kind: "peakMemory", max: 12_288, beta: 1 },
  ] as const
  const cost = compileCost(network, { kind: "gbops", target: 1 })
  const bounds = limitsOf(network, limits)
  const [min, max] = ([1, -1] as const).map((sign) =>
    cost.of(endWithin(network.space, cost, bounds, sign).choices!),
  ) as [number, number]
  expect(min).toBeLessThan(max)
  const problemsAt = (target: number) =>
    limitProblems(
      network,
      {
        kind: "absolute",
        quality: "heldOutLoss",
        beta: 1,
        cost: { kind: "gbops", target },
        limits,
      } as RewardSpec,
      undefined,
    ).map(({ path }) => path.join("."))
  for (const share of [0, 0.1, 0.5, 1]) expect(problemsAt(min + share * (max - min))).toEqual([])
  expect(max * 1.02).toBeLessThan(cost.range().max)
  expect(problemsAt(max * 1.02)).toEqual(["cost.target"])
})
