/**
 * One cell of a plan -> its trial and its controls: resolved, named, with parameters and ids. Trials that train alike are
 * merged into one.
 */
import { Result } from "effect"
import { isUnread } from "../cost/Costs.ts"
import { isLimitUnread } from "./LimitProblems.ts"
import { isPair, pairText } from "../format/Pair.ts"
import type { Problem } from "../declaration/Errors.ts"
import type { Space } from "../network/SpaceFile.ts"
import { decidesEarly, givenUniform, isDecided, resolved } from "../search/Searches.ts"
import { withoutFreeze, withRestart } from "../train/TrainSpec.ts"
import type { Trial } from "../train/Trial.ts"
import { type Contents, withContents, withDigests } from "./BlockFiles.ts"
import { canonicalJson } from "./Canonical.ts"
import type { Checks } from "./Checks.ts"
import { Control, controlName, type Experiment } from "./Experiment.ts"
import { settingOf, trialId, unreadOfReward } from "./Identity.ts"
import type { Initial } from "./TrainedWeights.ts"
import type { Cell } from "./Matrix.ts"
import { type Resources, secondsOf } from "./Resources.ts"
import { flatten, plainDecimal } from "./Parameters.ts"

export interface PlannedTrial {
  readonly id: string
  /** `times=1.1 seed=2`, `uniform INT4 seed=2`; the experiment's name when there is only one. */
  readonly name: string
  /** The name without the seed: trials of one arm differ only in their seed. */
  readonly arm: string
  /** Undefined for a trial of the matrix itself. */
  readonly control: Control | undefined
  /** What distinguishes it from the other trials: the cell as far as it depends on it, `search.kind`. */
  readonly cell: Readonly<Record<string, string>>
  /** All parameters, flat: `search.kind`, `reward.cost.target.times`, ... */
  readonly parameters: Readonly<Record<string, string>>
  readonly declaration: Trial
  /** Threads, checkpoints, resources: they change how it runs and not its result. */
  readonly execution: {
    readonly threads: number | undefined
    readonly checkpointEvery: number
    readonly resources?: Resources
    /** Seconds that it may train. */
    readonly timeout?: number
  }
  /** Its initial weights and where they are now. */
  readonly initial?: Initial
  /** Equal for trials that train alike; a plan has each such key once. */
  readonly training: string
  /** Trials that have one of these keys in common may be compared. */
  readonly settings: ReadonlyArray<string>
  /** The same training as declared in cells, if that had other ids in earlier versions. */
  readonly former: ReadonlyArray<Trial>
  /** What it is made from. */
  readonly source: Source
}

type Varied = ReadonlyArray<readonly [key: string, value: unknown]>

/** A trial without its name. */
interface Source {
  readonly read: ReadCell
  readonly control: Control | undefined
  /** The cell, as far as the trial depends on it. */
  readonly varied: Varied
  readonly declaration: Trial
  readonly training: string
  readonly settings: ReadonlyArray<string>
  readonly former: ReadonlyArray<Trial>
}

/** A cell whose files were read and whose shape was checked. */
export interface ReadCell {
  /** The name of the experiment. */
  readonly name: string
  readonly cell: Cell
  /** The short name of each key of the matrix. */
  readonly labels: ReadonlyMap<string, string>
  readonly experiment: Experiment
  readonly space: Space
  /** The contents of the files that its blocks name. */
  readonly contents: ReadonlyArray<Contents>
  /** The command that adds what the file of its cost lacks. */
  readonly fill?: string
  /** The weights that `train.initial` names. */
  readonly initial?: Initial
}

/** The trials of a cell, or its problems by paths into the trial. */
export const planCell = (
  read: ReadCell,
  checks: Checks,
): Result.Result<ReadonlyArray<PlannedTrial>, ReadonlyArray<Problem>> => {
  const { controls } = read.experiment
  const declaration = declare(read)
  const problems = checks.trial(declaration, read.fill)
  if (problems.length > 0) return Result.fail(problems)
  const own = checks.reduce(declaration)
  const trials = [plan(read, own, undefined, checks)]
  for (const control of Control.literals) {
    // The cost of a format is known only after the table has been read.
    if (!controls.includes(control) || (control !== "random" && isCostUnread(own))) continue
    const searches = searchesOf(control, own, checks)
    if (Result.isFailure(searches)) return Result.fail(searches.failure)
    // Controls are trained from scratch already, so retraining `uniform` and `random` would give the same result.
    const finish = withoutRetrain(own.finish)
    for (const search of searches.success)
      trials.push(plan(read, underSearch({ ...own, finish }, search), control, checks))
  }
  return Result.succeed(trials)
}

