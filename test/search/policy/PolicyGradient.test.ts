import { describe, expect, it } from "vitest"
import type { CompiledCost } from "../../../src/cost/Cost.ts"
import { Absolute } from "../../../src/reward/Absolute.ts"
import { bind, type BoundReward, kinkWidth, type Reward } from "../../../src/reward/Reward.ts"
import { SoftExponential } from "../../../src/reward/SoftExponential.ts"
import { type Policy, policyOf } from "../../../src/search/policy/Policy.ts"
import {
  addDecisionCosts,
  addEntropy,
  addExpectedCost,
  addLogProbability,
  type Gradient,
  throughTemperature,
  zeroGradient,
} from "../../../src/search/policy/PolicyGradient.ts"
import type { Choices, DecisionSpace } from "../../../src/space/Decision.ts"
import { activity } from "../../../src/space/DecisionSpace.ts"
import { type Random, randomStream } from "../../../src/space/RandomStream.ts"
import { randomCost } from "../../cost/randomTerms.ts"
import { randomSpace } from "../../space/randomSpaces.ts"
import type { PerOption } from "../../../src/space/PerOption.ts"

const temperature = 1.7
const reduces = ["mean", "sum"] as const

const setUp = (seed: number) => {
  const random = randomStream(seed, "gradients")
  const space = randomSpace(random, 2, 4)
  const cost = randomCost(space, random, 7)
  const logits = space.decisions.map(({ options }) => options.map(() => 1.5 * random.normal()))
  return { random, space, cost, logits, choices: draw(space, random) }
}

const draw = (space: DecisionSpace, random: Random): Choices =>
  space.decisions.map(({ options }) => random.integer(options.length))

/** Central differences of `objective` by every logit, against the closed form that `add` accumulates. */
const expectGradient = (
  logits: PerOption,
  objective: (policy: Policy) => number,
  add: (gradient: Gradient, policy: Policy) => void,
): void => {
  const policy = policyOf(logits, temperature)
  const accumulated = zeroGradient(policy)
  add(accumulated, policy)
  const gradient = throughTemperature(accumulated, temperature)
  const h = 1e-5
  const at = (i: number, k: number, move: number): number =>
    objective(
      policyOf(
        logits.map((row, j) => (j === i ? row.map((z, l) => (l === k ? z + move : z)) : row)),
        temperature,
      ),
    )
  logits.forEach((row, i) => {
    row.forEach((_, k) => {
      const difference = (at(i, k, h) - at(i, k, -h)) / (2 * h)
      expect(gradient[i]![k]!).toBeCloseTo(difference, 6)
    })
  })
}

const reduced = (
  reduce: "mean" | "sum",
  active: Uint8Array,
  value: (decision: number) => number,
): number => {
  let sum = 0
  let count = 0
  active.forEach((flag, i) => {
    if (flag === 0) return
    sum += value(i)
    count++
  })
  return reduce === "sum" ? sum : sum / count
}

const seeds = [1, 2, 3, 4, 5, 6, 7, 8]

