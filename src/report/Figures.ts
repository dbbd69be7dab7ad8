/**
 * The figures of a grid, from the records of its trials: what tables, pictures, the report and MLflow all show.
 *
 * Arms over their seeds; each arm's difference to a control, paired by seed; the Pareto front of the arms' means; the best
 * arm at each cost. Numbers only. Left out: reading records (`orchestrator/`), rounding and words (`FigureTexts.ts`).
 */
import { near, type Side, sideOf } from "../cost/NearestCosts.ts"
import { directionOf, final } from "../metric/Metrics.ts"
import { type Arm, armsOf, groupedBy } from "./Arms.ts"
import { differingKeys } from "./ArmLabels.ts"
import { pairedDifference } from "./Paired.ts"
import { type Objective, paretoFront } from "./Pareto.ts"
import type { TrialRecord } from "./TrialRecords.ts"

/** An arm less another one in a metric, seed by seed. */
export interface Difference {
  readonly metric: string
  /** The arm that it is compared with. */
  readonly against: { readonly key: string; readonly label: string }
  /** Seeds that both arms have finished. */
  readonly seeds: ReadonlyArray<string>
  readonly pairs: number
  readonly mean: number
  /** Sample standard deviation of the differences, of two pairs or more. */
  readonly deviation?: number
  /** 95 % t-interval of the mean, of two pairs or more. */
  readonly interval?: { readonly low: number; readonly high: number }
  /** Whether the interval leaves out 0. */
  readonly isClear: boolean
  /** Mean cost of the arm over that of the other one, over the same seeds. */
  readonly costRatio?: number
  /** Where the arm's cost lies from that of the other one; `near`: equal within the tolerance. */
  readonly side?: Side
}

/** Arms of equal cost. */
export interface CostLevel {
  /** Of the cheapest of them. */
  readonly cost: number
  /** The best first. */
  readonly arms: ReadonlyArray<FiguredArm>
  /** The best less the second best; undefined where they share no seed. */
  readonly lead?: Difference
}

export interface FiguredArm extends Arm {
  /** Less its control; undefined for the control itself and where there is no pair. */
  readonly difference?: Difference
  readonly isOnFront: boolean
}

export interface Figures {
  /** The metric that differences and the front are in. */
  readonly quality: string
  /** The metric that costs are compared by. */
  readonly cost: string
  readonly objectives: ReadonlyArray<Objective>
  /** Costs that differ by no more than this share are equal. */
  readonly tolerance: number
  readonly arms: ReadonlyArray<FiguredArm>
  /** The control that was chosen, else the first of those that arms are compared with by default. */
  readonly control: FiguredArm | undefined
  /** Keys of the matrix in which the arms differ, the target first; `seed` is not among them. */
  readonly differing: ReadonlyArray<string>
  /** The arms with a cost, by cost. */
  readonly levels: ReadonlyArray<CostLevel>
  readonly counts: Arm["counts"] & { readonly trials: number }
}

export interface Options {
  /**
   * Key or label of the arm to compare all others with, or a kind of control of which the one nearest in cost is taken for
   * each arm; by default `uniform`, where there is one.
   */
  readonly control?: string
  /** `final/accuracy` by default. */
  readonly quality?: string
  /** By default the metric of the cost that all searches have a target in, else GBOPs. */
  readonly cost?: string
  /** Of the front; quality and cost by default. */
  readonly objectives?: ReadonlyArray<Objective>
}

const costKeys: Readonly<Record<string, string>> = {
  gbops: final.gbops.key,
  memory: final.memoryBytes.key,
}

/** The metric that costs of a grid are compared by. */
export const costKeyOf = (records: ReadonlyArray<Pick<TrialRecord, "parameters">>): string => {
  const kinds = new Set(records.map(({ parameters }) => parameters["reward.cost.kind"] ?? "gbops"))
  const [kind] = kinds
  if (kind === undefined || kinds.size > 1) return final.gbops.key
  return costKeys[kind] ?? final.cost.key
}

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((a, b) => a + b, 0) / values.length

/** Values of a metric by seed; trials of one seed, as several folders may have them, are averaged. */
const bySeed = ({ trials }: Arm, key: string): ReadonlyMap<string, number> => {
  const values = new Map<string, Array<number>>()
  for (const { metrics, seed } of trials) {
    const value = metrics[key]
    if (value !== undefined) values.set(seed, [...(values.get(seed) ?? []), value])
  }
  return new Map([...values].map(([seed, all]) => [seed, mean(all)]))
}

/** An arm and the one it is compared with. */
export interface Against {
  readonly arm: Arm
  readonly control: Arm
}

/** What one pair of arms says of each seed that both have finished. */
const bySeedOf = (
  { arm, control }: Against,
  { cost, quality }: Pick<Figures, "cost" | "quality">,
) => {
  const [own, others] = [bySeed(arm, quality), bySeed(control, quality)]
  const [costs, otherCosts] = [bySeed(arm, cost), bySeed(control, cost)]
  return [...own].flatMap(([seed, value]) => {
    const other = others.get(seed)
    if (other === undefined) return []
    return [{ seed, gain: value - other, cost: costs.get(seed), otherCost: otherCosts.get(seed) }]
  })
}

