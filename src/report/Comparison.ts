/**
 * Searches compared with their rivals, each at its cost.
 *
 * A network in one format has its own cost, whatever the target: a search is compared with the one within 2 % of its own
 * cost, else with the nearest below and the nearest above. All other rivals have the target of the search themselves. Costs
 * are those of the assignments in the unit of the search's target. Left out: messages and tables (`cli/`).
 */
import { Array as Arrays, Result } from "effect"
import { nearestCosts, type Side, sideOf } from "../cost/NearestCosts.ts"
import type { CompiledCost } from "../cost/Cost.ts"
import { canonicalJson } from "../experiment/Canonical.ts"
import { builtOf } from "../experiment/Checks.ts"
import type { PlannedTrial } from "../experiment/Plan.ts"
import type { Network } from "../network/Network.ts"
import { compileCost, targetOf } from "../network/CostTarget.ts"
import { uniformChoices } from "../network/format/Uniform.ts"
import { givenUniform, isSearching } from "../search/Searches.ts"
import type { Assignment } from "../space/Decision.ts"
import { fromAssignment } from "../space/DecisionSpace.ts"

/** A planned trial and its result. */
export interface Ended {
  readonly trial: PlannedTrial
  /** The result of a finished trial. */
  readonly outcome: { readonly accuracy: number; readonly assignment: Assignment } | undefined
}

/** The unit of costs, and the target. */
interface Aim {
  readonly cost: CompiledCost
  readonly network: Network
  readonly target: number
}

/** The cost of a network and its target. */
export interface Standing {
  readonly cost: number
  readonly unit: string
  /** Undefined if the searches it is compared with have more than one target. */
  readonly target?: number
}

/** A search and one of its rivals of the same seed. */
export interface Pair {
  readonly search: PlannedTrial
  readonly rival: PlannedTrial
  /** Where the rival's cost lies, from the search. */
  readonly side: Side
  readonly aim: Aim
  readonly searchCost: number
  readonly rivalCost: number
  /** Accuracy of the search less that of the rival. */
  readonly gain: number
}

const isSearch = ({ control, declaration }: PlannedTrial): boolean =>
  control === undefined && isSearching(declaration.search.kind)

const aims = new WeakMap<PlannedTrial, Aim>()

/** Made once for each trial. */
const aimOf = (trial: PlannedTrial): Aim | undefined => {
  const aim = aims.get(trial) ?? makeAim(trial)
  if (aim !== undefined) aims.set(trial, aim)
  return aim
}

/** The target of a trial, in the unit of its cost; undefined where it has none. */
export const targetIn = (trial: PlannedTrial): number | undefined => aimOf(trial)?.target

const makeAim = ({ declaration: { reward, space } }: PlannedTrial): Aim | undefined => {
  const { network } = builtOf(space)
  if (network === undefined || reward === undefined) return undefined
  const cost = compileCost(network, reward.cost)
  const target = targetOf(network, cost, reward.cost.target)
  return Result.isSuccess(target) ? { cost, network, target: target.success } : undefined
}

/** What a trial's network costs in another trial's unit; undefined while the network is not known. */
const costBy = ({ cost, network }: Aim, { outcome, trial }: Ended): number | undefined => {
  const option = givenUniform(trial.declaration.search)
  const uniform = option === undefined ? undefined : uniformChoices(network, option)
  if (uniform !== undefined) return cost.of(uniform)
  if (outcome === undefined) return undefined
  const found = fromAssignment(network.space, outcome.assignment)
  return Result.isSuccess(found) ? cost.of(found.success) : undefined
}

const sameCost = (a: PlannedTrial, b: PlannedTrial): boolean =>
  canonicalJson(a.declaration.reward?.cost ?? null) ===
  canonicalJson(b.declaration.reward?.cost ?? null)

const byItself = "by itself"

/** Groups of rivals in each of which the nearest is taken: networks in one format that were trained by one schedule. */
const familyOf = ({ declaration: { search } }: PlannedTrial): string =>
  search.kind === "fixed" && search.uniform !== undefined
    ? `uniform, ${search.widest ?? 0} wide`
    : byItself

type BySetting = ReadonlyMap<string, ReadonlyArray<Ended>>
const settings = new WeakMap<ReadonlyArray<Ended>, BySetting>()

/** Made once for each list: of a thousand trials few share a setting. */
const bySetting = (all: ReadonlyArray<Ended>): BySetting => {
  const known = settings.get(all)
  if (known !== undefined) return known
  const made = new Map<string, Array<Ended>>()
  for (const ended of all)
    for (const setting of new Set(ended.trial.settings)) {
      const members = made.get(setting) ?? []
      members.push(ended)
      made.set(setting, members)
    }
  settings.set(all, made)
  return made
}

