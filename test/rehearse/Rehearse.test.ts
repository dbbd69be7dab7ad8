import { describe, expect, it } from "vitest"
import { compileTerms } from "../../src/cost/Cost.ts"
import { Gbops } from "../../src/cost/Gbops.ts"
import { makeFixed } from "../../src/search/Fixed.ts"
import { Reinforce } from "../../src/search/Reinforce.ts"
import { isCommitted, onTarget, rehearse } from "../../src/rehearse/Rehearse.ts"
import { defaultSensitivities, finalQuality } from "../../src/rehearse/SyntheticQuality.ts"
import { sumOf } from "../../src/space/PerOption.ts"
import type { DecisionSpace } from "../../src/space/Decision.ts"
import { ofDecision } from "../../src/space/Quantity.ts"
import { budget, lossOf, problemOf } from "./tabular.ts"
import { fittedSensitivities, lossTable } from "../../src/space/LossTable.ts"

/** A small and a large layer, a depth that opens the third. */
const space: DecisionSpace = {
  decisions: [
    {
      path: "depth",
      tag: "repeats",
      role: "architecture",
      options: [1, 2],
      sizes: [1, 2],
      active: "always",
    },
    {
      path: "a.format",
      tag: "format",
      role: "format",
      options: ["INT2", "INT8"],
      sizes: [2, 8],
      active: "always",
    },
    {
      path: "b.format",
      tag: "format",
      role: "format",
      options: ["INT2", "INT8"],
      sizes: [2, 8],
      active: [{ decision: 0, choices: [1] }],
    },
  ],
}
const cost = compileTerms(
  [ofDecision(0, [0, 50]), ofDecision(1, [4, 64]), ofDecision(2, [16, 256])],
  Gbops,
  space,
)

describe("a synthetic quality", () => {
  it("loses 2^(2 - bits) of a format's sensitivity and the missing share of a size, where active", () => {
    const losses = lossTable(space, [1, 0.1, 0.2])
    expect(losses).toEqual([
      [0.5, 0],
      [0.1, 0.1 / 64],
      [0.2, 0.2 / 64],
    ])
    expect(sumOf(space, losses, [0, 0, 0])).toBeCloseTo(0.6, 12)
    expect(sumOf(space, losses, [1, 0, 1])).toBeCloseTo(0.1 + 0.2 / 64, 12)
  })

  it("is by default the more sensitive the less cost hangs on a decision", () => {
    const sensitivities = defaultSensitivities(space, cost)
    expect(sensitivities[1]! / sensitivities[2]!).toBeCloseTo(2, 12)
    const narrowest = lossTable(space, sensitivities).reduce((sum, row) => sum + row[0]!, 0)
    expect(narrowest).toBeCloseTo(0.3, 12)
  })
})

describe("measured sensitivities", () => {
  const formats: DecisionSpace = {
    decisions: ["a", "b", "c"].map((name) => ({
      path: `${name}.format`,
      tag: "format",
      role: "format",
      options: ["INT8", "INT2", "INT4"],
      sizes: [8, 2, 4],
      active: "always",
    })),
  }
  /** What the loss rises by, were a_i these. */
  const rises = (sensitivities: ReadonlyArray<number>, noise = 0) =>
    lossTable(formats, sensitivities).map((row) =>
      row.map((value, k) => value - row[0]! + (k === 1 ? noise : k === 2 ? -noise / 2 : 0)),
    )

  it("are found again in the proportions that made them, the narrowest losing 0.3", () => {
    const found = fittedSensitivities(formats, rises([2, 1, 0.5]))
    expect(found[0]! / found[1]!).toBeCloseTo(2, 12)
    expect(found[1]! / found[2]!).toBeCloseTo(2, 12)
    const narrowest = lossTable(formats, found).reduce((sum, row) => sum + row[1]!, 0)
    expect(narrowest).toBeCloseTo(0.3, 12)
    const noisy = fittedSensitivities(formats, rises([2, 1, 0.5], 0.05))
    expect(noisy[0]! / noisy[1]!).toBeGreaterThan(1.8)
  })

  it("are never negative, and those of an option that overflowed not beyond measure", () => {
    expect(fittedSensitivities(formats, rises([-1, 1, 1]))[0]).toBe(0)
    expect(fittedSensitivities(formats, rises([0, 0, 0]))).toEqual([0, 0, 0])
    const wild = rises([1, 1, 1]).with(0, [0, 1000, 0.2])
    const [first, second] = fittedSensitivities(formats, wild)
    expect(first! / second!).toBeLessThan(15)
    expect(first! / second!).toBeGreaterThan(5)
  })
})

describe("a rehearsed search", () => {
  it("says when it was on target and committed, and what it found", () => {
    const problem = problemOf(budget, 1500, 1)
    const losses = problem.space.decisions.map(({ options }, i) =>
      options.map((_, k) => budget.loss(i, k)),
    )
    const searcher = Reinforce.make({ kind: "reinforce" }, problem)
    const found = rehearse(searcher, problem, losses)
    expect(onTarget(found.costOverTarget)).toBe(true)
    expect(isCommitted(found.topProbability)).toBe(true)
    expect(found.loss).toBeCloseTo(lossOf(budget, found.final), 12)
    expect(found.onTargetAt).toBeGreaterThan(375)
    expect(found.committedAt).toBeGreaterThan(375)
    for (const { costOverTarget, step } of found.history)
      expect(onTarget(costOverTarget) || step < found.onTargetAt!).toBe(true)
    expect(rehearse(searcher, problem, losses)).toEqual(found)
  })

  it("of a fixed assignment is committed from the start, and never on a target it misses", () => {
    const problem = problemOf(budget, 20, 1)
    const losses = problem.space.decisions.map(({ options }) => options.map(() => 0))
    const choices = problem.space.decisions.map(() => 2)
    const found = rehearse(makeFixed(problem, choices), problem, losses)
    expect(found.committedAt).toBe(1)
    expect(found.onTargetAt).toBe(null)
    expect(finalQuality(found.loss)).toBeCloseTo(0.756, 2)
  })
})
