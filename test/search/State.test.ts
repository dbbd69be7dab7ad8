/** Reproducible: same seed, same bits; a run saved as JSON at any step goes on as if it had never stopped. */
import { describe, expect, it } from "vitest"
import { Absolute } from "../../src/reward/Absolute.ts"
import { bind, type Reward } from "../../src/reward/Reward.ts"
import type { ReinforceState } from "../../src/search/policy/ReinforceState.ts"
import { makeReinforce } from "../../src/search/Reinforce.ts"
import type { Problem, Searcher } from "../../src/search/Search.ts"
import type { ReinforceSpec } from "../../src/search/policy/ReinforceSpec.ts"
import { resolve } from "../../src/search/policy/Settings.ts"
import { randomStream } from "../../src/space/RandomStream.ts"
import { randomCost } from "../cost/randomTerms.ts"
import { randomSpace } from "../space/randomSpaces.ts"

const steps = 120

/** A conditional space with a cost of its own, and a quality that says something about its choices. */
const setUp = (seed: number, knobs: Omit<ReinforceSpec, "kind">) => {
  const random = randomStream(seed, "state")
  const space = randomSpace(random, 2, 5)
  const cost = randomCost(space, random, 8)
  const { min, max } = cost.range()
  const shift = 1 - min
  const shifted = {
    ...cost,
    of: (choices: ReadonlyArray<number>) => cost.of(choices) + shift,
    expected: (p: Parameters<typeof cost.expected>[0]) => cost.expected(p) + shift,
    withChoice: (choices: ReadonlyArray<number>, i: number) =>
      cost.withChoice(choices, i).map((value) => value + shift),
  }
  const target = (max - min) / 2 + 1
  const problem = {
    space,
    cost: shifted,
    target,
    steps,
    seed,
    reward: bind(Absolute as unknown as Reward, { beta: 1 }, target),
    assignment: null,
  } satisfies Problem
  return makeReinforce(resolve({ kind: "reinforce", delay: 0.25, ...knobs }, steps), problem)
}

const qualityOf = (choices: ReadonlyArray<number>): number =>
  choices.reduce((sum, k, i) => sum + 0.03 * Math.sin(k * 2 + i), 0.5)

const advance = (
  searcher: Searcher<ReinforceState>,
  state: ReinforceState,
  from: number,
  to: number,
  log: Array<string> = [],
): ReinforceState => {
  for (let step = from; step < to; step++) {
    const proposed = searcher.propose(state, step)
    const qualities = searcher.needsQuality(proposed.state, step, proposed.proposals)
      ? proposed.proposals.map(qualityOf)
      : []
    const updated = searcher.update(proposed.state, step, {
      proposals: proposed.proposals,
      qualities,
    })
    log.push(JSON.stringify([proposed.proposals, updated.metrics]))
    state = updated.state
  }
  return state
}

const variants: ReadonlyArray<Omit<ReinforceSpec, "kind">> = [
  {},
  { proposals: 1 },
  { preset: "fliqs" },
  { preset: "tunas" },
  { costGradient: "sampled", baseline: { kind: "movingAverage" }, temperature: 2, reduce: "sum" },
  { stopAt: 0.6 },
  { delaySampling: "sandwich", commitment: { schedule: "step", max: 0.1 } },
  { delaySampling: "uniform", commitment: { schedule: "linear", max: 0.1 } },
  { budget: "hard" },
  { budget: "hard", stopAt: 0.6 },
  { prior: "sensitivity" },
  { prior: "sensitivity", measureEvery: 2, delay: 0.5 },
  { measureEvery: 3 },
  { decideBy: 0.6 },
  { decideBy: 0.5, budget: "hard" },
]

const freeze = <A>(value: A): A => {
  if (typeof value === "object" && value !== null) Object.values(value).forEach(freeze)
  return Object.freeze(value)
}

const runFrom = (seed: number) => {
  const searcher = setUp(3, {})
  const state = { ...searcher.init(), random: randomStream(seed, "proposals").state() }
  return JSON.stringify(advance(searcher, state, 0, steps))
}