/** The trials of a list that may be compared with this one, itself among them; those of its first setting first. */
const comparable = (trial: PlannedTrial, all: ReadonlyArray<Ended>): ReadonlyArray<Ended> => [
  ...new Set(trial.settings.flatMap((setting) => bySetting(all).get(setting) ?? [])),
]

/** Trials that a search is compared with, at whatever cost. */
const rivalsOf = (search: PlannedTrial, all: ReadonlyArray<Ended>): ReadonlyArray<Ended> =>
  comparable(search, all).filter(
    ({ trial }) =>
      !isSearch(trial) && (!isSearching(trial.declaration.search.kind) || sameCost(trial, search)),
  )

/** For every finished search, its pairs with finished rivals. */
export const pairsOf = (all: ReadonlyArray<Ended>): ReadonlyArray<Pair> =>
  all.flatMap(({ outcome, trial: search }) => {
    const aim = outcome === undefined || !isSearch(search) ? undefined : aimOf(search)
    const searchCost = aim === undefined ? undefined : costBy(aim, { trial: search, outcome })
    if (aim === undefined || outcome === undefined || searchCost === undefined) return []
    const rivals = rivalsOf(search, all).flatMap((ended) => {
      const cost = costBy(aim, ended)
      return cost === undefined || ended.outcome === undefined
        ? []
        : [{ trial: ended.trial, cost, gain: outcome.accuracy - ended.outcome.accuracy }]
    })
    const families = Arrays.groupBy(rivals, ({ trial }) => familyOf(trial))
    return Object.entries(families).flatMap(([family, members]) => {
      const chosen =
        family === byItself
          ? members.map((one) => ({ one, side: sideOf(one.cost, searchCost) }))
          : nearestCosts(searchCost, members, ({ cost }) => cost)
      return chosen.map(({ one, side }): Pair => {
        const { cost, gain, trial } = one
        return { search, rival: trial, side, aim, searchCost, rivalCost: cost, gain }
      })
    })
  })

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((a, b) => a + b, 0) / values.length

/** The pairs of one arm of searches with one arm of rivals, over their seeds. */
export interface Comparison {
  readonly search: string
  readonly rival: string
  readonly side: Side
  /** Means over the seeds, and the unit. */
  readonly searchCost: number
  readonly rivalCost: number
  readonly target: number
  readonly model: CompiledCost["model"]
  /** A search's accuracy less its rival's, seed by seed. */
  readonly gains: ReadonlyArray<number>
}

/** What distinguishes a trial from the others except its seed. Names may be shortened. */
const armKey = ({ cell, control, declaration }: PlannedTrial): string =>
  canonicalJson([
    Object.entries(cell).filter(([key]) => key !== "seed"),
    control ?? null,
    givenUniform(declaration.search) ?? null,
  ])

export const compare = (all: ReadonlyArray<Ended>): ReadonlyArray<Comparison> => {
  const groups = Arrays.groupBy(pairsOf(all), ({ rival, search }) => armKey(search) + armKey(rival))
  return Object.values(groups).map((pairs): Comparison => {
    const { aim, rival, search } = pairs[0]!
    const searchCost = mean(pairs.map((pair) => pair.searchCost))
    const rivalCost = mean(pairs.map((pair) => pair.rivalCost))
    return {
      search: search.arm,
      rival: rival.arm,
      side: sideOf(rivalCost, searchCost),
      searchCost,
      rivalCost,
      target: aim.target,
      model: aim.cost.model,
      gains: pairs.map(({ gain }) => gain),
    }
  })
}

/**
 * Where a trial stands: of a search by its own cost and target; of a rival by those of the searches that it stands beside,
 * without a target where they have several. Undefined while its network is not known, or in more than one unit.
 */
export const standingOf = (ended: Ended, all: ReadonlyArray<Ended>): Standing | undefined => {
  const beside = comparable(ended.trial, all).flatMap(({ trial }) =>
    isSearch(trial) ? [trial] : [],
  )
  const isOwn = isSearching(ended.trial.declaration.search.kind) || beside.length === 0
  const own = (isOwn ? [ended.trial] : beside).flatMap((trial) => aimOf(trial) ?? [])
  const [aim] = own
  const cost = aim === undefined ? undefined : costBy(aim, ended)
  if (aim === undefined || cost === undefined) return undefined
  const { unit } = aim.cost.model
  if (own.some((other) => other.cost.model.unit !== unit)) return undefined
  const isOne = own.every(({ target }) => Math.abs(target - aim.target) <= 1e-9 * aim.target)
  return { cost, unit, ...(isOne ? { target: aim.target } : {}) }
}
