/**
 * The arm of a trial in a study: what it does, in words that follow from its resolved parameters alone. A default that
 * changes later does not change what a kept line says: the knob is in its parameters, and the arm names it from then on.
 *
 * Left out: tables of arms (`Study.ts`).
 */
import { Schema } from "effect"
import { Control, controlName } from "../../src/experiment/Experiment.ts"
import { assign } from "../../src/experiment/Overrides.ts"
import { flatten } from "../../src/experiment/Parameters.ts"
import { pairText } from "../../src/format/Pair.ts"
import { rewards } from "../../src/reward/Rewards.ts"
import { isSearching, resolved, type SearchSpec, unread } from "../../src/search/Searches.ts"

/** As `plan --json` has them: flat, every knob written out. */
export type Parameters = Readonly<Record<string, string>>

/** `schedule=none`, `baseline.kind=movingAverage`: a kind says nothing without what it is of. */
export const parameterWord = (key: string, value: string): string => {
  const parts = key.split(".")
  return `${parts.slice(parts.at(-1) === "kind" ? -2 : -1).join(".")}=${value}`
}

const isControl = Schema.is(Control)

/** A flat value as it stood in the block. */
const valueOf = (text: string): unknown =>
  text !== "" && Number.isFinite(Number(text)) ? Number(text) : text

/** What no arm is named by: its format has a word of its own, and what searches found differs by seed. */
const isNamedApart = (key: string): boolean =>
  key === "search.kind" || /^search\.(uniform|assignment)(\.|$)/.test(key)

/** The fewest knobs that make this search of the defaults of today: those that follow from others are not among them. */
const searchWords = (parameters: Parameters): ReadonlyArray<string> => {
  const steps = Number(parameters["train.steps"])
  const knobs = Object.entries(parameters).filter(
    ([key]) => key.startsWith("search.") && !isNamedApart(key),
  )
  const resolvedFrom = (given: typeof knobs) => {
    const spec = given.reduce<unknown>(
      (block, [key, value]) => assign(block, key.split(".").slice(1), valueOf(value)),
      { kind: parameters["search.kind"] },
    )
    return flatten({ search: resolved(spec as SearchSpec, steps) })
  }
  const makesAll = (given: typeof knobs) => {
    const found = resolvedFrom(given)
    return knobs.every(([key, value]) => found[key] === value)
  }
  const usual = resolvedFrom([])
  const needed = knobs
    .filter(([key, value]) => usual[key] !== value)
    .reduce<typeof knobs>(
      (kept, knob) => {
        const fewer = kept.filter((other) => other !== knob)
        return makesAll(fewer) ? fewer : kept
      },
      knobs.filter(([key, value]) => usual[key] !== value),
    )
  return needed.map(([key, value]) => parameterWord(key, value))
}

const rewardsByDefault = Schema.decodeUnknownSync(rewards.schema)

/** What of the reward is no default, as far as the search follows it. */
const rewardWords = (parameters: Parameters): ReadonlyArray<string> => {
  const { "reward.kind": kind, "search.kind": search, "train.steps": steps } = parameters
  if (kind === undefined) return []
  const spec = {
    kind: search,
    ...(parameters["search.candidates"] === "1" ? { candidates: 1 } : {}),
  } as SearchSpec
  const ignored = new Set(unread(spec, Number(steps)).map(({ path }) => path.join(".")))
  const usual: Parameters = {
    ...flatten({ reward: rewardsByDefault({ kind, cost: { target: 1 } }) }),
    "reward.kind": "absolute",
  }
  const keys = ["reward.kind", "reward.quality", "reward.beta", "reward.cost.kind"] as const
  return keys.flatMap((key) => {
    const value = parameters[key]
    return value === undefined || value === usual[key] || ignored.has(key)
      ? []
      : [parameterWord(key, value)]
  })
}

/** What makes the shared weights ready, where it is asked for. */
const trainWords = (parameters: Parameters): ReadonlyArray<string> =>
  ["train.sortChannels", "train.distill"].flatMap((key) => {
    const value = parameters[key]
    return value === undefined ? [] : [parameterWord(key, value)]
  })

/** The format, or the pair, of a network that has it everywhere. */
const formatOf = (parameters: Parameters): string | undefined => {
  const {
    "search.uniform": format,
    "search.uniform.activations": activations,
    "search.uniform.weights": weights,
  } = parameters
  return weights === undefined || activations === undefined
    ? format
    : pairText({ weights, activations })
}

/** The arm by what it is in the claim that the third part of the study tests; undefined in the other parts. */
const roleOf = (parameters: Parameters): string | undefined => {
  const { control, name = "", "search.kind": kind, "space.name": space = "" } = parameters
  if (!/^study-[hij]-/.test(name)) return undefined
  if (control !== undefined) return control
  if (kind !== "reinforce") return kind
  // the first stage takes all of its steps to decide, the second trains what it found
  const isRetrained = Object.keys(parameters).some((key) => key.startsWith("finish.retrain"))
  if (parameters["search.decideBy"] === "1" && isRetrained) return "two-stage"
  if (parameters["search.prior"] !== undefined) return "informed"
  if (name.startsWith("study-j-")) return "search"
  if (space.endsWith("-largest")) return "formats"
  return space.endsWith("-int8") ? "architecture" : "joint"
}

/** `reinforce resnet8`, `uniform INT4 resnet8`, `reinforce resnet8 trainFormats=drawn`; in the third part `joint`. */
export const armOf = (parameters: Parameters): string => roleOf(parameters) ?? wordsOf(parameters)

const wordsOf = (parameters: Parameters): string => {
  const { control, "search.kind": kind, "space.name": space } = parameters
  const isOwn = !isControl(control)
  const words = [
    // one random assignment is not the search of that name
    isOwn ? kind : controlName(control),
    formatOf(parameters),
    space,
    ...(isOwn ? searchWords(parameters) : []),
    ...(isOwn ? trainWords(parameters) : []),
    ...(isOwn && isSearching(kind) ? rewardWords(parameters) : []),
  ]
  return words.filter((word) => word !== undefined).join(" ")
}
