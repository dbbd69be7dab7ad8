/** A hard budget in a search: never above target, chosen before the last stretch, drawn from then on. */
import { describe, expect, it } from "vitest"
import { makeReinforce } from "../../src/search/Reinforce.ts"
import type { ReinforceSpec } from "../../src/search/policy/ReinforceSpec.ts"
import { resolve } from "../../src/search/policy/Settings.ts"
import { budget, costOf, lossOf, problemOf, runSearch, type Table } from "../rehearse/tabular.ts"

const steps = 400

const search = (table: Table, seed: number, knobs: Omit<ReinforceSpec, "kind">) => {
  const settings = resolve({ kind: "reinforce", ...knobs }, steps)
  const searcher = makeReinforce(settings, problemOf(table, steps, seed))
  return { ...runSearch(searcher, table, steps, seed), searcher }
}

/** A target that no sum of costs meets: the nearest above is nearer than the nearest below. */
const between: Table = { ...budget, target: 271 }

const seeds = Array.from({ length: 20 }, (_, seed) => seed)

describe("a hard budget", () => {
  it("ends within target where a soft one ends above, and keeps the quality", () => {
    const soft = seeds.map((seed) => search(between, seed, {}))
    const hard = seeds.map((seed) => search(between, seed, { budget: "hard" }))
    expect(soft.some(({ final }) => costOf(between, final) > between.target)).toBe(true)
    for (const { final } of hard) expect(costOf(between, final)).toBeLessThanOrEqual(between.target)
    const loss = hard.reduce((sum, { final }) => sum + lossOf(between, final), 0) / hard.length
    expect(loss).toBeLessThan(0.4)
  })

  it("is chosen by 90 % of the steps at the latest, and is what every later step trains", () => {
    const { metrics, final, searcher, state } = search(between, 1, { budget: "hard" })
    const first = metrics.findIndex(({ frozen }) => frozen)
    expect(first).toBeGreaterThan(0.25 * steps)
    expect(first).toBeLessThan(0.9 * steps)
    for (const { cost, switching } of metrics.slice(first + 2)) {
      expect(cost).toBe(costOf(between, final))
      expect(switching).toBe(0)
    }
    expect(metrics.at(-1)!.modeAgreement).toBe(1)
    expect(searcher.probabilities(state)).toEqual(
      final.map((choice) => [0, 1, 2].map((k) => Number(k === choice))),
    )
  })

  it("is no sign of a policy that has not committed, where it differs from the policy's own end", () => {
    const alarms = seeds.flatMap((seed) => search(between, seed, { budget: "hard" }).alarms)
    expect(alarms).not.toContain("notCommitted")
  })

  it("waits no longer than that for a policy that never commits", () => {
    const commitment = { schedule: "none", max: 0 } as const
    const { metrics, alarms } = search(between, 2, { budget: "hard", commitment, stopAt: "off" })
    expect(metrics.findIndex(({ frozen }) => frozen)).toBe(0.9 * steps - 1)
    expect(alarms).not.toContain("finalIsNotMode")
    const slow = search(between, 2, { budget: "hard", optimizer: { learningRate: 1e-3 } })
    expect(slow.alarms).toContain("notCommitted")
  })
})
