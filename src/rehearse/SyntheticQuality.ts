/**
 * A quality without a network, in the place of training and measuring.
 *
 * It behaves like the held-out accuracy of a network in training: it grows over the run, options cost some of it, and
 * most of a step's noise is shared by all its proposals, for they are measured on one batch.
 */
import type { CompiledCost } from "../cost/Cost.ts"
import type { Choices, DecisionSpace } from "../space/Decision.ts"
import { widestChoices } from "../space/DecisionSpace.ts"
import { scaled } from "../space/LossTable.ts"
import { randomStream } from "../space/RandomStream.ts"

/** How much of the final quality a network has after a share of its steps, 0.15 to 0.945. */
const grownAt = (share: number): number => 1 - 0.85 * (1 + 20 * share) ** -0.9
const ceiling = 0.8
/** Standard deviation of a quality, and the share of its variance that is a step's. */
const noise = 0.05
const sharedVariance = 0.7

/** Qualities of the proposals of one step, by what each of them loses. */
export const makeQuality = (lossOf: (choices: Choices) => number, steps: number, seed: number) => {
  const random = randomStream(seed, "quality")
  return (step: number, proposals: ReadonlyArray<Choices>): Array<number> => {
    const grown = grownAt(step / steps)
    const shared = Math.sqrt(sharedVariance) * random.normal()
    return proposals.map(
      (choices) =>
        ceiling * grown -
        grown * lossOf(choices) +
        noise * (shared + Math.sqrt(1 - sharedVariance) * random.normal()),
    )
  }
}

/**
 * Sensitivities where none are known, by size: 1 / sqrt of the cost that hangs on the decision at the widest
 * assignment, for what is small averages over little; scaled so that the options that lose most lose 0.3 together.
 */
export const defaultSensitivities = (
  space: DecisionSpace,
  cost: CompiledCost,
): ReadonlyArray<number> => {
  const choices = widestChoices(space)
  const total = cost.of(choices)
  const spans = space.decisions.map((_, i) => {
    const costs = cost.withChoice(choices, i, total)
    return Math.max(...costs) - Math.min(...costs)
  })
  const mean = spans.reduce((sum, span) => sum + span, 0) / Math.max(1, spans.length)
  return scaled(
    space,
    spans.map((span) => (span > 0 ? Math.sqrt(mean / span) : 1)),
  )
}

/** Quality of a finished network without noise. */
export const finalQuality = (loss: number): number => grownAt(1) * (ceiling - loss)
