/**
 * Paired differences: two ways of spending the same steps, compared seed by seed, with their 95 % t-interval.
 *
 * Left out: which trials are pairs.
 */

/** 97.5 % quantiles of Student's t for 1 .. 30 degrees of freedom (the usual table, to three decimals). */
const quantiles = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145,
  2.131, 2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048,
  2.045, 2.042,
]
const normal = 1.959964

/** 97.5 % quantile of Student's t; beyond 30 degrees of freedom by Cornish and Fisher's first terms (to 1e-4). */
export const tQuantile = (degrees: number): number =>
  quantiles[degrees - 1] ??
  normal +
    (normal ** 3 + normal) / (4 * degrees) +
    (5 * normal ** 5 + 16 * normal ** 3 + 3 * normal) / (96 * degrees ** 2)

export interface PairedDifference {
  readonly pairs: number
  readonly mean: number
  /** Sample standard deviation of the differences, of two pairs or more. */
  readonly deviation?: number
  /** 95 % interval of the mean; infinite with fewer than two pairs. */
  readonly low: number
  readonly high: number
}

/** The mean of paired differences with its 95 % t-interval. Throws RangeError without any. */
export const pairedDifference = (differences: ReadonlyArray<number>): PairedDifference => {
  const pairs = differences.length
  if (pairs === 0) throw new RangeError("there are no pairs to compare")
  const mean = differences.reduce((a, b) => a + b, 0) / pairs
  if (pairs === 1) return { pairs, mean, low: -Infinity, high: Infinity }
  const squares = differences.reduce((sum, d) => sum + (d - mean) ** 2, 0)
  const deviation = Math.sqrt(squares / (pairs - 1))
  const half = (tQuantile(pairs - 1) * deviation) / Math.sqrt(pairs)
  return { pairs, mean, deviation, low: mean - half, high: mean + half }
}
