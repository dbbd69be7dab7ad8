/** The differentiable search with its defaults on tables: what it finds over seeds, and at any scale of the loss. */
import { describe, expect, it } from "vitest"
import { run } from "./differentiable.ts"
import { budget, costOf, lossOf, many, signs } from "../rehearse/tabular.ts"

const seeds = Array.from({ length: 20 }, (_, i) => i + 1)

describe("the differentiable search on tables", () => {
  it("finds the better option of each decision where nothing is to pay", () => {
    for (const seed of seeds) {
      const { final, alarms } = run(signs(0.05), 1000, { seed })
      expect(final).toEqual([0, 1, 2, 0, 1, 2])
      expect(alarms).toEqual([])
    }
  })

  it("gives the sensitive layers 8 bits and the robust ones 2, on target", () => {
    const finals = seeds.map((seed) => run(budget, 2000, { seed }).final.join(""))
    expect(finals.filter((final) => final === "20202020").length).toBeGreaterThanOrEqual(19)
  })

  it("lands on target, commits and comes within 0.02 of the least loss on many layers", () => {
    for (const seed of seeds) {
      const { final, top } = run(many, 3000, { seed })
      const ratio = costOf(many, final) / many.target
      expect(ratio).toBeLessThanOrEqual(1)
      expect(ratio).toBeGreaterThanOrEqual(0.98)
      expect(lossOf(many, final)).toBeLessThan(0.0596 + 0.02)
      expect(top).toBeGreaterThan(0.95)
    }
  })

  it.each([0.01, 0.1, 10, 100])("lands on target and commits at %d times the loss", (scale) => {
    for (const table of [budget, many])
      for (const seed of seeds.slice(0, 5)) {
        const { final, top, alarms } = run(table, 1000, { seed, scale })
        const ratio = costOf(table, final) / table.target
        expect(ratio).toBeLessThanOrEqual(1)
        expect(ratio).toBeGreaterThanOrEqual(0.98)
        expect(top).toBeGreaterThan(0.95)
        expect(alarms.filter(({ alarm }) => alarm === "notCommitted")).toEqual([])
      }
  })
})
