/** Figures of a grid: arms over seeds, differences to a control paired by seed, the front of means, the best at each cost. */
import { describe, expect, it } from "vitest"
import type { PlannedTrial } from "../../src/experiment/Plan.ts"
import type { Result } from "../../src/orchestrator/Result.ts"
import { armsOf } from "../../src/report/Arms.ts"
import { differenceOf, figuresOf, findArm } from "../../src/report/Figures.ts"
import { differenceText, rounded, spreadText } from "../../src/report/FigureTexts.ts"
import { naturalOrder } from "../../src/report/NaturalOrder.ts"
import { recordOf, type TrialRecord } from "../../src/report/TrialRecords.ts"
import { planOf } from "./planned.ts"

const layers = [
  { path: "a", weightFormat: "INT4", activationFormat: "INT8", macs: 300, costShare: 0.5 },
  { path: "b", weightFormat: "INT8", activationFormat: "INT8", macs: 100, costShare: 0.5 },
]

const finished = (trial: PlannedTrial, accuracy: number, gbops: number, ratio = 1): TrialRecord => {
  const result: Result = {
    version: 1,
    id: trial.id,
    state: "finished",
    metrics: {
      "final/accuracy": accuracy,
      "final/cost": gbops,
      "final/gbops": gbops,
      "final/cost_over_target": ratio,
    },
    assignment: {},
    layers,
    steps: 1,
    seconds: 1,
    attempt: 0,
    finishedAt: 0,
    warnings: [],
  }
  return recordOf(trial, "finished", result)
}

const seedsOf = (trial: PlannedTrial): number => Number(trial.parameters["seed"])

describe("arms", () => {
  it("are trials that differ in their seed alone, named by what differs, in one order", async () => {
    const { trials } = await planOf(`matrix:
  reward.cost.target.times: [1.5, 0.75]
  search: [{ kind: reinforce }, { kind: evolution, population: 8 }, { kind: evolution, population: 16 }]
  seed: [2, 1]
controls: [uniform, random]
`)
    const records = trials.map((trial) => recordOf(trial, "planned", undefined))
    const arms = armsOf(records)
    expect(arms.map(({ label }) => label)).toEqual([
      "x0.75 evolution population=8",
      "x0.75 evolution population=16",
      "x0.75 reinforce",
      "x1.5 evolution population=8",
      "x1.5 evolution population=16",
      "x1.5 reinforce",
      "uniform INT3",
      "uniform INT4",
      "uniform INT5",
      "x0.75 random control",
      "x1.5 random control",
    ])
    for (const arm of arms) {
      expect(arm.trials.map(({ seed }) => seed)).toEqual(["1", "2"])
      expect(arm.trials[1]!.label).toBe(`s2 ${arm.label}`)
      expect(arm.counts).toEqual({ finished: 0, failed: 0, unfinished: 2 })
    }
    const again = armsOf(records.toReversed())
    expect(again.map(({ index, key, label }) => [index, key, label])).toEqual(
      arms.map(({ index, key, label }) => [index, key, label]),
    )
  })

  it("of one cell are called by their search, and without a seed where there is one seed", async () => {
    const { trials } = await planOf("controls: [uniform, wideThenUniform]\n")
    const arms = armsOf(trials.map((trial) => recordOf(trial, "planned", undefined)))
    expect(arms.map(({ label }) => label)).toEqual([
      "reinforce",
      "uniform INT4",
      "wide then uniform INT4",
    ])
    expect(arms.map(({ trials: [trial] }) => trial!.label)).toEqual(arms.map(({ label }) => label))
  })

  it("that the matrix does not tell apart name the parameters in which they differ", async () => {
    const [short, long] = await Promise.all([
      planOf("matrix: { seed: [1, 2] }\n"),
      planOf("matrix: { seed: [1, 2] }\nfinish: { recalibrate: 32 }\n"),
    ])
    const records = [...short.trials, ...long.trials].map((trial) =>
      recordOf(trial, "planned", undefined),
    )
    const labels = armsOf(records).map(({ label }) => label)
    expect(labels).toEqual([
      "reinforce recalibrate=32",
      expect.stringMatching(/^reinforce recalibrate=/),
    ])
  })
})

