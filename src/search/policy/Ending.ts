/**
 * The last samples of a run: whether their cost was on target, and whether they agree with the final assignment.
 */
import { Schema } from "effect"
import type { Choices, DecisionSpace } from "../../space/Decision.ts"
import { activity } from "../../space/DecisionSpace.ts"
import { zerosLike } from "../../space/PerOption.ts"

export const Ending = Schema.Struct({
  /** Sum of |cost / target - 1|, and how many samples. */
  deviation: Schema.Finite,
  samples: Schema.Int,
  /** How often each option was drawn while its decision was active. */
  drawn: Schema.Array(Schema.Array(Schema.Int)),
})
export type Ending = typeof Ending.Type

export const noEnding = (space: DecisionSpace): Ending => ({
  deviation: 0,
  samples: 0,
  drawn: zerosLike(space),
})

/** The last 2 % of the steps, one at least. */
export const isEnding = (step: number, steps: number): boolean =>
  step >= steps - Math.max(1, Math.ceil(0.02 * steps))

export const addSample = (
  ending: Ending,
  choices: Choices,
  active: Uint8Array,
  costRatio: number,
): Ending => ({
  deviation: ending.deviation + Math.abs(costRatio - 1),
  samples: ending.samples + 1,
  drawn: ending.drawn.map((row, i) =>
    active[i] === 1 ? row.map((count, k) => count + (k === choices[i] ? 1 : 0)) : row,
  ),
})

/** Mean of |cost / target - 1|; NaN before the end. */
export const meanDeviation = ({ deviation, samples }: Ending): number => deviation / samples

/** Share of the active decisions of `final` whose choice was drawn as often as any other; NaN before the end. */
export const modeAgreement = (space: DecisionSpace, ending: Ending, final: Choices): number => {
  if (ending.samples === 0) return Number.NaN
  const active = activity(space, final)
  let agreeing = 0
  let count = 0
  ending.drawn.forEach((row, i) => {
    if (active[i] === 0) return
    count++
    if (row[final[i]!]! >= Math.max(...row)) agreeing++
  })
  return count === 0 ? 1 : agreeing / count
}
