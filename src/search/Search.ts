/**
 * What a search is: `init / propose / update` over plain data.
 *
 * A searcher holds nothing that changes. Its state is plain JSON described by a Schema, random numbers included: what
 * it proposes is a pure function of the state, and a state written down and read back goes on bit for bit. States are
 * never changed in place. Left out: the searches (a file each), training and measuring (`train/`).
 */
import type { Result, Schema } from "effect"
import type { CompiledCost, Probabilities } from "../cost/Cost.ts"
import type { Limit } from "../cost/LimitKinds.ts"
import type { Problem as Finding } from "../declaration/Errors.ts"
import type { NamedFiles } from "../declaration/NamedFile.ts"
import type { FormatOption } from "../format/Pair.ts"
import type { Network } from "../network/Network.ts"
import type { BoundReward, Quality } from "../reward/Reward.ts"
import type { RewardSpec } from "../reward/Rewards.ts"
import type { Choices, DecisionSpace } from "../space/Decision.ts"

/** What is searched. */
export interface Problem {
  readonly space: DecisionSpace
  readonly cost: CompiledCost
  /** In the unit of the cost. */
  readonly target: number
  /** Further costs that the end may not be above; none by default. Some assignment meets them and the target. */
  readonly limits?: ReadonlyArray<Limit>
  /** Steps of the whole trial, each of which proposes once. */
  readonly steps: number
  readonly seed: number
  /** Null where nothing is searched and no reward was declared. */
  readonly reward: BoundReward | null
  /** The choices of a search that is given its assignment, else null. */
  readonly assignment: Choices | null
}

export interface Proposed<State> {
  readonly state: State
  /** Each is to be measured when `needsQuality` says so. */
  readonly proposals: ReadonlyArray<Choices>
  /**
   * The shared weights take their step under this assignment. It is the first proposal, except that a search may train
   * formats at their widest until it has settled on them (`policy/SettledOptions.ts`): so it may be none of the proposals.
   */
  readonly train: Choices
}

export interface Measured {
  readonly proposals: ReadonlyArray<Choices>
  /** One per proposal; empty when no quality was needed. */
  readonly qualities: ReadonlyArray<number>
  /** d training loss / d probability, per decision and option, of a relaxed step. */
  readonly slopes?: ReadonlyArray<ReadonlyArray<number>>
}

/** Of one step; what a step does not have (nothing measured, nothing decided) is undefined or left out. */
export interface SearchMetrics {
  /** Mean over the proposals. */
  readonly reward?: number | undefined
  /** Mean over the proposals. */
  readonly quality?: number | undefined
  /** Mean over the proposals, in the unit of the cost. */
  readonly cost: number
  /** Mean over the proposals. */
  readonly baseline?: number | undefined
  /** Root mean square over the proposals: leave-one-out advantages have mean zero. */
  readonly advantage?: number | undefined
  /** Mean over the active decisions of the most probable assignment, nats. */
  readonly entropy?: number | undefined
  /** Coefficient of the entropy penalty. */
  readonly commitment: number
  /**
   * Share of decisions whose choice in the first proposal changed since the step before; where all formats are trained
   * at once (`relaxed`), in the most probable assignment. Not in `train`, whose unsettled formats are at their widest.
   * Undefined at the first step.
   */
  readonly switching?: number | undefined
  /** Mean probability of the most probable assignment's active choices. */
  readonly argmaxProbability?: number | undefined
  /** E[cost] under the policy, in the unit of the cost. */
  readonly expectedCost: number
  /**
   * Share of active decisions whose most probable choice was also the most drawn one in the last steps; undefined
   * before them.
   */
  readonly modeAgreement?: number | undefined
  readonly frozen: boolean
}

/** A warning with its likely cause. */
export interface Alarm {
  readonly alarm: string
  readonly message: string
}

