/**
 * A resolved trial: everything its result depends on, and what is made of it before the first step.
 *
 * Left out: matrices, controls and ids (`experiment/`), how it runs (`orchestrator/`).
 */
import { Schema } from "effect"
import type { CompiledCost } from "../cost/Cost.ts"
import { datasets } from "../data/Datasets.ts"
import { field, optional, withDefault } from "../declaration/Field.ts"
import { pairText } from "../format/Pair.ts"
import { build, type Network } from "../network/Build.ts"
import { Space } from "../network/SpaceFile.ts"
import { compileCost, costProblems, targetOf } from "../network/Target.ts"
import { uniformChoices } from "../network/format/Uniform.ts"
import { make as bindReward, rewards } from "../reward/Rewards.ts"
import type { Problem as SearchProblem, Searcher } from "../search/Search.ts"
import { make as makeSearcher, searches } from "../search/Searches.ts"
import type { Choices } from "../space/Decision.ts"
import { fromAssignment } from "../space/DecisionSpace.ts"
import { FinishSpec, TrainSpec } from "./TrainSpec.ts"

/** All blocks but the space: what an experiment file and a resolved trial share. */
export const trialFields = {
  data: field(datasets.schema, "The images: which data set, its batches, its split."),
  search: withDefault(
    searches.schema,
    { kind: "reinforce" },
    "How formats and sizes are chosen while the weights train.",
  ),
  reward: optional(
    rewards.schema,
    "What a search strives for: quality at a cost. Default: none, which fixed searches without controls may leave out.",
  ),
  finish: withDefault(
    FinishSpec,
    {},
    "What follows after the last step: recalibration, evaluation, more training.",
  ),
  seed: withDefault(
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4_294_967_295 })).annotate({
      description:
        "Drives the weights, the split, order and augmentation of the data, and the proposals; 0 to 4294967295.",
    }),
    1,
  ),
}

/** One trial with nothing left to decide. */
export const Trial = Schema.Struct({
  ...trialFields,
  train: TrainSpec,
  space: Space,
}).annotate({ identifier: "Trial" })
export type Trial = typeof Trial.Type

/** A trial made ready for the loop: no tensors yet. */
export interface Prepared {
  readonly trial: Trial
  readonly network: Network
  /** The searched cost; GBOPs where no reward names one. */
  readonly cost: CompiledCost
  /** In the unit of `cost`; where no reward names one, the cost of the fixed assignment. */
  readonly target: number
  readonly searcher: Searcher
}

type Failure = { readonly problem: string }

/** Builds the network, makes the target absolute, makes the searcher; says in words why when it cannot. */
export const prepare = (trial: Trial): Prepared | Failure => {
  const { network, problems } = build(trial.space)
  if (network === undefined)
    return { problem: problems.map((p) => `${p.path.join(".")}: ${p.message}`).join("; ") }
  const { reward, search, train, seed } = trial
  const fixed = search.kind === "fixed" ? fixedChoices(network, search) : undefined
  if (fixed !== undefined && "problem" in fixed) return fixed
  const [unfit] = reward === undefined ? [] : costProblems(network, reward.cost)
  if (unfit !== undefined)
    return { problem: `reward.cost.${unfit.path.join(".")}: ${unfit.message}` }
  const cost = compileCost(network, reward?.cost)
  const target =
    reward !== undefined
      ? targetOf(network, cost, reward.cost.target)
      : fixed !== undefined
        ? cost.of(fixed.choices)
        : { message: "reward is missing; a search needs a target" }
  if (typeof target !== "number") return { problem: target.message }
  const problem: SearchProblem = {
    space: network.space,
    cost,
    target,
    steps: train.steps,
    seed,
    reward: reward === undefined ? null : bindReward(reward, target),
    assignment: fixed?.choices ?? null,
  }
  return { trial, network, cost, target, searcher: makeSearcher(search, problem) }
}

/** The assignment of a fixed search. */
export const fixedChoices = (
  network: Network,
  search: Extract<Trial["search"], { kind: "fixed" }>,
): { readonly choices: Choices } | Failure => {
  if (search.uniform !== undefined) {
    const choices = uniformChoices(network, search.uniform)
    return choices === undefined
      ? {
          problem: `search.uniform: the space does not offer ${pairText(search.uniform)} everywhere`,
        }
      : { choices }
  }
  if (typeof search.assignment === "string")
    return { problem: `search.assignment: the file ${search.assignment} was not read` }
  const found = fromAssignment(network.space, search.assignment ?? {})
  return "choices" in found ? found : { problem: found.problems.join("; ") }
}
