/** The searches there are: the only list. `schema` is the whole of an experiment's `search:` block. */
import type { Result } from "effect"
import type { Problem as Finding } from "../declaration/Errors.ts"
import type { NamedFiles } from "../declaration/NamedFile.ts"
import { oneOfKinds } from "../declaration/OneOfKinds.ts"
import { otherNames } from "../declaration/OtherNames.ts"
import type { FormatOption } from "../format/Pair.ts"
import type { Network } from "../network/Network.ts"
import type { Quality } from "../reward/Reward.ts"
import type { RewardSpec } from "../reward/Rewards.ts"
import type { Choices } from "../space/Decision.ts"
import { Differentiable } from "./Differentiable.ts"
import { Evolution } from "./Evolution.ts"
import { Fixed } from "./Fixed.ts"
import { Random } from "./Random.ts"
import { Reinforce } from "./Reinforce.ts"
import type { Problem, Searcher, SearchKind, Unread } from "./Search.ts"
import { Sensitivity } from "./Sensitivity.ts"
import type { Norms } from "./policy/CommonKnobs.ts"
import { withLimitAlarms } from "./policy/LimitAlarm.ts"

export const searches = oneOfKinds(
  "Search",
  [Reinforce, Fixed, Random, Evolution, Sensitivity, Differentiable],
  "reinforce",
  otherNames({
    what: "search",
    same: {
      reinforce: "rl reinforcement reinforcementLearning policyGradient oneShot",
      differentiable: "dnas edmips gradient gradientBased gumbel gumbelSoftmax softmax",
      evolution: "genetic ga geneticAlgorithm evolutionary regularizedEvolution agingEvolution ea",
      random: "randomSearch rs",
      sensitivity: "hawq hessian fisher knapsack ilp integerProgram greedy",
      fixed: "qat none off uniform static noSearch",
    },
    near: {
      reinforce: "ppo a2c actorCritic dqn q-learning ddpg sac",
      differentiable: "darts proxylessnas fbnet snas",
      evolution: "nsga nsga2 nsga-ii cmaes cma-es annealing simulatedAnnealing swarm pso",
      random: "hyperband asha successiveHalving bohb",
      sensitivity: "bayesian bayes bo tpe optuna gaussianProcess",
    },
    say: {
      "it is kind: reinforce with preset: tunas": "tunas",
      "it is kind: reinforce with preset: fliqs": "fliqs",
      "there is no such search; values to try out stand in lists under matrix":
        "grid gridSearch sweep exhaustive bruteForce",
    },
  }),
)

/** A decoded `search:` block. */
export type SearchSpec = typeof searches.schema.Type

const kindOf = ({ kind }: Pick<SearchSpec, "kind">): SearchKind<SearchSpec> =>
  searches.members[kind]

/** All kinds, in the order of the list. */
export const kinds: ReadonlyArray<SearchKind<SearchSpec>> = searches.kinds.map((kind) =>
  kindOf({ kind }),
)

export const make = (spec: SearchSpec, problem: Problem): Searcher => {
  const searcher = kindOf(spec).make(spec, problem)
  return isDecided(spec) ? searcher : withLimitAlarms(searcher, problem)
}

/** The block with every knob written out, as a run of `steps` uses them: what an id is made from. */
export const resolved = (spec: SearchSpec, steps: number): SearchSpec =>
  kindOf(spec).resolved?.(spec, steps) ?? spec

/** Whether everything is decided before the first step. */
export const isDecided = (spec: SearchSpec): boolean => kindOf(spec).isDecided?.(spec) ?? false

/** Whether a search is over before the last step because its block says so. */
export const decidesEarly = (spec: SearchSpec): boolean => "decideBy" in spec && spec.decideBy < 1

/** What of a resolved block makes the trial. */
export const identity = (spec: SearchSpec): SearchSpec => kindOf(spec).identity?.(spec) ?? spec

/** What no schema says about a search, its reward and its steps; paths are relative to the experiment. */
export const searchProblems = (
  spec: SearchSpec,
  reward: RewardSpec | undefined,
  steps: number,
): ReadonlyArray<Finding> => kindOf(spec).problems?.(spec, reward, steps) ?? []

/** What of a network this search cannot decide. */
export const networkProblems = (spec: SearchSpec, network: Network): ReadonlyArray<Finding> =>
  kindOf(spec).networkProblems?.(network) ?? []

/** Whether a kind of search, by its name, decides anything; one that trains what it is given does not. */
export const isSearching = (kind: string | undefined): boolean =>
  kinds.find((one) => one.kind === kind)?.given === undefined

/** The choices that a search is given, or why there are none; undefined where it finds them itself. */
export const givenChoices = (
  spec: SearchSpec,
  network: Network,
): Result.Result<Choices, ReadonlyArray<Finding>> | undefined =>
  kindOf(spec).given?.choices(spec, network)

/** The one format that a search is given everywhere. */
export const givenUniform = (spec: SearchSpec): FormatOption | undefined =>
  kindOf(spec).given?.uniform(spec)

/** Of the steps of a search that is given its assignment those that train all formats at their widest first. */
export const wideStepsOf = (spec: SearchSpec, steps: number): number =>
  kindOf(spec).given?.wideSteps(spec, steps) ?? 0

/** The files that the block of a search may name, by key. */
export const filesOf = (spec: SearchSpec): NamedFiles => kindOf(spec).files ?? {}

/** Settings that a search of `steps` does not read. */
export const unread = (spec: SearchSpec, steps: number): ReadonlyArray<Unread> =>
  kindOf(spec).unread?.(spec, steps) ?? []

/** Whether a search ever asks for a quality. */
export const measures = (spec: SearchSpec): boolean => kindOf(spec).measures?.(spec) ?? true

/** What batch norms go by where proposals are measured. */
export const normsOf = (spec: SearchSpec): Norms =>
  ("norms" in spec ? spec.norms : undefined) ?? "batch"

/** How many images of a batch proposals are measured on. */
export const measuredImages = (spec: SearchSpec, batchSize: number): number => {
  const share = ("measureShare" in spec ? spec.measureShare : undefined) ?? 1
  return Math.max(1, Math.round(share * batchSize))
}

/** What a search measures of its proposals: its own quality, else the reward's. */
export const qualityOf = (spec: SearchSpec, reward: RewardSpec | undefined): Quality =>
  kindOf(spec).quality ?? reward?.quality ?? "heldOutAccuracy"
