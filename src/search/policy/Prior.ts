/**
 * The logits that an informed policy starts from: what every option loses alone, and what it costs.
 *
 *     logits = temperature * (confidence * score - price * cost)
 *
 * The price puts the expected cost on the target. The confidence leaves a share of the entropy that the target alone
 * would leave (confidence 0), so that the unit of the scores does not matter and the policy still explores: options
 * interact, and the scores are of an early network. Where costs couple decisions, an option's cost is its share of the
 * gradient of the expected cost under the uniform policy. Left out: how options are measured (`OptionsAlone.ts`).
 */
import type { CompiledCost } from "../../cost/Cost.ts"
import type { DecisionSpace } from "../../space/Decision.ts"
import { spreadOf } from "../../budget/WithinBudget.ts"
import { type PerOption, zerosLike } from "../../space/PerOption.ts"
import { type Policy, policyOf } from "./Policy.ts"

/** Halvings of an interval in which a price, or a confidence, lies. */
const halvings = { price: 40, confidence: 20 }
/** A price, or a confidence, that leaves no entropy. Both are in units of what a decision's options usually differ by. */
const highest = { price: 2 ** 40, confidence: 2 ** 8 }

/** Where a decreasing function of x >= 0 falls to `wanted`; 0 where it begins below, the highest x where it never does. */
const crossing = (
  valueAt: (x: number) => number,
  wanted: number,
  of: keyof typeof highest,
): number => {
  if (valueAt(0) <= wanted) return 0
  let high = 1
  while (high < highest[of] && valueAt(high) > wanted) high *= 2
  let low = 0
  for (let i = 0; i < halvings[of]; i++) {
    const middle = (low + high) / 2
    if (valueAt(middle) > wanted) low = middle
    else high = middle
  }
  return high
}

const meanEntropyRatio = ({ entropies, probabilities }: Policy): number => {
  let sum = 0
  let count = 0
  probabilities.forEach((p, i) => {
    if (p.length === 1) return
    sum += entropies[i]! / Math.log(p.length)
    count++
  })
  return count === 0 ? 0 : sum / count
}

/** Scores with the mean of each decision at 0, in units of their spread per decision. */
const normalised = (scores: PerOption): PerOption => {
  const unit = spreadOf(scores) / Math.max(1, scores.length) || 1
  return scores.map((row) => row.map((value) => (value - Math.max(...row)) / unit))
}

/**
 * Logits at temperature 1, by scores (larger is better). `entropyShare`, 0 to 1, is the entropy they leave over that of
 * the target alone. A cost below the target is raised to it where `punishesBelow` says so.
 */
export const priorLogits = (
  {
    space,
    cost,
    target,
  }: { readonly space: DecisionSpace; readonly cost: CompiledCost; readonly target: number },
  scores: PerOption,
  entropyShare: number,
  punishesBelow: boolean,
): PerOption => {
  const uniform = policyOf(zerosLike(space), 1)
  const { max, min } = cost.range()
  const unit = (max - min) / Math.max(1, space.decisions.length) || 1
  const prices = cost.gradient(uniform.probabilities).map((row) => Array.from(row, (v) => v / unit))
  const gains = normalised(scores)
  const logitsAt = (confidence: number, price: number): PerOption =>
    gains.map((row, i) => row.map((gain, k) => confidence * gain - price * prices[i]![k]!))
  const costAt = (confidence: number, price: number): number =>
    cost.expected(policyOf(logitsAt(confidence, price), 1).probabilities)
  /** The logits of a confidence, at the price that puts their cost on target. */
  const onTarget = (confidence: number): PerOption => {
    if (costAt(confidence, 0) >= target)
      return logitsAt(
        confidence,
        crossing((x) => costAt(confidence, x), target, "price"),
      )
    if (!punishesBelow) return logitsAt(confidence, 0)
    return logitsAt(confidence, -crossing((x) => -costAt(confidence, -x), -target, "price"))
  }
  const entropyAt = (confidence: number) => meanEntropyRatio(policyOf(onTarget(confidence), 1))
  return onTarget(crossing(entropyAt, entropyShare * entropyAt(0), "confidence"))
}
