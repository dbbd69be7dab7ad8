/**
 * What a search pays for limits that it exceeds while it searches: beta * max(0, cost / max - 1) for each, whatever the
 * reward. A price that leads away from assignments that cannot be the end; the end itself is held to the limits exactly
 * (`budget/`).
 */
import type { Limit } from "../cost/LimitKinds.ts"
import type { Choices } from "../space/Decision.ts"
import { smoothSign } from "./Reward.ts"

type Priced = Pick<Limit, "beta" | "max">

/** At a cost. */
export const limitPenalty = ({ beta, max }: Priced, cost: number): number =>
  beta * Math.max(0, cost / max - 1)

/** d penalty / d cost; the kink at the limit is smoothed, as that of rewards. */
export const limitSlope = ({ beta, max }: Priced, cost: number): number =>
  (beta * Math.max(0, smoothSign(cost / max - 1))) / max

/** Of an assignment, summed over the limits. */
export const penaltyOf = (limits: ReadonlyArray<Limit>, choices: Choices): number =>
  limits.reduce((sum, limit) => sum + limitPenalty(limit, limit.of(choices)), 0)
