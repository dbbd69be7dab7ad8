/** Figures of one step that several searches report. */

/** NaN of no values. */
export const meanOf = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

/** As a metric: undefined where there is nothing to average. */
export const meanIfAny = (values: ReadonlyArray<number>): number | undefined =>
  values.length === 0 ? undefined : meanOf(values)

/** A proposal whose loss overflowed is as good as the worst of the others; none at all when all did. */
export const finiteQualities = (qualities: ReadonlyArray<number>): ReadonlyArray<number> => {
  const worst = qualities.reduce(
    (least, quality) => (Number.isFinite(quality) ? Math.min(least, quality) : least),
    Infinity,
  )
  if (worst === Infinity) return []
  return qualities.map((quality) => (Number.isFinite(quality) ? quality : worst))
}
