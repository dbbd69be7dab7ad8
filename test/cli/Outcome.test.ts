/** The words at the end of a grid: every search is compared with each kind of control, paired by seed. */
import { describe, expect, it } from "vitest"
import { summaryText } from "../../src/cli/Outcome.ts"
import type { TrialSummary } from "../../src/orchestrator/RunGrid.ts"

const summary = (
  name: string,
  cell: Readonly<Record<string, string>>,
  accuracy: number,
  control?: string,
): TrialSummary =>
  ({
    state: "finished",
    trial: {
      name,
      cell,
      parameters: { ...cell, ...(control === undefined ? {} : { control }) },
    },
    result: { metrics: { "final/accuracy": accuracy }, layers: [] },
  }) as unknown as TrialSummary

const trialsOf = (seed: string, [searched, uniform, random]: [number, number, number]) => [
  summary(`seed=${seed}`, { seed, "search.kind": "reinforce" }, searched),
  summary(`uniform INT4 seed=${seed}`, { seed, "search.kind": "fixed" }, uniform, "uniform"),
  summary(`random control seed=${seed}`, { seed, "search.kind": "random" }, random, "random"),
]

describe("the end of a grid", () => {
  it("compares the search with each of its controls over the seeds", () => {
    const text = summaryText([
      ...trialsOf("1", [0.5, 0.48, 0.4]),
      ...trialsOf("2", [0.6, 0.57, 0.51]),
    ])
    expect(text).toContain("searched - uniform INT4: +2.5 points of accuracy")
    expect(text).toContain("searched - random control: +9.5 points of accuracy")
    expect(text.match(/mean of 2 seeds, 95 % interval/g)).toHaveLength(2)
    expect(text).not.toContain("random control - ")
  })

  it("compares searches that differ in their knobs with the controls they share", () => {
    const text = summaryText([
      summary(
        "kind=evolution seed=1",
        { seed: "1", "search.kind": "evolution", "search.population": "8" },
        0.45,
      ),
      summary("kind=random seed=1", { seed: "1", "search.kind": "random" }, 0.44),
      ...trialsOf("1", [0.5, 0.48, 0.4]).slice(1),
    ])
    expect(text).toContain("kind=evolution - random control: +5.0 points")
    expect(text).toContain("kind=random - random control: +4.0 points")
    expect(text).toContain("kind=random - uniform INT4: -4.0 points")
  })

  it("compares a search that is retrained with its controls, which are not", () => {
    const [searched, ...controls] = trialsOf("1", [0.5, 0.48, 0.4])
    const cell = { ...searched!.trial.cell, "finish.retrain": "true" }
    const text = summaryText([summary("retrain=true seed=1", cell, 0.5), ...controls])
    expect(text).toContain("retrain=true - uniform INT4: +2.0 points")
  })

  it("keeps searches apart whose names are the same", () => {
    const searched = (knobs: Record<string, string>, accuracy: number) =>
      summary(
        "search=long... seed=1",
        { seed: "1", "search.kind": "evolution", ...knobs },
        accuracy,
      )
    const text = summaryText([
      searched({ "search.tournament": "2" }, 0.5),
      searched({ "search.tournament": "4" }, 0.6),
      ...trialsOf("1", [0.5, 0.48, 0.4]).slice(1),
    ])
    expect(text).toContain("search=long... - uniform INT4: +2.0 points")
    expect(text).toContain("search=long... - uniform INT4: +12.0 points")
  })
})
