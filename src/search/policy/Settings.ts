/**
 * The knobs of REINFORCE as one value, and what no schema says about them.
 *
 * What a file leaves out comes from its preset, else from the defaults; `resolve` gives all of them as one value,
 * which is what is recorded with a result. Left out: the schema (`ReinforceSpec.ts`), what the knobs do (`Reinforce.ts`
 * and its parts).
 */
import type { Problem as Finding } from "../../declaration/Errors.ts"
import type { RewardSpec } from "../../reward/Rewards.ts"
import {
  type TrainFormats,
  usualWide,
  writtenNorms,
  writtenTrainArchitecture,
  writtenWidest,
} from "./CommonKnobs.ts"
import { type Knobs, presets, publishedRewards, type PublishedReward } from "./Presets.ts"
import type { ReinforceSpec } from "./ReinforceSpec.ts"
import { type Commitment, decidedSteps, delaySteps } from "./Schedule.ts"
import type { Unread } from "../Search.ts"

/** All knobs with their values. */
export interface Settings {
  readonly preset: "none" | "fliqs" | "tunas"
  readonly proposals: number
  readonly optimizer: {
    readonly learningRate: number
    readonly learningRateGrowth: number
    readonly beta1: number
    readonly beta2: number
    readonly epsilon: number
  }
  readonly delay: number
  readonly decideBy: number
  readonly delaySampling: "widest" | "uniform" | "sandwich"
  readonly trainFormats: TrainFormats
  readonly trainArchitecture?: "settled"
  readonly widest: number
  readonly commitment: Commitment
  readonly costGradient: "exact" | "sampled"
  readonly baseline: { readonly kind: "leaveOneOut" | "movingAverage"; readonly decay: number }
  readonly temperature: number
  readonly reduce: "mean" | "sum"
  readonly stopAt: number | "off"
  readonly prior?: "sensitivity"
  readonly priorEntropy?: number
  readonly measureEvery: number
  /** 1 where it is left out. */
  readonly measureShare?: number
  readonly norms?: "running"
  readonly budget?: "hard"
}

/**
 * Knobs that came later than the others, as searches had them before: what a search means that was written down then.
 * A search of now is written down with all of them (`withUsual`).
 */
const formerly = { decideBy: 1, measureEvery: 1, widest: 0 } as const

const usualDelay = 0.15

/** A quarter of the steps after the delay, as far as there are so many. */
const usualDecideBy = (delay: number): number => Math.min(1, Number((delay + 0.25).toFixed(9)))

/**
 * A search as a person wrote it, with the defaults of the knobs that came later. A preset keeps what it was published with, and
 * a search that is never to freeze (`stopAt: off`) has all steps.
 */
export const withUsual = (spec: ReinforceSpec): ReinforceSpec => {
  const decidesEarly = spec.preset === undefined && spec.stopAt !== "off"
  return {
    ...formerly,
    ...(decidesEarly
      ? { decideBy: usualDecideBy(spec.delay ?? usualDelay), ...usualWide(spec) }
      : {}),
    ...spec,
  }
}

/** A search without the knobs that say what was meant before there were such: ids from then stay as they are. */
export const withoutFormer = (spec: ReinforceSpec): ReinforceSpec => {
  const { decideBy, measureEvery, widest, ...rest } = spec
  return {
    ...rest,
    ...writtenWidest(widest),
    ...(decideBy === undefined || decideBy === formerly.decideBy ? {} : { decideBy }),
    ...(measureEvery === undefined || measureEvery === formerly.measureEvery
      ? {}
      : { measureEvery }),
  }
}

/** `spec` over its preset over the defaults, for a run of `steps`. */
export const resolve = (spec: ReinforceSpec, steps: number): Settings => {
  const preset: Knobs = spec.preset === undefined ? {} : presets[spec.preset]
  const given: Knobs = { ...preset, ...spec }
  const proposals = given.proposals ?? 4
  const delay = given.delay ?? usualDelay
  const {
    decideBy = formerly.decideBy,
    measureEvery = formerly.measureEvery,
    widest = formerly.widest,
  } = spec
  // steps that update the policy
  const policySteps = Math.max(
    1,
    Math.ceil((decidedSteps(steps, decideBy) - delaySteps(steps, delay)) / measureEvery),
  )
  return {
    preset: spec.preset ?? "none",
    proposals,
    optimizer: {
      learningRate: 1.5 / Math.sqrt(policySteps),
      learningRateGrowth: 1,
      beta1: 0.9,
      beta2: 0.99,
      epsilon: 1e-8,
      ...preset.optimizer,
      ...spec.optimizer,
    },
    delay,
    decideBy,
    delaySampling: given.delaySampling ?? "widest",
    trainFormats: given.trainFormats ?? "settled",
    ...writtenTrainArchitecture(spec.trainArchitecture),
    widest,
    commitment: commitmentOf(spec.commitment, preset.commitment),
    costGradient: given.costGradient ?? "exact",
    baseline: {
      kind: proposals > 1 ? "leaveOneOut" : "movingAverage",
      decay: 0.95,
      ...preset.baseline,
      ...spec.baseline,
    },
    temperature: given.temperature ?? 1,
    reduce: given.reduce ?? "mean",
    stopAt: given.stopAt ?? 0.995,
    ...writtenPrior(spec),
    measureEvery,
    ...writtenShare(spec.measureShare),
    ...writtenNorms(spec.norms),
    ...(spec.budget === undefined ? {} : { budget: spec.budget }),
  }
}

