/**
 * One cell of a plan -> its trial and its controls: resolved, named, with parameters and ids.
 */
import type { LatencyTable } from "../cost/LatencyTable.ts"
import type { Problem } from "../declaration/Errors.ts"
import type { Space } from "../model/Network.ts"
import { oneSpelling } from "../model/OneSpelling.ts"
import { resolved } from "../search/Searches.ts"
import type { Assignment } from "../space/Decision.ts"
import type { Trial } from "../train/Trial.ts"
import { canonicalJson, idOf } from "./Canonical.ts"
import { type Checks, isUnread } from "./Checks.ts"
import { Control, controlName, type Experiment } from "./Experiment.ts"
import type { Initial } from "./Initial.ts"
import type { Cell } from "./Matrix.ts"
import { flatten, plainDecimal } from "./Parameters.ts"

export interface PlannedTrial {
  readonly id: string
  /** `times=1.1 seed=2`, `uniform INT4 seed=2`; the experiment's name when there is only one. */
  readonly name: string
  /** Undefined for a trial of the matrix itself. */
  readonly control: Control | undefined
  /** What tells it from its siblings: the cell, `search.kind`. */
  readonly cell: Readonly<Record<string, string>>
  /** All of it, flat: `search.kind`, `reward.cost.target.times`, ... */
  readonly parameters: Readonly<Record<string, string>>
  readonly declaration: Trial
  /** Threads and checkpoint interval: how it runs, not what it is. */
  readonly execution: {
    readonly threads: number | undefined
    readonly checkpointEvery: number
  }
  /** Its initial weights and where they are now. */
  readonly initial?: Initial
}

/** What an id is made from: the trial without the name of its space, formats in one spelling. */
export const identity = (trial: Trial): unknown => {
  const { name: _, formats, ...space } = trial.space
  return { ...trial, space: { ...space, formats: oneSpelling(formats) } }
}

/** First 16 hex digits of sha256 over the canonical JSON of the trial's identity. */
export const trialId = (trial: Trial): string => idOf(identity(trial))

/** A cell with its files read and its shape checked. */
export interface ReadCell {
  /** Of the experiment. */
  readonly name: string
  readonly cell: Cell
  /** The short name of each key of the matrix. */
  readonly labels: ReadonlyMap<string, string>
  readonly experiment: Experiment
  readonly space: Space
  /** Read from the file that `search.assignment` names. */
  readonly assignment?: Assignment
  /** Read from the file that `reward.cost.table` names. */
  readonly latencyTable?: LatencyTable
  /** The command that measures what the table lacks. */
  readonly fill?: string
  /** The weights that `train.initial` names. */
  readonly initial?: Initial
}

/** The trials of a cell, or what is wrong with them, by paths into the trial. */
export const planCell = (
  read: ReadCell,
  checks: Checks,
): { readonly trials: ReadonlyArray<PlannedTrial>; readonly problems: ReadonlyArray<Problem> } => {
  const { controls } = read.experiment
  const declaration = declare(read)
  const problems = [...checks.trial(declaration, read.fill)]
  if (problems.length > 0) return { trials: [], problems }
  const reduced = checks.reduce(declaration)
  const trials = [describe(read, reduced, undefined)]
  for (const control of Control.literals) {
    // what the cost of a format is, only a table that has been read says
    if (!controls.includes(control) || (control !== "random" && isUnread(reduced.reward?.cost)))
      continue
    const search = searchOf(control, reduced, checks)
    if ("message" in search) return { trials: [], problems: [search] }
    // controls are trained from scratch already: `uniform` and `random` would come out the same
    const finish = withoutRetrain(reduced.finish)
    trials.push(describe(read, { ...reduced, search, finish }, control))
  }
  return { trials, problems }
}

/** Share of the steps that `wideThenUniform` trains wide: that of the search that trains so by itself, `sensitivity`. */
const wideShare = 0.6

/** What a control does in the place of the search of `trial`. */
const searchOf = (control: Control, trial: Trial, checks: Checks): Trial["search"] | Problem => {
  if (control === "random")
    return resolved({ kind: "random", candidates: 1 }, trial.train.steps) as Trial["search"]
  const uniform = checks.uniform(trial)
  if (typeof uniform !== "string") return uniform
  return { kind: "fixed", uniform, ...(control === "uniform" ? {} : { widest: wideShare }) }
}