describe("a search's state", () => {
  it("restores at any step to exactly the uninterrupted run", { timeout: 60_000 }, () => {
    variants.forEach((knobs, variant) => {
      const searcher = setUp(variant, knobs)
      const whole: Array<string> = []
      const end = advance(searcher, searcher.init(), 0, steps, whole)
      const cut = randomStream(variant, "cut")
      for (let trial = 0; trial < 4; trial++) {
        const at = cut.integer(steps + 1)
        const log: Array<string> = []
        const before = advance(searcher, searcher.init(), 0, at, log)
        const resumed = setUp(variant, knobs)
        const restored = resumed.restore(JSON.parse(JSON.stringify(before)))
        const after = advance(resumed, restored, at, steps, log)
        expect(JSON.stringify(after)).toBe(JSON.stringify(end))
        expect(log).toEqual(whole)
      }
    })
  })

  it("gives the same bits for the same seed and others for another", () => {
    expect(runFrom(1)).toBe(runFrom(1))
    expect(runFrom(1)).not.toBe(runFrom(2))
  })

  it("is never changed in place, and proposing twice from it proposes the same", () => {
    const searcher = setUp(1, {})
    let state = freeze(searcher.init())
    for (let step = 0; step < steps; step++) {
      const proposed = searcher.propose(state, step)
      expect(searcher.propose(state, step)).toEqual(proposed)
      state = freeze(advance(searcher, state, step, step + 1))
    }
  })

  it("is read where it was saved before there were informed starts", () => {
    const searcher = setUp(1, {})
    const { alone, ...before } = advance(searcher, searcher.init(), 0, 50)
    expect(alone).toBe(undefined)
    expect(searcher.restore(JSON.parse(JSON.stringify(before)))).toEqual(before)
  })

  it("refuses what is no state, and one of another space", () => {
    const searcher = setUp(1, {})
    expect(() => searcher.restore({})).toThrow(/Missing key/)
    const saved = JSON.parse(JSON.stringify(searcher.init()))
    expect(() => searcher.restore({ ...saved, logits: [[0]] })).toThrow(/another space/)
  })
})