/** Written out only where there is one: ids of trials from before the knob stay as they are. */
const writtenPrior = ({
  prior,
  priorEntropy = 0.7,
}: ReinforceSpec): Pick<Settings, "prior" | "priorEntropy"> =>
  prior === "sensitivity" ? { prior, priorEntropy } : {}

/** Written out only where it is not the default: ids of trials from before the knob stay as they are. */
const writtenShare = (measureShare = 1): Pick<Settings, "measureShare"> =>
  measureShare === 1 ? {} : { measureShare }

/** What is given over what the preset says; a `max` belongs to its schedule. */
const commitmentOf = (
  given: Knobs["commitment"] = {},
  published: Knobs["commitment"] = {},
): Commitment => {
  const base = given.schedule === undefined ? published : {}
  const schedule = given.schedule ?? base.schedule ?? "normalised"
  return { schedule, max: given.max ?? base.max ?? defaultMax(schedule) }
}

const defaultMax = (schedule: Commitment["schedule"]): number =>
  schedule === "normalised" ? 6 : schedule === "none" ? 0 : 0.5

/** Share of the steps at which a hard budget freezes the policy at the latest. */
export const budgetAt = 0.9

/** Knobs without effect beside the others. */
export const unreadKnobs = (spec: ReinforceSpec, steps: number): ReadonlyArray<Unread> => {
  const { baseline, commitment, delay, prior } = resolve(withUsual(spec), steps)
  return [
    ...(baseline.kind === "leaveOneOut" ? [{ path: ["search", "baseline", "decay"] }] : []),
    ...(commitment.schedule === "none" ? [{ path: ["search", "commitment", "max"] }] : []),
    ...(prior === undefined ? [{ path: ["search", "priorEntropy"] }] : []),
    ...(delaySteps(steps, delay) === 0 ? [{ path: ["search", "delaySampling"] }] : []),
  ]
}

/** What is wrong with knobs that are each right; as warnings what a preset was published otherwise with. */
export const settingsProblems = (
  spec: ReinforceSpec,
  reward: RewardSpec | undefined,
  steps: number,
): ReadonlyArray<Finding> => {
  const findings: Array<Finding> = []
  const single = (spec.proposals ?? (spec.preset === undefined ? 4 : 1)) === 1
  if (single && spec.baseline?.kind === "leaveOneOut")
    findings.push({
      path: ["search", "baseline", "kind"],
      message: "one proposal has no others to compare with; movingAverage, or proposals: 4",
    })
  if (spec.budget === "hard" && (spec.delay ?? 0) >= budgetAt)
    findings.push({
      path: ["search", "delay"],
      message: `a hard budget chooses at ${100 * budgetAt} % of the steps, and a delay of ${spec.delay} lasts as long; below ${budgetAt} would be right`,
    })
  const { decideBy, delay, prior } = resolve(withUsual(spec), steps)
  if (prior !== undefined && delaySteps(steps, delay) === 0)
    findings.push({
      path: ["search", "prior"],
      message: `options are measured alone in the second half of the delay, and a delay of ${delay} is none of ${steps} steps; a longer delay would be right, or prior: none`,
    })
  if (delaySteps(steps, delay) >= steps)
    findings.push({
      path: ["search", "delay"],
      message: `a delay of ${delay} leaves the policy none of ${steps} steps; more steps or a shorter delay would be right`,
    })
  else if (delaySteps(steps, delay) >= decidedSteps(steps, decideBy))
    findings.push({
      path: ["search", "decideBy"],
      message: `a delay of ${delay} leaves the policy no step before it has to decide, at ${decideBy} of ${steps} steps; a later decision or a shorter delay would be right`,
    })
  if (spec.preset !== undefined && reward !== undefined)
    for (const [key, published] of Object.entries(publishedRewards[spec.preset])) {
      const given = reward[key as keyof PublishedReward]
      if (given !== published)
        findings.push({
          path: ["search", "preset"],
          message: `preset ${spec.preset} was published with reward.${key} ${published}, and this is ${given}; set it, or mind the difference`,
          severity: "warning",
        })
    }
  return findings
}
