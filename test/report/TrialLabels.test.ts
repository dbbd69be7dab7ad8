/** How the trials of a plan are coloured in MLflow, which knows no marks to tell arms of one colour apart. */
import { expect, it } from "vitest"
import { trialLabels } from "../../src/report/TrialLabels.ts"

const planned = (n: number, cell: Record<string, string>, more: Record<string, string> = {}) => ({
  id: n.toString(16).padStart(16, "0"),
  cell,
  parameters: { "search.kind": "reinforce", seed: "1", ...cell, ...more },
})

it("no two of many arms have one colour, and trials of an arm have its own", () => {
  const searches = Array.from({ length: 24 }, (_, i) =>
    planned(i, { "reward.cost.target.times": String(1 + i / 10) }),
  )
  const controls = Array.from({ length: 16 }, (_, i) =>
    planned(100 + i, {}, { control: "uniform", "search.kind": "fixed", "search.uniform": `E${i}` }),
  )
  const { colours, labels } = trialLabels([...searches, ...controls])
  expect(colours.size).toBe(40)
  expect(new Set(colours.values()).size).toBe(40)
  for (const colour of colours.values()) expect(colour).toMatch(/^#[0-9a-f]{6}$/)
  for (const { arm, color } of labels.values()) expect(color).toBe(colours.get(arm))
})
