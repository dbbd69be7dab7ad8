/**
 * The policy: an independent categorical per decision, softmax(logits / temperature).
 *
 * In here: probabilities, entropy, drawing, the most probable assignment. Left out: how the logits change
 * (`PolicyGradient.ts`, `Adam.ts`).
 */
import type { Choices, DecisionSpace } from "../../space/Decision.ts"
import { activity } from "../../space/DecisionSpace.ts"
import { argmax, type PerOption } from "../../space/PerOption.ts"
import type { Random } from "../../space/RandomStream.ts"

/** The distribution that some logits stand for. */
export interface Policy {
  readonly probabilities: ReadonlyArray<Float64Array>
  readonly logProbabilities: ReadonlyArray<Float64Array>
  /** Per decision, nats. */
  readonly entropies: Float64Array
}

export const policyOf = (logits: PerOption, temperature: number): Policy => {
  const probabilities: Array<Float64Array> = []
  const logProbabilities: Array<Float64Array> = []
  const entropies = new Float64Array(logits.length)
  for (let i = 0; i < logits.length; i++) {
    const row = logits[i]!
    const p = new Float64Array(row.length)
    const logs = new Float64Array(row.length)
    let largest = -Infinity
    for (let k = 0; k < row.length; k++) largest = Math.max(largest, row[k]! / temperature)
    let sum = 0
    for (let k = 0; k < row.length; k++) sum += p[k] = Math.exp(row[k]! / temperature - largest)
    const logSum = largest + Math.log(sum)
    let entropy = 0
    for (let k = 0; k < row.length; k++) {
      logs[k] = row[k]! / temperature - logSum
      p[k]! /= sum
      entropy -= p[k]! * logs[k]!
    }
    probabilities.push(p)
    logProbabilities.push(logs)
    entropies[i] = entropy
  }
  return { probabilities, logProbabilities, entropies }
}

/** One draw per decision, inactive ones too: what they would be is needed when a gate is looked at differently. */
export const sample = (policy: Policy, random: Random): Choices =>
  policy.probabilities.map((p) => {
    let rest = random.uniform()
    for (let k = 0; k < p.length - 1; k++) {
      rest -= p[k]!
      if (rest < 0) return k
    }
    return p.length - 1
  })

/** The most probable option of every decision; gates are decisions like others, so what they leave inactive follows. */
export const mostProbable = (policy: Policy): Choices => policy.probabilities.map(argmax)

/** What a policy looks like from afar: means over the active decisions of an assignment, the most probable one. */
export interface Summary {
  /** Mean probability of the assignment's options, 0 to 1; 1 when nothing is decided. */
  readonly topProbability: number
  /** Mean entropy, nats. */
  readonly entropy: number
  /** Mean entropy relative to the uniform distribution's, 0 to 1. */
  readonly entropyRatio: number
}

export const summarise = (
  space: DecisionSpace,
  policy: Policy,
  top: Choices = mostProbable(policy),
): Summary => {
  const active = activity(space, top)
  let count = 0
  let probability = 0
  let entropy = 0
  let ratio = 0
  for (let i = 0; i < active.length; i++) {
    if (active[i] === 0) continue
    const p = policy.probabilities[i]!
    count++
    probability += p[top[i]!]!
    entropy += policy.entropies[i]!
    ratio += p.length > 1 ? policy.entropies[i]! / Math.log(p.length) : 0
  }
  if (count === 0) return { topProbability: 1, entropy: 0, entropyRatio: 0 }
  return {
    topProbability: probability / count,
    entropy: entropy / count,
    entropyRatio: ratio / count,
  }
}
