/**
 * Whether limits can be met: each alone, all together, together with the target, and by an assignment that is given.
 *
 * What is out of reach is reported before anything is trained, with the nearest that is in reach. Left out: the target
 * alone (`network/CostTarget.ts`).
 */
import { Result } from "effect"
import { endWithin } from "../budget/WithinLimits.ts"
import { isUnread, problems as costProblems } from "../cost/Costs.ts"
import { costOf, holds, type Limit, type LimitSpec } from "../cost/LimitKinds.ts"
import { type Problem, within } from "../declaration/Errors.ts"
import { limitsOf } from "../network/CostLimits.ts"
import { compileCost, showCost, showEnd, targetOf } from "../network/CostTarget.ts"
import type { Network } from "../network/Network.ts"
import { narrowestChoices } from "../space/DecisionSpace.ts"
import type { RewardSpec } from "../reward/Rewards.ts"
import type { Choices } from "../space/Decision.ts"

/** Whether a limit names a file that was not read. */
export const isLimitUnread = (spec: LimitSpec): boolean => {
  const cost = costOf(spec)
  return cost !== undefined && isUnread(cost)
}

/** What is wrong with each limit by itself, by paths from `reward`: a kind that comes twice, a table with gaps. */
const ownProblems = (
  network: Network,
  specs: ReadonlyArray<LimitSpec>,
  fill: string | undefined,
): ReadonlyArray<Problem> =>
  specs.flatMap((spec, i) => {
    const cost = costOf(spec)
    const twice = specs.findIndex(({ kind }) => kind === spec.kind) < i
    return [
      ...(twice
        ? [
            {
              path: ["kind"],
              message: `${spec.kind} has a limit already; one of each kind would be right`,
            },
          ]
        : []),
      ...(cost === undefined || isUnread(cost) ? [] : costProblems(cost, network.table, fill)),
    ].map(within("limits", i))
  })

/** The least that a limited cost can be, while others hold; undefined where nothing was found. */
const leastOf = (
  network: Network,
  limit: Limit,
  others: ReadonlyArray<Limit>,
): Result.Result<number, boolean> => {
  if (limit.sum !== undefined) {
    const { choices, exact } = endWithin(network.space, limit.sum, others)
    return choices === undefined ? Result.fail(exact) : Result.succeed(limit.of(choices))
  }
  // the least of a largest value, by halving what it may be
  const met = (max: number) =>
    endWithin(network.space, { factors: [] }, [...others, retabled(network, limit, max)])
  const widest = met(Infinity)
  if (widest.choices === undefined) return Result.fail(widest.exact)
  let [low, high] = [0, limit.of(widest.choices)]
  for (let i = 0; i < 50 && high - low > 1e-6 * high; i++) {
    const { choices } = met((low + high) / 2)
    if (choices === undefined) low = (low + high) / 2
    else high = limit.of(choices)
  }
  return Result.succeed(high)
}

/** The limit with another number; its tables are of what is above it. */
const retabled = (network: Network, { kind }: Limit, max: number): Limit =>
  limitsOf(network, [{ kind: kind as "peakMemory", max, beta: 1 }])[0]!

const unreached = (limit: Limit, least: number, among: string): string =>
  `a limit of ${showCost(limit, limit.max)} is out of reach; ${among} needs at least ${showEnd(limit, least, "up")}`

/** Limits that no assignment meets, by paths from `reward`; none where they are met together. */
const jointProblems = (network: Network, limits: ReadonlyArray<Limit>): ReadonlyArray<Problem> => {
  if (holds(limits, narrowestChoices(network.space))) return []
  const isMet = (some: ReadonlyArray<Limit>) =>
    endWithin(network.space, { factors: [] }, some).choices !== undefined
  if (isMet(limits)) return []
  const alone = limits.flatMap((limit, i) => {
    if (isMet([limit])) return []
    const least = leastOf(network, limit, [])
    return Result.isSuccess(least) && least.success > limit.max
      ? [{ path: ["limits", i, "max"], message: unreached(limit, least.success, "this space") }]
      : []
  })
  if (alone.length > 0) return alone
  // the first that cannot be met together with those before it
  const at = limits.findIndex((_, i) => !isMet(limits.slice(0, i + 1)))
  const limit = limits[at]!
  const others = limits.slice(0, at)
  const least = leastOf(network, limit, others)
  const among = `within the limits of ${others.map(({ kind }) => kind).join(" and ")} this space`
  return [
    {
      path: ["limits", at, "max"],
      message: Result.isSuccess(least)
        ? unreached(limit, least.success, among)
        : `no assignment was found within all limits; a larger max would be right`,
    },
  ]
}

