import { describe, expect, it } from "vitest"
import { policyOf } from "../../../src/search/policy/Policy.ts"
import {
  withSettledArchitecture,
  withSettledFormats,
} from "../../../src/search/policy/SettledOptions.ts"
import type { DecisionSpace, Role } from "../../../src/space/Decision.ts"
import { randomStream } from "../../../src/space/RandomStream.ts"

const decision = (path: string, tag: string, role: Role, sizes: ReadonlyArray<number>) =>
  ({ path, tag, role, options: sizes, sizes, active: "always" }) as const

/** Three formats of 3 options (the widest is not the last one), a width, a format that is fixed. Tags say nothing. */
const space: DecisionSpace = {
  decisions: [
    decision("a.format", "format", "format", [4, 8, 6]),
    decision("choices.precision", "precision", "format", [4, 8, 6]),
    decision("c.attentionProducts", "attentionProducts", "format", [4, 8, 6]),
    decision("choices.wideformat", "wideformat", "architecture", [16, 32, 64]),
    decision("e.format", "format", "format", [4]),
  ],
}
const drawn = [0, 0, 2, 0, 0]
const n = 4000

/** How often each decision is trained as drawn, of n times, under logits that are all `strength` for option 0. */
const sharesAsDrawn = (strength: number, settled = withSettledFormats) => {
  const policy = policyOf(
    space.decisions.map(({ options }) => options.map((_, k) => (k === 0 ? strength : 0))),
    1,
  )
  const random = randomStream(1, "trained")
  const trained = Array.from({ length: n }, () => settled(space, policy, drawn, random))
  for (const choices of trained)
    for (const i of [0, 1, 2]) expect([drawn[i], 1]).toContain(choices[i])
  return {
    policy,
    shares: drawn.map((option, i) => trained.filter((c) => c[i] === option).length / n),
  }
}

describe("withSettledFormats", () => {
  it("trains formats at their widest while nothing is settled, and architecture as drawn", () => {
    expect(sharesAsDrawn(0).shares).toEqual([0, 0, 0, 1, 1])
  })

  it("trains all as drawn once the policy is certain", () => {
    expect(sharesAsDrawn(800).shares).toEqual([1, 1, 1, 1, 1])
  })

  it("trains a format as drawn with probability 1 - H / ln K in between", () => {
    for (const strength of [0.5, 1, 2, 4]) {
      const { policy, shares } = sharesAsDrawn(strength)
      const expected = 1 - policy.entropies[0]! / Math.log(3)
      for (const i of [0, 1, 2]) expect(Math.abs(shares[i]! - expected)).toBeLessThan(0.03)
      expect(shares.slice(3)).toEqual([1, 1])
    }
  })
})

describe("withSettledArchitecture", () => {
  it("trains sizes as drawn in 30 % of the steps while nothing is settled, and formats as drawn", () => {
    const { shares } = sharesAsDrawn(0, withSettledArchitecture)
    expect(Math.abs(shares[3]! - 0.3)).toBeLessThan(0.03)
    expect(shares.filter((_, i) => i !== 3)).toEqual([1, 1, 1, 1])
  })

  it("trains sizes as drawn with probability 1 - H / ln K once that is more, and always when certain", () => {
    for (const strength of [2, 3, 4]) {
      const { policy, shares } = sharesAsDrawn(strength, withSettledArchitecture)
      const expected = 1 - policy.entropies[3]! / Math.log(3)
      expect(expected).toBeGreaterThan(0.3)
      expect(Math.abs(shares[3]! - expected)).toBeLessThan(0.03)
    }
    expect(sharesAsDrawn(800, withSettledArchitecture).shares).toEqual([1, 1, 1, 1, 1])
  })
})
