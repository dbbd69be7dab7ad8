/**
 * What a search is compared with beyond one control: of each kind of control those that were trained as it was, at its cost.
 *
 * A network in one format has its own cost, whatever the target: the one within 2 % of the search's cost is taken, else the
 * nearest below and the nearest above. A random control has the target of the search. Left out: the one control that tables
 * show beside each arm (`Figures.ts`), words.
 */
import { type AtSide, nearestCosts } from "../cost/NearestCosts.ts"
import { final } from "../metric/Metrics.ts"
import { type Arm, type ArmTrial, groupedBy } from "./Arms.ts"
import { costKeyOf, type Difference, differenceOf, trainedAlike } from "./Figures.ts"

/** An arm of the matrix that decides something. */
export const isOwnSearch = ({ control, isSearch }: Pick<Arm, "control" | "isSearch">): boolean =>
  control === undefined && isSearch

const costKind = ({ parameters }: Pick<Arm, "parameters">): string =>
  parameters["reward.cost.kind"] ?? "gbops"

/** The metric of an arm that is in the unit of this search's cost; undefined where it has none. */
const costKeyFor = (search: Arm, arm: Arm): string | undefined => {
  const key = costKeyOf([search])
  return key !== final.cost.key || costKind(arm) === costKind(search) ? key : undefined
}

/** Among these the nearest in cost are taken; of all others every one. */
const familyOf = ({ control, parameters }: Arm): string =>
  parameters["search.uniform"] === undefined
    ? (control ?? "by itself")
    : `uniform ${parameters["search.widest"] ?? 0}`

const ofReward = ({ parameters }: Arm): string =>
  JSON.stringify(Object.entries(parameters).filter(([key]) => key.startsWith("reward.cost.")))

/** A candidate with its cost in the unit of the search. */
interface At<A> {
  readonly arm: Arm
  readonly one: A
  readonly cost: number
}

const besides = <A>(
  search: Arm,
  cost: number,
  candidates: ReadonlyArray<At<A>>,
): ReadonlyArray<AtSide<At<A>>> =>
  [...groupedBy(candidates, ({ arm }) => familyOf(arm))].flatMap(([family, all]) => {
    const alike = new Set(
      trainedAlike(
        search,
        all.map(({ arm }) => arm),
      ),
    )
    const those = all.filter(
      ({ arm }) => alike.has(arm) && (!arm.isSearch || ofReward(arm) === ofReward(search)),
    )
    return family.startsWith("uniform ")
      ? nearestCosts(cost, those, (one) => one.cost)
      : those.flatMap((one) => nearestCosts(cost, [one], () => one.cost))
  })

/** A search less each of its rivals, paired by seed; none for an arm that is no search. */
export const rivalsOf = (
  search: Arm,
  arms: ReadonlyArray<Arm>,
  quality: string,
): ReadonlyArray<Difference> => {
  const cost = search.metrics[costKeyOf([search])]?.mean
  if (!isOwnSearch(search) || cost === undefined) return []
  const candidates = arms
    .filter((arm) => !isOwnSearch(arm))
    .flatMap((arm): ReadonlyArray<At<string>> => {
      const key = costKeyFor(search, arm)
      const own = key === undefined ? undefined : arm.metrics[key]?.mean
      return key === undefined || own === undefined ? [] : [{ arm, one: key, cost: own }]
    })
  return besides(search, cost, candidates).flatMap(
    ({ one: { arm, one: key } }) => differenceOf(search, arm, { cost: key, quality }) ?? [],
  )
}

/** A trial of a search beside one of a rival that has its seed. */
export interface RivalTrial {
  readonly arm: Arm
  readonly trial: ArmTrial
  readonly side: AtSide<unknown>["side"]
  /** Of the rival, in the unit of the search. */
  readonly cost: number
  /** Quality of the search less that of the rival. */
  readonly gain: number
}

/** The rivals of one finished trial; none for a trial that is of no search. */
export const rivalTrialsOf = (
  trial: ArmTrial,
  search: Arm,
  arms: ReadonlyArray<Arm>,
  quality: string,
): ReadonlyArray<RivalTrial> => {
  const cost = trial.metrics[costKeyOf([search])]
  const own = trial.metrics[quality]
  if (!isOwnSearch(search) || cost === undefined || own === undefined) return []
  const candidates = arms
    .filter((arm) => !isOwnSearch(arm))
    .flatMap((arm) => {
      const key = costKeyFor(search, arm)
      return arm.trials
        .filter(({ seed }) => seed === trial.seed)
        .flatMap((one): ReadonlyArray<At<ArmTrial>> => {
          const there = key === undefined ? undefined : one.metrics[key]
          return there === undefined || one.metrics[quality] === undefined
            ? []
            : [{ arm, one, cost: there }]
        })
    })
  return besides(search, cost, candidates).map(({ one, side }) => ({
    arm: one.arm,
    trial: one.one,
    side,
    cost: one.cost,
    gain: own - one.one.metrics[quality]!,
  }))
}
