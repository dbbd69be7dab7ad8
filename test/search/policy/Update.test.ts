/**
 * Every knob of the policy's update against its definition (docs/method.md), written anew here: the objective that one
 * update climbs, by finite differences. Adam without memory and with epsilon 1 gives the gradient away: it moves a
 * logit by g / (|g| + 1).
 */
import { describe, expect, it } from "vitest"
import type { ReinforceState } from "../../../src/search/policy/ReinforceState.ts"
import { makeReinforce } from "../../../src/search/Reinforce.ts"
import type { ReinforceSpec } from "../../../src/search/policy/ReinforceSpec.ts"
import { resolve } from "../../../src/search/policy/Settings.ts"
import { randomStream } from "../../../src/space/RandomStream.ts"
import { budget, costOf, problemOf } from "../../rehearse/tabular.ts"

const steps = 100
const delay = 0.2
const table = { ...budget, decisions: 4, target: 136 }
const { beta, decisions, options, target } = table
const random = randomStream(7, "update")
const start = Array.from({ length: decisions }, () =>
  Array.from({ length: options }, () => 2 * random.uniform() - 1),
)

type Knobs = Omit<ReinforceSpec, "kind">
type Rows = ReadonlyArray<ReadonlyArray<number>>

/** The search, and a state with a policy of its own. */
const setUp = (knobs: Knobs) => {
  const bare = { learningRate: 1, learningRateGrowth: 1, beta1: 0, beta2: 0, epsilon: 1 }
  const settings = resolve(
    { kind: "reinforce", delay, stopAt: "off", ...knobs, optimizer: bare },
    steps,
  )
  const searcher = makeReinforce(settings, problemOf(table, steps, 1))
  const state: ReinforceState = { ...searcher.init(), logits: start }
  return { searcher, settings, state }
}

const draw = (count: number) => ({
  proposals: Array.from({ length: count }, () =>
    Array.from({ length: decisions }, () => random.integer(options)),
  ),
  qualities: Array.from({ length: count }, () => random.uniform()),
})
type Drawn = ReturnType<typeof draw>

/** What an update added to the logits, as a gradient. */
const climbed = (before: Rows, after: Rows): Rows =>
  after.map((row, i) =>
    row.map((value, k) => {
      const moved = value - before[i]![k]!
      return moved / (1 - Math.abs(moved))
    }),
  )

const mean = (values: ReadonlyArray<number>) => values.reduce((a, b) => a + b, 0) / values.length
const rewardOf = (quality: number, cost: number) => quality - beta * Math.abs(cost / target - 1)
const leaveOneOut = (values: ReadonlyArray<number>) =>
  values.map((value, j) => value - mean(values.filter((_, other) => other !== j)))

interface Objective {
  readonly advantages: ReadonlyArray<number>
  readonly commitment: number
  readonly drawn: Drawn
  readonly temperature?: number
  readonly reduce?: "mean" | "sum"
  /** How the cost comes in, when not inside the rewards. */
  readonly cost?: "expected" | "perDecision"
}

/** What an update climbs, at these logits. */
const objective = (logits: Rows, o: Objective): number => {
  const p = logits.map((row) => {
    const e = row.map((value) => Math.exp(value / (o.temperature ?? 1)))
    return e.map((value) => value / e.reduce((a, b) => a + b, 0))
  })
  const weight = o.reduce === "sum" ? 1 : 1 / decisions
  const { proposals } = o.drawn
  const learnt = proposals.map((a, j) => {
    const logProbability = a.reduce((sum, k, i) => sum + Math.log(p[i]![k]!), 0)
    return o.advantages[j]! * weight * logProbability
  })
  const entropy = p.flat().reduce((sum, q) => sum - q * Math.log(q), 0)
  const value = mean(learnt) - o.commitment * weight * entropy
  if (o.cost === "expected") {
    const expected = p.reduce(
      (sum, row, i) => sum + row.reduce((part, q, k) => part + q * table.cost(i, k), 0),
      0,
    )
    const d = expected / target - 1
    const smooth = Math.abs(d) < 0.02 ? d ** 2 / 0.04 : Math.abs(d) - 0.01
    return value - beta * weight * smooth
  }
  if (o.cost === "perDecision") {
    const parts = proposals.map((a) =>
      p.reduce((sum, row, i) => {
        const off = (k: number) => Math.abs(costOf(table, a.with(i, k)) / target - 1)
        return sum + row.reduce((part, q, k) => part - q * 4 * beta * off(k), 0)
      }, 0),
    )
    return value + weight * mean(parts)
  }
  return value
}

