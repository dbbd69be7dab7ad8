/** The published constants of the parents. Left out: how they combine with what a file gives (`Settings.ts`). */
import type { RewardSpec } from "../../reward/Rewards.ts"
import type { ReinforceSpec } from "./ReinforceSpec.ts"

/** The knobs that a preset may set. */
export type Knobs = Omit<ReinforceSpec, "kind" | "preset">

/**
 * Published constants. FLIQS: one proposal, commitment cosine to 0.5, Adam 5e-3, moving average 0.99, uniform delay;
 * its quality is the training loss (`reward.quality`). TuNAS: its released code at batch 4096 (learning rate
 * 3e-4 * 4096 / 256, tenfold by the end; no entropy term); its reward is absolute with beta 0.1, its held-out batch four
 * times the training batch, which is no knob here.
 */
export const presets: Readonly<Record<"fliqs" | "tunas", Knobs>> = {
  fliqs: {
    proposals: 1,
    optimizer: { learningRate: 5e-3, beta1: 0.9, beta2: 0.999 },
    delay: 0.25,
    delaySampling: "uniform",
    trainFormats: "drawn",
    commitment: { schedule: "cosine", max: 0.5 },
    costGradient: "sampled",
    baseline: { kind: "movingAverage", decay: 0.99 },
    reduce: "mean",
    stopAt: "off",
  },
  tunas: {
    proposals: 1,
    optimizer: { learningRate: 4.8e-3, learningRateGrowth: 10, beta1: 0, beta2: 0.999 },
    delay: 0.25,
    delaySampling: "widest",
    trainFormats: "drawn",
    commitment: { schedule: "none", max: 0 },
    costGradient: "sampled",
    baseline: { kind: "movingAverage", decay: 0.95 },
    reduce: "sum",
    stopAt: "off",
  },
}

/** What a preset was published with that stands under `reward`. */
export interface PublishedReward {
  readonly kind?: RewardSpec["kind"]
  readonly quality?: RewardSpec["quality"]
  readonly beta?: number
}

export const publishedRewards: Readonly<Record<"fliqs" | "tunas", PublishedReward>> = {
  fliqs: { quality: "trainLoss" },
  tunas: { kind: "absolute", quality: "heldOutAccuracy", beta: 0.1 },
}
