/** The cost targets of planned trials, in the unit that their heartbeats and results report costs in. */
import { Result } from "effect"
import { builtOf } from "../experiment/Checks.ts"
import type { Plan, PlannedTrial } from "../experiment/Plan.ts"
import { compileCost, targetOf } from "../network/CostTarget.ts"
import { isSearching } from "../search/Searches.ts"

/** The target of a trial; undefined where it has none. */
export const targetIn = ({
  declaration: { reward, space },
}: Pick<PlannedTrial, "declaration">): number | undefined => {
  const { network } = builtOf(space)
  if (network === undefined || reward === undefined) return undefined
  const target = targetOf(network, compileCost(network, reward.cost), reward.cost.target)
  return Result.isSuccess(target) ? target.success : undefined
}

/** By the ids of trials; a trial that searches for no target has none. */
export const targetsOf = ({ trials }: Pick<Plan, "trials">): ReadonlyMap<string, number> =>
  new Map(
    trials.flatMap((trial) => {
      const target = isSearching(trial.declaration.search.kind) ? targetIn(trial) : undefined
      return target === undefined ? [] : [[trial.id, target] as const]
    }),
  )
