/** Informed starts: on target, with the entropy that is asked for, by what was measured; options measured in rounds. */
import { describe, expect, it } from "vitest"
import { compileTerms } from "../../../src/cost/Cost.ts"
import { Gbops } from "../../../src/cost/Gbops.ts"
import { policyOf, summarise } from "../../../src/search/policy/Policy.ts"
import { priorLogits } from "../../../src/search/policy/Prior.ts"
import type { ReinforceState } from "../../../src/search/policy/ReinforceState.ts"
import type { ReinforceSpec } from "../../../src/search/policy/ReinforceSpec.ts"
import { resolve } from "../../../src/search/policy/Settings.ts"
import { makeReinforce } from "../../../src/search/Reinforce.ts"
import type { Searcher } from "../../../src/search/Search.ts"
import type { Choices } from "../../../src/space/Decision.ts"
import { randomStream } from "../../../src/space/RandomStream.ts"
import { randomCost } from "../../cost/randomTerms.ts"
import { budget, lossOf, pairs, problemOf, type Table } from "../../rehearse/tabular.ts"
import { randomSpace } from "../../space/randomSpaces.ts"

const problem = problemOf(budget, 400, 1)
const scores = problem.space.decisions.map((_, i) =>
  [0, 1, 2].map((k) => -budget.loss(i, k) + budget.loss(i, 2)),
)
const entropyOf = (logits: ReadonlyArray<ReadonlyArray<number>>) =>
  summarise(problem.space, policyOf(logits, 1)).entropyRatio

describe("the logits of a prior", () => {
  it("put the expected cost on target with the share of entropy that is asked for", () => {
    const most = entropyOf(priorLogits(problem, scores, 1, true))
    for (const share of [0.9, 0.7, 0.5]) {
      const logits = priorLogits(problem, scores, share, true)
      const { probabilities } = policyOf(logits, 1)
      expect(problem.cost.expected(probabilities) / budget.target).toBeCloseTo(1, 6)
      expect(entropyOf(logits) / most).toBeCloseTo(share, 3)
      // sensitive layers and robust ones in turn
      expect(probabilities[0]![2]!).toBeGreaterThan(probabilities[1]![2]!)
    }
  })

  it("know the target alone where all of the entropy is asked for, and do not depend on units", () => {
    const alike = priorLogits(problem, scores, 1, true)
    for (const row of alike) expect(row).toEqual(alike[0])
    const scaled = scores.map((row) => row.map((value) => 1000 * value))
    priorLogits(problem, scaled, 0.7, true).forEach((row, i) =>
      row.forEach((value, k) =>
        expect(value).toBeCloseTo(priorLogits(problem, scores, 0.7, true)[i]![k]!, 6),
      ),
    )
  })

  it("spend up to the target only where a cost below it is punished", () => {
    const cheapIsBest = scores.map((row) => row.map((_, k) => -k))
    const lax = { ...problem, target: 0.9 * problem.cost.range().max }
    const spent = (punishesBelow: boolean) =>
      problem.cost.expected(
        policyOf(priorLogits(lax, cheapIsBest, 0.7, punishesBelow), 1).probabilities,
      )
    expect(spent(true) / lax.target).toBeCloseTo(1, 6)
    expect(spent(false)).toBeLessThan(0.6 * lax.target)
  })

  it("land on target where costs couple decisions, and where no score differs", () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = randomStream(seed, "prior")
      const space = randomSpace(random, 2, 5)
      const cost = randomCost(space, random, 8)
      const { max, min } = cost.range()
      const target = min + 0.4 * (max - min)
      const given = space.decisions.map(({ options }) => options.map(() => random.normal()))
      for (const rows of [given, given.map((row) => row.map(() => 0))]) {
        const logits = priorLogits({ space, cost, target }, rows, 0.7, true)
        expect(logits.flat().every(Number.isFinite)).toBe(true)
        const spent = cost.expected(policyOf(logits, 1).probabilities)
        expect(Math.abs(spent - target) / (max - min)).toBeLessThan(0.02)
      }
    }
  })

  it("are of decisions with one option as of any other", () => {
    const decision = { ...problem.space.decisions[0]!, options: [0], sizes: [0] }
    const space = { decisions: [decision] }
    const cost = compileTerms([], Gbops, space)
    expect(priorLogits({ space, cost, target: 1 }, [[0]], 0.7, true)).toEqual([[0]])
  })
})

const steps = 400
const make = (table: Table, knobs: Omit<ReinforceSpec, "kind"> = {}) =>
  makeReinforce(
    resolve({ kind: "reinforce", prior: "sensitivity", delay: 0.25, ...knobs }, steps),
    problemOf(table, steps, 1),
  )

