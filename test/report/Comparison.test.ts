/** Searches beside their rivals: which, at which cost, over which seeds. */
import { describe, expect, it } from "vitest"
import { nearestCosts, sideOf } from "../../src/cost/NearestCosts.ts"
import { compare, pairsOf, standingOf } from "../../src/report/Comparison.ts"
import { endedWith, planOf } from "./planned.ts"

describe("what stands beside a cost", () => {
  it.each<[number, ReadonlyArray<number>, ReadonlyArray<[number, string]>]>([
    [1, [0.5, 0.985, 1.5], [[0.985, "near"]]],
    [1, [0.98, 1.02], [[0.98, "near"]]],
    [1, [0.5, 1.019, 0.99], [[0.99, "near"]]],
    [
      1,
      [0.2, 0.5, 1.5, 3],
      [
        [0.5, "below"],
        [1.5, "above"],
      ],
    ],
    [
      1,
      [0.979, 1.021],
      [
        [0.979, "below"],
        [1.021, "above"],
      ],
    ],
    [1, [0.2, 0.5], [[0.5, "below"]]],
    [1, [3, 2], [[2, "above"]]],
    [1, [], []],
    [
      50_000,
      [40_000, 45_000, 60_000],
      [
        [45_000, "below"],
        [60_000, "above"],
      ],
    ],
  ])("of %d among %j are %j", (reference, all, expected) => {
    const found = nearestCosts(reference, all, (cost) => cost)
    expect(found.map(({ one, side }) => [one, side])).toEqual(expected)
    for (const { one, side } of found) expect(sideOf(one, reference)).toBe(side)
  })
})

