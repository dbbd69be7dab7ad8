/** Advantages: what a step's proposals are worth beside a baseline, and how far they usually lie apart. */
import * as RunningMean from "./RunningMean.ts"
import type { Settings } from "./Settings.ts"

const deviationDecay = 0.99

export interface Advantages {
  readonly advantages: ReadonlyArray<number>
  readonly baselines: ReadonlyArray<number>
}

/** Value minus baseline: the mean of the others (of one alone, nothing), or the moving average. */
export const advantagesOf = (
  values: ReadonlyArray<number>,
  kind: Settings["baseline"]["kind"],
  movingAverage: RunningMean.RunningMean,
): Advantages => {
  const sum = values.reduce((a, b) => a + b, 0)
  const baselines =
    kind === "leaveOneOut" && values.length > 1
      ? values.map((value) => (sum - value) / (values.length - 1))
      : values.map(() => RunningMean.valueOf(movingAverage))
  return { advantages: values.map((value, j) => value - baselines[j]!), baselines }
}

/** The running mean of squared advantages with those of another step. */
export const addSquares = (
  mean: RunningMean.RunningMean,
  advantages: ReadonlyArray<number>,
): RunningMean.RunningMean =>
  advantages.reduce(
    (sum, advantage) => RunningMean.addTo(sum, advantage ** 2, deviationDecay),
    mean,
  )
