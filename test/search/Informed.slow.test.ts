/** Where options interact: what measuring each alone cannot find, and a search that starts from it does. 20 seeds each. */
import { describe, expect, it } from "vitest"
import { make, type SearchSpec } from "../../src/search/Searches.ts"
import {
  budget,
  costOf,
  lossOf,
  many,
  pairs,
  problemOf,
  runSearch,
  type Table,
} from "../rehearse/tabular.ts"

const steps = 3000
const seeds = Array.from({ length: 20 }, (_, i) => i + 1)

const finals = (spec: SearchSpec, table: Table) =>
  seeds.map((seed) => {
    const { final } = runSearch(make(spec, problemOf(table, steps, seed)), table, steps, seed)
    expect(Math.abs(costOf(table, final) / table.target - 1)).toBeLessThanOrEqual(0.02)
    return final
  })

const informed = { kind: "reinforce", prior: "sensitivity", measureEvery: 2 } as const

describe("pairs of options that are only good together", () => {
  it("are never found by sensitivity, however often it measures", () => {
    const found = finals({ kind: "sensitivity", repeats: 100 }, pairs)
    expect(found.filter((final) => lossOf(pairs, final) === 0)).toEqual([])
  })

  it("are found in 19 of 20 seeds by a search that starts from what options lose", () => {
    const found = finals(informed, pairs)
    expect(found.filter((final) => lossOf(pairs, final) === 0).length).toBeGreaterThanOrEqual(19)
  })
})

describe("losses that add up, with an informed start and half of the measurements", () => {
  it("end in the optimum of the budget problem in 19 of 20 seeds", () => {
    const found = finals(informed, budget).filter((final) => final.join("") === "20202020")
    expect(found.length).toBeGreaterThanOrEqual(19)
  })

  it("end within 0.02 of the least loss of many layers in 19 of 20 seeds", () => {
    const near = finals(informed, many).filter((final) => lossOf(many, final) <= 0.0596 + 0.02)
    expect(near.length).toBeGreaterThanOrEqual(19)
  })
})
