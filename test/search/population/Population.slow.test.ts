/** Evolution with its defaults on tables, over seeds. */
import { describe, expect, it } from "vitest"
import { make } from "../../../src/search/Searches.ts"
import {
  budget,
  costOf,
  lossOf,
  many,
  problemOf,
  runSearch,
  signs,
  type Table,
} from "../../rehearse/tabular.ts"

const seeds = Array.from({ length: 20 }, (_, i) => i + 1)

const finals = (table: Table, steps: number) =>
  seeds.map((seed) => {
    const searcher = make({ kind: "evolution" }, problemOf(table, steps, seed))
    const { final } = runSearch(searcher, table, steps, seed)
    expect(costOf(table, final)).toBeLessThanOrEqual(table.target)
    expect(costOf(table, final)).toBeGreaterThanOrEqual(0.98 * table.target)
    return final
  })

describe("evolution on tables, always on target", () => {
  it("finds the better option of each decision where there is no budget", () => {
    for (const final of finals(signs(0.05), 800)) expect(final).toEqual([0, 1, 2, 0, 1, 2])
  })

  it("gives the sensitive layers 8 bits and the robust ones 2 in 16 of 20 seeds", () => {
    const found = finals(budget, 2000).filter((final) => final.join("") === "20202020")
    expect(found.length).toBeGreaterThanOrEqual(16)
  })

  it("comes within 0.02 of the least loss on many layers in 19 of 20 seeds", () => {
    const near = finals(many, 2000).filter((final) => lossOf(many, final) < 0.0596 + 0.02)
    expect(near.length).toBeGreaterThanOrEqual(19)
  })
})