describe("comparisons", () => {
  it("take the uniform network at the cost of the search, over the seeds", async () => {
    const { trials } = await planOf(
      "matrix: { seed: [1, 2] }\ncontrols: [uniform, wideThenUniform]\n",
    )
    const accuracies = [0.5, 0.48, 0.49, 0.6, 0.57, 0.59]
    const found = compare(trials.map((trial, i) => endedWith(trial, accuracies[i]!)))
    expect(found.map(({ rival, search, side }) => [search, rival, side])).toEqual([
      ["searched", "uniform INT4", "near"],
      ["searched", "wide then uniform INT4", "near"],
    ])
    expect(found[0]!.gains.map((gain) => gain.toFixed(3))).toEqual(["0.020", "0.030"])
    expect(found[0]!.searchCost / found[0]!.target).toBeCloseTo(1, 12)
    expect(found[0]!.rivalCost / found[0]!.target).toBeCloseTo(1, 12)
  })

  it("take the nearest below and above where none is near, each at its cost", async () => {
    const { trials } = await planOf(
      "matrix: { reward.cost.target.times: [0.75, 1.25] }\ncontrols: [uniform]\n",
    )
    expect(trials.map(({ name }) => name)).toEqual([
      "times=0.75",
      "uniform INT3",
      "uniform INT4",
      "times=1.25",
      "uniform INT5",
    ])
    // the search at 0.75 ends in INT3, that at 1.25 in something at its target
    const ended = trials.map((trial, i) => endedWith(trial, 0.5 + i / 100, "INT3"))
    const pairs = pairsOf(ended).filter(({ search }) => search.name === "times=0.75")
    expect(pairs.map(({ rival, side }) => [rival.name, side])).toEqual([["uniform INT3", "near"]])
    const dear = ended.map((one) =>
      one.trial.name === "times=1.25" ? endedWith(one.trial, 0.6, "INT6") : one,
    )
    const [below, ...above] = pairsOf(dear).filter(({ search }) => search.name === "times=1.25")
    // INT6 everywhere costs 36 / 16, and INT5, the dearest that is trained, 25 / 16
    expect(above).toEqual([])
    expect([below!.rival.name, below!.side]).toEqual(["uniform INT5", "below"])
    expect(below!.rivalCost / below!.aim.target).toBeCloseTo(25 / 16 / 1.25, 12)
    expect(below!.searchCost / below!.aim.target).toBeCloseTo(36 / 16 / 1.25, 12)
  })

  it("stand between two uniform networks when the search is at its target", async () => {
    const { trials } = await planOf(
      "matrix: { reward.cost.target.times: [1.25], seed: [1, 2] }\ncontrols: [uniform]\n",
    )
    const halfway = trials.map((trial) => {
      const { outcome, ...rest } = endedWith(trial, trial.control === undefined ? 0.6 : 0.5)
      const assignment =
        trial.control === undefined
          ? { ...outcome!.assignment, "stage1.0.conv1.format": "INT6", "stem.format": "INT5" }
          : outcome!.assignment
      return { ...rest, outcome: { ...outcome!, assignment } }
    })
    const found = compare(halfway)
    expect(found.map(({ rival, side }) => [rival, side])).toEqual([
      ["uniform INT4", "below"],
      ["uniform INT5", "above"],
    ])
    for (const { gains } of found) expect(gains).toHaveLength(2)
  })

  it("share controls between searches that differ in their knobs, retraining or target", async () => {
    const { trials } = await planOf(
      `matrix: { search: [{ kind: evolution, tournament: 2 }, { kind: evolution, tournament: 4 }, { kind: reinforce }] }
include: [{ search: { kind: reinforce }, finish.retrain: true }]
controls: [uniform, random]
`,
    )
    expect(trials.map(({ control }) => control)).toEqual([
      undefined,
      "uniform",
      "random",
      undefined,
      undefined,
    ])
    const found = compare(trials.map((trial, i) => endedWith(trial, 0.5 + i / 100)))
    expect(found.map(({ rival, search }) => `${search} - ${rival}`)).toEqual(
      [
        "search=evolution,tournament=2",
        "search=evolution,tournament=4",
        "search=reinforce finish.retrain=true",
      ].flatMap((search) => [`${search} - uniform INT4`, `${search} - random control`]),
    )
  })

  it("never pair trials that were trained otherwise", async () => {
    const { trials } = await planOf(
      `matrix: { seed: [1, 2] }
include: [{ seed: 1, train.steps: 200 }]
controls: [uniform]
`,
    )
    const pairs = pairsOf(trials.map((trial) => endedWith(trial, 0.5)))
    expect(pairs).toHaveLength(2)
    for (const { rival, search } of pairs) {
      const { restart: _, ...learningRate } = search.declaration.train.learningRate
      expect(rival.declaration.train).toEqual({ ...search.declaration.train, learningRate })
      expect(rival.declaration.seed).toBe(search.declaration.seed)
    }
  })

  it("compare with random assignments of the same target alone", async () => {
    const { trials } = await planOf(
      "matrix: { reward.cost.target.times: [1, 2] }\ncontrols: [uniform, random]\n",
    )
    const pairs = pairsOf(trials.map((trial) => endedWith(trial, 0.5)))
    expect(
      pairs
        .filter(({ rival }) => rival.control === "random")
        .map(({ rival, search }) => [search.name, rival.name]),
    ).toEqual([
      ["times=1", "random control times=1"],
      ["times=2", "random control times=2"],
    ])
  })

  it("count costs in the unit of the search's target", async () => {
    const { trials } = await planOf(
      "matrix: { reward.cost.kind: [gbops, memory] }\ncontrols: [uniform]\n",
    )
    expect(trials.map(({ name }) => name)).toEqual(["kind=gbops", "uniform INT4", "kind=memory"])
    const found = compare(trials.map((trial) => endedWith(trial, 0.5)))
    expect(found.map(({ model, rival }) => [rival, model.unit])).toEqual([
      ["uniform INT4", "GBOPs"],
      ["uniform INT4", "bytes"],
    ])
    for (const { rivalCost, target } of found) expect(rivalCost / target).toBeCloseTo(1, 12)
  })
})

describe("where a trial stands", () => {
  it("is over the target of the searches it stands beside, and over none where they have several", async () => {
    const one = await planOf("matrix: { reward.cost.target.times: [1.25] }\ncontrols: [uniform]\n")
    const ended = one.trials.map((trial) => endedWith(trial, 0.5))
    const ratios = ended.map((trial) => {
      const { cost, target } = standingOf(trial, ended)!
      return cost / target!
    })
    expect(ratios.map((ratio) => ratio.toFixed(3))).toEqual(["0.800", "0.800", "1.250"])
    const two = await planOf(
      "matrix: { reward.cost.target.times: [1, 1.25] }\ncontrols: [uniform]\n",
    )
    const all = two.trials.map((trial) => endedWith(trial, 0.5))
    const uniform = all.filter(({ trial }) => trial.control === "uniform")
    for (const trial of uniform) expect(standingOf(trial, all)).not.toHaveProperty("target")
    expect(standingOf(all[0]!, all)!.target).toBeGreaterThan(0)
  })
})