/** The trial with another search; what is decided from the first step has no second schedule for what comes then. */
const underSearch = (trial: Trial, search: Trial["search"]): Trial => {
  const { learningRate, ...train } = trial.train
  return isDecided(search)
    ? { ...trial, search, train: { ...train, learningRate: withoutFreeze(learningRate) } }
    : { ...trial, search }
}

const isCostUnread = ({ reward }: Trial): boolean =>
  reward !== undefined && (isUnread(reward.cost) || (reward.limits ?? []).some(isLimitUnread))

/** A declared trial as it is trained; the declaration is kept under its earlier id. */
const plan = (
  read: ReadCell,
  declared: Trial,
  control: Control | undefined,
  checks: Checks,
): PlannedTrial => {
  const { training, trial } = checks.alike(declared)
  return describe({
    read,
    control,
    varied: Object.entries(read.cell).flatMap(([key, value]) => {
      const kept = dependsOn(trial, control, key, value)
      return kept === undefined ? [] : [[key, kept] as const]
    }),
    declaration: trial,
    training,
    settings: [settingOf(trial)],
    former: isSame(declared.reward, trial.reward) ? [] : [declared],
  })
}

const isSame = (a: Trial["reward"], b: Trial["reward"]): boolean =>
  canonicalJson(a ?? null) === canonicalJson(b ?? null)

/** Two trials that train alike, merged: the first, without the keys of its cell that the second does not share. */
const merge = (a: PlannedTrial, b: PlannedTrial): PlannedTrial => {
  const others = new Map(b.source.varied)
  const same = ([key, value]: Varied[number]) =>
    others.has(key) && canonicalJson(others.get(key)) === canonicalJson(value)
  const former = new Map(
    [...a.former, b.declaration, ...b.former].map((trial) => [trialId(trial), trial]),
  )
  former.delete(a.id)
  return describe({
    ...a.source,
    varied: a.source.varied.filter(same),
    settings: [...new Set([...a.settings, ...b.settings])],
    former: [...former.values()],
  })
}

/** Every training once, in the order of first appearance. */
export const withoutTwins = (trials: Iterable<PlannedTrial>): ReadonlyArray<PlannedTrial> => {
  const known = new Map<string, PlannedTrial>()
  for (const trial of trials) {
    const twin = known.get(trial.training)
    known.set(trial.training, twin === undefined ? trial : merge(twin, trial))
  }
  return [...known.values()]
}

/** The trial as declared in a cell, under the id that earlier versions gave it. */
export const asFormer = ({ source }: PlannedTrial, declaration: Trial): PlannedTrial =>
  describe({ ...source, declaration, former: [] })

/** Share of the steps that `wideThenUniform` trains wide: as much as `sensitivity`, which does so in its search. */
const wideShare = 0.6

/** The searches that a control has in place of that of `trial`: one trial for each. */
const searchesOf = (
  control: Control,
  trial: Trial,
  checks: Checks,
): Result.Result<ReadonlyArray<Trial["search"]>, ReadonlyArray<Problem>> => {
  if (control === "random")
    return Result.succeed([resolved({ kind: "random", candidates: 1 }, trial.train.steps)])
  const widest = control === "uniform" ? {} : { widest: wideShare }
  return Result.map(checks.uniforms(trial), (uniforms) =>
    uniforms.map((uniform) => ({ kind: "fixed" as const, uniform, ...widest })),
  )
}