const slopes = (o: Objective): Rows =>
  start.map((row, i) =>
    row.map((value, k) => {
      const at = (change: number) => objective(start.with(i, row.with(k, value + change)), o)
      return (at(1e-5) - at(-1e-5)) / 2e-5
    }),
  )

const expectRows = (found: Rows, expected: Rows) =>
  expected.forEach((row, i) =>
    row.forEach((value, k) => expect(found[i]![k]!).toBeCloseTo(value, 7)),
  )

/** The gradient of the first update, at a step. */
const first = (knobs: Knobs, step: number, drawn: Drawn) => {
  const { searcher, state } = setUp(knobs)
  const { metrics, state: after } = searcher.update(state, step, drawn)
  return { gradient: climbed(start, after.logits), metrics }
}

const none = { schedule: "none" } as const

describe("proposals of a step", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "are %i: so many are drawn, the first is trained, all are measured",
    (count) => {
      const { searcher, state } = setUp({ proposals: count, trainFormats: "drawn" })
      const { proposals, train } = searcher.propose(state, 20)
      expect(proposals).toHaveLength(count)
      expect(train).toBe(proposals[0])
      expect(searcher.needsQuality(state, 20)).toBe(true)
      // half of the delay tells whether there is a signal, of four proposals or more
      expect(searcher.needsQuality(state, 10)).toBe(count >= 4)
      const { proposals: some, qualities } = draw(count)
      const short = { proposals: some, qualities: qualities.slice(1) }
      expect(() => searcher.update(state, 20, short)).toThrow(/needs the quality/)
    },
  )

  it("are the same whatever is trained, which is the widest while nothing is settled", () => {
    const [settled, drawn] = [setUp({}), setUp({ trainFormats: "drawn" })].map(({ searcher }) =>
      searcher.propose(searcher.init(), 20),
    )
    expect(settled!.proposals).toEqual(drawn!.proposals)
    expect(settled!.train).toEqual(start.map((row) => row.length - 1))
    expect(drawn!.train).not.toEqual(settled!.train)
  })

  it("leave formats as they are trained when sizes are trained wide until settled", () => {
    const train = (knobs: Knobs) => {
      const { searcher, state } = setUp(knobs)
      return searcher.propose(state, 20).train
    }
    expect(train({ trainArchitecture: "settled" })).toEqual(train({}))
    const { searcher } = setUp({
      proposals: 1,
      trainFormats: "drawn",
      trainArchitecture: "settled",
    })
    expect(searcher.trainsProposal).toBe(false)
  })

  it("leave formats at their widest for a share of the steps, whatever is decided", () => {
    const knobs = { proposals: 1, trainFormats: "drawn", widest: 0.6 } as const
    const { searcher, state } = setUp(knobs)
    const wide = start.map((row) => row.length - 1)
    expect(searcher.trainsProposal).toBe(false)
    const before = searcher.propose(state, 59)
    expect([before.train, before.proposals]).toEqual([
      wide,
      setUp({ ...knobs, widest: 0 }).searcher.propose(state, 59).proposals,
    ])
    const after = searcher.propose(state, 60)
    expect(after.train).toBe(after.proposals[0])
    const frozen = { ...state, frozen: true }
    const final = searcher.final(frozen)
    expect(final).not.toEqual(wide)
    expect(searcher.propose(frozen, 59)).toMatchObject({ train: wide, proposals: [final] })
    expect(searcher.propose(frozen, 60).train).toEqual(final)
  })

  it.each([2, 3, 4, 5, 6, 7, 8])("are %i: each is held against the mean of the others", (count) => {
    const drawn = draw(count)
    const knobs = { proposals: count, commitment: none, costGradient: "sampled" } as const
    const rewards = drawn.qualities.map((q, j) => rewardOf(q, costOf(table, drawn.proposals[j]!)))
    const advantages = leaveOneOut(rewards)
    const { gradient, metrics } = first(knobs, 20, drawn)
    expectRows(gradient, slopes({ advantages, commitment: 0, drawn }))
    expect(metrics.baseline).toBeCloseTo(mean(rewards), 12)
    expect(metrics.reward).toBeCloseTo(mean(rewards), 12)
    expect(metrics.quality).toBeCloseTo(mean(drawn.qualities), 12)
    expect(metrics.cost).toBeCloseTo(mean(drawn.proposals.map((a) => costOf(table, a))), 9)
    expect(metrics.advantage).toBeCloseTo(Math.sqrt(mean(advantages.map((a) => a ** 2))), 12)
  })
})