const isKnown = (value: number | undefined): value is number => value !== undefined

/** The mean over those that have one; undefined if one lacks it. */
const meanOfAll = (values: ReadonlyArray<number | undefined>): number | undefined => {
  const known = values.filter(isKnown)
  return known.length === 0 || known.length < values.length ? undefined : mean(known)
}

/** Arms less those they are compared with: in each seed the mean of their differences; undefined without a pair. */
export const pairedOver = (
  against: ReadonlyArray<Against>,
  keys: Pick<Figures, "cost" | "quality">,
): Difference | undefined => {
  const all = against.flatMap((one) => bySeedOf(one, keys))
  const seeds = [...groupedBy(all, ({ seed }) => seed)]
  if (seeds.length === 0) return undefined
  const paired = pairedDifference(seeds.map(([, those]) => mean(those.map(({ gain }) => gain))))
  const { deviation, high, low, pairs } = paired
  const cost = meanOfAll(all.map((one) => one.cost))
  const otherCost = meanOfAll(all.map((one) => one.otherCost))
  const controls = new Map(against.map(({ control: { key, label } }) => [key, label]))
  return {
    metric: keys.quality,
    against: { key: [...controls.keys()].join(" "), label: [...controls.values()].join(", ") },
    seeds: seeds.map(([seed]) => seed),
    pairs,
    mean: paired.mean,
    ...(deviation === undefined ? {} : { deviation, interval: { low, high } }),
    isClear: pairs > 1 && (low > 0 || high < 0),
    ...(cost === undefined || otherCost === undefined || otherCost === 0
      ? {}
      : { costRatio: cost / otherCost, side: sideOf(cost, otherCost) }),
  }
}

/** One arm less another one; undefined where no seed is finished in both. */
export const differenceOf = (
  arm: Arm,
  other: Arm,
  keys: Pick<Figures, "cost" | "quality">,
): Difference | undefined => pairedOver([{ arm, control: other }], keys)

/** Arms to compare with by default: those trained in one format, else any control, else what a matrix gives its formats. */
const controlsAmong = (arms: ReadonlyArray<Arm>): ReadonlyArray<Arm> => {
  const uniform = arms.filter(({ control }) => control === "uniform")
  if (uniform.length > 0) return uniform
  const controls = arms.filter(({ control }) => control !== undefined)
  const first = controls.filter(({ control }) => control === controls[0]?.control)
  return first.length > 0 ? first : arms.filter(({ isSearch }) => !isSearch)
}

/** Parameters that say nothing of how weights and data are made use of, or that a control has no use for. */
const isOfTraining = (key: string): boolean =>
  !/^(search|reward|train\.learningRate\.restart)\.|^(control|name|seed)$/.test(key)

/** Those of the candidates that were trained most like this arm: in a grid of several trainings each has its controls. */
export const trainedAlike = (arm: Arm, candidates: ReadonlyArray<Arm>): ReadonlyArray<Arm> => {
  const keys = Object.keys(arm.parameters).filter(isOfTraining)
  const distances = candidates.map(
    ({ cell, parameters }) =>
      Number((cell["space"] ?? "") !== (arm.cell["space"] ?? "")) +
      keys.filter((key) => parameters[key] !== undefined && parameters[key] !== arm.parameters[key])
        .length,
  )
  const least = Math.min(...distances)
  return candidates.filter((_, i) => distances[i] === least)
}

/** The candidate nearest in cost, as a ratio; the first where costs are not known. */
const nearestTo = (arm: Arm, candidates: ReadonlyArray<Arm>, cost: string): Arm | undefined => {
  const own = arm.metrics[cost]?.mean
  const distance = (other: Arm): number => {
    const there = other.metrics[cost]?.mean
    return own === undefined || there === undefined || !(own > 0 && there > 0)
      ? Infinity
      : Math.abs(Math.log(there / own))
  }
  const [first, ...rest] = candidates
  return first === undefined
    ? undefined
    : rest.reduce((best, other) => (distance(other) < distance(best) ? other : best), first)
}

/** The arms that are compared with: one by key or label, or all of a kind of control such as `random`. */
export const controlsNamed = <A extends Arm>(
  arms: ReadonlyArray<A>,
  name: string,
): ReadonlyArray<A> => {
  const one = findArm(arms, name)
  return one === undefined ? arms.filter(({ control }) => control === name) : [one]
}

/** The arm of a key or label; undefined where there is none. */
export const findArm = <A extends Arm>(arms: ReadonlyArray<A>, name: string): A | undefined =>
  arms.find(({ key, label }) => label === name || key === name)

/** Whether a value of a metric is better than another. */
const isBetter = (key: string, a: number, b: number): boolean =>
  directionOf(key) === "min" ? a < b : a > b