/** Everything the result depends on, every knob written out. */
export const declare = ({
  experiment,
  space,
  assignment,
  latencyTable,
  initial,
}: Pick<ReadCell, "experiment" | "space" | "assignment" | "latencyTable" | "initial">): Trial => {
  const { checkpointEvery: _c, initial: _i, ...train } = experiment.train
  const { data, search, reward, finish, seed } = experiment
  const { $schema: _s, description: _d, ...network } = space
  return {
    data,
    search: {
      ...resolved(search, train.steps),
      ...(assignment === undefined ? {} : { assignment }),
    } as Trial["search"],
    ...(reward === undefined ? {} : { reward: withTable(reward, latencyTable) }),
    // `retrain: false` is the same trial as none
    finish: finish.retrain === true ? finish : withoutRetrain(finish),
    seed,
    train: { ...train, ...(initial === undefined ? {} : { initial: initial.spec }) },
    space: network,
  }
}

const withoutRetrain = (finish: Trial["finish"]): Trial["finish"] => {
  const { retrain: _, ...rest } = finish
  return rest
}

type Reward = NonNullable<Trial["reward"]>

const withTable = (reward: Reward, table: LatencyTable | undefined): Reward =>
  table === undefined || reward.cost.kind !== "latency"
    ? reward
    : { ...reward, cost: { ...reward.cost, table } }

/** Thousands of times are no parameters: the digest of the table stands for it. */
const withDigest = ({ reward, ...rest }: Omit<Trial, "space">): unknown =>
  reward?.cost.kind !== "latency"
    ? { reward, ...rest }
    : { reward: { ...reward, cost: { ...reward.cost, table: idOf(reward.cost.table) } }, ...rest }

const flat = (entries: ReadonlyArray<readonly [string, unknown]>): Record<string, string> =>
  Object.assign({}, ...entries.map(([key, value]) => flatten({ [key]: value })))

const describe = (
  { name, cell, labels, experiment, initial }: ReadCell,
  declaration: Trial,
  control: Control | undefined,
): PlannedTrial => {
  const { space, ...rest } = declaration
  // A control is the same whatever the search it stands beside, and never retrained.
  const varied = Object.entries(cell).filter(
    ([key]) =>
      control === undefined ||
      !(key === "search" || key.startsWith("search.") || key === "finish.retrain"),
  )
  const label =
    control === undefined
      ? []
      : [
          controlName(control),
          ...(declaration.search.kind === "fixed" ? [declaration.search.uniform] : []),
        ]
  const words = [
    ...label,
    ...varied.map(([key, value]) => `${labels.get(key) ?? key}=${short(value)}`),
  ]
  return {
    id: trialId(declaration),
    name: words.join(" ").slice(0, 200) || name,
    control,
    cell: { ...flat(varied), "search.kind": declaration.search.kind },
    parameters: {
      name,
      "space.name": space.name,
      ...flat(varied.filter(([key]) => key.startsWith("space."))),
      ...flatten(withDigest(rest)),
      ...(control === undefined ? {} : { control }),
    },
    declaration,
    execution: {
      threads: experiment.threads,
      checkpointEvery: experiment.train.checkpointEvery,
    },
    ...(initial === undefined ? {} : { initial }),
  }
}

const last = (key: string, parts: number): string => key.split(".").slice(-parts).join(".")

/** The last part of each path, or as many as tell it from the others: `times`, `seed`. */
export const shortKeys = (keys: ReadonlyArray<string>): ReadonlyMap<string, string> => {
  return new Map(
    keys.map((key) => {
      let parts = 1
      const shared = () =>
        keys.some((other) => other !== key && last(other, parts) === last(key, parts))
      while (parts < 50 && shared()) parts++
      return [key, last(key, parts)]
    }),
  )
}

/** A value in a name; of a block its kind and what else it says: `evolution,population=8`. */
const short = (value: unknown): string => {
  if (typeof value === "number") return plainDecimal(value)
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const { kind, ...rest } = flatten(value)
    const words = Object.entries(rest).map(([key, word]) => `${key}=${word}`)
    return cut([...(kind === undefined ? [] : [kind]), ...words].join(","), 80)
  }
  return cut(typeof value === "string" ? value : canonicalJson(value), 40)
}

const cut = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 3)}...` : text