describe("the moving average", () => {
  it.each([0.5, 0.95, 0.99])(
    "decays by %d, has no bias to zero, holds the current step, and is fed after the delay",
    (decay) => {
      const knobs = {
        proposals: 1,
        commitment: none,
        costGradient: "sampled",
        baseline: { kind: "movingAverage", decay },
      } as const
      const { searcher, state } = setUp(knobs)
      const rewardIn = ({ proposals, qualities }: Drawn) =>
        rewardOf(qualities[0]!, costOf(table, proposals[0]!))
      const [wild, one, two] = [{ ...draw(1), qualities: [1e6] }, draw(1), draw(1)]
      const delayed = searcher.update(state, 19, wild)
      expect(delayed.state.logits).toEqual(start)
      expect(delayed.metrics.baseline).toBeUndefined()
      const once = searcher.update(delayed.state, 20, one)
      expect(once.metrics.baseline).toBeCloseTo(rewardIn(one), 12)
      const twice = searcher.update({ ...once.state, logits: start }, 21, two)
      const average = (decay * rewardIn(one) + rewardIn(two)) / (decay + 1)
      expect(twice.metrics.baseline).toBeCloseTo(average, 12)
      const advantages = [rewardIn(two) - average]
      const gradient = climbed(start, twice.state.logits)
      expectRows(gradient, slopes({ advantages, commitment: 0, drawn: two }))
    },
  )

  it("may serve several proposals, each held against the one average of their means", () => {
    const drawn = draw(4)
    const knobs = { commitment: none, baseline: { kind: "movingAverage" } } as const
    const advantages = drawn.qualities.map((q) => q - mean(drawn.qualities))
    const { gradient } = first(knobs, 20, drawn)
    expectRows(gradient, slopes({ advantages, commitment: 0, drawn, cost: "expected" }))
  })
})

describe("the gradient of the cost", () => {
  // steps 20 to 59 are the first half of the policy's 80, the others the second
  it.each([
    ["at the expected cost", 20, "expected"],
    ["at the expected cost", 59, "expected"],
    ["decision by decision, four times as much", 60, "perDecision"],
    ["decision by decision, four times as much", 99, "perDecision"],
  ] as const)("is exact, %s, at step %i", (_, step, cost) => {
    const drawn = draw(4)
    const advantages = leaveOneOut(drawn.qualities)
    const { gradient } = first({ commitment: none }, step, drawn)
    expectRows(gradient, slopes({ advantages, commitment: 0, drawn, cost }))
  })

  it.each([20, 99])(
    "comes with the sampled rewards alone where it is sampled, at step %i",
    (step) => {
      const drawn = draw(4)
      const rewards = drawn.qualities.map((q, j) => rewardOf(q, costOf(table, drawn.proposals[j]!)))
      const advantages = leaveOneOut(rewards)
      const { gradient } = first({ commitment: none, costGradient: "sampled" }, step, drawn)
      expectRows(gradient, slopes({ advantages, commitment: 0, drawn }))
    },
  )
})

