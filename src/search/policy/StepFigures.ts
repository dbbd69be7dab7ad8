/** Figures of one step that searches of several kinds tell alike. */
import type { Choices, DecisionSpace } from "../../space/Decision.ts"
import { activity } from "../../space/DecisionSpace.ts"

export const meanOf = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

/** A proposal whose loss overflowed is as good as the worst of the others; none at all when all did. */
export const finiteQualities = (qualities: ReadonlyArray<number>): ReadonlyArray<number> => {
  const worst = qualities.reduce(
    (least, quality) => (Number.isFinite(quality) ? Math.min(least, quality) : least),
    Infinity,
  )
  if (worst === Infinity) return []
  return qualities.map((quality) => (Number.isFinite(quality) ? quality : worst))
}

/** Among decisions active before or now, the share whose choice changed; NaN without a step before. */
export const switchedShare = (space: DecisionSpace, before: Choices, now: Choices): number => {
  if (before.length === 0) return Number.NaN
  const wasActive = activity(space, before)
  const isActive = activity(space, now)
  let changed = 0
  let count = 0
  for (let i = 0; i < now.length; i++) {
    if (wasActive[i] === 0 && isActive[i] === 0) continue
    count++
    if (wasActive[i] !== isActive[i] || before[i] !== now[i]) changed++
  }
  return count === 0 ? 0 : changed / count
}
