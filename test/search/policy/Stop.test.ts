/** A certain policy off target: where it lands, held to enumeration. */
import { describe, expect, it } from "vitest"
import { Absolute } from "../../../src/reward/Absolute.ts"
import { AbsoluteOneSided } from "../../../src/reward/AbsoluteOneSided.ts"
import { bind, type Reward } from "../../../src/reward/Reward.ts"
import { landed } from "../../../src/search/policy/Stop.ts"
import { mostProbable, policyOf } from "../../../src/search/policy/Policy.ts"
import { makeReinforce } from "../../../src/search/Reinforce.ts"
import { resolve } from "../../../src/search/policy/Settings.ts"
import type { Choices } from "../../../src/space/Decision.ts"
import { randomStream } from "../../../src/space/RandomStream.ts"
import { allChoices, randomSpace } from "../../space/randomSpaces.ts"
import { additiveCost, randomScores } from "../../budget/randomBudgets.ts"
import { budget, costOf, problemOf, runSearch, type Table } from "../../rehearse/tabular.ts"
import { type PerOption, sumOf } from "../../../src/space/PerOption.ts"

/** A space with a policy whose most probable assignment costs `ratio` times the target. */
const offBy = (ratio: number, seed: number, kind: Reward, beta = 1) => {
  const random = randomStream(seed, "landing")
  const space = randomSpace(random, 0, 2 + random.integer(5))
  const cost = additiveCost(space, random)
  const logits: PerOption = randomScores(space, random)
  const policy = policyOf(logits, 1)
  const top = mostProbable(policy)
  const target = cost.of(top) / ratio
  const reward = bind(kind, { beta }, target)
  const next = landed({ space, cost, target, reward }, logits, policy)
  return { space, cost, logits, policy, top, target, reward, next }
}

const absolute = Absolute as unknown as Reward
const oneSided = AbsoluteOneSided as unknown as Reward
const isNear = (spent: number, target: number) => Math.abs(spent / target - 1) <= 0.02
const sorted = (row: ReadonlyArray<number>) => [...row].sort((a, b) => a - b)

describe("landed", () => {
  it("exchanges two logits of each decision that changes, and ends on target where anything is", () => {
    let lands = 0
    let best = 0
    for (let seed = 0; seed < 600; seed++) {
      const ratio = 0.85 + 0.3 * randomStream(seed, "ratio").uniform()
      const { space, cost, logits, policy, top, target, next } = offBy(ratio, seed, absolute)
      const near = allChoices(space).filter((choices) => isNear(cost.of(choices), target))
      const isSomewhere = near.length > 0
      expect(next === undefined ? !isSomewhere || isNear(ratio, 1) : isSomewhere).toBe(true)
      if (next === undefined) continue
      const choices = mostProbable(policyOf(next, 1))
      next.forEach((row, i) => {
        expect(sorted(row)).toEqual(sorted(logits[i]!))
        expect(choices[i] !== top[i] || row.join() === logits[i]!.join()).toBe(true)
      })
      expect(Math.abs(cost.of(choices) - target)).toBeLessThan(Math.abs(cost.of(top) - target))
      expect(isNear(cost.of(choices), target)).toBe(true)
      lands++
      const scores = policy.logProbabilities.map((row) => Array.from(row))
      const score = (each: Choices) => sumOf(space, scores, each)
      if (score(choices) >= Math.max(...near.map(score)) - 1e-9) best++
    }
    expect(lands).toBeGreaterThan(200)
    expect(best / lands).toBeGreaterThan(0.8)
  })

  it("does not touch a policy that is far off target", () => {
    for (let seed = 0; seed < 50; seed++)
      for (const ratio of [0.7, 1.3]) expect(offBy(ratio, seed, absolute).next).toBeUndefined()
  })

  it("does nothing that the reward does not like better: nothing at all without a price", () => {
    for (let seed = 0; seed < 50; seed++) {
      expect(offBy(1.1, seed, absolute, 0).next).toBeUndefined()
      expect(offBy(0.9, seed, oneSided).next).toBeUndefined()
    }
  })

  it("may go as far below as it likes where only what is above is punished", () => {
    let below = 0
    for (let seed = 0; seed < 100; seed++) {
      const { cost, next, target } = offBy(1.1, seed, oneSided)
      if (next === undefined) continue
      const ratio = cost.of(mostProbable(policyOf(next, 1))) / target
      expect(ratio).toBeLessThanOrEqual(1.02)
      if (ratio < 0.98) below++
    }
    expect(below).toBeGreaterThan(10)
  })
})

describe("a search whose policy is certain of an assignment off target", () => {
  /** Two layers of two options: 1 + 12 and 10 + 2 are 13 and 12, and no change of one alone leads from one to the other. */
  const pair: Table = {
    decisions: 2,
    options: 2,
    cost: (i, k) =>
      [
        [1, 10],
        [2, 12],
      ][i]![k]!,
    loss: (i, k) =>
      [
        [0.05, 0],
        [0, 0],
      ][i]![k]!,
    target: 13,
    beta: 1,
  }

  it("ends on target in every seed", () => {
    const steps = 1000
    for (let seed = 0; seed < 20; seed++) {
      const settings = resolve({ kind: "reinforce" }, steps)
      const searcher = makeReinforce(settings, problemOf(pair, steps, seed))
      const { final, metrics, alarms } = runSearch(searcher, pair, steps, seed)
      expect(costOf(pair, final)).toBe(13)
      expect(metrics.at(-1)!.frozen).toBe(true)
      expect(metrics.at(-1)!.argmaxProbability).toBeGreaterThan(0.99)
      expect(alarms).not.toContain("costOffTarget")
    }
  })

  it("lands whatever it takes to stop, and stays open where nothing is sure enough", () => {
    const steps = 1000
    for (let seed = 0; seed < 5; seed++) {
      const settings = resolve({ kind: "reinforce", stopAt: 1 }, steps)
      const searcher = makeReinforce(settings, problemOf(pair, steps, seed))
      const { final, metrics } = runSearch(searcher, pair, steps, seed)
      expect(costOf(pair, final)).toBe(13)
      expect(metrics.some(({ frozen }) => frozen)).toBe(false)
    }
  })

  it("is left alone, and told, where no assignment is on target", () => {
    const between: Table = { ...budget, decisions: 2, target: 40 }
    const settings = resolve({ kind: "reinforce" }, 400)
    const searcher = makeReinforce(settings, problemOf(between, 400, 1))
    const { metrics, alarms } = runSearch(searcher, between, 400, 1)
    expect(metrics.some(({ frozen }) => frozen)).toBe(false)
    expect(alarms).toContain("costOffTarget")
  })
})