describe("the commitment", () => {
  const s = (80 - 20) / (100 - 20)
  it.each([
    ["cosine", 0.3 * ((1 - Math.cos(Math.PI * s)) / 2)],
    ["linear", 0.3 * s],
    ["constant", 0.3],
    ["step", 0.3],
    ["none", 0],
  ] as const)("%s is absolute, and climbs away from entropy", (schedule, commitment) => {
    const drawn = draw(4)
    const advantages = leaveOneOut(drawn.qualities)
    const knobs = { commitment: { schedule, max: 0.3 } }
    const { gradient, metrics } = first(knobs, 80, drawn)
    expect(metrics.commitment).toBeCloseTo(commitment, 12)
    expectRows(gradient, slopes({ advantages, commitment, drawn, cost: "perDecision" }))
    const early = first(knobs, 20, drawn).metrics.commitment
    expect(early).toBe(schedule === "constant" ? 0.3 : 0)
  })

  it("normalised is relative to the advantages and the number of decisions", () => {
    const drawn = draw(4)
    const advantages = leaveOneOut(drawn.qualities)
    const weights = advantages.map((_, j) => 0.99 ** (advantages.length - 1 - j))
    const squares = advantages.reduce((sum, a, j) => sum + weights[j]! * a ** 2, 0)
    const deviation = Math.sqrt(squares / weights.reduce((a, b) => a + b, 0))
    const commitment = (6 / decisions) * deviation * s ** 3
    const { gradient, metrics } = first({}, 80, drawn)
    expect(metrics.commitment).toBeCloseTo(commitment, 12)
    expectRows(gradient, slopes({ advantages, commitment, drawn, cost: "perDecision" }))
  })
})

describe("reduce and temperature", () => {
  it.each([
    ["mean", 1],
    ["sum", 1],
    ["mean", 2],
    ["sum", 0.5],
  ] as const)("%s over decisions, softmax at %d", (reduce, temperature) => {
    const drawn = draw(4)
    const advantages = leaveOneOut(drawn.qualities)
    const knobs = { reduce, temperature, commitment: { schedule: "constant", max: 0.1 } } as const
    for (const [step, cost] of [
      [30, "expected"],
      [70, "perDecision"],
    ] as const) {
      const shared = { advantages, commitment: 0.1, drawn, reduce, temperature, cost }
      expectRows(first(knobs, step, drawn).gradient, slopes(shared))
    }
  })
})

describe("stopping", () => {
  /** A policy that is all but sure of an assignment on target. */
  const best = [2, 2, 0, 0]
  const sure = (top: number): Rows =>
    best.map((k) =>
      Array.from({ length: options }, (_, l) =>
        Math.log(l === k ? top : (1 - top) / (options - 1)),
      ),
    )
  const frozenAt = (stopAt: number | "off", top: number) => {
    const { searcher, state } = setUp({ stopAt, commitment: none, costGradient: "sampled" })
    // proposals that are all alike move nothing
    const alike = { proposals: [best, best, best, best], qualities: [0.5, 0.5, 0.5, 0.5] }
    return searcher.update({ ...state, logits: sure(top) }, 50, alike).state.frozen
  }

  it("freezes the policy past its mean top probability, and off never", () => {
    expect(costOf(table, best)).toBe(target)
    expect([frozenAt(0.9, 0.91), frozenAt(0.9, 0.89), frozenAt("off", 0.999)]).toEqual([
      true,
      false,
      false,
    ])
  })
})