export interface Searcher<State = unknown> {
  readonly stateSchema: Schema.Codec<State, unknown>
  /** Every step trains its one proposal as drawn: then the training pass itself can measure it, in all steps alike. */
  readonly trainsProposal?: boolean
  /** The step with which its delay is over; undefined: it has none. */
  readonly delayEnd?: number
  init(): State
  /** The state that was saved as JSON. Throws when it is not one of this searcher. */
  restore(saved: unknown): State
  /** `step` counts from 0. */
  propose(state: State, step: number): Proposed<State>
  /**
   * The probabilities in whose proportion the weights take this step under every option at once, instead of under
   * `train`; undefined for a step under one assignment.
   */
  relaxed?(state: State, step: number): Probabilities | undefined
  /** Whether the proposals of this step are to be measured. Without them the answer is for proposals that differ. */
  needsQuality(state: State, step: number, proposals?: ReadonlyArray<Choices>): boolean
  update(
    state: State,
    step: number,
    measured: Measured,
  ): { readonly state: State; readonly metrics: SearchMetrics }
  /** The assignment the search ends with, were it to end now. */
  final(state: State): Choices
  /** Mean probability of the final assignment's active choices. */
  argmaxProbability(state: State): number
  /** Per decision and option. */
  probabilities(state: State): ReadonlyArray<ReadonlyArray<number>>
  /** The sensitivity it measured of every decision, as a rehearsal takes it (`rehearse/`); none by default. */
  sensitivities?(state: State): ReadonlyArray<number>
  /** The alarms that go off after the update of this very step: each at most once in a run. */
  alarms(state: State, step: number): ReadonlyArray<Alarm>
}

/** A setting that nothing reads. */
export interface Unread {
  /** Into the experiment. */
  readonly path: ReadonlyArray<string>
  /** Values that say nothing else than what happens anyway. */
  readonly harmless?: ReadonlyArray<unknown>
}

/** Parts of a reward's block as settings that are not read. */
export const unreadReward = (
  ...keys: ReadonlyArray<"kind" | "beta" | "quality">
): ReadonlyArray<Unread> =>
  keys.map((key) => ({
    path: ["reward", key],
    ...(key === "kind" ? { harmless: ["absolute"] } : {}),
    ...(key === "quality" ? { harmless: ["heldOutAccuracy"] } : {}),
  }))

/** What a kind says that searches nothing and trains an assignment that its block gives. */
export interface Given<Spec> {
  /** The choices of the assignment; else why there are none, by paths into the experiment. */
  choices(spec: Spec, network: Network): Result.Result<Choices, ReadonlyArray<Finding>>
  /** The one format that is given everywhere; undefined where options are given one by one. */
  uniform(spec: Spec): FormatOption | undefined
  /** Of so many steps those at the beginning that train all formats at their widest. */
  wideSteps(spec: Spec, steps: number): number
}

/** One kind of search. Adding one is a file here and an entry in `Searches.ts`. */
export interface SearchKind<Spec extends { readonly kind: string }> {
  readonly kind: Spec["kind"]
  readonly spec: Schema.Codec<Spec, { readonly kind: string }>
  make(spec: Spec, problem: Problem): Searcher
  /** The block with every knob written out, as a run of `steps` uses them; the block itself by default. */
  resolved?(spec: Spec, steps: number): Spec
  /** What of a resolved block makes the trial: less the knobs that say what was meant before there were such. */
  identity?(spec: Spec): Spec
  /** What no schema says about the block, its reward and a run of `steps`; paths are relative to the experiment. */
  problems?(spec: Spec, reward: RewardSpec | undefined, steps: number): ReadonlyArray<Finding>
  /** Whether everything is decided before the first step; false by default. */
  isDecided?(spec: Spec): boolean
  /** What of a network it cannot search; paths as for `problems`. */
  networkProblems?(network: Network): ReadonlyArray<Finding>
  /** Of a kind that searches nothing: what it trains. */
  readonly given?: Given<Spec>
  /** The files that its block may name, by key. */
  readonly files?: NamedFiles
  /** What it does not read, of its own block and of the reward's; all is read by default. */
  unread?(spec: Spec, steps: number): ReadonlyArray<Unread>
  /** Whether it ever asks for a quality; true by default. */
  measures?(spec: Spec): boolean
  /** What it measures, whatever the reward names; the reward's quality by default. */
  readonly quality?: Quality
}