describe("a search's steps", () => {
  it("leave the policy alone until the delay ends, and measure only what is used", () => {
    const searcher = setUp(2, {})
    const start = searcher.init()
    const delayed = advance(searcher, start, 0, 30)
    expect(delayed.logits).toEqual(start.logits)
    expect(advance(searcher, delayed, 30, 31).logits).not.toEqual(start.logits)
    const needs = (k: Searcher<ReinforceState>) =>
      Array.from({ length: steps }, (_, step) => k.needsQuality(start, step)).indexOf(true)
    expect(needs(searcher)).toBe(15)
    expect(needs(setUp(2, { proposals: 1 }))).toBe(30)
  })

  it("draw the widest options first and uniformly at the delay's end", () => {
    const searcher = setUp(2, {})
    const { proposals } = searcher.propose(searcher.init(), 0)
    const widest = proposals[0]!
    for (const choices of proposals) expect(choices).toEqual(widest)
    const late = Array.from({ length: 100 }, (_, i) => {
      const state = { ...searcher.init(), random: randomStream(i, "late").state() }
      return searcher.propose(state, 29).proposals[0]!
    })
    const share = late.filter((choices) => choices[0] === widest[0]).length / late.length
    expect(share).toBeLessThan(0.75)
  })

  it("train the widest, the smallest and a uniform assignment by turns in a sandwich", () => {
    const searcher = setUp(2, { delaySampling: "sandwich" })
    const widest = setUp(2, {}).propose(searcher.init(), 0).train
    const trained = Array.from({ length: 30 }, (_, step) => {
      const state = { ...searcher.init(), random: randomStream(step, "turns").state() }
      return searcher.propose(state, step).train
    })
    const turn = (k: number) => trained.filter((_, step) => step % 3 === k)
    for (const choices of turn(0)) expect(choices).toEqual(widest)
    const smallest = turn(1)[0]!
    expect(smallest).not.toEqual(widest)
    for (const choices of turn(1)) expect(choices).toEqual(smallest)
    expect(new Set(turn(2).map((choices) => choices.join())).size).toBeGreaterThan(1)
  })

  it("freeze once committed: one proposal, nothing measured, nothing changed", () => {
    const searcher = setUp(3, { stopAt: 0.6 })
    const frozen = advance(searcher, searcher.init(), 0, steps)
    expect(frozen.frozen).toBe(true)
    const proposed = searcher.propose(frozen, steps)
    expect(proposed.proposals).toEqual([searcher.final(frozen)])
    expect(searcher.needsQuality(frozen, steps)).toBe(false)
    const { metrics } = searcher.update(frozen, steps, { ...proposed, qualities: [] })
    expect(metrics.switching).toBe(0)
    expect(metrics.frozen).toBe(true)
  })

  it("do not freeze a policy that is sure of an assignment off target", () => {
    const searcher = setUp(4, { stopAt: 0.6 })
    const end = advance(searcher, searcher.init(), 0, steps)
    expect(searcher.argmaxProbability(end)).toBeGreaterThan(0.6)
    expect(end.frozen).toBe(false)
  })

  it("have decided at their share of the steps, on target, and train that to the end", () => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const searcher = setUp(seed, { decideBy: 0.5 })
      const early = advance(searcher, searcher.init(), 0, steps / 2 - 1)
      const decided = advance(searcher, early, steps / 2 - 1, steps / 2)
      expect(decided.frozen).toBe(true)
      expect(searcher.needsQuality(decided, steps / 2)).toBe(false)
      const end = advance(searcher, decided, steps / 2, steps)
      const final = searcher.final(decided)
      expect(searcher.final(end)).toEqual(final)
      expect(searcher.propose(end, steps - 1).train).toEqual(final)
    }
  })

  it("measure and update in every n-th step alone", () => {
    const searcher = setUp(2, { measureEvery: 3 })
    const measured = Array.from({ length: steps }, (_, step) => step).filter((step) =>
      searcher.needsQuality(searcher.init(), step),
    )
    expect(measured.slice(0, 3)).toEqual([15, 18, 21])
    expect(measured.every((step) => step % 3 === 0)).toBe(true)
    const at30 = advance(searcher, searcher.init(), 0, 30)
    const [at31, at33] = [31, 33].map((end) => advance(searcher, at30, 30, end))
    expect(at31!.logits).not.toEqual(at30.logits)
    expect(at33!.logits).toEqual(at31!.logits)
  })

  it("need no quality of equal proposals, and commit by them as if they had been measured", () => {
    const searcher = setUp(2, { stopAt: "off" })
    const state = advance(searcher, searcher.init(), 0, 110)
    const { proposals } = searcher.propose(state, 110)
    const equal = proposals.map(() => proposals[0]!)
    expect(searcher.needsQuality(state, 110, equal)).toBe(false)
    expect(searcher.needsQuality(state, 110, [...equal.slice(1), proposals[0]!.with(0, 99)])).toBe(
      true,
    )
    const update = (qualities: ReadonlyArray<number>) =>
      searcher.update(state, 110, { proposals: equal, qualities })
    const { metrics, state: after } = update([])
    expect(after.logits).not.toEqual(state.logits)
    expect(after.logits).toEqual(update([0.5, 0.5, 0.5, 0.5]).state.logits)
    expect([metrics.advantage, metrics.quality]).toEqual([0, undefined])
    const alone = setUp(2, { proposals: 1 })
    expect(alone.needsQuality(alone.init(), 110, [proposals[0]!])).toBe(true)
  })

  it("survive a proposal whose loss is not finite", () => {
    const searcher = setUp(5, {})
    const state = advance(searcher, searcher.init(), 0, 60)
    const proposed = searcher.propose(state, 60)
    for (const bad of [[-Infinity, 0.1, Number.NaN, 0.3], Array(4).fill(Number.NaN)]) {
      const measured = { proposals: proposed.proposals, qualities: bad }
      const { state: next } = searcher.update(proposed.state, 60, measured)
      expect(next.logits.flat().every(Number.isFinite)).toBe(true)
      expect(searcher.restore(JSON.parse(JSON.stringify(next)))).toEqual(next)
    }
  })

  it("refuse an update without the qualities it needs", () => {
    const searcher = setUp(5, {})
    const { proposals } = searcher.propose(searcher.init(), 60)
    expect(() => searcher.update(searcher.init(), 60, { proposals, qualities: [] })).toThrow(
      /needs the quality/,
    )
  })
})
