/**
 * A resolved trial: everything its result depends on, and what is made of it before the first step.
 *
 * Left out: matrices, controls and ids (`experiment/`), how it runs (`orchestrator/`).
 */
import { Result, Schema } from "effect"
import type { CompiledCost } from "../cost/Cost.ts"
import { problems as costProblems } from "../cost/Costs.ts"
import type { Limit } from "../cost/LimitKinds.ts"
import { datasets } from "../data/Datasets.ts"
import { allWithin, type Problem, within } from "../declaration/Errors.ts"
import { field, optional, withDefault } from "../declaration/Field.ts"
import { build } from "../network/Build.ts"
import type { Network } from "../network/Network.ts"
import { Space } from "../network/SpaceFile.ts"
import { limitsOf } from "../network/CostLimits.ts"
import { compileCost, targetOf } from "../network/CostTarget.ts"
import { make as bindReward, rewards } from "../reward/Rewards.ts"
import type { Problem as SearchProblem, Searcher } from "../search/Search.ts"
import { givenChoices, make as makeSearcher, searches } from "../search/Searches.ts"
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
  /** Further costs that the end may not be above. */
  readonly limits: ReadonlyArray<Limit>
  readonly searcher: Searcher
}

/** Builds the network, makes the target absolute, makes the searcher; else what is wrong, by paths into the trial. */
export const prepare = (trial: Trial): Result.Result<Prepared, ReadonlyArray<Problem>> => {
  const { network, problems } = build(trial.space)
  if (network === undefined) return Result.fail(problems.map(within("space")))
  const { reward, search, train, seed } = trial
  const given = givenChoices(search, network)
  if (given !== undefined && Result.isFailure(given)) return Result.fail(given.failure)
  const choices = given?.success
  const unfit = reward === undefined ? [] : costProblems(reward.cost, network.table)
  if (unfit.length > 0) return Result.fail(unfit.map(within("reward", "cost")))
  const cost = compileCost(network, reward?.cost)
  const limits = limitsOf(network, reward?.limits)
  const target =
    reward !== undefined
      ? Result.mapError(
          targetOf(network, cost, reward.cost.target),
          allWithin("reward", "cost", "target"),
        )
      : choices !== undefined
        ? Result.succeed(cost.of(choices))
        : Result.fail([{ path: ["reward"], message: "is missing; a search needs a target" }])
  return Result.map(target, (target): Prepared => {
    const problem: SearchProblem = {
      space: network.space,
      cost,
      target,
      limits,
      steps: train.steps,
      seed,
      reward: reward === undefined ? null : bindReward(reward, target),
      assignment: choices ?? null,
    }
    return { trial, network, cost, target, limits, searcher: makeSearcher(search, problem) }
  })
}
