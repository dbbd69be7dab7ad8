/**
 * What arms are called: what differs between the arms of one grid, in the words a person reads.
 *
 * `x1.5 reinforce`, `evolution population=8`, `uniform INT4`: the target first, then the kind of search, then other keys of
 * the matrix in which the arms differ. Arms that would be called alike also name the parameters in which they differ.
 * Left out: which trials are an arm (`Arms.ts`).
 */
import { Option, Schema } from "effect"
import { Control, controlName } from "../experiment/Experiment.ts"
import { shortKeys } from "../experiment/PlannedTrial.ts"

/** What a label is made from. */
export interface Labelled {
  /** Unique among the arms. */
  readonly key: string
  /** Without the seed. */
  readonly cell: Readonly<Record<string, string>>
  readonly parameters: Readonly<Record<string, string>>
}

export const kindKey = "search.kind"
export const uniformKey = "search.uniform"
export const controlKey = "control"
const targetKeys = ["reward.cost.target.times", "reward.cost.target.uniform", "reward.cost.target"]
const rankOf = (key: string): number => {
  const place = targetKeys.indexOf(key)
  return place < 0 ? targetKeys.length : place
}

const decodeControl = Schema.decodeUnknownOption(Control)

/** The kind of control that a trial with these parameters is; undefined for a trial of the matrix itself. */
export const controlOf = (parameters: Readonly<Record<string, string>>): Control | undefined =>
  Option.getOrUndefined(decodeControl(parameters[controlKey]))

/** `uniform INT4`, `random control`, `reinforce`: an arm without what else differs. */
const baseOf = ({ parameters }: Labelled): string => {
  const control = controlOf(parameters)
  const uniform = parameters[uniformKey]
  if (control !== undefined)
    return [controlName(control), ...(uniform === undefined ? [] : [uniform])].join(" ")
  if (uniform === undefined) return parameters[kindKey] ?? "trial"
  return parameters["search.widest"] === undefined
    ? `uniform ${uniform}`
    : `wide then uniform ${uniform}`
}

const longest = 40
const cut = (text: string): string =>
  text.length > longest ? `${text.slice(0, longest - 3)}...` : text

/** A file by its name without folders and ending. */
const fileName = (path: string): string => path.replace(/^.*[\\/]/, "").replace(/\.ya?ml$/, "")

const wordOf = (key: string, value: string, names: ReadonlyMap<string, string>): string => {
  switch (key) {
    case "reward.cost.target.times":
      return `x${value}`
    case "reward.cost.target.uniform":
      return `of ${value}`
    case "space":
      return fileName(value)
    case "space.name":
    case kindKey:
    case "search.preset":
      return value
    default:
      return `${names.get(key) ?? key}=${cut(value)}`
  }
}

/** The base says these already. */
const isInBase = (key: string): boolean =>
  [kindKey, uniformKey, "search.widest", controlKey, "seed"].includes(key)

const sorted = (keys: Iterable<string>): ReadonlyArray<string> =>
  [...keys].sort((a, b) => rankOf(a) - rankOf(b) || (a < b ? -1 : 1))

/** Keys of the matrix in which the arms differ. A control has only the keys that it depends on: lacking one is no value. */
export const differingKeys = (
  arms: ReadonlyArray<Pick<Labelled, "cell" | "parameters">>,
): ReadonlyArray<string> =>
  sorted(
    [...new Set(arms.flatMap(({ cell }) => Object.keys(cell)))].filter((key) => {
      const values = arms
        .filter(({ cell, parameters }) => key in cell || controlOf(parameters) === undefined)
        .map(({ cell, parameters }) => cell[key] ?? parameters[key])
      return key !== "seed" && new Set(values).size > 1
    }),
  )

const labelOf = (arm: Labelled, keys: ReadonlyArray<string>): string => {
  const names = shortKeys(keys)
  const words = keys
    .filter((key) => !isInBase(key) && key in arm.cell)
    .map((key) => ({ key, word: wordOf(key, arm.cell[key]!, names) }))
  const targets = words.filter(({ key }) => rankOf(key) < targetKeys.length)
  const others = words.filter(({ key }) => rankOf(key) >= targetKeys.length)
  return [...targets.map(({ word }) => word), baseOf(arm), ...others.map(({ word }) => word)].join(
    " ",
  )
}

/** The block that a key is in: `train.learningRate.restart` of `train.learningRate.restart.factor`. */
const blockOf = (key: string): string => key.split(".").slice(0, -1).join(".")

/** Keys in which these arms differ; a block of two keys or more that some lack is one word, its name. */
const differences = (alike: ReadonlyArray<Labelled>): ReadonlyArray<string> => {
  const all = sorted(new Set(alike.flatMap(({ parameters }) => Object.keys(parameters))))
  const differing = all.filter(
    (key) =>
      key !== "seed" && new Set(alike.map(({ parameters }) => parameters[key] ?? "")).size > 1,
  )
  const isLacked = (key: string) => alike.some(({ parameters }) => parameters[key] === undefined)
  const lacked = differing.filter(isLacked)
  const isBlock = (block: string) =>
    lacked.filter((key) => blockOf(key) === block).length > 1 &&
    all.every((key) => blockOf(key) !== block || lacked.includes(key))
  return [...new Set(differing.map((key) => (isBlock(blockOf(key)) ? blockOf(key) : key)))]
}

/** Labels of arms that would be called alike: with the parameters in which they differ, else with their key. */
const distinct = (label: string, alike: ReadonlyArray<Labelled>): ReadonlyArray<string> => {
  const keys = differences(alike)
  const names = shortKeys(keys)
  const wordFor = (key: string, { parameters }: Labelled): ReadonlyArray<string> => {
    const value = parameters[key]
    if (value !== undefined) return [wordOf(key, value, names)]
    const isThere = Object.keys(parameters).some((other) => blockOf(other) === key)
    return isThere ? [names.get(key) ?? key] : []
  }
  const labels = alike.map((arm) =>
    [label, ...keys.flatMap((key) => wordFor(key, arm)).slice(0, 3)].join(" "),
  )
  return labels.map((one, i) =>
    labels.filter((other) => other === one).length > 1
      ? `${one} ${alike[i]!.key.slice(0, 4)}`
      : one,
  )
}

/** The label of every arm of a grid, by its key; no two are equal. */
export const labelsOf = (arms: ReadonlyArray<Labelled>): ReadonlyMap<string, string> => {
  const keys = differingKeys(arms)
  const byLabel = new Map<string, Array<Labelled>>()
  for (const arm of arms) {
    const label = labelOf(arm, keys)
    byLabel.set(label, [...(byLabel.get(label) ?? []), arm])
  }
  const labels = new Map<string, string>()
  for (const [label, alike] of byLabel) {
    const unique = alike.length === 1 ? [label] : distinct(label, alike)
    for (const [i, { key }] of alike.entries()) labels.set(key, unique[i]!)
  }
  return labels
}
