/**
 * The terms of the policy's gradient, in closed form.
 *
 * Every function adds d(objective) / d(logits) to `gradient`, for an objective to be made larger. With
 * p = softmax(z / temperature) per decision and y = z / temperature:
 *
 *     d log p_x / d y_k = [k = x] - p_k                            (REINFORCE, Williams 1992)
 *     d H / d y_k       = -p_k (log p_k + H)
 *     d E / d y_k       = p_k (G_k - sum_l p_l G_l),  G = d E / d p
 *
 * `reduce` is the mean over a proposal's active decisions (FLIQS) or their sum (TuNAS); inactive decisions take no
 * part in it. Each is held to finite differences in the tests. Left out: rewards, baselines, coefficients.
 */
import type { BoundReward } from "../../reward/Reward.ts"
import type { CompiledCost } from "../../cost/Cost.ts"
import type { Choices } from "../../space/Decision.ts"
import type { Policy } from "./Policy.ts"

export type Reduce = "mean" | "sum"

export type Gradient = ReadonlyArray<Float64Array>

export const zeroGradient = (policy: Policy): Gradient =>
  policy.probabilities.map((p) => new Float64Array(p.length))

/** What `reduce` multiplies a sum over `active` decisions by. */
const weightOf = (reduce: Reduce, active: Uint8Array): number => {
  if (reduce === "sum") return 1
  let count = 0
  for (const flag of active) count += flag
  return count === 0 ? 0 : 1 / count
}

/** scale * reduce(log p(choices)) over the active decisions. */
export const addLogProbability = (
  gradient: Gradient,
  policy: Policy,
  choices: Choices,
  active: Uint8Array,
  reduce: Reduce,
  scale: number,
): void => {
  const weight = scale * weightOf(reduce, active)
  gradient.forEach((row, i) => {
    if (active[i] === 0) return
    const p = policy.probabilities[i]!
    for (let k = 0; k < row.length; k++) row[k]! -= weight * p[k]!
    row[choices[i]!]! += weight
  })
}

/** scale * reduce(H) over the active decisions; the commitment's scale is negative. */
export const addEntropy = (
  gradient: Gradient,
  policy: Policy,
  active: Uint8Array,
  reduce: Reduce,
  scale: number,
): void => {
  const weight = scale * weightOf(reduce, active)
  gradient.forEach((row, i) => {
    if (active[i] === 0) return
    const p = policy.probabilities[i]!
    const logs = policy.logProbabilities[i]!
    const entropy = policy.entropies[i]!
    for (let k = 0; k < row.length; k++) row[k]! -= weight * p[k]! * (logs[k]! + entropy)
  })
}

/** scale * reduce over all decisions of the objective whose derivative by E[cost] is `slope`. */
export const addExpectedCost = (
  gradient: Gradient,
  policy: Policy,
  cost: CompiledCost,
  slope: number,
  reduce: Reduce,
): void => {
  const weight = slope * (reduce === "mean" ? 1 / gradient.length : 1)
  if (weight === 0) return
  cost.gradient(policy.probabilities).forEach((byProbability, i) => {
    addExpectation(gradient[i]!, policy.probabilities[i]!, byProbability, weight)
  })
}

/**
 * scale * reduce over all decisions of E_i[costPart], where only decision i is drawn and the others are as in
 * `choices`: exact over its options, so it sees that |cost / target - 1| turns at the target.
 */
export const addDecisionCosts = (
  gradient: Gradient,
  policy: Policy,
  cost: Pick<CompiledCost, "of" | "withChoice">,
  reward: Pick<BoundReward, "costPart">,
  quality: number,
  choices: Choices,
  reduce: Reduce,
  scale: number,
): void => {
  const weight = scale * (reduce === "mean" ? 1 / gradient.length : 1)
  const total = cost.of(choices)
  gradient.forEach((row, i) => {
    const parts = cost.withChoice(choices, i, total)
    for (let k = 0; k < parts.length; k++) parts[k] = reward.costPart(quality, parts[k]!)
    addExpectation(row, policy.probabilities[i]!, parts, weight)
  })
}

/** weight * sum_k p_k values_k of one decision. */
export const addExpectation = (
  row: Float64Array,
  p: Float64Array,
  values: ArrayLike<number>,
  weight: number,
): void => {
  let mean = 0
  for (let k = 0; k < row.length; k++) mean += p[k]! * values[k]!
  for (let k = 0; k < row.length; k++) row[k]! += weight * p[k]! * (values[k]! - mean)
}

/** The chain rule through y = logits / temperature. */
export const throughTemperature = (gradient: Gradient, temperature: number): Gradient =>
  temperature === 1 ? gradient : gradient.map((row) => row.map((value) => value / temperature))