/** Arms by quality, the best first; those without come last. */
export const bestFirst = <A extends Arm>(
  arms: ReadonlyArray<A>,
  quality: string,
): ReadonlyArray<A> =>
  arms.toSorted((a, b) => {
    const [x, y] = [a.metrics[quality]?.mean, b.metrics[quality]?.mean]
    if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined)
    return x === y ? 0 : isBetter(quality, x, y) ? -1 : 1
  })

/** The arms with a cost, by cost: those of equal cost together. */
export const levelsOf = (
  arms: ReadonlyArray<FiguredArm>,
  keys: Pick<Figures, "cost" | "quality">,
): ReadonlyArray<CostLevel> => {
  const costOf = ({ metrics }: Arm) => metrics[keys.cost]?.mean
  const known = arms
    .flatMap((arm) => {
      const cost = costOf(arm)
      return cost === undefined || arm.metrics[keys.quality] === undefined ? [] : [{ arm, cost }]
    })
    .sort((a, b) => a.cost - b.cost)
  const levels: Array<{ cost: number; arms: Array<FiguredArm> }> = []
  for (const { arm, cost } of known) {
    const last = levels.at(-1)
    if (last !== undefined && sideOf(cost, last.cost) === "near") last.arms.push(arm)
    else levels.push({ cost, arms: [arm] })
  }
  return levels.map(({ arms: those, cost }) => {
    const sorted = bestFirst(those, keys.quality)
    const [best, second] = sorted
    const lead =
      best === undefined || second === undefined ? undefined : differenceOf(best, second, keys)
    return { cost, arms: sorted, ...(lead === undefined ? {} : { lead }) }
  })
}

const ratioKey = final.costOverTarget.key

/**
 * Records with costs over the target of the grid. A trial that is given its formats has its own cost as its target, so its
 * ratio says nothing: here it is over the target that all searches share, and left out where they have several.
 */
const overGridTarget = (
  records: ReadonlyArray<TrialRecord>,
  arms: ReadonlyArray<Arm>,
): ReadonlyArray<TrialRecord> => {
  const given = new Set(arms.filter((arm) => !arm.isSearch).map(({ kind }) => kind))
  const searches = arms.filter(({ isSearch }) => isSearch).flatMap(({ trials }) => trials)
  if (given.size === 0 || searches.length === 0) return records
  const targets = searches.flatMap(({ metrics }) => {
    const [cost, ratio] = [metrics[final.cost.key], metrics[ratioKey]]
    return cost === undefined || ratio === undefined || ratio === 0 ? [] : [cost / ratio]
  })
  const [target] = targets
  const isOne =
    target !== undefined && targets.every((one) => Math.abs(one - target) <= 1e-6 * target)
  return records.map((record) => {
    const { [ratioKey]: own, ...rest } = record.metrics
    if (own === undefined || !given.has(record.parameters["search.kind"] ?? "")) return record
    const cost = record.metrics[final.cost.key]
    const isKnown = isOne && cost !== undefined
    return { ...record, metrics: isKnown ? { ...rest, [ratioKey]: cost / target } : rest }
  })
}

/** The figures of the trials of one grid. A control that is not among the arms is ignored: `findArm` tells. */
export const figuresOf = (records: ReadonlyArray<TrialRecord>, options: Options = {}): Figures => {
  const arms = armsOf(overGridTarget(records, armsOf(records)))
  const quality = options.quality ?? final.accuracy.key
  const cost = options.cost ?? costKeyOf(records)
  const objectives = options.objectives ?? [
    { key: quality, direction: directionOf(quality) ?? "max" },
    { key: cost, direction: "min" },
  ]
  const front = new Set(paretoFront(arms, objectives, ({ metrics }, key) => metrics[key]?.mean))
  const chosen = options.control === undefined ? [] : controlsNamed(arms, options.control)
  const candidates = chosen.length === 0 ? controlsAmong(arms) : chosen
  const figured = arms.map((arm): FiguredArm => {
    const control = nearestTo(arm, trainedAlike(arm, candidates), cost)
    // A control is compared with another one only where that was chosen, or is a control of another kind.
    const isAlone = control === undefined || candidates.includes(arm)
    const difference = isAlone ? undefined : differenceOf(arm, control, { cost, quality })
    return {
      ...arm,
      isOnFront: front.has(arm),
      ...(difference === undefined ? {} : { difference }),
    }
  })
  const sum = (key: keyof Arm["counts"]) => arms.reduce((n, { counts }) => n + counts[key], 0)
  return {
    quality,
    cost,
    objectives,
    tolerance: near,
    arms: figured,
    control: figured.find(({ key }) => key === candidates[0]?.key),
    differing: differingKeys(arms),
    levels: levelsOf(figured, { cost, quality }),
    counts: {
      trials: records.length,
      finished: sum("finished"),
      failed: sum("failed"),
      unfinished: sum("unfinished"),
    },
  }
}