/** Through the delay, with what was measured in it. */
const delayed = (searcher: Searcher<ReinforceState>, table: Table, knownAs = lossOf) => {
  const measured: Array<ReadonlyArray<Choices>> = []
  let state = searcher.init()
  for (let step = 0; step < 100; step++) {
    const { proposals, state: proposed } = searcher.propose(state, step)
    const needed = searcher.needsQuality(proposed, step, proposals)
    if (needed) measured.push(proposals)
    const qualities = needed ? proposals.map((choices) => 0.8 - knownAs(table, choices)) : []
    state = searcher.update(proposed, step, { proposals, qualities }).state
  }
  return { measured, state }
}

const widest = budget.decisions
const isAlone = (proposals: ReadonlyArray<Choices>) =>
  proposals[0]!.every((k) => k === 2) &&
  proposals.slice(1).every((choices) => choices.filter((k) => k === 2).length === widest - 1)

describe("an informed start", () => {
  it.each([1, 2, 3])(
    "measures options alone in rounds, and draws in between, measured every %i steps",
    (measureEvery) => {
      const searcher = make(budget, { measureEvery })
      const { measured, state } = delayed(searcher, budget)
      expect(measured.length).toBe(Math.floor(50 / measureEvery))
      const alone = measured.filter(isAlone)
      // what is left over of whole rounds measures draws too
      expect(alone.length).toBeGreaterThanOrEqual(0.4 * measured.length)
      expect(alone.length).toBeLessThanOrEqual(0.5 * measured.length + 1)
      const counts = state.alone!.counts.flatMap((row) => row.slice(0, 2))
      expect(new Set(counts).size).toBe(1)
      expect(counts[0]).toBeGreaterThanOrEqual(1)
      expect(state.alone!.counts.every((row) => row[2] === 0)).toBe(true)
    },
  )

  it("leaves the logits alone until the delay's end, and then knows what loses most", () => {
    const { state } = delayed(make(budget), budget)
    const { probabilities } = policyOf(state.logits, 1)
    for (let i = 0; i < budget.decisions; i += 2)
      expect(probabilities[i]![2]!).toBeGreaterThan(1.3 * probabilities[i + 1]![2]!)
    const searcher = make(budget)
    let before = searcher.init()
    for (let step = 0; step < 99; step++) {
      const proposed = searcher.propose(before, step)
      const qualities = proposed.proposals.map((choices) => -lossOf(budget, choices))
      before = searcher.update(proposed.state, step, { ...proposed, qualities }).state
    }
    expect(before.logits.flat().every((value) => value === 0)).toBe(true)
  })

  it("knows less where the measurements are noise, and nothing where none was finite", () => {
    const random = randomStream(1, "noise")
    const entropyIn = ({ logits }: ReinforceState) =>
      summarise(problem.space, policyOf(logits, 1)).entropyRatio
    const sure = entropyIn(delayed(make(budget), budget).state)
    const noise = entropyIn(delayed(make(budget), budget, () => random.normal()).state)
    expect(noise).toBeGreaterThan(1.2 * sure)
    const overflowed = delayed(make(budget), budget, () => Number.NaN).state
    expect(entropyIn(overflowed)).toBeGreaterThan(noise - 0.02)
  })

  it("sees in the draws what options do together", () => {
    const { state } = delayed(make(pairs), pairs)
    const { counts, sums } = state.alone!
    const loses = (i: number) => sums[i]![0]! / counts[i]![0]!
    expect(loses(0)).toBeGreaterThan(loses(4))
    const narrow = policyOf(state.logits, 1).probabilities.map((p) => p[0]!)
    expect(Math.min(...narrow.slice(0, 4))).toBeGreaterThan(Math.max(...narrow.slice(4)))
  })

  it("is on target where the policy has a temperature, and starts in the shortest of delays", () => {
    const hot = delayed(make(budget, { temperature: 3 }), budget).state
    const { probabilities } = policyOf(hot.logits, 3)
    expect(problem.cost.expected(probabilities) / budget.target).toBeCloseTo(1, 6)
    const short = makeReinforce(
      resolve({ kind: "reinforce", prior: "sensitivity", delay: 0.25, measureEvery: 5 }, 8),
      problemOf(budget, 8, 1),
    )
    let state = short.init()
    for (let step = 0; step < 8; step++) {
      const proposed = short.propose(state, step)
      const qualities = proposed.proposals.map((choices) => -lossOf(budget, choices))
      state = short.update(proposed.state, step, { ...proposed, qualities }).state
    }
    expect(state.logits.flat().every(Number.isFinite)).toBe(true)
  })
})