describe("figures", () => {
  const grid = `matrix:
  reward.cost.target.times: [1, 1.5]
  seed: [1, 2, 3]
controls: [uniform, wideThenUniform]
`

  it("pair each arm with the control nearest in cost, seed by seed, and say where costs differ", async () => {
    const { trials } = await planOf(grid)
    const cost: Record<string, number> = { x1: 1, "x1.5": 1.5, INT4: 1, INT5: 25 / 16 }
    const records = trials.map((trial) => {
      const uniform = trial.parameters["search.uniform"]
      const times = `x${trial.parameters["reward.cost.target.times"]}`
      const seed = seedsOf(trial)
      const gain = uniform === undefined ? [0, 0.02, 0.03, 0.04][seed]! : 0
      return finished(trial, 0.4 + seed / 100 + gain, cost[uniform ?? times]!)
    })
    const { arms, control, cost: costKey, differing, levels } = figuresOf(records)
    expect([costKey, differing, control?.label]).toEqual([
      "final/gbops",
      ["reward.cost.target.times", "search.kind"],
      "uniform INT4",
    ])
    const one = findArm(arms, "x1 reinforce")!
    // differences 0.02, 0.03, 0.04: mean 0.03, deviation 0.01, t(2) = 4.303
    const half = (4.303 * 0.01) / Math.sqrt(3)
    expect(one.difference).toMatchObject({ pairs: 3, side: "near", isClear: true })
    expect(one.difference!.against.label).toBe("uniform INT4")
    expect(one.difference!.mean).toBeCloseTo(0.03, 12)
    expect(one.difference!.interval!.low).toBeCloseTo(0.03 - half, 10)
    expect(differenceText(one.difference!)).toBe(
      "+3.0 points against uniform INT4 at equal cost; mean of 3 seeds, 95 % interval +0.5 to +5.5",
    )
    const dear = findArm(arms, "x1.5 reinforce")!
    expect(dear.difference).toMatchObject({ side: "below" })
    expect(dear.difference!.against.label).toBe("uniform INT5")
    expect(dear.difference!.costRatio).toBeCloseTo(1.5 / (25 / 16), 12)
    expect(findArm(arms, "wide then uniform INT4")!.difference!.against.label).toBe("uniform INT4")
    expect(findArm(arms, "uniform INT4")!.difference).toBeUndefined()
    expect(levels.map(({ arms: [best], cost: at }) => [at, best!.label])).toEqual([
      [1, "x1 reinforce"],
      [1.5, "x1.5 reinforce"],
      [25 / 16, "uniform INT5"],
    ])
    expect(levels[0]!.lead!.mean).toBeCloseTo(0.03, 12)
    // every control costs more for the same accuracy than the search at x1
    expect(arms.filter(({ isOnFront }) => isOnFront).map(({ label }) => label)).toEqual([
      "x1 reinforce",
    ])
    expect(one.metrics["final/weight_bits"]).toMatchObject({ mean: 5, n: 3 })
    expect(one.metrics["final/activation_bits"]!.mean).toBe(8)
    expect(spreadText(one.metrics["final/accuracy"]!)).toBe("0.45 ± 0.02")
  })

  it("compare with a chosen arm, over the seeds that both have finished", async () => {
    const { trials } = await planOf(grid)
    const records = trials.map((trial) =>
      seedsOf(trial) === 3 && trial.control === undefined
        ? recordOf(trial, "running", undefined)
        : finished(trial, 0.5, 1),
    )
    const { arms, control, counts } = figuresOf(records, { control: "x1.5 reinforce" })
    expect(control!.label).toBe("x1.5 reinforce")
    expect(findArm(arms, "x1 reinforce")!.difference).toMatchObject({
      pairs: 2,
      seeds: ["1", "2"],
      mean: 0,
      isClear: false,
    })
    expect(findArm(arms, "x1.5 reinforce")!.difference).toBeUndefined()
    expect(counts).toEqual({ trials: 18, finished: 16, failed: 0, unfinished: 2 })
  })

  it("of one seed give no interval, and of none no difference", async () => {
    const { trials } = await planOf("controls: [uniform]\n")
    const [search, uniform] = armsOf(trials.map((trial, i) => finished(trial, 0.5 + i / 10, 1)))
    const keys = { quality: "final/accuracy", cost: "final/gbops" }
    const difference = differenceOf(search!, uniform!, keys)!
    expect(difference.interval).toBeUndefined()
    expect(differenceText(difference)).toBe(
      "-10.0 points against uniform INT4 at equal cost; one seed shows no more than that",
    )
    const [other] = armsOf(trials.map((trial) => recordOf(trial, "planned", undefined)))
    expect(differenceOf(search!, other!, keys)).toBeUndefined()
  })

  it("take the ratio of a control over the target that all searches share", async () => {
    const one = await planOf("controls: [uniform]\n")
    const ratioOf = (records: ReadonlyArray<TrialRecord>) =>
      findArm(figuresOf(records).arms, "uniform INT4")!.metrics["final/cost_over_target"]?.mean
    const records = (plan: typeof one) =>
      plan.trials.map((trial) =>
        trial.control === undefined ? finished(trial, 0.5, 1, 1.25) : finished(trial, 0.5, 1),
      )
    expect(ratioOf(records(one))).toBeCloseTo(1.25, 12)
    const two = await planOf("matrix: { reward.cost.target.times: [1, 2] }\ncontrols: [uniform]\n")
    const mixed = two.trials.map((trial) =>
      finished(trial, 0.5, Number(trial.parameters["reward.cost.target.times"])),
    )
    expect(ratioOf(mixed)).toBeUndefined()
  })
})

it("orders texts by the numbers in them, and rounds to four digits", () => {
  expect(["x10", "x1.5", "x0.75", "x0.8", "INT16", "INT4"].toSorted(naturalOrder)).toEqual([
    "INT4",
    "INT16",
    "x0.75",
    "x0.8",
    "x1.5",
    "x10",
  ])
  expect([0.123456, 1234567, 12572, 0.00001234, 5].map((value) => rounded(value))).toEqual([
    "0.1235",
    "1234567",
    "12572",
    "0.00001234",
    "5",
  ])
})
