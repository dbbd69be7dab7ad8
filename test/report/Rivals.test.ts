/** Searches beside their rivals: which, at which cost, over which seeds. */
import { describe, expect, it } from "vitest"
import type { PlannedTrial } from "../../src/experiment/Plan.ts"
import { figuresOf } from "../../src/report/Figures.ts"
import { rivalsOf, rivalTrialsOf } from "../../src/report/Rivals.ts"
import type { TrialRecord } from "../../src/report/TrialRecords.ts"
import { endedWith, planOf } from "./planned.ts"

const quality = "final/accuracy"

/** `x1 reinforce - uniform INT4 near` for each search and each of its rivals. */
const pairsOf = (records: ReadonlyArray<TrialRecord>) => {
  const { arms } = figuresOf(records)
  return arms.flatMap((arm) =>
    rivalsOf(arm, arms, quality).map(
      ({ against, side }) => `${arm.label} - ${against.label} ${side}`,
    ),
  )
}

const ended = (trials: ReadonlyArray<PlannedTrial>, format?: string): ReadonlyArray<TrialRecord> =>
  trials.map((trial, i) => endedWith(trial, 0.5 + i / 100, format))

describe("rivals of a search", () => {
  it("are the uniform networks at its cost, over the seeds", async () => {
    const { trials } = await planOf(
      "matrix: { seed: [1, 2] }\ncontrols: [uniform, wideThenUniform]\n",
    )
    const accuracies = [0.5, 0.48, 0.49, 0.6, 0.57, 0.59]
    const { arms } = figuresOf(trials.map((trial, i) => endedWith(trial, accuracies[i]!)))
    const rivals = rivalsOf(arms[0]!, arms, quality)
    expect(rivals.map(({ against, side }) => [against.label, side])).toEqual([
      ["uniform INT4", "near"],
      ["wide then uniform INT4", "near"],
    ])
    expect(rivals[0]).toMatchObject({ pairs: 2, costRatio: 1 })
    expect(rivals[0]!.mean).toBeCloseTo(0.025, 12)
    for (const arm of arms.slice(1)) expect(rivalsOf(arm, arms, quality)).toEqual([])
  })

  it("are the nearest below and above where none is near", async () => {
    const { trials } = await planOf(
      "matrix: { reward.cost.target.times: [1.25], seed: [1, 2] }\ncontrols: [uniform]\n",
    )
    const halfway = trials.map((trial) =>
      endedWith(trial, 0.5, "INT4", { "stage1.0.conv1.format": "INT6", "stem.format": "INT5" }),
    )
    // the search costs more than INT4 and less than INT5
    expect(pairsOf(halfway)).toEqual([
      "reinforce - uniform INT4 above",
      "reinforce - uniform INT5 below",
    ])
    // INT6 everywhere costs more than any that is trained
    expect(pairsOf(ended(trials, "INT6"))).toEqual(["reinforce - uniform INT5 above"])
  })

  it("are shared between searches that differ in their knobs, retraining or target", async () => {
    const { trials } = await planOf(
      `matrix: { search: [{ kind: evolution, tournament: 2 }, { kind: evolution, tournament: 4 }, { kind: reinforce }] }
include: [{ search: { kind: reinforce }, finish.retrain: true }]
controls: [uniform, random]
`,
    )
    const pairs = pairsOf(ended(trials))
    expect(pairs).toHaveLength(2 * trials.filter(({ control }) => control === undefined).length)
    expect(pairs.filter((pair) => pair.includes("random control"))).toHaveLength(3)
  })

  it("were trained as the search was", async () => {
    const { trials } = await planOf(
      `matrix: { seed: [1, 2] }
include: [{ seed: 1, train.steps: 200 }]
controls: [uniform]
`,
    )
    const { arms } = figuresOf(ended(trials))
    const steps = (key: string) => arms.find((arm) => arm.key === key)!.parameters["train.steps"]
    const searches = arms.filter(({ isSearch }) => isSearch)
    expect(searches).toHaveLength(2)
    for (const search of searches) {
      const [rival, ...more] = rivalsOf(search, arms, quality)
      expect(more).toEqual([])
      expect(steps(rival!.against.key)).toBe(search.parameters["train.steps"])
      // and so is the control that tables show
      expect(search.difference!.against.key).toBe(rival!.against.key)
    }
  })

  it("are random assignments of the same target alone", async () => {
    const { trials } = await planOf(
      "matrix: { reward.cost.target.times: [1, 2] }\ncontrols: [uniform, random]\n",
    )
    expect(pairsOf(ended(trials)).filter((pair) => pair.includes("random"))).toEqual([
      "x1 reinforce - x1 random control near",
      "x2 reinforce - x2 random control near",
    ])
  })

  it("have their cost in the unit of the search's target", async () => {
    const { trials } = await planOf(
      "matrix: { reward.cost.kind: [gbops, memory] }\ncontrols: [uniform]\n",
    )
    const { arms } = figuresOf(ended(trials))
    for (const [kind, key] of [
      ["gbops", "final/gbops"],
      ["memory", "final/memory_bytes"],
    ] as const) {
      const search = arms.find((arm) => arm.isSearch && arm.cell["reward.cost.kind"] === kind)!
      const [trial] = search.trials
      const [rival, ...more] = rivalTrialsOf(trial!, search, arms, quality)
      expect(more).toEqual([])
      expect(rival).toMatchObject({ side: "near", cost: rival!.trial.metrics[key] })
      expect(rival!.gain).toBe(trial!.metrics[quality]! - rival!.trial.metrics[quality]!)
    }
  })
})
