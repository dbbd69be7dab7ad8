/**
 * Arms: trials that differ in nothing but their seed, with the mean and the spread of every final metric.
 *
 * Arms stand in one order whatever the order of the trials: those of the matrix before the controls, each by its label.
 * So colours by position are the same in every picture of a grid. Left out: what is compared with what (`Figures.ts`).
 */
import { idOf } from "../experiment/Canonical.ts"
import type { Control } from "../experiment/Experiment.ts"
import { isSearching } from "../search/Searches.ts"
import { controlOf, kindKey, labelsOf } from "./ArmLabels.ts"
import { naturalOrder } from "./NaturalOrder.ts"
import type { TrialRecord } from "./TrialRecords.ts"

/** A metric over the finished trials of an arm. */
export interface Spread {
  /** How many trials have it. */
  readonly n: number
  readonly mean: number
  /** Sample standard deviation, of two trials or more. */
  readonly deviation?: number
  readonly min: number
  readonly max: number
}

/** A trial of an arm. */
export interface ArmTrial extends TrialRecord {
  /** `s2 x1.5 reinforce`: begins with what differs. Without the seed where a grid has one seed only. */
  readonly label: string
  readonly seed: string
}

export interface Arm {
  /** 16 hex digits, the same wherever these settings are. */
  readonly key: string
  /** `x1.5 reinforce`, `uniform INT4`; unique in its grid. */
  readonly label: string
  /** Its place among the arms of its grid, from 0: what colours go by. */
  readonly index: number
  /** Undefined for an arm of the matrix itself. */
  readonly control: Control | undefined
  /** `reinforce`, `fixed`, ... */
  readonly kind: string
  /** Whether it decides anything; a network in one format does not. */
  readonly isSearch: boolean
  /** Cell and parameters without the seed. */
  readonly cell: Readonly<Record<string, string>>
  readonly parameters: Readonly<Record<string, string>>
  /** By seed. */
  readonly trials: ReadonlyArray<ArmTrial>
  readonly counts: {
    readonly finished: number
    readonly failed: number
    readonly unfinished: number
  }
  /** Every final metric that a finished trial has. */
  readonly metrics: Readonly<Record<string, Spread>>
}

/** Mean and spread; undefined without values. */
export const spreadOf = (values: ReadonlyArray<number>): Spread | undefined => {
  const n = values.length
  if (n === 0) return undefined
  const mean = values.reduce((a, b) => a + b, 0) / n
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return {
    n,
    mean,
    ...(n > 1 ? { deviation: Math.sqrt(squares / (n - 1)) } : {}),
    min: Math.min(...values),
    max: Math.max(...values),
  }
}

/** Values by a key, in the order of first appearance. */
export const groupedBy = <A, K>(
  values: Iterable<A>,
  keyOf: (value: A) => K,
): ReadonlyMap<K, ReadonlyArray<A>> => {
  const groups = new Map<K, Array<A>>()
  for (const value of values) {
    const key = keyOf(value)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [value])
    else group.push(value)
  }
  return groups
}

const seedOf = ({ cell, parameters }: TrialRecord): string =>
  parameters["seed"] ?? cell["seed"] ?? ""

const withoutSeed = (
  values: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> => {
  const { seed: _, ...rest } = values
  return rest
}

/**
 * What makes an arm: all parameters but the seed and the name of the experiment, and the file of the space. A network that
 * is given its formats reads nothing of the reward, so trials of other targets may share it.
 */
const settingsOf = ({ cell, parameters }: TrialRecord) => {
  const { name: _, ...rest } = withoutSeed(parameters)
  const read = isSearching(rest[kindKey])
    ? rest
    : Object.fromEntries(Object.entries(rest).filter(([key]) => !key.startsWith("reward.")))
  return { ...read, "space file": cell["space"] ?? "" }
}

/** The key of an arm; equal settings, of which a grid has thousands, are hashed once. */
const makeKeyOf = () => {
  const known = new Map<string, string>()
  return (record: TrialRecord): string => {
    const settings = settingsOf(record)
    const text = JSON.stringify(settings)
    const key = known.get(text) ?? idOf(settings)
    known.set(text, key)
    return key
  }
}

/** The spread of every metric over some trials. */
export const metricsOf = (trials: ReadonlyArray<TrialRecord>): Readonly<Record<string, Spread>> => {
  const keys = new Set(trials.flatMap(({ metrics }) => Object.keys(metrics)))
  return Object.fromEntries(
    [...keys].flatMap((key) => {
      const spread = spreadOf(trials.flatMap(({ metrics }) => metrics[key] ?? []))
      return spread === undefined ? [] : [[key, spread] as const]
    }),
  )
}

/** How many of some trials have ended, and how. */
export const countsOf = (trials: ReadonlyArray<TrialRecord>): Arm["counts"] => {
  const of = (state: TrialRecord["state"]) => trials.filter((one) => one.state === state).length
  const [finished, failed] = [of("finished"), of("failed")]
  return { finished, failed, unfinished: trials.length - finished - failed }
}

const controlOrder: ReadonlyArray<Control | undefined> = [
  undefined,
  "uniform",
  "wideThenUniform",
  "random",
]

const inOrder = (a: Omit<Arm, "index">, b: Omit<Arm, "index">): number =>
  controlOrder.indexOf(a.control) - controlOrder.indexOf(b.control) ||
  naturalOrder(a.label, b.label)

/** The arms of a grid, in their order. */
export const armsOf = (records: ReadonlyArray<TrialRecord>): ReadonlyArray<Arm> => {
  const unnamed = [...groupedBy(records, makeKeyOf())].map(([key, trials]) => ({
    key,
    trials,
    cell: withoutSeed(trials[0]!.cell),
    parameters: withoutSeed(trials[0]!.parameters),
  }))
  const labels = labelsOf(unnamed)
  const hasSeeds = new Set(records.map(seedOf)).size > 1
  return unnamed
    .map(({ trials, ...rest }): Omit<Arm, "index"> => {
      const label = labels.get(rest.key)!
      const kind = rest.parameters[kindKey] ?? ""
      return {
        ...rest,
        label,
        control: controlOf(rest.parameters),
        kind,
        isSearch: isSearching(kind),
        trials: trials
          .map((record): ArmTrial => {
            const seed = seedOf(record)
            return { ...record, seed, label: hasSeeds ? `s${seed} ${label}` : label }
          })
          .sort((a, b) => naturalOrder(a.seed, b.seed) || (a.id < b.id ? -1 : 1)),
        counts: countsOf(trials),
        metrics: metricsOf(trials),
      }
    })
    .sort(inOrder)
    .map((arm, index) => ({ ...arm, index }))
}
