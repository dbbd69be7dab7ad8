import { describe, expect, it } from "vitest"
import { ascend, initAdam } from "../../../src/search/policy/Adam.ts"
import {
  addSample,
  isInLastSteps,
  modeAgreement,
  noSamples,
} from "../../../src/search/policy/LastSamples.ts"
import { mostProbable, policyOf, sample, summarise } from "../../../src/search/policy/Policy.ts"
import * as RunningMean from "../../../src/search/policy/RunningMean.ts"
import {
  commitmentAt,
  commitmentShape,
  delaySteps,
  learningRateAt,
  progressAt,
  schedules,
} from "../../../src/search/policy/Schedule.ts"
import type { DecisionSpace } from "../../../src/space/Decision.ts"
import { activity } from "../../../src/space/DecisionSpace.ts"
import { randomStream } from "../../../src/space/RandomStream.ts"

/** One gate of two options; its second opens a decision of three. */
const space: DecisionSpace = {
  decisions: [
    {
      path: "depth",
      tag: "repeats",
      role: "architecture",
      options: [1, 2],
      sizes: [1, 2],
      active: "always",
    },
    {
      path: "kernel",
      tag: "kernel",
      role: "architecture",
      options: [3, 5, 7],
      sizes: [3, 5, 7],
      active: [{ decision: 0, choices: [1] }],
    },
  ],
}

const endingSteps = (steps: number) =>
  Array.from({ length: steps }, (_, i) => i).filter((i) => isInLastSteps(i, steps))

describe("a policy", () => {
  it("is the softmax of logits over temperature, without overflow", () => {
    const { probabilities, entropies } = policyOf(
      [
        [0, Math.log(3)],
        [2000, 2000, -2000],
      ],
      1,
    )
    expect(probabilities[0]![1]).toBeCloseTo(0.75, 12)
    expect([...probabilities[1]!]).toEqual([0.5, 0.5, 0])
    expect(entropies[1]).toBeCloseTo(Math.log(2), 12)
    const cool = policyOf([[0, Math.log(3)]], 0.5)
    expect(cool.probabilities[0]![1]).toBeCloseTo(0.9, 12)
  })

  it("is drawn from as often as it says", () => {
    const policy = policyOf(
      [
        [0, Math.log(3)],
        [0, 0, 0],
      ],
      1,
    )
    const random = randomStream(1, "draws")
    const draws = Array.from({ length: 20_000 }, () => sample(policy, random))
    const share = (i: number, k: number) => draws.filter((x) => x[i] === k).length / draws.length
    expect(share(0, 1)).toBeCloseTo(0.75, 2)
    for (const k of [0, 1, 2]) expect(share(1, k)).toBeCloseTo(1 / 3, 1)
  })

  it("is summarised over what its most probable assignment leaves active", () => {
    const closed = policyOf(
      [
        [5, 0],
        [0, 0, 9],
      ],
      1,
    )
    expect(mostProbable(closed)).toEqual([0, 2])
    expect(summarise(space, closed).topProbability).toBe(closed.probabilities[0]![0])
    const open = policyOf(
      [
        [0, 5],
        [0, 0, 0],
      ],
      1,
    )
    const { topProbability, entropyRatio } = summarise(space, open)
    expect(topProbability).toBeCloseTo((open.probabilities[0]![1]! + 1 / 3) / 2, 12)
    expect(entropyRatio).toBeCloseTo((open.entropies[0]! / Math.log(2) + 1) / 2, 12)
  })
})

