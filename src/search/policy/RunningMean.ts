/** An exponential moving average, debiased for having started at zero (as Adam's moments are). */
import { Schema } from "effect"

export const RunningMean = Schema.Struct({
  sum: Schema.Finite,
  /** What `sum` would be, had every value been 1. */
  weight: Schema.Finite,
})
export type RunningMean = typeof RunningMean.Type

export const noMean: RunningMean = { sum: 0, weight: 0 }

export const addTo = (mean: RunningMean, value: number, decay: number): RunningMean => ({
  sum: decay * mean.sum + (1 - decay) * value,
  weight: decay * mean.weight + (1 - decay),
})

/** 0 before the first value. */
export const valueOf = (mean: RunningMean): number =>
  mean.weight === 0 ? 0 : mean.sum / mean.weight
