/**
 * The samples of a run's last steps: whether their cost was on target, and whether they agree with the final assignment.
 */
import { Schema } from "effect"
import type { Choices, DecisionSpace } from "../../space/Decision.ts"
import { activity } from "../../space/DecisionSpace.ts"
import { zerosLike } from "../../space/PerOption.ts"

export const LastSamples = Schema.Struct({
  /** Sum of |cost / target - 1|, and how many samples. */
  deviation: Schema.Finite,
  samples: Schema.Int,
  /** How often each option was drawn while its decision was active. */
  drawn: Schema.Array(Schema.Array(Schema.Int)),
})
export type LastSamples = typeof LastSamples.Type

export const noSamples = (space: DecisionSpace): LastSamples => ({
  deviation: 0,
  samples: 0,
  drawn: zerosLike(space),
})

/** The last 2 % of the steps, one at least. */
export const isInLastSteps = (step: number, steps: number): boolean =>
  step >= steps - Math.max(1, Math.ceil(0.02 * steps))

export const addSample = (
  last: LastSamples,
  choices: Choices,
  active: Uint8Array,
  costRatio: number,
): LastSamples => ({
  deviation: last.deviation + Math.abs(costRatio - 1),
  samples: last.samples + 1,
  drawn: last.drawn.map((row, i) =>
    active[i] === 1 ? row.map((count, k) => count + (k === choices[i] ? 1 : 0)) : row,
  ),
})

/** Mean of |cost / target - 1|; undefined before the last steps. */
export const meanDeviation = ({ deviation, samples }: LastSamples): number | undefined =>
  samples === 0 ? undefined : deviation / samples

/**
 * Share of the active decisions of `final` whose choice was drawn as often as any other; undefined before the last
 * steps.
 */
export const modeAgreement = (
  space: DecisionSpace,
  last: LastSamples,
  final: Choices,
): number | undefined => {
  if (last.samples === 0) return undefined
  const active = activity(space, final)
  let agreeing = 0
  let count = 0
  last.drawn.forEach((row, i) => {
    if (active[i] === 0) return
    count++
    if (row[final[i]!]! >= Math.max(...row)) agreeing++
  })
  return count === 0 ? 1 : agreeing / count
}
