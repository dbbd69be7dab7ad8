/** Medians and spreads of rounds. */

const sorted = (values: ReadonlyArray<number>): Array<number> => values.toSorted((a, b) => a - b)

export const median = (values: ReadonlyArray<number>): number => {
  const list = sorted(values)
  const middle = list.length >> 1
  return list.length % 2 === 1 ? list[middle]! : (list[middle - 1]! + list[middle]!) / 2
}

export interface Spread {
  readonly median: number
  /** A quarter of the rounds lies below. */
  readonly low: number
  /** A quarter of the rounds lies above. */
  readonly high: number
}

export const spread = (values: ReadonlyArray<number>): Spread => {
  const list = sorted(values)
  const last = list.length - 1
  return {
    median: median(values),
    low: list[Math.floor(0.25 * last)]!,
    high: list[Math.ceil(0.75 * last)]!,
  }
}