/** Every setting that the result depends on, written out. */
export const declare = ({
  contents,
  experiment,
  initial,
  space,
}: Pick<ReadCell, "contents" | "experiment" | "initial" | "space">): Trial => {
  const { checkpointEvery: _c, initial: _i, ...train } = experiment.train
  const { data, search, reward, finish, seed } = experiment
  const { $schema: _s, description: _d, ...network } = space
  const searched = resolved(search, train.steps)
  const learningRate = withRestart(train.learningRate, decidesEarly(searched))
  const trial: Trial = {
    data,
    search: searched,
    ...(reward === undefined ? {} : { reward }),
    finish: withRetrain(finish, train.steps),
    seed,
    train: { ...train, learningRate, ...(initial === undefined ? {} : { initial: initial.spec }) },
    space: network,
  }
  return withContents(trial, contents)
}

/** `retrain: false` is the same trial as none, `{ steps }` of the search's own steps the same as `true`. */
const withRetrain = (finish: Trial["finish"], steps: number): Trial["finish"] => {
  const { retrain = false } = finish
  if (retrain === false) return withoutRetrain(finish)
  return retrain === true || retrain.steps === steps ? { ...finish, retrain: true } : finish
}

const withoutRetrain = (finish: Trial["finish"]): Trial["finish"] => {
  const { retrain: _, ...rest } = finish
  return rest
}

const flat = (entries: ReadonlyArray<readonly [string, unknown]>): Record<string, string> =>
  Object.assign({}, ...entries.map(([key, value]) => flatten({ [key]: value })))

/** A block without some of its keys; undefined if nothing is left. */
const without = (value: unknown, keys: ReadonlySet<string>): unknown => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value
  const left = Object.entries(value).filter(([key]) => !keys.has(key))
  return left.length === 0 ? undefined : Object.fromEntries(left)
}

/** The part of a cell's value that a trial depends on; undefined if the trial is the same for every value. */
const dependsOn = (
  trial: Trial,
  control: Control | undefined,
  key: string,
  value: unknown,
): unknown => {
  const [block, part] = key.split(".")
  if (block === "resources" || block === "timeout") return undefined
  // A control is independent of the search it is compared with, and is never retrained.
  if (control !== undefined && block === "search") return undefined
  const unread =
    block === "reward"
      ? unreadOfReward(trial)
      : new Set(block === "finish" && control !== undefined ? ["retrain"] : [])
  if (part === undefined) return without(value, unread)
  return unread.has(part) ? undefined : value
}

const describe = (source: Source): PlannedTrial => {
  const uniform = givenUniform(source.declaration.search)
  const { control, declaration, former, read, settings, training, varied } = source
  const { name, labels, experiment, initial } = read
  const { reward, space, ...rest } = declaration
  const blocks = { ...(reward === undefined ? {} : { reward }), ...rest }
  const label =
    control === undefined
      ? []
      : [controlName(control), ...(uniform === undefined ? [] : [pairText(uniform)])]
  const wordsOf = (entries: Varied) => [
    ...label,
    ...entries.map(([key, value]) => `${labels.get(key) ?? key}=${short(value)}`),
  ]
  const words = wordsOf(varied)
  const unseeded = wordsOf(varied.filter(([key]) => key !== "seed"))
  return {
    id: trialId(declaration),
    name: words.join(" ").slice(0, 200) || name,
    arm: unseeded.join(" ") || (words.length === 0 ? name : "searched"),
    control,
    cell: { ...flat(varied), "search.kind": declaration.search.kind },
    parameters: {
      name,
      "space.name": space.name,
      ...flat(varied.filter(([key]) => key.startsWith("space."))),
      ...flatten(withDigests(blocks)),
      ...(control === undefined ? {} : { control }),
    },
    declaration,
    execution: {
      threads: experiment.threads,
      checkpointEvery: experiment.train.checkpointEvery,
      ...(experiment.resources === undefined ? {} : { resources: experiment.resources }),
      ...(experiment.timeout === undefined ? {} : { timeout: secondsOf(experiment.timeout) }),
    },
    ...(initial === undefined ? {} : { initial }),
    training,
    settings,
    former,
    source,
  }
}

const last = (key: string, parts: number): string => key.split(".").slice(-parts).join(".")

/** The last part of each path, or as many parts as make it unique: `times`, `seed`. */
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

/** A value in a name; for a block its kind and other keys: `evolution,population=8`. */
const short = (value: unknown): string => {
  if (isPair(value)) return pairText(value)
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