describe("schedules", () => {
  it("begin at the delay's end and rise to the run's", () => {
    expect(delaySteps(2000, 0.25)).toBe(500)
    expect(progressAt(499, 500, 2000)).toBe(0)
    expect(progressAt(500, 500, 2000)).toBe(0)
    expect(progressAt(1250, 500, 2000)).toBe(0.5)
    expect(progressAt(0, 1, 1)).toBe(0)
  })

  it("never fall, and all but constant and none begin at 0 and end at 1", () => {
    for (const schedule of schedules) {
      const shape = Array.from({ length: 101 }, (_, i) => commitmentShape(schedule, i / 100))
      shape.reduce((before, now) => {
        expect(now).toBeGreaterThanOrEqual(before)
        return now
      })
      const ends = schedule === "constant" ? [1, 1] : schedule === "none" ? [0, 0] : [0, 1]
      expect([shape[0], shape[100]]).toEqual(ends)
    }
  })

  it("make normalised commitment (6 / N) * sd(advantage) * s^3", () => {
    const normalised = { schedule: "normalised", max: 6 } as const
    expect(commitmentAt(normalised, 0.5, 12, 0.02)).toBeCloseTo((6 / 12) * 0.02 * 0.125, 15)
    expect(commitmentAt(normalised, 1, 12, 0)).toBe(0.5)
    expect(commitmentAt({ schedule: "cosine", max: 0.5 }, 0.5, 12, 0.02)).toBeCloseTo(0.25, 12)
  })

  it("let the learning rate grow exponentially", () => {
    const rate = { learningRate: 1e-3, learningRateGrowth: 10 }
    expect(learningRateAt(rate, 0.5)).toBeCloseTo(1e-3 * Math.sqrt(10), 12)
  })
})

describe("running means", () => {
  it("are debiased: a constant's mean is that constant from the first value on", () => {
    let mean = RunningMean.noMean
    expect(RunningMean.valueOf(mean)).toBe(0)
    for (let i = 0; i < 5; i++) {
      mean = RunningMean.addTo(mean, 0.7, 0.95)
      expect(RunningMean.valueOf(mean)).toBeCloseTo(0.7, 12)
    }
    mean = RunningMean.addTo(RunningMean.addTo(RunningMean.noMean, 1, 0.5), 2, 0.5)
    expect(RunningMean.valueOf(mean)).toBeCloseTo((0.25 * 1 + 0.5 * 2) / 0.75, 12)
  })
})

describe("Adam", () => {
  it("takes a first step of the learning rate, uphill, whatever the gradient's size", () => {
    const settings = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8 }
    const gradient = [Float64Array.of(1e-3, -50)]
    const { values } = ascend([[0, 0]], initAdam([[0, 0]]), gradient, 0.1, settings)
    expect(values[0]![0]).toBeCloseTo(0.1, 5)
    expect(values[0]![1]).toBeCloseTo(-0.1, 5)
  })

  it("follows the published recursion", () => {
    const settings = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8 }
    const first = ascend([[0]], initAdam([[0]]), [Float64Array.of(2)], 0.1, settings)
    const second = ascend(first.values, first.state, [Float64Array.of(-1)], 0.1, settings)
    const m = (0.1 * 0.9 * 2 + 0.1 * -1) / (1 - 0.81)
    const v = (0.01 * 0.99 * 4 + 0.01 * 1) / (1 - 0.9801)
    expect(second.values[0]![0]).toBeCloseTo(0.1 + (0.1 * m) / Math.sqrt(v), 8)
  })
})

describe("the last samples", () => {
  it("are those of the last 2 % of the steps, one step at least", () => {
    expect(endingSteps(1000).length).toBe(20)
    expect(endingSteps(1000)[0]).toBe(980)
    expect(endingSteps(10)).toEqual([9])
  })

  it("agree with the final assignment where it is their mode, inactive decisions left out", () => {
    const samples = [
      [1, 2],
      [1, 2],
      [1, 0],
      [0, 0],
      [0, 0],
      [0, 0],
    ]
    const ending = samples.reduce(
      (sum, choices) => addSample(sum, choices, activity(space, choices), 1),
      noSamples(space),
    )
    expect(modeAgreement(space, ending, [1, 2])).toBe(1)
    expect(modeAgreement(space, ending, [1, 0])).toBe(0.5)
    expect(modeAgreement(space, ending, [0, 1])).toBe(1)
    expect(modeAgreement(space, noSamples(space), [1, 2])).toBeUndefined()
  })
})