/**
 * Whether assignments within the limits are seen on both sides of a target: the narrowest, and one that takes, decision by
 * decision, the most expensive option that stays within. Where they are, the ends need no search, which takes tables of
 * all that is held at once.
 */
const isSeenWithin = (
  { space }: Network,
  costOf: (choices: Choices) => number,
  limits: ReadonlyArray<Limit>,
  target: number,
): boolean => {
  let best: Choices = narrowestChoices(space)
  if (!holds(limits, best) || costOf(best) > target) return false
  let most = costOf(best)
  for (const [i, { options }] of space.decisions.entries()) {
    if (most >= target) break
    for (const k of options.keys()) {
      const choices = best.with(i, k)
      const cost = costOf(choices)
      if (cost > most && holds(limits, choices)) [best, most] = [choices, cost]
    }
  }
  return most >= target
}

/** A target that no assignment within the limits reaches, by paths from `reward`. */
const targetProblems = (
  network: Network,
  { cost: spec }: RewardSpec,
  limits: ReadonlyArray<Limit>,
): ReadonlyArray<Problem> => {
  const cost = compileCost(network, spec)
  const found = targetOf(network, cost, spec.target)
  if (Result.isFailure(found)) return []
  const target = found.success
  const range = cost.range()
  const tolerance = 1e-9 * target
  // a target out of reach without limits is reported by itself
  if (target < range.min - tolerance || target > range.max + tolerance) return []
  if (isSeenWithin(network, cost.of, limits, target)) return []
  const [least, most] = ([1, -1] as const).map((sign) =>
    endWithin(network.space, cost, limits, sign),
  )
  if (least?.choices === undefined || most?.choices === undefined) return []
  const [min, max] = [cost.of(least.choices), cost.of(most.choices)]
  if (target >= min - tolerance && target <= max + tolerance) return []
  const isAbove = target > max
  const end = isAbove ? range.maxChoices : range.minChoices
  const binding = limits.filter((limit) => !holds([limit], end))
  const names = (binding.length > 0 ? binding : limits).map(({ kind }) => kind).join(" and ")
  const reach = `from ${showEnd(cost.model, min, "up")} to ${showEnd(cost.model, max, "down")}`
  const asked = `a target of ${showCost(cost.model, target)}`
  // what was not looked through whole may hold more than was found, up to the bound
  const { bound, exact } = isAbove ? most : least
  const isProven = exact || (isAbove ? target > bound + tolerance : -target > bound + tolerance)
  return isProven
    ? [
        {
          path: ["cost", "target"],
          message: `${asked} is out of reach within the limits of ${names}; within them this space costs ${reach}`,
        },
      ]
    : [
        {
          path: ["cost", "target"],
          message: `${asked} was not reached within the limits of ${names}; what was found within them costs ${reach}`,
          severity: "warning",
        },
      ]
}

/** What of limits an assignment is above, by paths from `reward`. */
const exceeded = (limits: ReadonlyArray<Limit>, choices: Choices): ReadonlyArray<Problem> =>
  limits.flatMap((limit, i) =>
    holds([limit], choices)
      ? []
      : [
          {
            path: ["limits", i, "max"],
            message: `the assignment that is trained takes ${showEnd(limit, limit.of(choices), "up")} of ${limit.kind}, above the limit of ${showCost(limit, limit.max)}; a larger max, or another assignment, would be right`,
          },
        ],
  )

/**
 * What is wrong with the limits of a reward, by paths from it.
 *
 * @param given the choices of a search that is given its assignment
 */
export const limitProblems = (
  network: Network,
  reward: RewardSpec,
  given: Choices | undefined,
  fill?: string,
): ReadonlyArray<Problem> => {
  const { limits: specs = [] } = reward
  const own = ownProblems(network, specs, fill)
  if (specs.length === 0 || own.length > 0 || specs.some(isLimitUnread)) return own
  const limits = limitsOf(network, specs)
  if (given !== undefined) return exceeded(limits, given)
  const joint = jointProblems(network, limits)
  if (joint.length > 0 || isUnread(reward.cost)) return joint
  return targetProblems(network, reward, limits)
}
