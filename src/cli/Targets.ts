/** The cost targets of planned trials, in the unit that their heartbeats report costs in. */
import { Result } from "effect"
import { builtOf } from "../experiment/Checks.ts"
import type * as Plan from "../experiment/Plan.ts"
import { compileCost, targetOf } from "../network/CostTarget.ts"
import { isSearching } from "../search/Searches.ts"

/** By the ids of trials; a trial that searches for no target has none. */
export const targetsOf = ({ trials }: Pick<Plan.Plan, "trials">): ReadonlyMap<string, number> =>
  new Map(
    trials.flatMap(({ declaration: { reward, search, space }, id }) => {
      const { network } = builtOf(space)
      if (network === undefined || reward === undefined || !isSearching(search.kind)) return []
      const target = targetOf(network, compileCost(network, reward.cost), reward.cost.target)
      return Result.isSuccess(target) ? [[id, target.success] as const] : []
    }),
  )