describe("closed-form gradients equal finite differences, conditional decisions included", () => {
  it("meets inactive decisions at all", () => {
    const some = seeds.some((seed) => {
      const { space, choices } = setUp(seed)
      return activity(space, choices).includes(0)
    })
    expect(some).toBe(true)
  })

  it("advantage * reduce(log p)", () => {
    for (const seed of seeds)
      for (const reduce of reduces) {
        const { space, logits, choices } = setUp(seed)
        const active = activity(space, choices)
        expectGradient(
          logits,
          ({ logProbabilities }) =>
            -0.7 * reduced(reduce, active, (i) => logProbabilities[i]![choices[i]!]!),
          (gradient, policy) => addLogProbability(gradient, policy, choices, active, reduce, -0.7),
        )
      }
  })

  it("commitment * reduce(H)", () => {
    for (const seed of seeds)
      for (const reduce of reduces) {
        const { space, logits, choices } = setUp(seed)
        const active = activity(space, choices)
        expectGradient(
          logits,
          ({ entropies }) => -0.4 * reduced(reduce, active, (i) => entropies[i]!),
          (gradient, policy) => addEntropy(gradient, policy, active, reduce, -0.4),
        )
      }
  })

  it("the reward at the expected cost, its kink smoothed", () => {
    for (const seed of seeds)
      for (const reduce of reduces) {
        const { cost, logits } = setUp(seed)
        // a target so near the expectation that the smoothed part is met, and one far away
        const expected = cost.expected(policyOf(logits, temperature).probabilities)
        for (const target of [expected * (1 + kinkWidth / 3), expected * 1.5]) {
          const { costSlope } = bind(Absolute as unknown as Reward, { beta: 2 }, target)
          const weight = reduce === "mean" ? 1 / logits.length : 1
          expectGradient(
            logits,
            ({ probabilities }) => weight * -2 * huber(cost.expected(probabilities) / target - 1),
            (gradient, policy) =>
              addExpectedCost(
                gradient,
                policy,
                cost,
                costSlope(0.5, cost.expected(policy.probabilities)),
                reduce,
              ),
          )
        }
      }
  })

  it("each decision's own expected cost part, the others as sampled", () => {
    for (const seed of seeds)
      for (const reduce of reduces)
        for (const kind of [Absolute, SoftExponential]) {
          const { cost, logits, choices } = setUp(seed)
          const target = Math.abs(cost.of(choices)) * 1.1
          // SoftExponential needs a positive cost: shift the random one
          const shifted = kind === SoftExponential ? positive(cost) : cost
          const beta = kind === Absolute ? 1.5 : -0.5
          const reward: BoundReward = bind(kind as unknown as Reward, { beta }, target)
          const weight = reduce === "mean" ? 1 / logits.length : 1
          expectGradient(
            logits,
            ({ probabilities }) => {
              let sum = 0
              probabilities.forEach((p, i) => {
                p.forEach((value, k) => {
                  const whole = shifted.of(choices.toSpliced(i, 1, k))
                  sum += value * reward.costPart(0.6, whole)
                })
              })
              return 4 * weight * sum
            },
            (gradient, policy) =>
              addDecisionCosts(gradient, policy, shifted, reward, 0.6, choices, reduce, 4),
          )
        }
  })
})

/** The integral of clamp(d / kinkWidth, -1, 1). */
const huber = (d: number): number =>
  Math.abs(d) < kinkWidth ? (d * d) / (2 * kinkWidth) : Math.abs(d) - kinkWidth / 2

const positive = (cost: CompiledCost): CompiledCost => {
  const lift = 1 - cost.range().min
  return {
    ...cost,
    of: (choices: Choices) => cost.of(choices) + lift,
    withChoice: (choices: Choices, i: number) =>
      cost.withChoice(choices, i).map((value) => value + lift),
  }
}

describe("an inactive decision", () => {
  it("gets no gradient from what was sampled, and a cost-neutral one none from the cost", () => {
    const { space, cost, logits } = setUp(1)
    const random = randomStream(9, "inactive")
    let met = 0
    for (let trial = 0; trial < 50; trial++) {
      const choices = draw(space, random)
      const active = activity(space, choices)
      const policy = policyOf(logits, 1)
      const gradient = zeroGradient(policy)
      const reward = bind(Absolute as unknown as Reward, { beta: 1 }, 5)
      addLogProbability(gradient, policy, choices, active, "mean", 1)
      addEntropy(gradient, policy, active, "mean", -1)
      addDecisionCosts(gradient, policy, cost, reward, 0.5, choices, "mean", 4)
      active.forEach((flag, i) => {
        if (flag === 1) return
        met++
        for (const value of gradient[i]!) expect(value).toBeCloseTo(0, 12)
      })
    }
    expect(met).toBeGreaterThan(0)
  })
})
