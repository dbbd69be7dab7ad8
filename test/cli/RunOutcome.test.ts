/** The words at the end of a grid: every search beside its rivals, each side at its cost. */
import { describe, expect, it } from "vitest"
import { summaryText } from "../../src/cli/RunOutcome.ts"
import type { Plan } from "../../src/experiment/Plan.ts"
import * as Planned from "../../src/orchestrator/Planned.ts"
import type { TrialSummary } from "../../src/orchestrator/GridOptions.ts"
import { endedWith, planOf } from "../report/planned.ts"

/** Every trial of a plan finished with these accuracies, in its order. */
const summariesOf = (
  plan: Plan,
  accuracies: ReadonlyArray<number>,
  format?: string,
): ReadonlyArray<TrialSummary> =>
  plan.trials.map((planned, i) => {
    const { accuracy, assignment } = endedWith(planned, accuracies[i]!, format).outcome!
    const trial = Planned.trialFile(plan, planned, { threads: () => 1, eager: false, tags: {} })
    const metrics = { "final/accuracy": accuracy, "final/gbops": 1, "final/cost_over_target": 1 }
    const result = {
      version: 1,
      id: planned.id,
      state: "finished",
      metrics,
      assignment,
      layers: [],
      steps: 100,
      seconds: 1,
      attempt: 1,
      finishedAt: 1,
      warnings: [],
    } as const
    return { trial, state: "finished", result }
  })

describe("the end of a grid", () => {
  it("compares the search with each of its controls over the seeds, and says what both cost", async () => {
    const plan = await planOf("matrix: { seed: [1, 2] }\ncontrols: [uniform, random]\n")
    const text = summaryText(plan, summariesOf(plan, [0.5, 0.48, 0.4, 0.6, 0.57, 0.51]))
    expect(text).toMatch(
      /searched - uniform INT4: \+2\.5 points of accuracy, mean of 2 seeds, 95 % interval \S+ to \S+; at 0\.\d+ and 0\.\d+ GBOPs, 1\.000 and 1\.000 of the target$/m,
    )
    expect(text).toContain("searched - random control: +9.5 points of accuracy")
    expect(text).not.toContain("random control - ")
    expect(text).not.toContain("the same cost target")
  })

  it("says on which side of the search a uniform network stands, and claims nothing from one seed", async () => {
    const plan = await planOf("matrix: { reward.cost.target.times: [1.25] }\ncontrols: [uniform]\n")
    expect(plan.trials.map(({ name }) => name)).toEqual([
      "times=1.25",
      "uniform INT4",
      "uniform INT5",
    ])
    // what is found costs as INT7 everywhere: far above both
    const text = summaryText(plan, summariesOf(plan, [0.5, 0.48, 0.4], "INT7"))
    expect(text).toMatch(
      /times=1\.25 - uniform INT5: \+10\.0 points of accuracy, one seed shows no more than that; at \S+ and \S+ GBOPs, 2\.450 and 1\.250 of the target \(the nearest below\)/,
    )
    expect(text).not.toContain("uniform INT4: ")
    // the table too: cost over the target of this grid
    expect(text).toMatch(/uniform INT4 +48\.0 % +0\.800/)
  })

  it("leaves cost over target away where the searches have several", async () => {
    const plan = await planOf(
      "matrix: { reward.cost.target.times: [1, 1.25] }\ncontrols: [uniform]\n",
    )
    const summaries = summariesOf(plan, [0.5, 0.48, 0.6, 0.55])
    expect(summaryText(plan, summaries)).toMatch(/uniform INT4 +48\.0 % +1$/m)
  })
})
