/**
 * What makes a trial the trial it is: its id, and what trials have in common that train alike.
 *
 * A trial is declared with more than its training reads: a fixed assignment is trained without a look at the target, a
 * sensitivity search at its own quality. What is not read takes one value, so that it makes no other trial. What a fixed
 * assignment costs is its own target. Ids that were given out before this was so stay known (`Adopt.ts`).
 */
import { Result, Schema } from "effect"
import { isUnread } from "../cost/Costs.ts"
import type { FormatSlot } from "../cost/LayerTable.ts"
import * as Datasets from "../data/Datasets.ts"
import type { Network } from "../network/Network.ts"
import { canonicalFormats } from "../network/format/CanonicalFormats.ts"
import { compileCost } from "../network/Target.ts"
import { type RewardSpec, rewards } from "../reward/Rewards.ts"
import { givenChoices, givenUniform, isSearching, unread, wideStepsOf } from "../search/Searches.ts"
import type { Choices } from "../space/Decision.ts"
import { withWidestFormats } from "../space/DecisionSpace.ts"
import { maximum, type Quantity, valueOf } from "../space/Quantity.ts"
import type { Trial } from "../train/Trial.ts"
import { idOf } from "./Canonical.ts"

/** What an id is made from: the trial without the name of its space, formats in one spelling, data as it ever was. */
const identity = (trial: Trial) => {
  const { name: _, formats, ...space } = trial.space
  const data = Datasets.identity(trial.data)
  return { ...trial, data, space: { ...space, formats: canonicalFormats(formats) } }
}

/** First 16 hex digits of sha256 over the canonical JSON of the trial's identity. */
export const trialId = (trial: Trial): string => idOf(identity(trial))

/** The keys of a reward's block that a search does not read; `cost` where it is trained at no target. */
export const unreadOfReward = ({ search, train }: Trial): ReadonlySet<string> =>
  new Set([
    ...unread(search, train.steps).flatMap(({ path: [block, key] }) =>
      block === "reward" && key !== undefined ? [key] : [],
    ),
    ...(isSearching(search.kind) ? [] : ["cost"]),
  ])

/** The choices that a search is given; undefined where it finds them, or where a file with them was not read. */
const choicesOf = (network: Network, search: Trial["search"]): Choices | undefined => {
  const given = givenChoices(search, network)
  return given !== undefined && Result.isSuccess(given) ? given.success : undefined
}

/** What the assignment costs, as a target in the unit it was declared in. */
const ownTarget = (network: Network, search: Trial["search"], { cost }: RewardSpec) => {
  const uniform = givenUniform(search)
  if (uniform !== undefined) return { times: 1, uniform }
  const choices = isUnread(cost) ? undefined : choicesOf(network, search)
  return choices === undefined ? cost.target : compileCost(network, cost).of(choices)
}

const usual = Schema.decodeUnknownSync(rewards.schema)({ cost: { target: 1 } })

/** The reward with its usual values where it is not read. */
const readReward = (trial: Trial, network: Network, reward: RewardSpec): RewardSpec => {
  const { search } = trial
  const not = unreadOfReward(trial)
  const cost = not.has("cost")
    ? { ...reward.cost, target: ownTarget(network, search, reward) }
    : reward.cost
  return {
    ...reward,
    ...(not.has("kind") ? { kind: usual.kind } : {}),
    ...(not.has("quality") ? { quality: usual.quality } : {}),
    ...(not.has("beta") ? { beta: usual.beta } : {}),
    cost,
  } as RewardSpec
}

/** The trial that stands for all that are declared otherwise and train alike in one space. */
const reduced = (trial: Trial, network: Network): Trial =>
  trial.reward === undefined
    ? trial
    : { ...trial, reward: readReward(trial, network, trial.reward) }

const isQuantity = (value: object): value is Quantity => "sizes" in value && "values" in value
const isSlot = (value: object): value is FormatSlot => "decision" in value && "formats" in value

/** A part of a network as it is under these choices: of a size what it is, and what it is at most. */
const under = (choices: Choices, value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map((item) => under(choices, item))
  if (isQuantity(value)) return [valueOf(value, choices), maximum(value)]
  if (isSlot(value))
    return value.formats[value.decision === null ? 0 : choices[value.decision]!]!.name
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, under(choices, item)]))
}

const digests = new WeakMap<Network, Map<string, string>>()

/** Of the graph and its layers under these choices; seeds of one trial share it. */
const digestUnder = (network: Network, choices: Choices): string => {
  const known = digests.get(network) ?? new Map<string, string>()
  digests.set(network, known)
  const key = choices.join()
  const digest = known.get(key) ?? idOf(under(choices, [network.graph, network.table.layers]))
  known.set(key, digest)
  return digest
}

/**
 * Equal for trials that train alike. Of a fixed assignment that is the network it trains, whatever else its space offers;
 * of all others the trial itself.
 */
const trainingOf = (trial: Trial, network: Network): string => {
  const { search } = trial
  const { search: _q, space: _s, reward: _r, ...rest } = identity(trial)
  const choices = choicesOf(network, search)
  if (choices === undefined) return trialId(trial)
  const trained = digestUnder(network, choices)
  const wide = digestUnder(network, withWidestFormats(network.space, choices))
  // what is at its widest already is trained so throughout
  const wideSteps = wide === trained ? 0 : wideStepsOf(search, trial.train.steps)
  return idOf({
    ...rest,
    search: [search.kind, wideSteps],
    network: trained,
    ...(wideSteps === 0 ? {} : { wide }),
  })
}

export interface Alike {
  /** The trial as it is trained and known. */
  readonly trial: Trial
  readonly training: string
}

export const alike = (declared: Trial, network: Network): Alike => {
  const trial = reduced(declared, network)
  return { trial, training: trainingOf(trial, network) }
}

/** Equal for trials that are to be compared: all but the search, what it follows, and what is done after it. */
export const settingOf = (trial: Trial): string => {
  const { search: _s, reward: _r, finish, ...rest } = identity(trial)
  const { retrain: _, ...end } = finish
  return idOf({ ...rest, finish: end })
}
