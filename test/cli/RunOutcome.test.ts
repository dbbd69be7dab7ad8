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
    const { assignment, metrics } = endedWith(planned, accuracies[i]!, format)
    const trial = Planned.trialFile(plan, planned, { threads: () => 1, eager: false, tags: {} })
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
  it("compares the search with each of its controls over the seeds, and says at which cost", async () => {
    const plan = await planOf("matrix: { seed: [1, 2] }\ncontrols: [uniform, random]\n")
    const text = summaryText(summariesOf(plan, [0.5, 0.48, 0.4, 0.6, 0.57, 0.51]))
    expect(text).toMatch(
      /^reinforce: \+2\.5 points against uniform INT4 at equal cost; mean of 2 seeds, 95 % interval -3\.9 to \+8\.9$/m,
    )
    expect(text).toMatch(/^reinforce: \+9\.5 points against random control at equal cost; /m)
    expect(text).not.toMatch(/^random control: /m)
  })

  it("says at how much of its cost a uniform network stands, and claims nothing from one seed", async () => {
    const plan = await planOf("matrix: { reward.cost.target.times: [1.25] }\ncontrols: [uniform]\n")
    expect(plan.trials.map(({ name }) => name)).toEqual([
      "times=1.25",
      "uniform INT4",
      "uniform INT5",
    ])
    // what is found costs as INT7 everywhere: far above both, 49 / 25 of the dearer one
    const text = summaryText(summariesOf(plan, [0.5, 0.48, 0.4], "INT7"))
    expect(text).toMatch(
      /^reinforce: \+10\.0 points against uniform INT5 at 1\.96 times its cost; one seed shows no more than that$/m,
    )
    expect(text).not.toContain("against uniform INT4")
    // the table too: cost over the target of this grid
    expect(text).toMatch(/uniform INT4 +48\.0 % +0\.800/)
  })

  it("leaves cost over target away where the searches have several", async () => {
    const plan = await planOf(
      "matrix: { reward.cost.target.times: [1, 1.25] }\ncontrols: [uniform]\n",
    )
    const summaries = summariesOf(plan, [0.5, 0.48, 0.6, 0.55])
    expect(summaryText(summaries)).toMatch(/uniform INT4 +48\.0 % +0\.0\d+$/m)
  })
})
