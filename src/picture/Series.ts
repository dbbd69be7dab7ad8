/** Long series cut down to what a picture can show. */

export interface Series {
  readonly steps: ReadonlyArray<number>
  readonly values: ReadonlyArray<number>
}

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((a, b) => a + b, 0) / values.length

/** Four significant digits: no picture shows more, and files stay small. */
export const rounded = (value: number): number => Number(value.toPrecision(4))

/** At most `most` points: of each run of steps the last one, and the mean of its values. */
export const thinned = ({ steps, values }: Series, most: number): Series => {
  const size = Math.max(1, Math.ceil(steps.length / most))
  const starts = Array.from({ length: Math.ceil(steps.length / size) }, (_, i) => i * size)
  return {
    steps: starts.map((start) => steps[Math.min(start + size, steps.length) - 1]!),
    values: starts.map((start) => rounded(mean(values.slice(start, start + size)))),
  }
}

/** The same places of any list: evenly spread, the last one among them. */
export const spread = <A>(list: ReadonlyArray<A>, most: number): ReadonlyArray<A> => {
  if (list.length <= most) return list
  return Array.from(
    { length: most },
    (_, i) => list[Math.round((i * (list.length - 1)) / (most - 1))]!,
  )
}
