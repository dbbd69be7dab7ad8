/**
 * The identity of a trial: its id, and a key that is equal for trials that train alike.
 *
 * A trial declares more than its training reads: a fixed assignment is trained without its target, and a sensitivity search
 * uses its own quality. A setting that is not read is replaced by one value, so that it does not make another trial. The
 * target of a fixed assignment is its own cost. Ids of earlier versions, which had no such rule, stay known (`EarlierIds.ts`).
 */
import { Result, Schema } from "effect"
import { formatIn } from "../cost/Bits.ts"
import { isUnread } from "../cost/Costs.ts"
import type { FormatSlot } from "../cost/LayerTable.ts"
import * as Datasets from "../data/Datasets.ts"
import type { Network } from "../network/Network.ts"
import { canonicalFormats } from "../network/format/CanonicalFormats.ts"
import { compileCost } from "../network/CostTarget.ts"
import { type RewardSpec, rewards } from "../reward/Rewards.ts"
import {
  givenChoices,
  givenUniform,
  identity as searchIdentity,
  isSearching,
  unread,
  wideStepsOf,
} from "../search/Searches.ts"
import type { Choices } from "../space/Decision.ts"
import { withWidestFormats } from "../space/DecisionSpace.ts"
import { maximum, type Quantity, valueOf } from "../space/Quantity.ts"
import { withoutRestart } from "../train/TrainSpec.ts"
import type { Trial } from "../train/Trial.ts"
import { idOf } from "./Canonical.ts"

/** What an id is made from: the trial without the name and the definitions of its space, formats in one spelling, data as in earlier versions. */
const identity = (trial: Trial) => {
  const { name: _name, definitions: _read, formats, ...space } = trial.space
  const data = Datasets.identity(trial.data)
  const search = searchIdentity(trial.search)
  return { ...trial, data, search, space: { ...space, formats: canonicalFormats(formats) } }
}

/** First 16 hex digits of sha256 over the canonical JSON of the trial's identity. */
export const trialId = (trial: Trial): string => idOf(identity(trial))

/** The keys of the reward block that a search does not read; `cost` and `limits` if the trial has no target. */
export const unreadOfReward = ({ search, train }: Trial): ReadonlySet<string> =>
  new Set([
    ...unread(search, train.steps).flatMap(({ path: [block, key] }) =>
      block === "reward" && key !== undefined ? [key] : [],
    ),
    ...(isSearching(search.kind) ? [] : ["cost", "limits"]),
  ])

/** The choices that a search is given; undefined if it finds them itself, or if the file with them was not read. */
const choicesOf = (network: Network, search: Trial["search"]): Choices | undefined => {
  const given = givenChoices(search, network)
  return given !== undefined && Result.isSuccess(given) ? given.success : undefined
}

/** The cost of the assignment, as a target in the unit in which the target was declared. */
const ownTarget = (network: Network, search: Trial["search"], { cost }: RewardSpec) => {
  const uniform = givenUniform(search)
  if (uniform !== undefined) return { times: 1, uniform }
  const choices = isUnread(cost) ? undefined : choicesOf(network, search)
  return choices === undefined ? cost.target : compileCost(network, cost).of(choices)
}

const usual = Schema.decodeUnknownSync(rewards.schema)({ cost: { target: 1 } })

/** The reward with default values in place of those that are not read. */
const readReward = (trial: Trial, network: Network, reward: RewardSpec): RewardSpec => {
  const { search } = trial
  const not = unreadOfReward(trial)
  const cost = not.has("cost")
    ? { ...reward.cost, target: ownTarget(network, search, reward) }
    : reward.cost
  // an assignment that is given was checked against the limits before training
  const { limits, ...rest } = reward
  return {
    ...rest,
    ...(limits === undefined || not.has("limits") ? {} : { limits }),
    ...(not.has("kind") ? { kind: usual.kind } : {}),
    ...(not.has("quality") ? { quality: usual.quality } : {}),
    ...(not.has("beta") ? { beta: usual.beta } : {}),
    cost,
  } as RewardSpec
}

/** The trial that represents all trials that are declared otherwise and train alike in one space. */
const reduced = (trial: Trial, network: Network): Trial =>
  trial.reward === undefined
    ? trial
    : { ...trial, reward: readReward(trial, network, trial.reward) }

const isQuantity = (value: object): value is Quantity => "sizes" in value && "values" in value
const isSlot = (value: object): value is FormatSlot => "decision" in value && "formats" in value

/** A part of a network under these choices: of a quantity its value, and its largest value. */
const under = (choices: Choices, value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) return value.map((item) => under(choices, item))
  if (isQuantity(value)) return [valueOf(value, choices), maximum(value)]
  if (isSlot(value)) return formatIn(value, choices).name
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, under(choices, item)]))
}

const digests = new WeakMap<Network, Map<string, string>>()

/** A digest of the graph and its layers under these choices; the seeds of one trial share it. */
const digestUnder = (network: Network, choices: Choices): string => {
  const known = digests.get(network) ?? new Map<string, string>()
  digests.set(network, known)
  const key = choices.join()
  const digest = known.get(key) ?? idOf(under(choices, [network.graph, network.table.layers]))
  known.set(key, digest)
  return digest
}

/**
 * A key that is equal for trials that train alike. For a fixed assignment it comes from the network that is trained,
 * whatever else its space offers; for all other trials it comes from the trial itself.
 */
const trainingOf = (trial: Trial, network: Network): string => {
  const { search } = trial
  const { search: _q, space: _s, reward: _r, ...rest } = identity(trial)
  const choices = choicesOf(network, search)
  if (choices === undefined) return trialId(trial)
  const trained = digestUnder(network, choices)
  const wide = digestUnder(network, withWidestFormats(network.space, choices))
  // A network that is at its widest is trained so throughout.
  const wideSteps = wide === trained ? 0 : wideStepsOf(search, trial.train.steps)
  return idOf({
    ...rest,
    search: [search.kind, wideSteps],
    network: trained,
    ...(wideSteps === 0 ? {} : { wide }),
  })
}

export interface Alike {
  /** The trial as it is trained, with the id by which it is known. */
  readonly trial: Trial
  readonly training: string
}

export const alike = (declared: Trial, network: Network): Alike => {
  const trial = reduced(declared, network)
  return { trial, training: trainingOf(trial, network) }
}

/**
 * A key that is equal for trials to compare: all but the search, the second schedule that follows it, the reward it follows,
 * and what is done after it.
 */
export const settingOf = (trial: Trial): string => {
  const { search: _s, reward: _r, finish, train, ...rest } = identity(trial)
  const { retrain: _, ...end } = finish
  const learningRate = withoutRestart(train.learningRate)
  return idOf({ ...rest, train: { ...train, learningRate }, finish: end })
}
