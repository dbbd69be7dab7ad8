/**
 * What the options of a space lose, by one sensitivity for each decision: the shape of the loss over the options is
 * given, a sensitivity is its size. A rehearsal takes sensitivities, and a search that measures gives them.
 */
import type { DecisionSpace } from "./Decision.ts"
import { widest } from "./DecisionSpace.ts"
import type { PerOption } from "./PerOption.ts"

/** What narrowest options everywhere lose by default, in all. */
const defaultLoss = 0.3

/** Per decision and option, what it loses: a_i 2^(2 - bits) for a format, else a_i (1 - size / largest size). */
export const lossTable = (space: DecisionSpace, sensitivities: ReadonlyArray<number>): PerOption =>
  space.decisions.map((decision, i) => shapeOf(decision).map((share) => sensitivities[i]! * share))

const shapeOf = (decision: DecisionSpace["decisions"][number]): ReadonlyArray<number> => {
  const largest = decision.sizes[widest(decision)]!
  return decision.sizes.map((size) =>
    decision.role === "format" ? 2 ** (2 - size) : largest > 0 ? 1 - size / largest : 0,
  )
}

/** In these proportions, so that the options that lose most lose 0.3 together; all 0 when none loses anything. */
export const scaled = (space: DecisionSpace, raw: ReadonlyArray<number>): ReadonlyArray<number> => {
  const most = lossTable(space, raw).reduce((sum, row) => sum + Math.max(...row), 0)
  return raw.map((value) => (most > 0 ? (value * defaultLoss) / most : 0))
}

/** An increase of the loss, in nats, beyond which a network is as good as lost. */
const lost = 10

/**
 * Sensitivities by what was measured: per decision and option, how much the loss rises over that of the widest option.
 * The least squared error of a_i over its options, none below 0; in proportion, for nats are no accuracy.
 */
export const fittedSensitivities = (
  space: DecisionSpace,
  increases: PerOption,
): ReadonlyArray<number> =>
  scaled(
    space,
    space.decisions.map((decision, i) => {
      const shape = shapeOf(decision)
      const over = shape.map((value) => value - shape[widest(decision)]!)
      const products = over.map((value, k) => value * Math.min(increases[i]![k]!, lost))
      const squares = over.map((value) => value ** 2)
      const sum = (values: ReadonlyArray<number>) => values.reduce((a, b) => a + b, 0)
      return sum(squares) === 0 ? 0 : Math.max(0, sum(products) / sum(squares))
    }),
  )
